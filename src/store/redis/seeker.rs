//! Asks others where the Redis is that has the keys.
//!
//! Owns the questions to sentinels and to the nodes of a cluster, and the check that the named
//! server has the role it should have. This module remembers only the nodes of the cluster.

use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue,
    RedisResult, ServerErrorKind, Value, cmd,
};

use super::super::locked;
use super::address::RedisAddress;

/// Nodes of a cluster that are remembered. Any living node knows which node has the keys.
const MOST_NODES: usize = 8;

/// Asks sentinels or nodes.
pub(super) struct Seeker {
    pub(super) address: RedisAddress,
    /// The key by which a node is asked. All keys are on the same node.
    key: String,
    /// Longest wait for one answer.
    limit: Duration,
    /// Other nodes of the cluster; empty if Redis is no cluster.
    nodes: Mutex<Vec<ConnectionAddr>>,
    /// A random number, so that processes do not all ask the same sentinel first.
    turn: u64,
}

/// Why a server was not found.
#[derive(Debug)]
pub(super) struct NotFound {
    /// Whether somebody answered the question. Without an answer, the last known server may still
    /// be the right server.
    pub(super) is_answered: bool,
    pub(super) said: String,
}

impl NotFound {
    fn unanswered(said: String) -> NotFound {
        NotFound { is_answered: false, said }
    }

    fn answered(said: String) -> NotFound {
        NotFound { is_answered: true, said }
    }
}

impl Seeker {
    pub(super) fn new(address: RedisAddress, key: String, limit: Duration) -> Seeker {
        let turn = RandomState::new().hash_one(());
        Seeker { address, key, limit, nodes: Mutex::default(), turn }
    }

    /// Whether another server than `known` can be asked.
    pub(super) fn can_ask_beside(&self, known: Option<&ConnectionAddr>) -> bool {
        self.address.sentinels().is_some()
            || !locked(&self.nodes).is_empty()
            || known != Some(self.address.info().addr())
    }

    /// The error if nobody answers in time.
    pub(super) fn silence(&self) -> NotFound {
        let who =
            if self.address.sentinels().is_some() { "sentinel" } else { "node of the cluster" };
        NotFound::unanswered(format!("no {who} answers"))
    }

    /// Remembers nodes of the cluster.
    pub(super) fn remember(&self, mut nodes: Vec<ConnectionAddr>) {
        nodes.truncate(MOST_NODES);
        *locked(&self.nodes) = nodes;
    }

    /// Returns those who can be asked, in the order in which they are asked.
    pub(super) fn oracles(&self) -> Vec<ConnectionInfo> {
        if let Some(sentinels) = self.address.sentinels() {
            let mut servers = sentinels.servers.clone();
            let first = self.turn % servers.len().max(1) as u64;
            servers.rotate_left(first as usize);
            return servers;
        }
        let nodes = locked(&self.nodes).clone();
        let nodes = nodes.into_iter().filter(|node| node != self.address.info().addr());
        let nodes = nodes.map(|node| self.address.info().clone().set_addr(node));
        std::iter::once(self.address.info().clone()).chain(nodes).collect()
    }

    /// Asks one of the [`Seeker::oracles`]. A server that is `trusted` is not checked again.
    pub(super) async fn ask(
        &self,
        oracle: ConnectionInfo,
        trusted: Option<&ConnectionAddr>,
    ) -> Result<ConnectionAddr, NotFound> {
        match self.address.sentinels() {
            Some(sentinels) => self.ask_sentinel(oracle, &sentinels.master, trusted).await,
            None => self.ask_node(oracle.addr().clone()).await,
        }
    }

    async fn ask_sentinel(
        &self,
        sentinel: ConnectionInfo,
        master: &str,
        trusted: Option<&ConnectionAddr>,
    ) -> Result<ConnectionAddr, NotFound> {
        let name = sentinel.addr().to_string();
        let mut question = cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
        let told: Option<(String, u16)> =
            self.query(sentinel, &question).await.map_err(|error| {
                NotFound::unanswered(format!("the sentinel at {name} does not answer: {error}"))
            })?;
        let (host, port) = told.ok_or_else(|| {
            NotFound::answered(format!(
                "the sentinel at {name} knows no master with the name {master}; check the name at \
                 the end of --redis"
            ))
        })?;
        let addr = self.elsewhere(self.address.info().addr(), host, port);
        if trusted == Some(&addr) {
            return Ok(addr);
        }
        // A sentinel may name the old master for some time, and an old master may be a replica now.
        let role = match self.query(self.at(addr.clone()), &cmd("ROLE")).await {
            Ok(role) => first_word(role),
            // A user without the right to ROLE relies on the sentinels.
            Err(error) if is(&error, ServerErrorKind::NoPerm) => "master".to_owned(),
            Err(error) => {
                let said = format!("{addr} is the master for the sentinel at {name}: {error}");
                return Err(NotFound::answered(said));
            }
        };
        if role != "master" {
            let said = format!("{addr} is the master for the sentinel at {name}, but is a {role}");
            return Err(NotFound::answered(said));
        }
        Ok(addr)
    }

    /// Asks a node of a cluster for a field. The node that has the keys answers, and each other
    /// node names this node.
    async fn ask_node(&self, node: ConnectionAddr) -> Result<ConnectionAddr, NotFound> {
        let mut question = cmd("HGET");
        question.arg(&self.key).arg("fence");
        let (mut node, mut is_named) = (node, false);
        loop {
            match self.query::<Value>(self.at(node.clone()), &question).await {
                Ok(_) => return Ok(node),
                Err(error) => match self.moved(&node, &error) {
                    Some(named) if !is_named => (node, is_named) = (named, true),
                    _ => {
                        let said = format!("the node {node} of the cluster: {error}");
                        return Err(NotFound { is_answered: is_named, said });
                    }
                },
            }
        }
    }

    /// Returns the node that an error of `from` names.
    pub(super) fn moved(
        &self,
        from: &ConnectionAddr,
        error: &redis::RedisError,
    ) -> Option<ConnectionAddr> {
        let (node, _) = error.redirect_node()?;
        let (host, port) = node.rsplit_once(':')?;
        Some(self.elsewhere(from, host.to_owned(), port.parse().ok()?))
    }

    /// Returns the address of another server, with TLS if `known` has TLS. An empty host is the
    /// host of `known`.
    fn elsewhere(&self, known: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
        let host = match known {
            ConnectionAddr::Tcp(known, _) | ConnectionAddr::TcpTls { host: known, .. }
                if host.is_empty() || host == "?" =>
            {
                known.clone()
            }
            _ => host,
        };
        match self.address.info().addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host, port),
        }
    }

    /// Returns the address with the user and the settings of Redis.
    pub(super) fn at(&self, addr: ConnectionAddr) -> ConnectionInfo {
        self.address.info().clone().set_addr(addr)
    }

    /// Connects for a few commands.
    pub(super) async fn connect(&self, info: ConnectionInfo) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limit))
            .set_response_timeout(Some(self.limit));
        Client::open(info)?.get_multiplexed_async_connection_with_config(&config).await
    }

    async fn query<T: FromRedisValue>(
        &self,
        info: ConnectionInfo,
        question: &Cmd,
    ) -> RedisResult<T> {
        question.query_async(&mut self.connect(info).await?).await
    }

    /// Returns the nodes in the answer to `CLUSTER SLOTS` of `from`: for each range of slots the
    /// first slot, the last slot, and nodes, each with host and port first.
    pub(super) fn nodes_in(
        &self,
        from: &ConnectionAddr,
        slots: &[Vec<Value>],
    ) -> Vec<ConnectionAddr> {
        let mut nodes = Vec::new();
        for node in slots.iter().flat_map(|range| range.iter().skip(2)) {
            let Value::Array(parts) = node else { continue };
            let [host, Value::Int(port), ..] = parts.as_slice() else { continue };
            let host = redis::from_redis_value::<Option<String>>(host.clone()).unwrap_or_default();
            let Ok(port) = u16::try_from(*port) else { continue };
            let node = self.elsewhere(from, host.unwrap_or_default(), port);
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        nodes
    }
}

/// Whether an error has this kind.
pub(super) fn is(error: &redis::RedisError, kind: ServerErrorKind) -> bool {
    error.kind() == redis::ErrorKind::Server(kind)
}

/// Returns the first word in the answer to ROLE.
fn first_word(role: Value) -> String {
    let words: Vec<Value> = redis::from_redis_value(role).unwrap_or_default();
    words.into_iter().next().and_then(|word| redis::from_redis_value(word).ok()).unwrap_or_default()
}
