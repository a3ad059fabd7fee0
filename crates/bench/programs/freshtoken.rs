use freshtoken::{TokenSource, voucherify};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokens = TokenSource::from_env::<voucherify::Endpoint>()?;
    println!("a header of {} bytes", tokens.header().await?.len());
    Ok(())
}
