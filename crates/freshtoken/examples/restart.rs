//! Keeps Zenoti's tokens over restarts: the next process goes on with the token of the last, without a login, and no
//! refresh token is used twice.
//!
//! Set the variables of `examples/zenoti.rs`, and name a file for the tokens, which are secrets:
//!
//! ```sh
//! cargo run -p freshtoken --example restart -- target/zenoti.json
//! ```
//!
//! Without credentials, two starts against one sandbox:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- zenoti -- sh -c 'for i in 1 2; do cargo run -p freshtoken --example restart -- target/zenoti.json; done'
//! ```
//!
//! It is for one process at a time. For several at once, write a `Store`.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use freshtoken::{FromEnv, HttpClient, Record, Secret, TokenSource, zenoti};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = PathBuf::from(std::env::args_os().nth(1).ok_or("name a file for the tokens")?);
    let (endpoint, credentials) = zenoti::Endpoint::from_env()?;

    let (path, record) = (file.clone(), read(&file)?);
    let source = TokenSource::builder(endpoint, credentials).on_change(move |record| {
        let (written, path) = (write(&path, &record), path.clone());
        async move {
            if let Err(error) = written {
                eprintln!("the tokens can't be kept in {}, so the next start may log in: {error}", path.display());
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

    let api = HttpClient::new(tokens)?;
    let url = std::env::var("ZENOTI_API_URL").unwrap_or_else(|_| "https://api.zenoti.com".to_owned());
    let answer = api.get(format!("{url}/v1/centers")).send().await?;
    println!("{}\n{}", answer.status(), answer.text().await?);
    Ok(())
}

/// What the last process kept. After a revoke that is an empty record.
fn read(file: &Path) -> Result<Option<Record>, Box<dyn Error>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => Secret::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Record::from_json(text.expose())?).filter(|record| !record.is_empty()))
}

/// Writes it aside and renames it, so that the file is always a whole one. Nobody else may read it.
fn write(file: &Path, record: &Record) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = file.with_extension("new");
    // One that a crash left behind may be anyone's.
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
    // On the disk before it takes the old one's place.
    new.sync_all()?;
    fs::rename(&aside, file)
}
