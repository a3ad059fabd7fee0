//! Counts the allocations of each call, as JSON: with an allocator that counts, which the other program does without.

use freshtoken_bench::cached::Calls;
use freshtoken_bench::contenders::{Call, Failure};

const CALLS: u32 = 1_000;

fn main() -> Result<(), Failure> {
    let counts: Vec<f64> = Calls::all()?.iter().map(per_call).collect();
    println!("{}", serde_json::to_string(&counts)?);
    Ok(())
}

/// A round itself allocates a little: that falls out of the difference.
fn per_call(call: &Call) -> f64 {
    let count = |calls: u32| allocation_counter::measure(|| call.round(calls)).count_total;
    let (once, twice) = (count(CALLS), count(2 * CALLS));
    twice.saturating_sub(once) as f64 / f64::from(CALLS)
}
