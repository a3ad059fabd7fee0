//! Allocations of a fresh token, the memory of an account, and what remains of a dropped token.
#![allow(clippy::unwrap_used)]

mod support;

use allocation_counter::measure;
use freshtoken::{RefreshTokens, TokenPolicy, TokenSource, TokenSources};
use support::{Does, Issuer, acme, s};

policy!(LogsIn = TokenPolicy::new("acme"));
policy!(RefreshesOnce = TokenPolicy::new("acme").refresh(RefreshTokens::SingleUse));

const DAY: u64 = 24 * 60 * 60;

#[test]
fn a_fresh_token_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let tokens = TokenSource::new(acme::<LogsIn>(&Issuer::new(Does::issues(s(900)))), "password".to_owned());
    runtime.block_on(tokens.header()).unwrap();
    let used = measure(|| {
        let header = tokens.try_header().unwrap();
        let token = tokens.try_token().unwrap();
        drop((header, token));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::pin!(tokens.header()).poll(&mut context).is_ready());
        assert!(std::pin::pin!(tokens.token()).poll(&mut context).is_ready());
        drop(tokens.clone());
    });
    assert_eq!(used.count_total, 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_token_is_wiped_with_the_last_clone_of_its_header() {
    use std::os::unix::fs::FileExt;
    let tokens = TokenSource::builder(acme::<LogsIn>(&Issuer::new(Does::issues(s(900)))), "password".to_owned())
        .token(freshtoken::IssuedTokens::new("marked".repeat(100)))
        .build();
    let header = tokens.try_header().unwrap();
    let at = header.as_bytes().as_ptr() as u64;
    // No allocation from here on, which could reuse the freed memory.
    let (memory, mut bytes) = (std::fs::File::open("/proc/self/mem").unwrap(), vec![0; header.len()]);
    let mut holds_it = || {
        memory.read_exact_at(&mut bytes, at).unwrap();
        bytes.windows(6).any(|bytes| bytes == b"marked")
    };
    let clone = header.clone();
    drop((tokens, header));
    assert!(holds_it());
    drop(clone);
    assert!(!holds_it());
}

/// Without the bytes of token, refresh token, credentials and name.
#[test]
fn an_account_takes_less_than_a_kibibyte() {
    const ACCOUNTS: usize = 14_400;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let issuer = Issuer::new(Does::issues_pairs(s(DAY)));
    let mut accounts = None;
    let used = measure(|| {
        let set = TokenSources::builder(acme::<RefreshesOnce>(&issuer)).build();
        runtime.block_on(async {
            for number in 0..ACCOUNTS {
                let name = format!("account-{number:08}");
                set.get(&name, || "password".to_owned()).header().await.unwrap();
                issuer.seen();
            }
        });
        accounts = Some(set);
    });
    let each = used.bytes_current / ACCOUNTS as i64;
    let own = "account-00000000".len() + "password".len() + "Bearer token-10000".len() + "refresh-10000".len();
    let beyond = each - own as i64;
    println!("{beyond} bytes each");
    assert!(beyond <= 1_024, "{beyond} bytes each");
}
