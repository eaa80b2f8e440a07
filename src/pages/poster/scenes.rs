//! The scenes of posters. Each scene draws flat layers, from the back to the front.

use std::fmt::Write;

use super::{PAPER, Sheet};

/// The place where a scene leaves room for the title. No title is between y = 235 and y = 385, so
/// that a banner can be cropped from the middle.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// Above y = 235, on the sky.
    Sky,
    /// Below y = 385, on dark ground.
    Ground,
    /// Below y = 385, on the sky.
    Foot,
}

pub(super) type Scene = (fn(&mut Sheet), Place);

pub(super) const SCENES: [Scene; 14] = [
    (hills, Place::Ground),
    (sea, Place::Sky),
    (clouds, Place::Ground),
    (forest, Place::Ground),
    (town, Place::Sky),
    (train, Place::Sky),
    (peak, Place::Ground),
    (lighthouse, Place::Ground),
    (road, Place::Sky),
    (bridge, Place::Ground),
    (dunes, Place::Sky),
    (branch, Place::Foot),
    (windmill, Place::Ground),
    (wheel, Place::Ground),
];

fn hills(sheet: &mut Sheet) {
    let inks = sheet.inks;
    let (a, b) = (sheet.vary(0, 210, 290), sheet.vary(1, 300, 350));
    sheet.sun(sheet.vary(2, 220, 320), sheet.vary(3, 110, 210), sheet.vary(4, 45, 80));
    sheet.path(inks.far, &format!("M0 300Q110 {a} 210 290T400 250V600H0z"));
    sheet.path(inks.mid, &format!("M0 {b}Q90 270 220 335T400 330V600H0z"));
    let x = sheet.vary(5, 60, 140);
    sheet.path(inks.near, &format!("M{x} 390h8V300h-8zM0 385Q150 330 260 380T400 372V600H0z"));
    sheet.circle(inks.near, x + 4, 285, 34);
    sheet.circle(inks.near, x + 26, 305, 22);
}

fn sea(sheet: &mut Sheet) {
    let inks = sheet.inks;
    let (x, r) = (sheet.vary(0, 120, 280), sheet.vary(1, 60, 95));
    sheet.sun(x, 345, r);
    sheet.path(inks.mid, "M0 350h400v250H0z");
    for n in 0..5 {
        let (y, half) = (364 + n * 20, r - n * 13 + sheet.vary(n as usize + 2, -6, 10));
        sheet.path(inks.sun, &format!("M{} {y}h{}v{}H{}z", x - half, half * 2, 7 - n, x - half));
    }
    sheet.path(inks.far, "M0 468q50-30 100 0t100 0t100 0t100 0v132H0z");
    sheet.path(inks.near, "M-50 520q50-34 100 0t100 0t100 0t100 0t100 0v80H-50z");
    let x = sheet.vary(8, 30, 90);
    if sheet.seed[20].is_multiple_of(2) {
        sheet.path(inks.near, &format!("M{x} 372h84l-16 20H{}z", x + 14));
        sheet.path(PAPER, &format!("M{0} 262v102h-40zM{1} 280v84h34z", x + 42, x + 47));
    } else {
        let island = format!("M{0} 356q30-44 72-40q40-24 64 40zM{1} 330v-50h5v50z", x - 40, x + 36);
        sheet.path(inks.near, &island);
        sheet.circle(inks.near, x + 38, 274, 22);
        sheet.circle(inks.near, x + 56, 290, 15);
    }
}

fn clouds(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 70, 150), sheet.vary(1, 90, 160), sheet.vary(2, 40, 60));
    for (n, ink) in [inks.far, inks.mid, inks.near].into_iter().enumerate() {
        let y = 300 + 55 * n as i32;
        let mut d = format!("M-60 600V{y}");
        for bump in 0..5 {
            let width = sheet.vary(n * 5 + bump + 3, 70, 130);
            let _ = write!(d, "a{0} {1} 0 0 1 {2} 0", width / 2, width * 2 / 5, width);
        }
        sheet.path(ink, &(d + "H460V600z"));
    }
    let (x, y) = (sheet.vary(20, 250, 310), sheet.vary(21, 110, 170));
    sheet.circle(inks.near, x, y, 56);
    sheet.path(inks.near, &format!("M{} {}l42 62h22l42-62zm45 72h16v16h-16z", x - 53, y + 18));
    sheet.path(
        PAPER,
        &format!("M{0} {1}q-48 60 0 121h-8q-80-60 8-121m0 0q48 60 0 121h8q80-60-8-121", x, y - 56),
    );
}

fn forest(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 140, 270), sheet.vary(1, 150, 220), sheet.vary(2, 70, 105));
    for (n, (ink, width)) in
        [(inks.far, 12), (inks.mid, 22), (inks.near, 38)].into_iter().enumerate()
    {
        let mut d = String::new();
        for trunk in 0..(6 - n as i32 * 2).max(2) {
            let step = 400 / (6 - n as i32 * 2).max(2);
            let x = trunk * step + sheet.vary(trunk as usize + n * 6 + 3, 0, step - width);
            let lean = sheet.vary(trunk as usize + n * 5 + 9, -12, 12);
            let _ = write!(d, "M{x} 450L{}-9h{}L{} 450z", x + lean + 3, width - 6, x + width);
        }
        sheet.path(ink, &d);
        let y = 330 + 28 * n as i32;
        sheet.path(ink, &format!("M0 {y}q120-26 220 0t180-6v280H0z"));
    }
}

fn town(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 250, 330), sheet.vary(1, 282, 310), sheet.vary(2, 34, 54));
    let mut panes = String::new();
    for (n, ink) in [inks.far, inks.mid, inks.near].into_iter().enumerate() {
        let mut d = String::from("M0 600");
        let (mut x, mut house) = (0, n * 7);
        while x < 400 {
            let width = sheet.vary(house + 3, 52, 92);
            let y = 300 + 80 * n as i32 + sheet.vary(house + 11, 0, 60);
            let roof = sheet.vary(house + 17, 0, 3) * 13;
            let _ = write!(d, "L{x} {y}l{0}-{roof}l{0} {roof}", width / 2);
            if n > 0 && house % 3 > 0 {
                let _ = write!(panes, "M{} {}h9v14h-9zm16 0h9v14h-9z", x + width / 2 - 13, y + 18);
            }
            x += width / 2 * 2;
            house += 1;
        }
        sheet.path(ink, &(d + "V600z"));
    }
    sheet.path(inks.sun, &panes);
}

fn train(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 270, 340), sheet.vary(1, 262, 290), sheet.vary(2, 34, 55));
    let a = sheet.vary(3, 230, 290);
    sheet.path(inks.far, &format!("M0 340Q90 {a} 190 330T400 310V600H0z"));
    sheet.path(inks.mid, "M0 430q110-60 210-10t190-20v200H0z");
    let mut arches = String::from("M0 402h400v14h-10v184H0z");
    for n in 0..4 {
        let _ = write!(arches, "M{} 600V480a38 38 0 0 1 76 0v120z", 12 + n * 98);
    }
    let _ = write!(sheet.svg, r#"<path fill="{}" fill-rule="evenodd" d="{arches}"/>"#, inks.near);
    let x = sheet.vary(4, 0, 50);
    let mut coaches = format!("M{} 402v-46h30v-14h12v14h26q14 0 14 18v28z", x + 236);
    let mut panes = format!("M{} 364h14v14h-14z", x + 244);
    for n in 0..3 {
        let _ = write!(coaches, "M{0} 402v-46h92v46z", x + n * 98 - 60);
        let _ =
            write!(panes, "M{} 366h14v14h-14zm24 0h14v14h-14zm24 0h14v14h-14z", x + n * 98 - 46);
    }
    sheet.path(inks.near, &coaches);
    sheet.path(inks.sun, &panes);
    for n in 0..4 {
        sheet.circle(PAPER, x + 268 - n * 34, 326 - n * 12, 10 + n * 5);
    }
}

fn peak(sheet: &mut Sheet) {
    let inks = sheet.inks;
    let (x, y) = (sheet.vary(0, 170, 240), sheet.vary(1, 110, 160));
    sheet.sun(sheet.vary(2, 50, 120), sheet.vary(3, 90, 150), sheet.vary(4, 36, 62));
    sheet.path(inks.far, &format!("M-60 420L{x} {y}L470 420z"));
    // The snow covers the upper third of both flanks.
    let (left, right, third) = ((x + 60) / 3, (470 - x) / 3, (420 - y) / 3);
    sheet.path(
        PAPER,
        &format!(
            "M{x} {y}l{right} {third}l-26-10l-24 24l-{}-22l-22 30l-20-30z",
            right - 30 + left / 3 - 8
        ),
    );
    sheet.path(
        inks.mid,
        &format!("M0 {}L90 290L190 350L300 270L400 340V600H0z", sheet.vary(5, 330, 360)),
    );
    sheet.path(
        inks.near,
        "M0 390l30-50 24 40 26-60 30 64 34-34 40 34 60 6 46-50 30 44 30-70 50 66v220H0z",
    );
}

fn lighthouse(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 50, 130), sheet.vary(1, 200, 290), sheet.vary(2, 36, 64));
    sheet.path(inks.mid, "M0 325h400v275H0z");
    sheet.path(
        inks.far,
        &format!("M0 352h{}v5H0zM60 372h{}v5H60z", sheet.vary(3, 90, 200), sheet.vary(4, 60, 150)),
    );
    let x = sheet.vary(5, 270, 310);
    let _ =
        write!(sheet.svg, r#"<path fill="{}" opacity=".4" d="M{x} 122L-9 40V190z"/>"#, inks.sun);
    sheet.path(PAPER, &format!("M{} 146h32l12 200h-56z", x - 16));
    sheet.path(
        inks.near,
        &format!(
            "M{0} 140h44v9h-44zm9-6h26v-24l-13-14-13 14zM{1} 196h40l2 34h-44zM{2} 270h48l2 34h-52z",
            x - 22,
            x - 20,
            x - 24
        ),
    );
    sheet.path(inks.sun, &format!("M{} 114h14v16h-14z", x - 7));
    sheet.path(inks.near, "M0 400q90-18 150-12q40-50 80-56l24-10h92q30 20 54 24v260H0z");
}

fn road(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 90, 310), sheet.vary(1, 270, 300), sheet.vary(2, 40, 70));
    sheet.path(
        inks.far,
        &format!(
            "M0 320L70 {}L150 310L250 {}L330 300L400 270V600H0z",
            sheet.vary(3, 240, 280),
            sheet.vary(4, 240, 275)
        ),
    );
    sheet.path(inks.mid, "M0 330q200-24 400 0v270H0z");
    sheet.path(PAPER, "M212 320C270 350 100 380 130 430C160 480 60 540-10 600H250C330 520 270 470 236 430C190 380 290 350 218 320z");
    let mut poles = String::new();
    for (x, y, size) in [(250, 372, 3), (300, 430, 5), (362, 540, 9)] {
        let _ = write!(
            poles,
            "M{x} {y}v-{0}h-{1}v-{2}h{1}v-{2}h{2}v{2}h{1}v{2}h-{1}v{0}z",
            size * 26,
            size * 3,
            size
        );
    }
    sheet.path(inks.near, &poles);
    sheet.path(inks.near, "M400 600V520Q330 540 310 600z");
}

fn bridge(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 80, 320), sheet.vary(1, 80, 150), sheet.vary(2, 40, 72));
    sheet
        .path(inks.far, &format!("M0 330V250Q70 {} 150 270T400 240V330z", sheet.vary(3, 180, 230)));
    sheet.path(inks.mid, "M0 325h400v275H0z");
    sheet.path(inks.far, "M70 328a130 120 0 0 0 260 0h-30a100 90 0 0 1-200 0z");
    sheet.path(
        inks.near,
        "M20 325q40 0 62-30a130 130 0 0 1 236 0q22 30 62 30v-6H300a100 90 0 0 0-200 0H20z",
    );
    let mut rail = String::from("M66 278q20-2 40-34a112 112 0 0 1 188 0q20 32 40 34");
    for (x, y) in
        [(76, 300), (112, 250), (156, 224), (200, 214), (244, 224), (288, 250), (324, 300)]
    {
        let _ = write!(rail, "M{x} {y}v-26");
    }
    sheet.line(inks.near, 4, &rail);
    sheet.path(inks.near, "M0 386q110-18 200-8t200-8v230H0z");
}

fn dunes(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 80, 320), sheet.vary(1, 306, 330), sheet.vary(2, 40, 70));
    let (a, b) = (sheet.vary(3, 240, 290), sheet.vary(4, 220, 280));
    sheet.path(inks.far, &format!("M0 390Q{a} 370 {b} 310Q340 350 400 350V600H0z"));
    sheet.path(inks.mid, &format!("M{b} 310Q340 350 400 350V600H{}Q240 400 {b} 310z", a - 80));
    sheet.path(inks.far, "M0 430Q90 420 150 390Q250 470 400 460V600H0z");
    sheet.path(inks.near, "M150 390Q250 470 400 460V600H60Q200 470 150 390z");
    sheet.path(inks.mid, "M0 540Q170 520 250 500Q340 560 400 560V600H0z");
}

fn branch(sheet: &mut Sheet) {
    let inks = sheet.inks;
    sheet.sun(sheet.vary(0, 190, 240), sheet.vary(1, 190, 215), sheet.vary(2, 120, 145));
    sheet.path(inks.near, "M-9 330C90 320 140 260 230 250C290 244 330 190 380 176C340 210 310 262 236 266C150 274 100 344-9 352zM120 296C130 230 110 170 150 110C138 170 156 220 138 284z");
    for n in 0..9_usize {
        let (x, y) = [
            (150, 108),
            (122, 170),
            (162, 196),
            (96, 240),
            (230, 224),
            (286, 208),
            (378, 176),
            (330, 250),
            (190, 296),
        ][n];
        let turn = sheet.vary(n + 3, -70, 70);
        let ink = if n % 3 == 1 { inks.far } else { inks.mid };
        let _ = write!(
            sheet.svg,
            r#"<path fill="{ink}" transform="rotate({turn} {x} {y})" d="M{} {y}q24-26 48 0q-24 26-48 0"/>"#,
            x - 24
        );
    }
}

fn windmill(sheet: &mut Sheet) {
    let inks = sheet.inks;
    let (x, y) = (sheet.vary(0, 130, 170), sheet.vary(1, 165, 190));
    sheet.sun(x + sheet.vary(2, 50, 110), y + sheet.vary(3, -20, 50), sheet.vary(4, 70, 100));
    sheet.path(inks.far, &format!("M0 350Q120 {} 240 335T400 320V600H0z", sheet.vary(5, 290, 330)));
    sheet.path(
        inks.mid,
        &format!("M{} {y}h36l22 220h-80zM{} {}q22-30 44 0z", x - 18, x - 22, y + 2),
    );
    let turn = sheet.vary(6, 12, 78);
    let mut sails = String::new();
    for n in 0..4 {
        let _ = write!(
            sails,
            r#"<path fill="{}" transform="rotate({} {x} {y})" d="M{} {y}V{}h20v104h-16v38z"/>"#,
            inks.near,
            turn + n * 90,
            x - 3,
            y - 142
        );
    }
    sheet.svg.push_str(&sails);
    sheet.circle(PAPER, x, y, 6);
    sheet.path(inks.near, "M0 380q100-24 210-8t190-4v232H0z");
    let (mut stems, mut flowers) = (String::new(), String::new());
    for n in 0..6 {
        let (x, y) = (sheet.vary(n + 8, 200, 390), sheet.vary(n + 15, 340, 362));
        let _ = write!(stems, "M{x} {y}V384");
        let _ = write!(flowers, "M{} {y}a4 4 0 0 1 8 0a4 4 0 0 1-8 0", x - 4);
    }
    sheet.line(inks.near, 2, &stems);
    sheet.path(inks.sun, &flowers);
}

fn wheel(sheet: &mut Sheet) {
    let inks = sheet.inks;
    let (x, y) = (sheet.vary(0, 180, 230), sheet.vary(1, 190, 210));
    sheet.sun(sheet.vary(2, 50, 350), sheet.vary(3, 70, 110), sheet.vary(4, 34, 54));
    sheet.path(inks.far, "M0 345V290h50v-34h40v50h60v-30h50v24h70v-44h36v30h94v270H0z");
    sheet.line(inks.near, 9, &format!("M{} 390L{x} {y}L{} 390", x - 70, x + 70));
    let _ = write!(sheet.svg, r#"<g fill="none" stroke="{}" stroke-width="5">"#, inks.mid);
    let _ = write!(
        sheet.svg,
        r#"<circle cx="{x}" cy="{y}" r="132"/><circle cx="{x}" cy="{y}" r="116"/></g>"#
    );
    let (turn, mut spokes, mut cabins) = (sheet.vary(5, 0, 44), String::new(), String::new());
    for n in 0..10 {
        let angle = f64::from(turn + n * 36).to_radians();
        let at = |r: f64| {
            ((f64::from(x) + r * angle.cos()) as i32, (f64::from(y) + r * angle.sin()) as i32)
        };
        let ((a, b), (c, d)) = (at(132.0), at(124.0));
        let _ = write!(spokes, "M{x} {y}L{a} {b}");
        let _ = write!(cabins, "M{} {d}h26v10a13 13 0 0 1-26 0z", c - 13);
    }
    sheet.line(inks.mid, 3, &spokes);
    sheet.path(inks.near, &cabins);
    sheet.circle(inks.near, x, y, 15);
    sheet.circle(inks.sun, x, y, 6);
    sheet.path(inks.near, "M0 372q120-14 220 0t180-6v234H0z");
}
