//! The changes of the configuration after SIGHUP.
//!
//! Owns the step from one configuration to the next in a running program. The declaration of
//! an option says whether its new value applies. This module names every option and every value, so
//! that a forgotten option does not compile.

use super::Config;
use crate::cli::{Declared, EACH, EachOption, OnReload};

/// Returns the configuration that follows `old`, and the flags of changed options that need a
/// restart.
pub fn reloaded(old: Config, new: Config) -> (Config, Vec<String>) {
    let mut step = Step { is_shared: old.redis.is_some(), need_restart: Vec::new() };
    let EachOption {
        upstream,
        mapping,
        limit,
        max_bytes,
        demo,
        demo_from,
        out,
        state,
        adopt,
        in_place,
        cache_bytes,
        then,
        publish_to,
        publish_credentials,
        redis,
        redis_password_file,
        redis_prefix,
        when_redis_lost,
        interval,
        max_age,
        hold,
        max_shrink,
        max_growth,
        accept_after,
        volatile_fields,
        steady_fields,
        site_url,
        stale_notice,
        site_title,
        lang,
        templates,
        dev,
        listen,
        admin_listen,
        max_streams,
        max_stale,
        access_log,
        access_log_format,
        trusted_proxies,
        // A running process cannot get another command line, so the file stays the same.
        config: _,
        log_format,
        verbose,
        quiet,
    } = EACH;
    let redis = [redis, redis_password_file, redis_prefix];
    // Headers and secrets of a mapping belong to its upstream, so that both change together.
    let keeps_upstream = old.upstream == new.upstream;
    let config = Config {
        upstream: step.next(&[upstream, demo, demo_from], old.upstream, new.upstream),
        mapping_files: if keeps_upstream {
            step.next(&[mapping], old.mapping_files, new.mapping_files)
        } else {
            old.mapping_files
        },
        mapping: if keeps_upstream {
            step.next(&[mapping, limit], old.mapping, new.mapping)
        } else {
            old.mapping
        },
        max_bytes: step.next(&[max_bytes], old.max_bytes, new.max_bytes),
        out: step.next(&[out], old.out, new.out),
        state: step.next(&[state], old.state, new.state),
        adopt: step.next(&[adopt], old.adopt, new.adopt),
        in_place: step.next(&[in_place], old.in_place, new.in_place),
        cache_bytes: step.next(&[cache_bytes], old.cache_bytes, new.cache_bytes),
        relay: step.next(&[then, publish_to, publish_credentials], old.relay, new.relay),
        redis: step.next(&redis, old.redis, new.redis),
        when_redis_lost: step.next(&[when_redis_lost], old.when_redis_lost, new.when_redis_lost),
        interval: step.next(&[interval], old.interval, new.interval),
        max_age: step.next(&[max_age], old.max_age, new.max_age),
        hold: step.next(&[hold], old.hold, new.hold),
        max_shrink: step.next(&[max_shrink], old.max_shrink, new.max_shrink),
        max_growth: step.next(&[max_growth], old.max_growth, new.max_growth),
        accept_after: step.next(&[accept_after], old.accept_after, new.accept_after),
        volatile_fields: step.next(&[volatile_fields], old.volatile_fields, new.volatile_fields),
        steady_fields: step.next(&[steady_fields], old.steady_fields, new.steady_fields),
        site_url: step.next(&[site_url], old.site_url, new.site_url),
        stale_notice: step.next(&[stale_notice], old.stale_notice, new.stale_notice),
        site_title: step.next(&[site_title], old.site_title, new.site_title),
        lang: step.next(&[lang], old.lang, new.lang),
        templates: step.next(&[templates], old.templates, new.templates),
        dev: step.next(&[dev], old.dev, new.dev),
        listen: step.next(&[listen], old.listen, new.listen),
        admin_listen: step.next(&[admin_listen], old.admin_listen, new.admin_listen),
        max_streams: step.next(&[max_streams], old.max_streams, new.max_streams),
        max_stale: step.next(&[max_stale], old.max_stale, new.max_stale),
        access_log: step.next(
            &[access_log, access_log_format, trusted_proxies],
            old.access_log,
            new.access_log,
        ),
        log_format: step.next(&[log_format], old.log_format, new.log_format),
        verbosity: step.next(&[verbose, quiet], old.verbosity, new.verbosity),
    };
    (config, step.need_restart)
}

struct Step {
    is_shared: bool,
    need_restart: Vec<String>,
}

impl Step {
    /// Returns the next value of a setting that these options determine.
    fn next<T: PartialEq>(&mut self, options: &[Declared], old: T, new: T) -> T {
        if old == new || options.iter().all(|option| self.applies(option)) {
            return new;
        }
        let flags: Vec<_> = options.iter().map(|option| format!("--{}", option.flag())).collect();
        self.need_restart.push(flags.join(" or "));
        old
    }

    fn applies(&self, option: &Declared) -> bool {
        match option.on_reload {
            OnReload::Applied => true,
            OnReload::AppliedWithoutRedis => !self.is_shared,
            OnReload::NeedsRestart => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::from_file;
    use super::*;

    fn config(file: &str) -> Config {
        from_file(file).expect("a configuration")
    }

    #[test]
    fn options_that_need_a_restart_stay_and_are_named() {
        let old = config("");
        let new = config("lang = \"fr\"\nhold = \"3s\"\nverbose = 1\nupstream = \"http://h\"");
        let (next, need_restart) = reloaded(old.clone(), new);
        assert_eq!(
            need_restart,
            ["--upstream or --demo or --demo-from", "--hold", "--verbose or --quiet"]
        );
        assert_eq!(next, Config { lang: "fr".into(), ..old });
    }

    #[test]
    fn a_mapping_stays_with_its_upstream_so_that_no_secret_goes_to_another_host() {
        let file = |host: &str, secret: &str| {
            format!(
                "[api]\nupstream = \"http://{host}\"\nheaders = {{ A = \"{{secret}}\" }}\n\
                 secret-env = \"{secret}\"\n[films]\nget = \"/f\"\nid = \"i\"\ntitle = \"t\"\n"
            )
        };
        let old = config(&file("old", "ONE"));
        let (next, need_restart) = reloaded(old.clone(), config(&file("new", "TWO")));
        assert_eq!((next, need_restart.len()), (old.clone(), 1));
        let (next, _) = reloaded(old.clone(), config(&file("old", "TWO")));
        assert_ne!(next.mapping, old.mapping);
    }

    #[test]
    fn the_greatest_age_changes_only_without_redis() {
        for (redis, seconds) in [("", 90), ("redis = \"redis://h\"\n", 60)] {
            let new = config(&format!("{redis}max-age = \"90s\""));
            let (next, need_restart) = reloaded(config(redis), new);
            assert_eq!(next.max_age, Duration::from_secs(seconds));
            assert_eq!(need_restart.is_empty(), seconds == 90);
        }
    }
}
