//! What runs in the server: one script for each operation.
//!
//! The scripts are sent in full each time (`EVAL`): they are short, and a server that restarted or took over knows none of them
//! by its digest. A call that is sent twice, because its connection broke, does the same as one.

use std::time::Duration;

use redis::{Cmd, cmd};

/// Returns the record and the server's time.
pub(crate) const LOAD: &str = "
local record = redis.call('HMGET', KEYS[1], 'generation', 'text')
if not record[1] and redis.call('EXISTS', KEYS[1]) == 1 then
    return redis.error_reply('FOREIGN not a record')
end
local now = redis.call('TIME')
return {record[1], record[2], now[1], now[2]}
";

/// `ARGV`: expected generation, new generation, text, an id of the call, milliseconds to keep it or nothing.
///
/// Generations are compared as strings: a number of Lua has 53 bits.
pub(crate) const COMPARE_AND_STORE: &str = "
local stored = redis.call('HGET', KEYS[1], 'generation')
if not stored and redis.call('EXISTS', KEYS[1]) == 1 then
    return redis.error_reply('FOREIGN not a record')
end
if (stored or '0') ~= ARGV[1] and redis.call('HGET', KEYS[1], 'write') ~= ARGV[4] then
    return 0
end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'text', ARGV[3], 'write', ARGV[4])
if ARGV[5] == '' then
    redis.call('PERSIST', KEYS[1])
else
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return 1
";

/// `ARGV`: owner, milliseconds.
pub(crate) const TAKE_LEASE: &str = "
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
";

/// `ARGV`: owner, milliseconds.
pub(crate) const RENEW_LEASE: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
";

/// `ARGV`: owner.
pub(crate) const RELEASE_LEASE: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
";

/// A call of a script on a key.
pub(crate) fn call(script: &str, key: &str) -> Cmd {
    let mut call = cmd("EVAL");
    call.arg(script).arg(1).arg(key);
    call
}

/// The longest time to live. Redis adds it to its clock, and refuses what overflows.
const MAX_MILLIS: u128 = 100 * 365 * 24 * 60 * 60 * 1000;

/// Whole milliseconds, rounded up: 0 would delete the key.
pub(crate) fn millis(time: Duration) -> u64 {
    let millis = time.as_nanos().div_ceil(1_000_000).clamp(1, MAX_MILLIS);
    u64::try_from(millis).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_neither_zero_nor_too_long_for_redis() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_micros(1001)), 2);
        assert_eq!(millis(Duration::from_secs(3)), 3000);
        assert_eq!(u128::from(millis(Duration::MAX)), MAX_MILLIS);
    }
}
