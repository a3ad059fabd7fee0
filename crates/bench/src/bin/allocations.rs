//! Counts with an allocator that counts, which the other program does without; says what it counted as JSON.

use allocation_counter::measure;
use freshtoken_bench::accounts;
use freshtoken_bench::cached::Calls;
use freshtoken_bench::contenders::{Call, Failure};

const CALLS: u32 = 1_000;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let counts = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--accounts", count] => serde_json::to_string(&accounts::heap(count.parse()?, bytes)?)?,
        ["--rivals"] => serde_json::to_string(&accounts::rivals(bytes))?,
        _ => serde_json::to_string(&Calls::all()?.iter().map(per_call).collect::<Vec<_>>())?,
    };
    println!("{counts}");
    Ok(())
}

/// Allocations of one call. A round itself allocates a little: that falls out of the difference.
fn per_call(call: &Call) -> f64 {
    let count = |calls: u32| measure(|| call.round(calls)).count_total;
    let (once, twice) = (count(CALLS), count(2 * CALLS));
    twice.saturating_sub(once) as f64 / f64::from(CALLS)
}

/// Bytes that this thread has not given back.
fn bytes(work: &mut dyn FnMut()) -> i64 {
    measure(work).bytes_current
}
