//! External checkers of HTTP over each kind of answer.

use std::path::Path;
use std::process::Command;

use super::{served, tell};

#[test]
#[ignore = "needs httplint and REDbot"]
fn external_checkers_find_no_error_in_any_kind_of_answer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/tools/python/bin/python");
    if !root.join("target/tools/python/complete").exists() {
        // The checkers come from PyPI, which a machine may not reach.
        tell("HTTP checkers: left out, because target/tools/python is not installed\n");
        return;
    }
    let (_upstream, server) = served();
    let output = Command::new(python)
        .arg(root.join(".ci/http-checkers"))
        .arg(format!("http://{}", server.address))
        .output()
        .expect("the checkers");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(output.status.success(), "{told}");
    for line in told.lines().filter(|line| line.starts_with("HTTP checkers:")) {
        tell(&format!("{line}\n"));
    }
}
