//! Counts allocations with an allocator that counts, and prints the counts as JSON.

use allocation_counter::measure;
use freshtoken_bench::accounts;
use freshtoken_bench::cached::Calls;
use freshtoken_bench::contenders::{BoxError, Call};

const CALLS: u32 = 1_000;

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let counts = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--accounts", count] => serde_json::to_string(&accounts::heap(count.parse()?, bytes)?)?,
        ["--sources"] => serde_json::to_string(&accounts::heap_of_contenders(bytes))?,
        _ => serde_json::to_string(&Calls::new()?.iter().map(per_call).collect::<Vec<_>>())?,
    };
    println!("{counts}");
    Ok(())
}

/// Counts the allocations of one call. The difference of two rounds leaves out those of the round itself.
fn per_call(call: &Call) -> f64 {
    let count = |calls: u32| measure(|| call.round(calls)).count_total;
    let (once, twice) = (count(CALLS), count(2 * CALLS));
    twice.saturating_sub(once) as f64 / f64::from(CALLS)
}

/// Counts the bytes that this thread allocates and does not free.
fn bytes(work: &mut dyn FnMut()) -> i64 {
    measure(work).bytes_current
}
