//! Many open event streams of one client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Streams that are open until the value is dropped.
pub(crate) struct Streams {
    /// Number of streams that the server opened.
    pub(crate) open: usize,
    changes: Receiver<Instant>,
    _end: oneshot::Sender<()>,
}

impl Streams {
    /// Opens streams, and waits until each has its first event or is refused.
    pub(crate) fn open(address: SocketAddr, count: usize) -> Streams {
        let (tell, changes) = channel();
        let (end, ended) = oneshot::channel();
        let (open, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (open.clone(), done.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                for number in 0..count {
                    let (tell, open, done) = (tell.clone(), open.clone(), done.clone());
                    tokio::spawn(async move {
                        let first = || {
                            open.fetch_add(1, Ordering::Relaxed);
                            done.fetch_add(1, Ordering::Relaxed);
                        };
                        let is_open = stream(address, first, || {
                            let _ = tell.send(Instant::now());
                        });
                        if is_open.await.is_none() {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                    // A burst would overflow the queue of the listener.
                    if number % 200 == 0 {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
                drop(tell);
                let _ = ended.await;
            });
        });
        let started = Instant::now();
        while counts.1.load(Ordering::Relaxed) < count {
            assert!(started.elapsed() < Duration::from_secs(60), "the streams do not open");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_ne!(counts.0.load(Ordering::Relaxed), 0, "no stream opened");
        Streams { open: counts.0.load(Ordering::Relaxed), changes, _end: end }
    }

    /// Returns the time in milliseconds from the first stream that has a change to the last.
    pub(crate) fn wait_for_change(&mut self) -> f64 {
        let patience = Duration::from_secs(20);
        let mut times: Vec<Instant> = (0..self.open)
            .map(|_| self.changes.recv_timeout(patience).expect("a change on each stream"))
            .collect();
        times.sort();
        (times[times.len() - 1] - times[0]).as_secs_f64() * 1000.0
    }
}

/// Reads one stream. Calls `first` after the first event and `changed` once, after a change.
async fn stream(address: SocketAddr, first: impl Fn(), changed: impl Fn()) -> Option<()> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = "GET /events?path=/&page=bench HTTP/1.1\r\nHost: bench\r\n\r\n";
    stream.write_all(request.as_bytes()).await.ok()?;
    let has =
        |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let (mut seen, mut is_open, mut is_changed) = (Vec::new(), false, false);
    let mut some = [0; 4096];
    loop {
        let count = stream.read(&mut some).await.ok()?;
        if count == 0 {
            return is_open.then_some(());
        }
        if !is_open {
            seen.extend_from_slice(&some[..count]);
            if has(&seen, "event: fetch") {
                is_open = true;
                first();
            }
        } else if !is_changed && has(&some[..count], "event: generation") {
            is_changed = true;
            changed();
        }
    }
}
