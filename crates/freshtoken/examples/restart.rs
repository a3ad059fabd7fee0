//! Keeps Zenoti's tokens across restarts: the next process continues with the last token, without a login, and no refresh
//! token is used twice.
//!
//! Set the variables of `examples/zenoti.rs`, and name a file for the tokens. Keep it secret:
//!
//! ```sh
//! cargo run -p freshtoken --example restart -- target/zenoti.json
//! ```
//!
//! Without credentials, start twice against one sandbox:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- zenoti -- sh -c 'for i in 1 2; do cargo run -p freshtoken --example restart -- target/zenoti.json; done'
//! ```
//!
//! This works for one process at a time. For several at once, implement a `Store`.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use freshtoken::env::FromEnv;
use freshtoken::store::Record;
use freshtoken::{HttpClient, Secret, TokenSource, zenoti};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = PathBuf::from(std::env::args_os().nth(1).ok_or("name a file for the tokens")?);
    let (endpoint, credentials) = zenoti::Endpoint::from_env()?;

    let (path, record) = (file.clone(), read(&file)?);
    let source = TokenSource::builder(endpoint, credentials).on_change(move |record| {
        let (written, path) = (write(&path, &record), path.clone());
        async move {
            if let Err(error) = written {
                eprintln!("cannot write the tokens to {}, so the next start may log in: {error}", path.display());
            }
        }
    });
    let tokens = match record {
        Some(record) => {
            println!("starting from {}", file.display());
            source.record(record).build()
        }
        None => {
            println!("starting with a login");
            source.build()
        }
    };

    let url = std::env::var("ZENOTI_API_URL").unwrap_or_else(|_| "https://api.zenoti.com".to_owned());
    let api = HttpClient::new(tokens)?.base_url(url)?;
    let response = api.get("/v1/centers").send().await?;
    println!("{}\n{}", response.status(), response.text().await?);
    Ok(())
}

/// Returns the record of the last process. After a revocation it is empty, which counts as none.
fn read(file: &Path) -> Result<Option<Record>, Box<dyn Error>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => Secret::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Record::from_json(text.expose())?).filter(|record| !record.is_empty()))
}

/// Writes to a temporary file and renames it, so that the file is always complete. Only the owner can read it.
fn write(file: &Path, record: &Record) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = file.with_extension("new");
    // A file left behind by a crash may have other permissions.
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(&aside)?;
    new.write_all(record.to_json().expose().as_bytes())?;
    // The content must be on disk before the file replaces the old one.
    new.sync_all()?;
    fs::rename(&aside, file)
}
