//! The command of `--then`.
//!
//! Owns one run of the command: its input, its environment and its end. The command runs in a shell, so
//! that operators can write what they would type.

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tracing::warn;

use crate::live::LiveSite;

/// Time after which the log says that the command still runs.
const LONG: Duration = Duration::from_secs(60);

/// A command that runs after a publish.
#[derive(Debug)]
pub(super) struct Hook {
    command: String,
    out: PathBuf,
}

impl Hook {
    pub(super) fn new(command: &str, out: &Path) -> Hook {
        Hook { command: command.to_owned(), out: out.to_owned() }
    }

    /// Runs the command with the paths on its standard input, each with a NUL behind it.
    ///
    /// # Errors
    /// Fails if the command cannot be started, or does not end with 0.
    pub(super) async fn run(&self, paths: &[String], site: &LiveSite) -> Result<()> {
        // Standard output may be the access log.
        let output = io::stderr().as_fd().try_clone_to_owned().context("cannot run --then")?;
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(&self.command)
            .env("MOVIES_GEN_GENERATION", &site.generation.id.0)
            .env("MOVIES_GEN_ORIGIN", site.origin.wall.rfc3339())
            .env("MOVIES_GEN_OUT", &self.out)
            // The command is not the service.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .stdin(Stdio::piped())
            .stdout(output)
            .spawn()
            .with_context(|| format!("cannot run --then {:?}", self.command))?;
        let mut input: Vec<u8> = Vec::new();
        for path in paths {
            input.extend_from_slice(path.as_bytes());
            input.push(0);
        }
        let stdin = child.stdin.take();
        let told = async {
            let Some(mut stdin) = stdin else { return };
            // A command that does not read its input may end before.
            let _ = stdin.write_all(&input).await;
        };
        let (status, ()) = tokio::join!(self.end_of(&mut child), told);
        let status = status.context("cannot wait for --then")?;
        if !status.success() {
            bail!(
                "--then {:?} was told {} paths and ended with {status}",
                self.command,
                paths.len()
            );
        }
        Ok(())
    }

    async fn end_of(&self, child: &mut Child) -> io::Result<std::process::ExitStatus> {
        if let Ok(ended) = tokio::time::timeout(LONG, child.wait()).await {
            return ended;
        }
        let seconds = LONG.as_secs();
        warn!(
            "--then {:?} has been running for {seconds} s; later changes wait for its end",
            self.command
        );
        child.wait().await
    }
}
