//! The keys of the simulated Redis, and the commands that the scripts and the program use.
//!
//! Owns the meaning of these commands.

use std::collections::BTreeMap;
use std::rc::Rc;

/// A text or a body. A clone is cheap.
pub(crate) type Bytes = Rc<[u8]>;

/// An answer of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Nil,
    Int(i64),
    Text(Bytes),
    Ok,
    List(Vec<Reply>),
    Error(String),
}

impl Reply {
    /// Returns the length of the answer on the wire (RESP 2) in bytes.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Reply::Nil | Reply::Ok => 5,
            Reply::Int(number) => 3 + number.to_string().len() as u64,
            Reply::Text(text) => length_of(text.len()),
            Reply::List(parts) => {
                3 + digits(parts.len()) + parts.iter().map(Reply::length).sum::<u64>()
            }
            Reply::Error(text) => 3 + text.len() as u64,
        }
    }

    /// Returns a part of a list; [`Reply::Nil`] if there is no such part.
    pub(crate) fn part(&self, index: usize) -> &Reply {
        match self {
            Reply::List(parts) => parts.get(index).unwrap_or(&Reply::Nil),
            _ => &Reply::Nil,
        }
    }

    /// Returns the number, if the answer is a number or the text of a number.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Reply::Int(number) => u64::try_from(*number).ok(),
            Reply::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// Returns the text, unless the answer has none.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Reply::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }
}

/// Returns the length on the wire of a request of these words.
pub(crate) fn length_of_request<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> u64 {
    3 + digits(words.len()) + words.map(|word| length_of(word.len())).sum::<u64>()
}

fn length_of(bytes: usize) -> u64 {
    5 + digits(bytes) + bytes as u64
}

fn digits(number: usize) -> u64 {
    number.to_string().len() as u64
}

#[derive(Debug, Clone)]
enum Value {
    Hash(BTreeMap<Bytes, Bytes>),
    Text(Bytes),
}

#[derive(Debug, Clone)]
struct Entry {
    value: Value,
    /// Time of the expiry on the clock of Redis, in microseconds.
    expires: Option<u64>,
}

/// All keys. A clone is a copy, as a replica of Redis has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(BTreeMap<Bytes, Entry>);

impl Keys {
    /// Runs a command at this time of the clock of Redis, in microseconds.
    pub(crate) fn command(&mut self, words: &[Bytes], now: u64) -> Reply {
        let Some((name, words)) = words.split_first() else {
            return Reply::Error("no command".to_owned());
        };
        if let Some(key) = words.first() {
            self.forget_expired(key, now);
        }
        match (&**name, words) {
            (b"TIME", []) => {
                let [seconds, rest] = [now / 1_000_000, now % 1_000_000];
                Reply::List(vec![text(&seconds.to_string()), text(&rest.to_string())])
            }
            (b"HGET", [key, field]) => self.field(key, field),
            (b"HMGET", [key, fields @ ..]) => {
                Reply::List(fields.iter().map(|field| self.field(key, field)).collect())
            }
            (b"HSET", [key, pairs @ ..]) => self.put_fields(key, pairs),
            (b"HDEL", [key, fields @ ..]) => self.remove_fields(key, fields),
            (b"GET", [key]) => match self.0.get(key).map(|entry| &entry.value) {
                Some(Value::Text(text)) => Reply::Text(text.clone()),
                Some(Value::Hash(_)) => Reply::Error("WRONGTYPE".to_owned()),
                None => Reply::Nil,
            },
            (b"SET", [key, value, more @ ..]) => {
                let expires = match more {
                    [px, time] if &**px == b"PX" => Some(now + 1_000 * count(time) as u64),
                    _ => None,
                };
                self.0.insert(key.clone(), Entry { value: Value::Text(value.clone()), expires });
                Reply::Ok
            }
            (b"DEL", [key]) => Reply::Int(i64::from(self.0.remove(key).is_some())),
            (b"PEXPIRE", [key, time]) => {
                let entry = self.0.get_mut(key);
                let expires = now + 1_000 * count(time) as u64;
                Reply::Int(i64::from(entry.map(|entry| entry.expires = Some(expires)).is_some()))
            }
            (b"PERSIST", [key]) => {
                let entry = self.0.get_mut(key);
                Reply::Int(i64::from(entry.and_then(|entry| entry.expires.take()).is_some()))
            }
            (b"PTTL", [key]) => Reply::Int(match self.0.get(key).map(|entry| entry.expires) {
                None => -2,
                Some(None) => -1,
                Some(Some(at)) => at.saturating_sub(now).div_ceil(1_000) as i64,
            }),
            _ => Reply::Error(format!("unknown command {}", String::from_utf8_lossy(name))),
        }
    }

    fn forget_expired(&mut self, key: &Bytes, now: u64) {
        if self.0.get(key).is_some_and(|entry| entry.expires.is_some_and(|at| at <= now)) {
            self.0.remove(key);
        }
    }

    fn field(&self, key: &Bytes, field: &Bytes) -> Reply {
        match self.0.get(key).map(|entry| &entry.value) {
            Some(Value::Hash(fields)) => fields.get(field).cloned().map_or(Reply::Nil, Reply::Text),
            _ => Reply::Nil,
        }
    }

    fn put_fields(&mut self, key: &Bytes, pairs: &[Bytes]) -> Reply {
        let none = || Entry { value: Value::Hash(BTreeMap::new()), expires: None };
        let entry = self.0.entry(key.clone()).or_insert_with(none);
        let Value::Hash(fields) = &mut entry.value else {
            return Reply::Error("WRONGTYPE".to_owned());
        };
        let new = pairs.chunks_exact(2).filter_map(|pair| {
            fields.insert(pair[0].clone(), pair[1].clone()).is_none().then_some(())
        });
        Reply::Int(new.count() as i64)
    }

    fn remove_fields(&mut self, key: &Bytes, names: &[Bytes]) -> Reply {
        let Some(Value::Hash(fields)) = self.0.get_mut(key).map(|entry| &mut entry.value) else {
            return Reply::Int(0);
        };
        let gone = names.iter().filter(|name| fields.remove(*name).is_some()).count();
        if fields.is_empty() {
            self.0.remove(key);
        }
        Reply::Int(gone as i64)
    }
}

/// Returns a text as an answer.
pub(crate) fn text(text: &str) -> Reply {
    Reply::Text(text.as_bytes().into())
}

fn count(number: &Bytes) -> i64 {
    std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()).unwrap_or(0).max(0)
}
