//! The limits of every request.

use std::time::Duration;

/// The largest response body that is read, in bytes. The largest known token responses have about 10 KiB.
pub const MAX_BODY: usize = 64 * 1024;

/// The longest time that connecting may take, including the name lookup and the TLS handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time that a request may take, from connecting to the last byte of the response.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
