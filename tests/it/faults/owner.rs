//! The table of the files that an owner may keep in `--out`, and of the actions of an owner in
//! `--out`. Nothing of the owner is lost or changed, and the site is still published.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::fixture::{Answer, Ended, Site, Upstream, films, found, wait_until};

/// The user `nobody` of Debian.
const NOBODY: u32 = 65534;

/// The attributes that identify an entry, and the attributes that a change of the entry changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trace {
    inode: u64,
    owner: (u32, u32),
    mode: u32,
    mtime: (i64, i64),
    links: u64,
    content: Vec<u8>,
}

fn trace(path: &Path) -> Option<Trace> {
    let found = path.symlink_metadata().ok()?;
    let is_file = found.is_file();
    Some(Trace {
        inode: found.ino(),
        owner: (found.uid(), found.gid()),
        mode: found.mode(),
        mtime: (found.mtime(), found.mtime_nsec()),
        // The number of links of a directory depends on the directories in it.
        links: if is_file { found.nlink() } else { 0 },
        content: if is_file { fs::read(path).unwrap_or_default() } else { Vec::new() },
    })
}

/// The results of the rows.
#[derive(Default)]
struct Table {
    rows: String,
    failed: Vec<String>,
}

impl Table {
    fn row(&mut self, what: &str, faults: &[String]) {
        let verdict = if faults.is_empty() { "ok".to_owned() } else { faults.join("; ") };
        let _ = writeln!(self.rows, "{what:<52} {verdict}");
        if !faults.is_empty() {
            self.failed.push(format!("{what}: {verdict}"));
        }
    }

    #[expect(clippy::print_stdout, reason = "a person reads the table")]
    fn end(self) {
        println!("\nowner's files\n{}", self.rows);
        assert!(self.failed.is_empty(), "{}", self.failed.join("\n"));
    }
}

/// A site whose data changes with each build.
pub(super) struct Stage {
    pub(super) site: Site,
    pub(super) upstream: Upstream,
    /// The user that runs the program; `None`: the user of the tests.
    user: Option<u32>,
    score: std::cell::Cell<u32>,
}

impl Stage {
    pub(super) fn new() -> Stage {
        let upstream = Upstream::start();
        let site = Site::of(&upstream).with(&["--interval", "50ms", "--max-age", "60s"]);
        Stage { site, upstream, user: None, score: 0.into() }
    }

    /// Makes a site whose directory belongs to `nobody`, and whose program runs as `nobody`.
    fn as_nobody() -> Stage {
        let mut stage = Stage::new();
        stage.user = Some(NOBODY);
        std::os::unix::fs::chown(&stage.site, Some(NOBODY), Some(NOBODY)).expect("root");
        stage
    }

    pub(super) fn out(&self, below: &str) -> PathBuf {
        self.site.out().join(below)
    }

    /// Changes the data of the upstream. Returns a text that the next site must contain.
    fn change(&self) -> String {
        self.changed(films())
    }

    fn changed(&self, mut films: Value) -> String {
        let score = self.score.get() % 100 + 1;
        self.score.set(score);
        films[0]["rt_score"] = json!(score);
        self.upstream.set("/films", Answer::json(&films));
        format!("\"rt_score\":{score}")
    }

    pub(super) fn command(&self) -> Command {
        let build = self.site.command(&["build", "once"]);
        let Some(user) = self.user else { return build };
        let mut command = Command::new("setpriv");
        let ids = [format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()];
        command.args(ids).arg(build.get_program()).args(build.get_args());
        command.current_dir(&self.site);
        command
    }

    /// Publishes a change. Returns the faults; empty if the publish succeeded.
    pub(super) fn publish(&self) -> Vec<String> {
        let wanted = self.change();
        self.published(&wanted)
    }

    /// Publishes a change of these films.
    pub(super) fn publish_of(&self, films: Value) -> Vec<String> {
        let wanted = self.changed(films);
        self.published(&wanted)
    }

    fn published(&self, wanted: &str) -> Vec<String> {
        let ended = Ended::of(&mut self.command());
        let mut faults = Vec::new();
        if ended.code != Some(0) {
            faults.push(format!("exit {:?}: {}", ended.code, ended.log));
        }
        if !fs::read_to_string(self.out("movies.json")).is_ok_and(|data| data.contains(wanted)) {
            faults.push(format!("not published: {}", ended.log));
        }
        faults
    }

    /// Publishes three changes. Returns the faults, including each of these entries of `--out` that
    /// changed.
    fn keeps(&self, entries: &[&str]) -> Vec<String> {
        let before: BTreeMap<_, _> =
            entries.iter().map(|below| (*below, trace(&self.out(below)))).collect();
        let mut faults = Vec::new();
        for _ in 0..3 {
            faults.extend(self.publish());
        }
        for (below, was) in before {
            let is = trace(&self.out(below));
            if was.is_none() || is != was {
                faults.push(format!("{below} was {was:?} and is {is:?}"));
            }
        }
        faults
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

fn owned_by_nobody(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).expect("root");
}

#[test]
#[ignore = "needs root"]
fn the_files_of_the_owner_are_never_changed() {
    let mut table = Table::default();
    kinds_of_entries(&mut table);
    other_users(&mut table);
    attributes_of_out(&mut table);
    adoption(&mut table);
    table.end();
}

fn kinds_of_entries(table: &mut Table) {
    let stage = Stage::new();
    table.row("(a first publish)", &stage.publish());
    stage.site.write("public/notes.txt", "mine");
    stage.site.write("public/movies/mine/notes.txt", "mine");
    stage.site.write("public/.git/config", "mine");
    fs::create_dir(stage.out("empty")).expect("made");
    std::os::unix::fs::symlink("nowhere", stage.out("link")).expect("linked");
    let pipe = Command::new("mkfifo").arg(stage.out("pipe")).status();
    assert!(pipe.is_ok_and(|status| status.success()));
    let entries = [
        "notes.txt",
        "movies/mine",
        "movies/mine/notes.txt",
        ".git/config",
        "empty",
        "link",
        "pipe",
    ];
    table.row("files, directories, links and pipes", &stage.keeps(&entries));

    let stage = Stage::new();
    fs::create_dir(stage.out("")).expect("made");
    stage.site.write("public/.gitignore", "*");
    table.row("a git checkout's directory", &stage.keeps(&[".gitignore"]));

    let stage = Stage::new();
    stage.publish();
    fs::create_dir_all(stage.out("people")).expect("there");
    stage.site.write("public/assets/logo.png", "mine");
    table.row("a file beside ours", &stage.keeps(&["assets/logo.png"]));
}

fn other_users(table: &mut Table) {
    let stage = Stage::as_nobody();
    table.row("(a first publish of another user)", &stage.publish());
    stage.site.write("public/access.log", "mine");
    stage.site.write("public/.htpasswd", "mine");
    set_mode(&stage.out(".htpasswd"), 0o600);
    stage.site.write("public/private/key", "mine");
    set_mode(&stage.out("private"), 0o700);
    stage.site.write("public/fixed/page", "mine");
    set_mode(&stage.out("fixed"), 0o555);
    let entries = ["access.log", ".htpasswd", "private", "private/key", "fixed", "fixed/page"];
    table.row("another user's, unreadable and read-only", &stage.keeps(&entries));

    let stage = Stage::as_nobody();
    fs::create_dir_all(stage.out("lost+found")).expect("made");
    set_mode(&stage.out("lost+found"), 0o700);
    owned_by_nobody(&stage.out(""));
    table.row("a fresh volume with lost+found", &stage.keeps(&["lost+found"]));

    let stage = Stage::as_nobody();
    stage.publish();
    set_mode(&stage.out("movies"), 0o555);
    table.row(
        "a directory of ours made read-only",
        &stage.keeps(&["movies"]).retained("movies.json"),
    );

    let stage = Stage::as_nobody();
    stage.publish();
    set_mode(&stage.out("people/index.html"), 0o000);
    let mut faults = stage.publish();
    let page = fs::metadata(stage.out("people/index.html")).expect("there");
    if page.mode() & 0o777 != 0o644 {
        faults.push("the page was not made again".into());
    }
    table.row("a page of ours that cannot be read", &faults);
}

/// Drops the faults about a page that cannot be written.
trait Retained {
    fn retained(self, published: &str) -> Vec<String>;
}

impl Retained for Vec<String> {
    fn retained(self, published: &str) -> Vec<String> {
        self.into_iter().filter(|fault| !fault.contains(published)).collect()
    }
}

fn attributes_of_out(table: &mut Table) {
    let row = |table: &mut Table, what: &str, mode: u32, group: u32| {
        let stage = Stage::new();
        stage.publish();
        std::os::unix::fs::chown(stage.out(""), Some(NOBODY), Some(group)).expect("root");
        set_mode(&stage.out(""), mode);
        let is = || {
            let found = fs::metadata(stage.out("")).expect("there");
            (found.uid(), found.gid(), found.mode() & 0o7777)
        };
        let before = is();
        let mut faults = Vec::new();
        for _ in 0..2 {
            faults.extend(stage.publish());
            if is() != before {
                faults.push(format!("was {before:?} and is {:?}", is()));
            }
        }
        table.row(what, &faults);
    };
    row(table, "owner, group and set-group-ID bit of --out", 0o2775, 33);
    row(table, "a private --out", 0o700, 0);
}

fn adoption(table: &mut Table) {
    let stage = Stage::new();
    let kept = |name: &str| stage.site.path(".movies-gen").join(name).join("index.html");
    let adopting = Stage { site: stage.site.with(&["--adopt"]), ..Stage::new() };
    stage.site.write("public/index.html", "first");
    let mut faults = Vec::new();
    for content in ["first", "second"] {
        if content == "second" {
            fs::remove_dir_all(stage.out("")).expect("removed");
            stage.site.write("public/index.html", content);
        }
        stage.change();
        let ended = Ended::of(&mut adopting.site.command(&["build", "once"]));
        if ended.code != Some(0) {
            faults.push(ended.log);
        }
    }
    let originals = ["adopted", "adopted.2"].map(|name| fs::read_to_string(kept(name)).ok());
    if originals != ["first", "second"].map(|content| Some(content.to_owned())) {
        faults.push(format!("{originals:?} are kept"));
    }
    table.row("a second --adopt", &faults);
}

/// A process that works in a directory, and writes a file to the directory on request.
struct Resident(Child);

impl Resident {
    fn in_directory(directory: &Path) -> Resident {
        let mut command = Command::new("sh");
        command.args(["-c", "read line; echo \"$line\" > late.txt; read line"]);
        let resident = command.current_dir(directory).stdin(Stdio::piped()).spawn();
        Resident(resident.expect("a shell"))
    }

    fn writes(&mut self, line: &str) {
        use std::io::Write;
        let input = self.0.stdin.as_mut().expect("piped");
        writeln!(input, "{line}").expect("written");
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // The kill fails if the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_may_work_in_out_during_publishes() {
    let stage = Stage::new();
    assert_eq!(stage.publish(), Vec::<String>::new());
    for below in ["", "movies"] {
        let mut resident = Resident::in_directory(&stage.out(below));
        for _ in 0..2 {
            assert_eq!(stage.publish(), Vec::<String>::new());
        }
        resident.writes("late");
        let late = stage.out(below).join("late.txt");
        let content =
            found("the file", || fs::read_to_string(&late).ok().filter(|text| !text.is_empty()));
        assert_eq!(content, "late\n");
        assert_eq!(stage.keeps(&[late.to_str().expect("text")]), Vec::<String>::new());
        fs::remove_file(late).expect("removed");
    }
    // No process works in `--out` any more, so the trees are exchanged again.
    let before = fs::metadata(stage.site.out()).expect("there").ino();
    assert_eq!(stage.publish(), Vec::<String>::new());
    assert_ne!(fs::metadata(stage.site.out()).expect("there").ino(), before);
}

/// Runs `script` in its own mount namespace, with the program and its arguments as `"$@"`.
fn in_a_namespace(stage: &Stage, script: &str) -> Ended {
    let build = stage.command();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!("set -e; {script}")).arg("sh");
    command.arg(build.get_program()).args(build.get_args());
    command.current_dir(&stage.site);
    Ended::of(&mut command)
}

#[test]
fn mounts_in_out_stay_in_use_during_publishes() {
    let wait = "sleep 0.1";
    for (what, setup, check) in [
        (
            "a directory",
            "mkdir volume public/uploads; echo mine >volume/a; mount --bind volume public/uploads",
            "echo late >>public/uploads/a",
        ),
        (
            "a directory in one of ours",
            "mkdir volume public/movies/u; echo mine >volume/a; mount --bind volume public/movies/u",
            "echo late >>public/movies/u/a",
        ),
        (
            "a file",
            "mkdir volume; echo mine >volume/a; touch public/ads.txt; mount --bind volume/a public/ads.txt",
            "echo late >>public/ads.txt",
        ),
        (
            "a file over one of ours",
            "mkdir volume; echo mine >volume/a; mount --bind volume/a public/robots.txt",
            "echo late >>public/robots.txt",
        ),
        (
            "another file system",
            "mkdir public/tmp; mount -t tmpfs t public/tmp; mkdir volume; echo mine >volume/a; cp volume/a public/tmp/a",
            "echo late >>volume/a; echo late >>public/tmp/a; cmp volume/a public/tmp/a",
        ),
    ] {
        let stage = Stage::new();
        assert_eq!(stage.publish(), Vec::<String>::new());
        let before = fs::read(stage.out("movies.json")).expect("there");
        stage.change();
        let script = format!(
            "{setup}; for i in 1 2 3; do \"$@\"; {check}; {wait}; done; cat volume/a | tr '\\n' ' '"
        );
        let ended = in_a_namespace(&stage, &script);
        assert_eq!(ended.out.trim(), "mine late late late", "{what}: {}", ended.log);
        let log = ended.well();
        assert_ne!(fs::read(stage.out("movies.json")).expect("there"), before, "{what}: {log}");
        assert_eq!(stage.publish(), Vec::<String>::new(), "{what}: without the mount");
        assert!(stage.out("robots.txt").is_file(), "{what}");
    }
}

#[test]
fn a_mount_of_out_at_another_path_shows_each_publish() {
    let stage = Stage::new();
    assert_eq!(stage.publish(), Vec::<String>::new());
    let wanted = stage.change();
    let script = "mkdir other; mount --bind public other; \"$@\"; cat other/movies.json";
    let ended = in_a_namespace(&stage, script);
    assert!(ended.out.contains(&wanted), "{}{}", ended.out, ended.log);
    let _ = ended.well();
}

/// System calls of a publish that change a directory or a file.
const CALLS: &str = "rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat,\
                     openat,write,chmod,fchmod,fchmodat,utimensat,fsync,syncfs";

#[test]
#[ignore = "needs strace"]
fn a_kill_at_any_system_call_leaves_a_mount_in_out_untouched() {
    let stage = Stage::new();
    assert_eq!(stage.publish(), Vec::<String>::new());
    stage.site.write("volume/precious/file", "precious");
    fs::create_dir(stage.out("uploads")).expect("made");
    let precious = stage.site.path("volume/precious/file");
    let was = trace(&precious);
    let (mut call, mut ended_by_itself) = (1, false);
    while !ended_by_itself {
        stage.change();
        let script = format!(
            "mount --bind volume public/uploads; \
             strace -f -o /dev/null -e trace={CALLS} -e inject={CALLS}:signal=KILL:when={call} \
             \"$@\" || true"
        );
        let ended = in_a_namespace(&stage, &script);
        ended_by_itself =
            ended.log.contains("is up to date") || ended.log.contains("shows the stored");
        assert_eq!(trace(&precious), was, "call {call}: {}", ended.log);
        // A kill at each system call takes long, so only `make faults` does this. Most calls are
        // made at the start of the program, which opens many files.
        call += match super::is_each_call() {
            true => 1,
            false if call < 60 => 7,
            false => 3,
        };
        assert!(call < 3_000, "{}", ended.log);
    }
    assert!(call > 60, "no kill hit the publish: {call}");
    wait_until("the next publish goes on", || stage.publish().is_empty());
    assert_eq!(trace(&precious), was);
}

/// Delays a system call of a publish, and lets the owner act during the delay. Returns the faults.
fn meanwhile(stage: &Stage, call: &str, owner: impl FnOnce()) -> Vec<String> {
    let wanted = stage.change();
    let build = stage.command();
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:delay_enter=1500000:when=1")]);
    command.arg(build.get_program()).args(build.get_args()).current_dir(&stage.site);
    let tracer = command.stderr(Stdio::piped()).spawn().expect("strace");
    let sealed = stage.site.path(".movies-gen/standby/.movies-gen");
    // The exchange is the first `renameat2`. The standby is sealed again just before the exchange.
    wait_until("the publish", || {
        sealed.join("manifest").exists()
            && !sealed.join("coming").exists()
            && fs::read_to_string(stage.site.path(".movies-gen/standby/movies.json"))
                .is_ok_and(|data| data.contains(&wanted))
    });
    owner();
    let output = tracer.wait_with_output().expect("strace");
    let mut faults = Vec::new();
    if !output.status.success() {
        faults.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    if !fs::read_to_string(stage.out("movies.json")).is_ok_and(|data| data.contains(&wanted)) {
        faults.push("not published".into());
    }
    faults
}

#[test]
#[ignore = "needs strace"]
fn nothing_that_the_owner_does_right_before_an_exchange_is_lost() {
    let stage = Stage::new();
    assert_eq!(stage.publish(), Vec::<String>::new());
    assert_eq!(stage.publish(), Vec::<String>::new());
    let place = stage.out("movies/late.txt");
    let faults = meanwhile(&stage, "renameat2", || fs::write(&place, "late").expect("written"));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(fs::read_to_string(&place).ok().as_deref(), Some("late"));
    assert_eq!(stage.keeps(&["movies/late.txt"]), Vec::<String>::new());
    fs::remove_file(&place).expect("removed");
    assert_eq!(stage.publish(), Vec::<String>::new());

    let mut resident = None;
    let out = stage.site.out();
    let faults = meanwhile(&stage, "renameat2", || resident = Some(Resident::in_directory(&out)));
    assert_eq!(faults, Vec::<String>::new());
    resident.as_mut().expect("there").writes("mine");
    wait_until("the file", || {
        fs::read_to_string(out.join("late.txt")).is_ok_and(|it| it == "mine\n")
    });
    assert_eq!(stage.keeps(&["late.txt"]), Vec::<String>::new());
}

#[test]
#[ignore = "needs strace"]
fn after_a_failed_publish_no_complete_file_is_made_again() {
    let stage = Stage::new();
    for _ in 0..2 {
        assert_eq!(stage.publish(), Vec::<String>::new());
    }
    let inode = |path: PathBuf| path.symlink_metadata().expect("there").ino();
    let standby = stage.site.path(".movies-gen/standby");
    let both = || {
        let mut both = [inode(standby.join("people")), inode(stage.out("people"))];
        both.sort_unstable();
        both
    };
    let made = both();
    let published = fs::read(stage.out("movies.json")).expect("there");
    stage.change();
    let build = stage.command();
    let mut command = Command::new("strace");
    // Let the call fail that sets the time of a new page.
    command.args(["-f", "-o", "/dev/null", "-e", "trace=utimensat"]);
    command.args(["-e", "inject=utimensat:error=EIO"]);
    command.arg(build.get_program()).args(build.get_args()).current_dir(&stage.site);
    let log = Ended::of(&mut command).with_code(1);
    assert!(log.contains("cannot write"), "{log}");
    assert_eq!(fs::read(stage.out("movies.json")).expect("there"), published);
    assert!(standby.join(".movies-gen/coming").exists(), "the standby has no list of its files");
    // Complete files and directories are not made again, so the directories have the same inodes.
    assert_eq!(stage.publish(), Vec::<String>::new());
    assert_eq!(both(), made);
}
