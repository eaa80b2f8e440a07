//! Runs of wrk.

use std::path::Path;
use std::process::Command;

use super::paths::Paths;
use super::server::{self, Server};

/// Duration of one run in seconds.
const SECONDS: &str = "2s";

/// What wrk asks for, in order. wrk counts a read error for each connection that ends after an answer
/// without `Connection: close`, so these are left out.
const SCRIPT: &str = r#"
local requests = {}
function init(args)
  local headers = {}
  for line in io.lines(args[2]) do
    local name, value = line:match("^(.-): (.*)$")
    headers[name] = value
  end
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
end
local next = 0
function request()
  next = next % #requests + 1
  return requests[next]
end
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %f %f %f %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    errors.connect + errors.write + errors.timeout))
end
"#;

/// One kind of request.
pub(crate) struct Load<'p> {
    pub(crate) name: &'static str,
    pub(crate) connections: usize,
    paths: &'p [String],
    fields: &'static str,
}

/// The result of one run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    /// CPU seconds of the server for 100,000 requests.
    pub(crate) cpu: f64,
    /// CPU seconds of wrk for 100,000 requests.
    pub(crate) asking: f64,
    /// The 50th, 99th and 99.9th percentile in milliseconds.
    pub(crate) latencies: [f64; 3],
    /// Resident memory of the server in MB.
    pub(crate) memory: f64,
}

impl Load<'_> {
    pub(crate) fn all(paths: &Paths) -> Vec<Load<'_>> {
        let load = |name, connections, paths, fields| Load { name, connections, paths, fields };
        let not_modified = "If-Modified-Since: Fri, 31 Dec 2094 23:59:59 GMT";
        vec![
            load("plain", 64, &paths.mix, ""),
            load("plain", 256, &paths.mix, ""),
            load("gzip", 64, &paths.mix, "Accept-Encoding: gzip"),
            load("gzip", 256, &paths.mix, "Accept-Encoding: gzip"),
            load("gzip and br", 64, &paths.mix, "Accept-Encoding: gzip, deflate, br"),
            load("answered 304", 64, &paths.mix, not_modified),
            load("a connection for each", 64, &paths.mix, "Connection: close"),
            load("45 kB, plain", 64, &paths.large, ""),
        ]
    }

    /// Runs wrk against a server.
    pub(crate) fn run(&self, server: &Server, directory: &Path) -> Run {
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let script = file("wrk.lua", SCRIPT);
        let paths = file("wrk.paths", &(self.paths.join("\n") + "\n"));
        let fields = file("wrk.fields", self.fields);
        let (cpu, asking) = (server.cpu(), ended_children());
        let output = Command::new("wrk")
            .args(["-t1", "-d", SECONDS, "-c", &self.connections.to_string(), "-s"])
            .arg(script)
            .arg(format!("http://{}", server.address))
            .arg(paths)
            .arg(fields)
            .output()
            .expect("wrk");
        let (cpu, asking) = (server.cpu() - cpu, ended_children() - asking);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
        let line = line.unwrap_or_else(|| panic!("no result in {text}"));
        let figures: Vec<f64> =
            line.split(' ').map(|figure| figure.parse().expect("a number")).collect();
        assert!(figures[5] == 0.0, "{} errors: {text}", figures[5]);
        assert!(!text.contains("Non-2xx") || self.name == "answered 304", "{text}");
        Run {
            per_second: figures[0] / (figures[1] / 1e6),
            cpu: cpu / figures[0] * 1e5,
            asking: asking / figures[0] * 1e5,
            latencies: [figures[2], figures[3], figures[4]]
                .map(|microseconds| microseconds / 1000.0),
            memory: server.memory(),
        }
    }
}

/// Returns the CPU time of the ended children of this process, in seconds.
fn ended_children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("readable");
    server::ticks(&stat, [13, 14]).expect("two times")
}

/// A run, with a run of another server or under another condition before and after.
pub(crate) type Between = (Run, [Run; 2]);

/// Returns the median ratio of the runs to the runs around them.
pub(crate) fn ratio(runs: &[Between], value: fn(&Run) -> f64) -> f64 {
    ratio_of(runs, value, value)
}

/// Returns the median ratio of a value of the runs to another value of the runs around them.
pub(crate) fn ratio_of(runs: &[Between], of: fn(&Run) -> f64, to: fn(&Run) -> f64) -> f64 {
    let of_round = |(run, [one, two]): &Between| of(run) * 2.0 / (to(one) + to(two));
    median(runs.iter().map(of_round))
}

/// Returns the median.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
