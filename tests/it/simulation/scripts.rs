//! The scripts of the program, run unmodified by Lua 5.1, the version of Lua in Redis.
//!
//! Owns the conversion between Lua and Redis. `redis.call` runs commands on the simulated keys.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{Function, Lua, Value, Variadic};

use super::keys::{Bytes, Keys, Reply};

/// A script of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Claim,
    Restore,
    Renew,
    Save,
    Record,
    Load,
    Have,
    Leave,
}

const SOURCES: [(Script, &str); 8] = [
    (Script::Claim, include_str!("../../../src/store/redis/claim.lua")),
    (Script::Restore, include_str!("../../../src/store/redis/restore.lua")),
    (Script::Renew, include_str!("../../../src/store/redis/renew.lua")),
    (Script::Save, include_str!("../../../src/store/redis/save.lua")),
    (Script::Record, include_str!("../../../src/store/redis/record.lua")),
    (Script::Load, include_str!("../../../src/store/redis/load.lua")),
    (Script::Have, include_str!("../../../src/store/redis/have.lua")),
    (Script::Leave, include_str!("../../../src/store/redis/leave.lua")),
];

/// What commands read and write.
#[derive(Default)]
pub(crate) struct Data {
    pub(crate) keys: RefCell<Keys>,
    /// The clock of Redis, in microseconds since 1970.
    pub(crate) clock: Cell<u64>,
    /// Number of commands, also of those in scripts.
    pub(crate) commands: Cell<u64>,
    /// Announcements that were not sent yet.
    pub(crate) announced: RefCell<Vec<Bytes>>,
    /// Number of subscribers, which PUBLISH returns.
    pub(crate) subscribers: Cell<usize>,
}

impl Data {
    /// Runs a command.
    pub(crate) fn command(&self, words: &[Bytes]) -> Reply {
        self.commands.set(self.commands.get() + 1);
        if let [name, _, message] = words
            && &**name == b"PUBLISH"
        {
            self.announced.borrow_mut().push(message.clone());
            return Reply::Int(self.subscribers.get() as i64);
        }
        self.keys.borrow_mut().command(words, self.clock.get())
    }
}

/// The interpreter with all scripts.
pub(crate) struct Scripts {
    lua: Lua,
    scripts: Vec<(Script, Function)>,
}

impl Scripts {
    /// Compiles the scripts. Their commands use this data.
    pub(crate) fn new(data: &Rc<Data>) -> Scripts {
        let lua = Lua::new();
        let redis = lua.create_table().expect("a table");
        for (name, raises) in [("call", true), ("pcall", false)] {
            let data = data.clone();
            let call = move |lua: &Lua, words: Variadic<Value>| {
                let words: Vec<Bytes> = words.iter().map(word).collect();
                match data.command(&words) {
                    Reply::Error(text) if raises => Err(mlua::Error::RuntimeError(text)),
                    reply => into_lua(lua, &reply),
                }
            };
            redis.set(name, lua.create_function(call).expect("a function")).expect("set");
        }
        lua.globals().set("redis", redis).expect("set");
        let compile = |(script, source): (Script, &str)| {
            (script, lua.load(source).into_function().expect("a script that compiles"))
        };
        let scripts = SOURCES.map(compile).into();
        Scripts { lua, scripts }
    }

    /// Runs a script. An error of the script is a fault of the simulation.
    pub(crate) fn run(&self, script: Script, keys: &[Bytes], arguments: &[Bytes]) -> Reply {
        for (name, words) in [("KEYS", keys), ("ARGV", arguments)] {
            let texts = words.iter().map(|word| self.lua.create_string(word).expect("a string"));
            let table = self.lua.create_sequence_from(texts).expect("a table");
            self.lua.globals().set(name, table).expect("set");
        }
        let (_, function) =
            self.scripts.iter().find(|(known, _)| *known == script).expect("a script");
        let value: Value = function.call(()).unwrap_or_else(|error| panic!("{script:?}: {error}"));
        from_lua(&value)
    }
}

/// Returns a word of a command, as Redis makes words of Lua values.
fn word(value: &Value) -> Bytes {
    match value {
        Value::String(text) => (*text.as_bytes()).into(),
        Value::Integer(number) => number.to_string().as_bytes().into(),
        Value::Number(number) if number.fract() == 0.0 => {
            (*number as i64).to_string().as_bytes().into()
        }
        other => panic!("a script passes {other:?} to a command"),
    }
}

fn into_lua(lua: &Lua, reply: &Reply) -> mlua::Result<Value> {
    Ok(match reply {
        Reply::Nil => Value::Boolean(false),
        Reply::Int(number) => Value::Number(*number as f64),
        Reply::Text(text) => Value::String(lua.create_string(text)?),
        Reply::List(parts) => {
            let parts = parts.iter().map(|part| into_lua(lua, part));
            let parts = parts.collect::<mlua::Result<Vec<_>>>()?;
            Value::Table(lua.create_sequence_from(parts)?)
        }
        Reply::Ok => Value::Table(lua.create_table_from([("ok", "OK")])?),
        Reply::Error(text) => Value::Table(lua.create_table_from([("err", text.as_str())])?),
    })
}

fn from_lua(value: &Value) -> Reply {
    match value {
        Value::Integer(number) => Reply::Int(*number),
        Value::Number(number) => Reply::Int(*number as i64),
        Value::String(text) => Reply::Text((*text.as_bytes()).into()),
        Value::Boolean(true) => Reply::Int(1),
        Value::Table(table) => {
            let parts = table.sequence_values::<Value>();
            Reply::List(parts.map(|part| from_lua(&part.expect("a value"))).collect())
        }
        _ => Reply::Nil,
    }
}
