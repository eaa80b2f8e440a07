//! The servers that are compared.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    MoviesGen,
    Nginx,
    StaticWebServer,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::MoviesGen => "movies-gen",
            Kind::Nginx => "nginx",
            Kind::StaticWebServer => "static-web-server",
        })
    }
}

/// A running server, which is stopped when the value is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // The kill fails if the process has ended already.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Finds a free port.
fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address")
}

fn tool() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/static-web-server");
    let in_path = || {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths)
            .map(|path| path.join("static-web-server"))
            .find(|path| path.is_file())
    };
    Some(own).filter(|path| path.is_file()).or_else(in_path)
}

/// Returns the versions of the programs in one line.
pub(crate) fn versions() -> String {
    let first = |command: &mut Command| {
        let output = command.output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).lines().next().map(str::to_owned)
    };
    let mut commands = vec![("nginx".into(), "-v"), ("wrk".into(), "-v")];
    commands.extend(tool().map(|tool| (tool, "--version")));
    let lines = commands
        .into_iter()
        .filter_map(|(program, flag): (PathBuf, &str)| first(Command::new(program).arg(flag)));
    let lines: Vec<_> = lines.collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("movies-gen {}; {}; {cores} cores", env!("CARGO_PKG_VERSION"), lines.join("; "))
}

impl Server {
    fn start(command: &mut Command, address: SocketAddr) -> Server {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < Duration::from_secs(60), "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Server { child, address }
    }

    /// Starts the program with a made-up catalogue of 1,000 films, and waits for the site.
    pub(crate) fn movies_gen(directory: &Path) -> Server {
        Server::movies_gen_with(directory, &["--interval", "60s"])
    }

    /// Starts the program so that a change of the catalogue or the theme is published within a second,
    /// and with room for 10,000 streams.
    pub(crate) fn live(directory: &Path) -> Server {
        let exported = Command::new(env!("CARGO_BIN_EXE_movies-gen"))
            .args(["theme", "export"])
            .arg(directory.join("theme"))
            .status();
        assert!(exported.expect("started").success(), "no theme was exported");
        Server::movies_gen_with(
            directory,
            &["--interval", "1s", "--max-age", "60s", "--templates", "theme"],
        )
    }

    /// Starts the program with these options and a made-up catalogue of 1,000 films, and waits for the
    /// site.
    pub(crate) fn movies_gen_with(directory: &Path, more: &[&str]) -> Server {
        let binary = env!("CARGO_BIN_EXE_movies-gen");
        let data = directory.join("archive");
        let made = Command::new(binary)
            .args(["demo-data", "--films", "1000", "--people", "3000", "--seed", "1", "--out"])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("started").success(), "no data was made");
        let address = free();
        let mut command = Command::new("sh");
        // Half of the connections may be streams.
        command.args(["-c", "ulimit -n 24000 2>/dev/null; exec \"$@\"", "sh", binary, "serve"]);
        command.args(more).args(["--listen", &address.to_string(), "--demo-from"]);
        let server = Server::start(command.arg(&data).current_dir(directory), address);
        let page = directory.join("public-demo/index.html");
        while !page.exists() {
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    /// Starts nginx with one worker for each core, as `deploy/nginx.conf` serves files, and with a
    /// cache of open files, which is faster.
    pub(crate) fn nginx(directory: &Path, public: &Path) -> Server {
        let address = free();
        let prefix = directory.join("nginx");
        std::fs::create_dir(&prefix).expect("made");
        let configuration = format!(
            "daemon off; worker_processes auto; pid {prefix}/pid; error_log stderr;
             events {{ worker_connections 4096; }}
             http {{
               access_log off; include /etc/nginx/mime.types;
               sendfile on; tcp_nopush on; gzip_static on; gzip_vary on; if_modified_since before;
               keepalive_requests 1000000000;
               open_file_cache max=10000 inactive=60s; open_file_cache_valid 60s;
               client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy;
               fastcgi_temp_path {prefix}/fastcgi; uwsgi_temp_path {prefix}/uwsgi;
               scgi_temp_path {prefix}/scgi;
               server {{ listen {address} backlog=1024; root {}; }}
             }}
             user root;",
            public.display(),
            prefix = prefix.display()
        );
        let file = directory.join("nginx.conf");
        std::fs::write(&file, configuration).expect("written");
        let mut command = Command::new("nginx");
        Server::start(command.arg("-e").arg("stderr").arg("-c").arg(&file), address)
    }

    /// Starts static-web-server, if it is there.
    pub(crate) fn static_web_server(public: &Path) -> Option<Server> {
        let address = free();
        let mut command = Command::new(tool()?);
        command.args([
            "--host",
            "127.0.0.1",
            "--compression-static",
            "--log-level",
            "error",
            "--port",
        ]);
        command.arg(address.port().to_string()).arg("--root").arg(public);
        Some(Server::start(&mut command, address))
    }

    /// Returns the ids of the process and its children.
    fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let path = format!("/proc/{own}/task/{own}/children");
        let children = std::fs::read_to_string(path).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        std::iter::once(own).chain(children).collect()
    }

    /// Returns the CPU time of all processes of the server until now, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let of = |id: u32| -> Option<f64> {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            ticks(&stat, [11, 12])
        };
        self.processes().into_iter().filter_map(of).sum()
    }

    /// Waits until the server has next to nothing to do, for example after a publish.
    pub(crate) fn settle(&self) {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(60) {
            let before = self.cpu();
            std::thread::sleep(Duration::from_millis(500));
            if self.cpu() - before < 0.1 {
                return;
            }
        }
    }

    /// Returns the resident memory of all processes of the server, in MB.
    pub(crate) fn memory(&self) -> f64 {
        let of = |id: u32| -> Option<f64> {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().strip_suffix(" kB")?.parse().ok()
        };
        self.processes().into_iter().filter_map(of).sum::<f64>() / 1000.0
    }
}

/// Returns the sum of two times of `/proc/<pid>/stat` in seconds. The fields are counted after the name
/// of the program.
pub(crate) fn ticks(stat: &str, [one, other]: [usize; 2]) -> Option<f64> {
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(one)? + ticks(other)?) / 100.0)
}
