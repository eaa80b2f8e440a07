//! Tests of an owner who changes files in `--out` during a publish. The program is stopped at a
//! system call, the owner acts, and the program continues. Nothing that the owner did may be lost,
//! undone or changed, and the next publish must work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::owner::Stage;
use crate::fixture::{Answer, films, found, wait_until};

/// System calls that change names in a directory.
const NAMES: &str = "rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir";

/// The end of a publish with a stop.
enum Ended {
    /// The process was stopped at the call, and continued.
    Stopped,
    /// The process made fewer calls.
    Before,
}

/// Publishes, stops the process at the system call with this number among the calls that change
/// names, and lets the owner act before the process continues.
fn stopped_at(stage: &Stage, call: usize, owner: impl FnOnce()) -> Ended {
    let trace = stage.site.path("trace");
    // Remove the trace of the previous call.
    let _ = fs::remove_file(&trace);
    let build = stage.command();
    let mut command = Command::new("strace");
    command.arg("-f").arg("-o").arg(&trace).args(["-e", &format!("trace={NAMES}")]);
    command.args(["-e", &format!("inject={NAMES}:signal=STOP:when={call}")]);
    command.arg(build.get_program()).args(build.get_args()).current_dir(&stage.site);
    let mut tracer = command.stderr(Stdio::piped()).spawn().expect("strace");
    let stopped = found("a stop or the end", || {
        let ended = tracer.try_wait().expect("a child").map(|_| None);
        let lines = fs::read_to_string(&trace).unwrap_or_default();
        let line = lines.lines().find(|line| line.contains("--- stopped by SIGSTOP ---"));
        let thread = line.and_then(|line| line.split_whitespace().next()?.parse::<i32>().ok());
        thread.map(Some).or(ended)
    });
    if stopped.is_some() {
        owner();
    }
    // A signal to one thread continues the whole process. strace counts the calls of each thread
    // separately, so the process stops more than once.
    let thread = stopped.and_then(rustix::process::Pid::from_raw);
    wait_until("the end", || {
        // The signal fails if the process has just ended.
        let _ = thread.map(|thread| kill_process(thread, Signal::CONT));
        tracer.try_wait().is_ok_and(|ended| ended.is_some())
    });
    let output = tracer.wait_with_output().expect("strace");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "call {call}: {log}");
    if stopped.is_some() { Ended::Stopped } else { Ended::Before }
}

/// Writes a file with an old modification time, as `cp -p` does.
fn written(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, content).expect("written");
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(old))
        .expect("set");
}

/// The files and the actions of the owner in one publish.
struct Owner<'a> {
    stage: &'a Stage,
    number: usize,
}

impl Owner<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.stage.out(&name.replace('#', &self.number.to_string()))
    }

    /// Writes the files that the owner has before the publish.
    fn prepares(&self) {
        for name in ["edited-#.txt", "replaced-#.txt", "removed-#.txt", "mine/moved-#.txt"] {
            written(&self.path(name), "before");
        }
    }

    /// Adds a new film to the upstream. Returns the path of its page.
    fn upstream_has_a_new_film(&self) -> PathBuf {
        self.stage.upstream.set("/films", Answer::json(&self.films()));
        self.path("movies/new-#/index.html")
    }

    fn films(&self) -> Value {
        let mut films = films();
        let (id, title) = (format!("new-{}", self.number), format!("New {}", self.number));
        films.as_array_mut().expect("a list").push(json!({"id": id, "title": title}));
        films
    }

    fn acts(&self) {
        written(&self.path("created-#.txt"), "mine");
        written(&self.path("movies/created-#/notes.txt"), "mine");
    }

    fn acts_on_own_files(&self) {
        written(&self.path("edited-#.txt"), "after");
        written(&self.path("new-name"), "after");
        fs::rename(self.path("new-name"), self.path("replaced-#.txt")).expect("renamed");
        fs::remove_file(self.path("removed-#.txt")).expect("removed");
        let moved = self.path("moved-#.txt");
        fs::rename(self.path("mine/moved-#.txt"), moved).expect("renamed");
    }

    /// Writes a file at the path of the new page, if the path is free. Returns whether the path was
    /// free.
    fn takes(&self, place: &Path) -> bool {
        let is_free = place.symlink_metadata().is_err();
        if is_free {
            written(place, "mine");
        }
        is_free
    }

    fn has(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    fn is_as_the_owner_left_it(&self) {
        for name in ["created-#.txt", "movies/created-#/notes.txt"] {
            assert_eq!(self.has(name).as_deref(), Some("mine"), "{} {name}", self.number);
        }
    }

    fn own_files_are_as_the_owner_left_them(&self) {
        for (name, content) in [
            ("edited-#.txt", Some("after")),
            ("replaced-#.txt", Some("after")),
            ("removed-#.txt", None),
            ("mine/moved-#.txt", None),
            ("moved-#.txt", Some("before")),
        ] {
            assert_eq!(self.has(name).as_deref(), content, "{} {name}", self.number);
        }
    }

    /// Removes everything that the owner made in this turn.
    fn leaves(&self) {
        for name in ["created-#.txt", "edited-#.txt", "replaced-#.txt", "moved-#.txt"] {
            // Some of these files are not made in this kind of turn.
            let _ = fs::remove_file(self.path(name));
        }
        for name in ["mine", "movies/created-#", "movies/new-#"] {
            let _ = fs::remove_dir_all(self.path(name));
        }
    }
}

/// Runs `turn` for the system calls of a publish. Returns the number of system calls.
fn each_call(turn: impl Fn(usize) -> Ended) -> usize {
    // A turn for each system call takes long, so only `make faults` does this.
    let step = if super::is_each_call() { 1 } else { 5 };
    let calls = (1..).step_by(step).take_while(|call| matches!(turn(*call), Ended::Stopped));
    calls.count() * step
}

/// Publishes a new film, and lets the owner act at this system call. `has_own_files` says whether
/// the owner has files in `--out` before the publish.
fn turn(stage: &Stage, call: usize, has_own_files: bool) -> Ended {
    let owner = Owner { stage, number: call };
    if has_own_files {
        owner.prepares();
    }
    let place = owner.upstream_has_a_new_film();
    let (mut acted, mut took) = (false, false);
    let ended = stopped_at(stage, call, || {
        owner.acts();
        if has_own_files {
            owner.acts_on_own_files();
        }
        took = owner.takes(&place);
        acted = true;
    });
    for _ in 0..2 {
        if acted {
            owner.is_as_the_owner_left_it();
        }
        if acted && has_own_files {
            owner.own_files_are_as_the_owner_left_them();
        }
        let page = fs::read_to_string(&place).expect("a page or the owner's file");
        assert_eq!(page == "mine", took, "{call}: {page}");
        // The next publish must keep the files, too.
        assert_eq!(stage.publish_of(owner.films()), Vec::<String>::new());
    }
    owner.leaves();
    ended
}

#[test]
#[ignore = "needs strace"]
fn nothing_that_the_owner_does_during_a_publish_file_by_file_is_lost() {
    let stage = Stage::new();
    assert_eq!(stage.publish(), Vec::<String>::new());
    written(&stage.out("always.txt"), "mine");
    assert_eq!(stage.publish(), Vec::<String>::new());
    let calls = each_call(|call| turn(&stage, call, true));
    assert!(calls > 30, "only {calls} calls");
    assert_eq!(fs::read_to_string(stage.out("always.txt")).ok().as_deref(), Some("mine"));
}

#[test]
#[ignore = "needs strace"]
fn nothing_that_the_owner_does_during_an_exchange_is_lost() {
    let stage = Stage::new();
    for _ in 0..2 {
        assert_eq!(stage.publish(), Vec::<String>::new());
    }
    let calls = each_call(|call| {
        let ended = turn(&stage, call, false);
        // The trees are exchanged again.
        assert_eq!(stage.publish(), Vec::<String>::new());
        ended
    });
    assert!(calls > 10, "only {calls} calls");
}
