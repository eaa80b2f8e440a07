//! The Debian package, in a fresh Debian.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{artefact, first_page, printed, run};
use crate::fixture::free_address;

/// A fresh Debian in a directory.
struct Debian(tempfile::TempDir);

impl Debian {
    fn new() -> Debian {
        let directory = tempfile::tempdir().expect("a directory");
        run(Command::new("debootstrap")
            .args(["--variant=minbase", "stable"])
            .arg(directory.path()));
        // Services of a chroot must not start.
        let policy = directory.path().join("usr/sbin/policy-rc.d");
        fs::write(&policy, "#!/bin/sh\nexit 101\n").expect("written");
        run(Command::new("chmod").arg("755").arg(&policy).arg(directory.path()));
        Debian(directory)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(self.0.path()).args(words).env_clear();
        command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    fn install(&self, package: &Path) {
        fs::copy(package, self.path("movies-gen.deb")).expect("copied");
        let words =
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "/movies-gen.deb"];
        run(&mut self.command(&words));
    }
}

#[test]
#[ignore = "needs make dist, debootstrap and root"]
fn the_package_is_installed_used_upgraded_and_removed() {
    let package = artefact(".deb");
    let debian = Debian::new();
    debian.install(&package);
    for file in [
        "usr/lib/systemd/system/movies-gen@.service",
        "usr/lib/systemd/system/movies-gen.socket",
        "usr/lib/sysusers.d/movies-gen.conf",
        "usr/share/bash-completion/completions/movies-gen",
        "usr/share/zsh/vendor-completions/_movies-gen",
        "usr/share/fish/vendor_completions.d/movies-gen.fish",
        "usr/share/doc/movies-gen/copyright",
        "usr/share/doc/movies-gen/third-party-licences.txt.gz",
    ] {
        assert!(debian.path(file).is_file(), "{file}");
    }
    // A minimal Debian leaves out manual pages, but the package has the pages.
    let listed = printed(Command::new("dpkg-deb").arg("--contents").arg(&package));
    assert!(listed.contains("./usr/share/man/man1/movies-gen-serve.1.gz"), "{listed}");
    let passwd = fs::read_to_string(debian.path("etc/passwd")).expect("the users");
    assert!(passwd.contains("movies-gen:"), "{passwd}");

    let address = free_address();
    let site = debian.path("srv/site");
    fs::create_dir(&site).expect("made");
    run(&mut debian.command(&["chown", "movies-gen", "/srv/site"]));
    let listen = address.to_string();
    let mut serve = debian.command(&[
        "setpriv",
        "--reuid=movies-gen",
        "--regid=movies-gen",
        "--clear-groups",
        "movies-gen",
        "serve",
        "--demo",
        "--config",
        "/etc/movies-gen/movies-gen.toml",
        "--out",
        "/srv/site/public",
        "--state",
        "/srv/site/state",
        "--listen",
        &listen,
    ]);
    drop(first_page(&mut serve, address));

    // An upgrade keeps the owner's configuration, and `purge` removes everything.
    let configuration = debian.path("etc/movies-gen/movies-gen.toml");
    fs::write(&configuration, "lang = \"de\"\n").expect("edited");
    debian.install(&package);
    assert_eq!(fs::read_to_string(&configuration).expect("a file"), "lang = \"de\"\n");
    run(&mut debian.command(&["dpkg", "--remove", "movies-gen"]));
    assert!(configuration.exists() && !debian.path("usr/bin/movies-gen").exists());
    fs::create_dir_all(debian.path("var/lib/movies-gen/public")).expect("made");
    run(&mut debian.command(&["dpkg", "--purge", "movies-gen"]));
    assert!(!configuration.exists() && !debian.path("var/lib/movies-gen").exists());
}
