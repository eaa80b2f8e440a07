//! An object store with the API of S3, and a proxy in front that records and breaks requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::fixture::{
    Conversation, Listening, Process, Response, Site, free_address, lock, wait_until,
};

/// The name of the bucket.
pub(super) const BUCKET: &str = "films";

const LEFT_OUT: &str =
    "a test with an object store is left out, because target/tools/python is not installed\n";

/// What the proxy has seen and does.
#[derive(Default)]
struct Watched {
    /// Method and target of each request that was passed on.
    requests: Vec<(String, String)>,
    /// Number of uploads that are passed on before each further request gets an error.
    uploads_left: Option<usize>,
}

/// The store, behind the proxy.
pub(super) struct ObjectStore {
    store: SocketAddr,
    proxy: Listening,
    watched: Arc<Mutex<Watched>>,
    _process: Process,
}

impl ObjectStore {
    /// Starts the store with an empty bucket. Returns `None` where PyPI, from which the store comes, cannot
    /// be reached; the test then says that it was left out.
    pub(super) fn start() -> Option<ObjectStore> {
        let store = free_address();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        if !root.join("target/tools/python/complete").exists() {
            let _ = std::io::stderr().write_all(LEFT_OUT.as_bytes());
            return None;
        }
        let mut command = Command::new(root.join("target/tools/python/bin/moto_server"));
        command.args(["--host", "127.0.0.1", "--port", &store.port().to_string()]);
        let process = Process::start(&mut command);
        wait_until("the object store", || TcpStream::connect(store).is_ok());
        let made = say(store, "PUT", &format!("/{BUCKET}"));
        assert_eq!(made.status, 200, "{}", made.text());
        let watched = Arc::<Mutex<Watched>>::default();
        let of_proxy = watched.clone();
        let proxy = Listening::start(move |client| {
            let _ = pass_on(client, store, &of_proxy);
        });
        Some(ObjectStore { store, proxy, watched, _process: process })
    }

    /// Returns the site that uploads to this prefix of the bucket.
    pub(super) fn of(&self, site: &Site, prefix: &str) -> Site {
        site.with(&["--publish-to", &format!("s3://{BUCKET}/{prefix}")])
            .variable("AWS_ENDPOINT_URL", &format!("http://{}", self.proxy.address))
            .variable("AWS_ACCESS_KEY_ID", "id")
            .variable("AWS_SECRET_ACCESS_KEY", "secret")
            .variable("AWS_REGION", "us-east-1")
    }

    /// Fails each request after this number of uploads, or no request.
    pub(super) fn fail_after(&self, uploads: Option<usize>) {
        lock(&self.watched).uploads_left = uploads;
    }

    /// Returns the requests since the last call: method and name of the object.
    pub(super) fn requests(&self) -> Vec<(String, String)> {
        std::mem::take(&mut lock(&self.watched).requests)
    }

    /// Returns the names of the objects that were uploaded since the last call, in order.
    pub(super) fn uploads(&self) -> Vec<String> {
        let puts = self.requests().into_iter().filter(|(method, _)| method == "PUT");
        puts.map(|(_, name)| name).collect()
    }

    /// Returns an object as visitors get it.
    pub(super) fn object(&self, name: &str) -> Response {
        say(self.store, "GET", &format!("/{BUCKET}/{name}"))
    }

    /// Returns the names of all objects with this prefix.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        let list = say(self.store, "GET", &format!("/{BUCKET}?list-type=2&prefix={prefix}"));
        let text = list.text();
        assert!(text.contains("<IsTruncated>false"), "{text}");
        let parts = text.split("<Key>").skip(1);
        parts.map(|part| part.split("</Key>").next().unwrap_or_default().to_owned()).collect()
    }
}

/// Sends a request of the owner. The store would read another `Host` as the name of a bucket.
fn say(store: SocketAddr, method: &str, target: &str) -> Response {
    let mut conversation = Conversation::open(store);
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {store}\r\nAuthorization: AWS id:x\r\nContent-Length: \
         0\r\nConnection: close\r\n\r\n"
    );
    conversation.say(request.as_bytes());
    conversation.answer()
}

/// Passes the requests of a connection on, one connection to the store for each.
fn pass_on(client: TcpStream, store: SocketAddr, watched: &Mutex<Watched>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut client = client;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let field = |name: &str| {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let length = field("content-length").map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut words = head.split(' ').map(str::to_owned);
        let (method, target) = (words.next().expect("a method"), words.next().expect("a target"));
        let fails = {
            let mut watched = lock(watched);
            let fails = watched.uploads_left == Some(0);
            if let Some(left) = watched.uploads_left.as_mut().filter(|_| method == "PUT") {
                *left = left.saturating_sub(1);
            }
            if !fails {
                let name = target.strip_prefix(&format!("/{BUCKET}/")).unwrap_or(&target);
                watched.requests.push((method, name.to_owned()));
            }
            fails
        };
        if fails {
            client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        let mut server = TcpStream::connect(store)?;
        let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        server.write_all(head.as_bytes())?;
        server.write_all(&body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        client.write_all(&answer)?;
        return Ok(());
    }
}
