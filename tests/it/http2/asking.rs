//! A client of HTTP/2 with the library that proxies in Rust use.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use hyper::{HeaderMap, Request};
use tokio::net::TcpStream;

/// An answer as received.
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) fields: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Runs a client.
pub(super) fn run<T>(client: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let in_time = async { tokio::time::timeout(3 * crate::fixture::PATIENCE, client).await };
    runtime.expect("a runtime").block_on(in_time).expect("an end in time")
}

/// Opens a connection.
pub(super) async fn connect(address: SocketAddr) -> Result<SendRequest<Bytes>, h2::Error> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (send, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    Ok(send)
}

/// Sends a request with a body, and reads the whole answer.
pub(super) async fn ask(
    send: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: &[u8],
) -> Result<Told, h2::Error> {
    send.clone().ready().await?;
    let (answer, mut sending) = send.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        // The server may end the stream before it has the whole body.
        let _ = sending.send_data(Bytes::copy_from_slice(body), true);
    }
    let answer = answer.await?;
    let (status, fields) = (answer.status().as_u16(), answer.headers().clone());
    let (mut coming, mut body) = (answer.into_body(), Vec::new());
    while let Some(part) = coming.data().await {
        let part = part?;
        body.extend_from_slice(&part);
        coming.flow_control().release_capacity(part.len())?;
    }
    Ok(Told { status, fields, body })
}

/// Makes a request without a body.
pub(super) fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Request<()> {
    let request = Request::builder().method(method).uri(target);
    let request =
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).expect("a request")
}
