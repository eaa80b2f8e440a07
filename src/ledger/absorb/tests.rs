//! Tests of the rules for merging two ledgers.

use proptest::prelude::*;

use super::*;
use crate::catalogue::Catalogue;
use crate::changes::between;

fn people(names: &[(&str, &str)]) -> Catalogue {
    Catalogue::of_people(names)
}

fn next(ledger: &Ledger, old: &Catalogue, new: &Catalogue, at: u64) -> Ledger {
    ledger.advanced(&between(old, new), new, WallTime(at))
}

#[test]
fn a_new_ledger_takes_over_the_history_of_the_other_ledger() {
    let (one, two) = (people(&[("1", "Mei")]), people(&[("1", "Mei"), ("2", "Kiki")]));
    let history = next(&Ledger::baseline(&one, WallTime(10)), &one, &two, 20);
    let anew = Ledger::baseline(&two, WallTime(30));
    let met = anew.absorbing(&history);
    assert_eq!(met, history);
    assert_eq!(met.people["1"].first_seen, WallTime(10));
    assert_eq!(met.people["2"].changed, Some(WallTime(20)));
}

#[test]
fn the_same_change_in_both_ledgers_is_one_change_at_its_earlier_time() {
    let (one, two) = (people(&[("1", "Mei")]), people(&[("1", "Mei"), ("2", "Kiki")]));
    let base = Ledger::baseline(&one, WallTime(10));
    let (early, late) = (next(&base, &one, &two, 20), next(&base, &one, &two, 25));
    for met in [early.absorbing(&late), late.absorbing(&early)] {
        assert_eq!(met, early);
    }
}

#[test]
fn a_change_that_happened_twice_stays_two_changes() {
    let (one, two) = (people(&[("1", "Mei")]), people(&[("1", "Mei"), ("2", "Kiki")]));
    let base = Ledger::baseline(&one, WallTime(10));
    let replica = |times: [u64; 3]| {
        let first = next(&base, &one, &two, times[0]);
        let second = next(&first, &two, &one, times[1]);
        next(&second, &one, &two, times[2])
    };
    let met = replica([20, 30, 41]).absorbing(&replica([21, 31, 40]));
    let times: Vec<_> = met.changes.iter().map(|dated| dated.at.0).collect();
    assert_eq!(times, [20, 30, 40]);
}

#[test]
fn the_slug_of_the_older_ledger_stays_and_the_other_slug_redirects() {
    let old = Ledger::baseline(&people(&[("1", "Mei")]), WallTime(10));
    let new = Ledger::baseline(&people(&[("1", "Satsuki")]), WallTime(20));
    for met in [old.absorbing(&new), new.absorbing(&old)] {
        assert_eq!(met.people["1"].slug, "mei");
        assert_eq!(met.people["1"].former, BTreeSet::from(["satsuki".to_owned()]));
        assert_eq!(met.people["1"].first_seen, WallTime(10));
    }
}

#[test]
fn two_records_never_share_an_address() {
    let old = Ledger::baseline(&people(&[("1", "Mei")]), WallTime(10));
    let new = Ledger::baseline(&people(&[("2", "Mei")]), WallTime(20));
    for met in [old.absorbing(&new), new.absorbing(&old)] {
        assert_eq!(met.people["1"].slug, "mei");
        assert!(met.people["2"].slug.starts_with("mei-"), "{met:?}");
    }
}

#[test]
fn a_record_that_only_the_other_ledger_has_is_gone_and_keeps_its_address() {
    let old = Ledger::baseline(&people(&[("1", "Mei"), ("2", "Kiki")]), WallTime(10));
    let new = Ledger::baseline(&people(&[("1", "Mei")]), WallTime(20));
    let met = new.absorbing(&old);
    assert!(met.people["2"].gone && met.people["2"].slug == "kiki");
    assert!(!met.people["1"].gone);
}

/// Generates catalogues of ids that appear and disappear, with names that collide.
fn catalogue() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::btree_map(0..6_u8, 0..3_u8, 0..6)
        .prop_map(|people| people.into_iter().collect())
}

fn named(catalogue: &[(u8, u8)]) -> Catalogue {
    let names: Vec<(String, String)> = catalogue
        .iter()
        .map(|(id, name)| (format!("id-{id}"), ["Mei", "Kiki", "Chihiro"][*name as usize].into()))
        .collect();
    let names: Vec<_> = names.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    people(&names)
}

/// Returns the ledger of a replica after these catalogues, one each minute from `start` on.
fn lived(from: Option<(&Ledger, &Catalogue)>, seen: &[Vec<(u8, u8)>], start: u64) -> Ledger {
    let mut state = from.map(|(ledger, catalogue)| (ledger.clone(), catalogue.clone()));
    for (minute, catalogue) in seen.iter().enumerate() {
        let (new, at) = (named(catalogue), start + minute as u64);
        state = Some(match state {
            Some((ledger, old)) => (next(&ledger, &old, &new, at), new),
            None => (Ledger::baseline(&new, WallTime(at)), new),
        });
    }
    state.map(|(ledger, _)| ledger).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn absorbing_an_earlier_ledger_changes_nothing(
        before in proptest::collection::vec(catalogue(), 1..5),
        after in proptest::collection::vec(catalogue(), 0..5),
    ) {
        let ancestor = lived(None, &before, 100);
        let last = before.last().map(|last| named(last)).unwrap_or_default();
        let heir = lived(Some((&ancestor, &last)), &after, 200);
        prop_assert_eq!(heir.absorbing(&ancestor), heir);
    }

    #[test]
    fn absorbing_a_ledger_again_changes_nothing(
        common in proptest::collection::vec(catalogue(), 1..3),
        one in proptest::collection::vec(catalogue(), 0..4),
        other in proptest::collection::vec(catalogue(), 0..4),
        began_anew in any::<bool>(),
    ) {
        let base = lived(None, &common, 100);
        let last = common.last().map(|last| named(last)).unwrap_or_default();
        let one = lived(Some((&base, &last)), &one, 200);
        let from = (!began_anew).then_some((&base, &last));
        let other = lived(from, &other, 201);
        let met = one.absorbing(&other);
        prop_assert_eq!(&met.absorbing(&other), &met);
        prop_assert_eq!(&met.absorbing(&one), &met);
        let slugs: BTreeSet<_> = met.people.values().map(|entry| &entry.slug).collect();
        prop_assert_eq!(slugs.len(), met.people.len());
    }

    #[test]
    fn a_merge_loses_nothing_of_either_ledger(
        one in proptest::collection::vec(catalogue(), 1..4),
        other in proptest::collection::vec(catalogue(), 1..4),
    ) {
        let (one, other) = (lived(None, &one, 100), lived(None, &other, 150));
        let met = one.absorbing(&other);
        for ledger in [&one, &other] {
            for (id, entry) in &ledger.people {
                let known = &met.people[id];
                prop_assert!(known.first_seen <= entry.first_seen);
                let leads_here = |slug: &String| known.slug == *slug || known.former.contains(slug);
                let elsewhere = met.people.iter().any(|(other, known)| {
                    other != id && (known.slug == entry.slug || known.former.contains(&entry.slug))
                });
                // A slug that no page ever had need not redirect.
                let leads = leads_here(&entry.slug) || elsewhere || entry.has_no_page(id);
                prop_assert!(leads, "{} is lost", entry.slug);
            }
            for dated in &ledger.changes {
                let key = Key::of(&dated.change);
                let is_it = |kept: &Dated| Key::of(&kept.change) == key && kept.at <= dated.at;
                prop_assert!(met.changes.iter().any(is_it));
            }
        }
    }
}
