//! nginx reads what a unit of systemd writes: with the user of the units in `deploy/systemd`, and with
//! `DynamicUser=`. The directories are those that systemd makes, below a directory of the test.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::run;
use crate::fixture::{Answer, Process, Upstream, films, found, free_address, get, write};

/// A user that nobody else has, as systemd chooses one for `DynamicUser=`.
const USER: &str = "61234";

/// A machine with a state directory, whose program runs as [`USER`].
struct Machine {
    directory: tempfile::TempDir,
    upstream: Upstream,
}

impl Machine {
    fn new() -> Machine {
        let machine = Machine {
            directory: tempfile::tempdir().expect("a directory"),
            upstream: Upstream::start(),
        };
        fs::copy(env!("CARGO_BIN_EXE_movies-gen"), machine.path("movies-gen")).expect("copied");
        run(Command::new("chmod").arg("755").arg(machine.directory.path()));
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    /// Makes a state directory of [`USER`].
    fn make_state(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        run(Command::new("install").args(["-d", "-m", "755", "-o", USER, "-g", USER]).arg(&path));
        path
    }

    /// Runs a build as [`USER`], who sees the state directory `real` at `shown`, as in the mount
    /// namespace that systemd makes for a unit.
    fn build(&self, real: &Path, shown: &Path) {
        fs::create_dir_all(shown).expect("made");
        let script = "mount --bind \"$0\" \"$1\" && cd \"$1\" && umask 0022 && exec setpriv \
                      --reuid=\"$2\" --regid=\"$2\" --clear-groups \"$3\" build once --interval 1s \
                      --max-age 1s --upstream \"$4\"";
        let mut build = Command::new("unshare");
        build.args(["--mount", "sh", "-c", script]).arg(real).arg(shown).arg(USER);
        run(build.arg(self.path("movies-gen")).arg(self.upstream.url()));
    }

    /// Starts an nginx as `www-data`, after the commands of a shell in a mount namespace
    /// of nginx.
    fn nginx(&self, root: &Path, before: &str) -> (Process, SocketAddr) {
        let (address, prefix) =
            (free_address(), self.path(&format!("nginx-{}", root.display()).replace('/', "-")));
        run(Command::new("install").args(["-d", "-o", "www-data"]).arg(&prefix));
        let file = prefix.join("nginx.conf");
        let (prefix, root) = (prefix.display(), root.display());
        let text = format!(
            "daemon off; master_process off; pid {prefix}/pid; error_log stderr;
             events {{ worker_connections 64; }}
             http {{
               access_log off; client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy;
               fastcgi_temp_path {prefix}/fastcgi; uwsgi_temp_path {prefix}/uwsgi;
               scgi_temp_path {prefix}/scgi;
               server {{ listen {address}; root {root}; }}
             }}"
        );
        write(&file, text);
        let script = format!(
            "{before} exec setpriv --reuid=www-data --regid=www-data --init-groups nginx -e stderr -c \"$0\""
        );
        let mut nginx = Command::new("unshare");
        let process = Process::start(nginx.args(["--mount", "sh", "-c", &script]).arg(&file));
        found("the nginx", || TcpStream::connect(address).ok());
        (process, address)
    }
}

#[test]
#[ignore = "needs nginx and root"]
fn nginx_reads_the_files_of_the_units() {
    let unit = include_str!("../../../deploy/systemd/movies-gen-build.service");
    for line in ["User=movies-gen", "UMask=0022", "StateDirectoryMode=0755"] {
        assert!(unit.lines().any(|known| known == line), "{line}");
    }
    let machine = Machine::new();
    let state = machine.make_state("lib/movies-gen");
    machine.build(&state, &state);
    let (_nginx, address) = machine.nginx(&state.join("public"), "");
    let page = get(address, "/");
    let file = fs::read(state.join("public/index.html")).expect("a page");
    assert!(page.status == 200 && page.body == file, "{page:?}");
    assert_eq!(get(address, "/assets/").status, 403, "a directory without a page");
}

#[test]
#[ignore = "needs nginx and root"]
fn nginx_reads_the_files_of_a_dynamic_user_only_through_a_mount_of_their_parent() {
    let machine = Machine::new();
    // systemd makes /var/lib/private for root alone, and a link to the directory of the unit.
    let state = machine.make_state("lib/private/movies-gen");
    run(Command::new("chmod").arg("700").arg(machine.path("lib/private")));
    symlink("private/movies-gen", machine.path("lib/movies-gen")).expect("linked");
    machine.build(&state, &machine.path("seen"));
    assert!(state.join("public/index.html").exists());
    let (_nginx, address) = machine.nginx(&machine.path("lib/movies-gen/public"), "");
    assert_eq!(get(address, "/").status, 403);

    // BindReadOnlyPaths= in the unit of nginx. A publish exchanges `public`, so a mount of `public`
    // itself would show the same files for ever.
    let mounted = machine.path("mounted");
    fs::create_dir(&mounted).expect("made");
    let mount = format!(
        "mount --bind '{0}' '{1}' && mount -o remount,bind,ro '{1}' &&",
        state.display(),
        mounted.display()
    );
    let (_nginx, address) = machine.nginx(&mounted.join("public"), &mount);
    assert_eq!(get(address, "/movies/salt-road/").status, 200);
    let mut changed = films();
    changed[0]["rt_score"] = serde_json::json!("3");
    machine.upstream.set("/films", Answer::json(&changed));
    found("the next refresh", || {
        machine.build(&state, &machine.path("seen"));
        get(address, "/movies.json").text().contains("\"rt_score\":3").then_some(())
    });
}
