//! A connection that goes to the server that has the keys.
//!
//! Owns what follows from an answer that says that the keys are elsewhere: the call is made again
//! at the other server. Each call may be made twice: a repeated claim has the same nonce, and a
//! repeated save is recognised by its revision. The caller bounds the time of a call.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    Arg, Cmd, ConnectionAddr, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult,
    ServerErrorKind, Value, cmd,
};

use super::connections::{Connections, Use};
use super::seeker::is;

/// Servers that one call asks at most, so that servers which name each other are not asked forever.
const MOST_SERVERS: u32 = 5;
/// Time until a node is asked again that has only a part of the keys, because the keys are on their
/// way to another node.
const ON_THE_WAY: Duration = Duration::from_millis(20);

/// A connection for calls of one kind.
pub(super) struct Line<'a> {
    connections: &'a Connections,
    what: Use,
    /// The node to which the keys are on their way.
    next: Option<MultiplexedConnection>,
}

/// What follows from an answer.
enum Then {
    /// The answer counts.
    Done,
    /// The call must be made again.
    Again,
    /// The call must be made at this node, which does not own the keys yet.
    Ask(ConnectionAddr),
}

impl<'a> Line<'a> {
    pub(super) fn new(connections: &'a Connections, what: Use) -> Line<'a> {
        Line { connections, what, next: None }
    }

    async fn one(&mut self, command: &Cmd) -> RedisResult<Value> {
        if let (Some(next), true) = (&mut self.next, is_without_keys(command)) {
            return next.send_packed_command(command).await;
        }
        let mut servers = 0;
        loop {
            let (addr, mut manager) = self.connections.get(self.what).await?;
            let answer = manager.send_packed_command(command).await;
            servers += 1;
            match self.then(&addr, error_in(&answer), servers).await {
                Then::Done => return answer,
                Then::Again => {}
                Then::Ask(node) => {
                    let answer = self.ask(node, command).await;
                    let error = error_in(&answer);
                    if !error.is_some_and(|error| is(&error, ServerErrorKind::TryAgain)) {
                        return answer;
                    }
                    tokio::time::sleep(ON_THE_WAY).await;
                }
            }
        }
    }

    /// Makes a call at the node to which the keys are on their way.
    async fn ask(&mut self, node: ConnectionAddr, command: &Cmd) -> RedisResult<Value> {
        let mut next = self.connections.visit(node).await?;
        next.send_packed_command(&cmd("ASKING")).await?;
        let answer = next.send_packed_command(command).await;
        self.next = Some(next);
        answer
    }

    /// Makes several calls. All are made again if one of them failed: each sets or gets a key.
    async fn several(
        &mut self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let mut servers = 0;
        loop {
            let (addr, mut manager) = self.connections.get(self.what).await?;
            let answers = manager.send_packed_commands(pipeline, offset, count).await;
            let error = match &answers {
                Ok(values) => values.iter().find_map(error_of),
                Err(error) => Some(error.clone()),
            };
            servers += 1;
            match self.then(&addr, error, servers).await {
                Then::Done => return answers,
                Then::Again => {}
                // Some of the keys are here, and some are there.
                Then::Ask(_) => tokio::time::sleep(ON_THE_WAY).await,
            }
        }
    }

    async fn then(&self, at: &ConnectionAddr, error: Option<RedisError>, servers: u32) -> Then {
        let Some(error) = error else { return Then::Done };
        let whereabouts = &self.connections.whereabouts;
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::TryAgain) => {
                tokio::time::sleep(ON_THE_WAY).await;
                Then::Again
            }
            ErrorKind::Server(ServerErrorKind::Ask) => {
                whereabouts.seeker().moved(at, &error).map_or(Then::Done, Then::Ask)
            }
            _ if servers >= MOST_SERVERS => Then::Done,
            ErrorKind::Server(ServerErrorKind::Moved) if whereabouts.follow(at, &error) => {
                Then::Again
            }
            kind if may_have_moved(kind) && whereabouts.doubt() => match whereabouts.find().await {
                Ok(found) if found != *at => Then::Again,
                _ => after_break(&error, servers),
            },
            _ => after_break(&error, servers),
        }
    }
}

/// Returns what follows if no other server has the keys. A broken connection does not mean that Redis
/// cannot be used: of the connections of many replicas, one breaks now and then.
fn after_break(error: &RedisError, servers: u32) -> Then {
    if error.is_connection_dropped() && servers == 1 { Then::Again } else { Then::Done }
}

/// Whether the error of a server may have another server as its remedy.
fn may_have_moved(kind: ErrorKind) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly};
    match kind {
        ErrorKind::Server(kind) => [BusyLoading, ClusterDown, MasterDown, ReadOnly].contains(&kind),
        kind => kind == ErrorKind::Io,
    }
}

/// Whether a command has no keys, so that every node executes the command: the load of a script.
fn is_without_keys(command: &Cmd) -> bool {
    matches!(command.args_iter().next(), Some(Arg::Simple(b"SCRIPT")))
}

fn error_in(answer: &RedisResult<Value>) -> Option<RedisError> {
    match answer {
        Ok(value) => error_of(value),
        Err(error) => Some(error.clone()),
    }
}

fn error_of(value: &Value) -> Option<RedisError> {
    match value {
        Value::ServerError(error) => Some(error.clone().into()),
        _ => None,
    }
}

impl ConnectionLike for Line<'_> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.one(command))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(self.several(pipeline, offset, count))
    }

    fn get_db(&self) -> i64 {
        self.connections.whereabouts.seeker().address.info().redis_settings().db()
    }
}
