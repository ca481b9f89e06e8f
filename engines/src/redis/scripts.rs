//! The scripts: each with what they share before it, run by its hash.

use redis::{Cmd, Script, ToRedisArgs};
use std::sync::LazyLock;

/// A script with its hash.
pub(super) struct Lua {
    code: &'static str,
    script: LazyLock<Script>,
}

macro_rules! scripts {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(pub(super) static $name: Lua = Lua {
            code: CODE.$name,
            script: LazyLock::new(|| Script::new(CODE.$name)),
        };)*

        #[allow(non_snake_case)]
        struct Code { $($name: &'static str),* }

        const CODE: Code = Code {
            $($name: concat!(include_str!("scripts/prelude.lua"), include_str!($file))),*
        };

        /// All of them.
        pub(super) static ALL: &[&Lua] = &[$(&$name),*];
    };
}

scripts! {
    BEAT = "scripts/beat.lua",
    DROP = "scripts/drop.lua",
    HEADS = "scripts/heads.lua",
    LIFE = "scripts/life.lua",
    MARKS = "scripts/marks.lua",
    MARKS_WHOLE = "scripts/marks_whole.lua",
    MOVED = "scripts/moved.lua",
    RAISE = "scripts/raise.lua",
    RECENT = "scripts/recent.lua",
    REGISTER = "scripts/register.lua",
    REVOKE = "scripts/revoke.lua",
    REVOKED = "scripts/revoked.lua",
    SAY = "scripts/say.lua",
    TAIL = "scripts/tail.lua",
    WHOLE = "scripts/whole.lua",
    WRITE = "scripts/write.lua",
}

impl Lua {
    /// Its text.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// A call with these keys, all in one shard; arguments are added by `arg`.
    pub(super) fn call<K: ToRedisArgs>(&self, keys: &[K]) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(self.script.get_hash()).arg(keys.len()).arg(keys);
        command
    }
}
