//! Refused credentials, which are not sent again for an hour: an account must not be locked by a cron job.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use freshtoken_sandbox::{Issuer, Sandbox};

use crate::support::{PROGRAM, Ran, User, has, sandbox};

/// A user with a wrong password, which was refused.
async fn refused() -> (Sandbox, Issuer, User) {
    let (sandbox, issuer, mut user) = sandbox("zenoti").await;
    user.set("ZENOTI_PASSWORD", "hunter2");
    let ran = user.run(&["header", "zenoti"]);
    assert_eq!((ran.code, issuer.counts().requests), (Some(3), 1), "{}", ran.err);
    (sandbox, issuer, user)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_sent_once_and_the_next_command_says_when_again() {
    let (_sandbox, issuer, user) = refused().await;
    for command in ["header", "token"] {
        let ran = user.run(&[command, "zenoti"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
        assert!(ran.err.starts_with("freshtoken: zenoti: the credentials were refused at 20"), "{}", ran.err);
        assert!(
            ran.err.contains("not sent again before 20") && ran.err.contains("revoke zenoti --forget"),
            "{}",
            ran.err
        );
        assert!(ran.err.lines().count() == 1 && !ran.err.contains("hunter2"), "{}", ran.err);
    }
    assert_eq!(issuer.counts().requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_that_they_were_refused() {
    let (_sandbox, issuer, user) = refused().await;
    let ran = user.run(&["status", "zenoti", "--check"]);
    assert_eq!((ran.code, ran.err.lines().count()), (Some(3), 1), "{}", ran.err);
    assert!(ran.out.starts_with("zenoti: empty; the credentials were refused at 20"), "{}", ran.out);
    let json: serde_json::Value = serde_json::from_str(&user.ok(&["status", "zenoti", "--format", "json"])).unwrap();
    assert!(json["accounts"][0]["error"].as_str().unwrap().starts_with("the credentials were refused at 20"), "{json}");
    user.ok(&["revoke", "zenoti", "--forget"]);
    assert_eq!(user.ok(&["status", "zenoti"]), "zenoti: empty\n");
    assert_eq!(issuer.counts().requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_processes_with_a_wrong_password_send_it_once() {
    let (_sandbox, issuer, mut user) = sandbox("zenoti").await;
    user.set("ZENOTI_PASSWORD", "hunter2");
    let start = || user.command(&["token", "zenoti"]).stderr(Stdio::null()).spawn().unwrap();
    let started: Vec<Child> = (0..50).map(|_| start()).collect();
    for mut child in started {
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }
    assert_eq!(issuer.counts().requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_credentials_are_sent_at_once() {
    let (_sandbox, issuer, mut user) = refused().await;
    let right = issuer.environment().into_iter().find(|(name, _)| name == "ZENOTI_PASSWORD").unwrap().1;
    user.set("ZENOTI_PASSWORD", &right);
    user.ok(&["header", "zenoti"]);
    assert_eq!(issuer.counts().requests, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_or_a_command_with_another_content_is_sent_at_once() {
    let (_sandbox, issuer, mut user) = sandbox("zenoti").await;
    let password = user.dir.write("password", 0o600, "hunter2");
    let account = |name: &str, place: &str| {
        let mut text = format!("[accounts.{name}]\nvendor = \"zenoti\"\nurl = \"{}\"\n", issuer.url());
        for (variable, value) in issuer.environment() {
            let key = variable.trim_start_matches("ZENOTI_").to_lowercase();
            match key.as_str() {
                "url" | "api_url" | "refresh_token" => {}
                "password" => text += &format!("credentials.password = {place}\n"),
                _ => text += &format!("credentials.{key} = \"{value}\"\n"),
            }
        }
        text
    };
    let path = password.display();
    let config = format!(
        "version = 1\n{}{}",
        account("file", &format!("{{ file = \"{path}\" }}")),
        account("command", &format!("{{ command = [\"cat\", \"{path}\"] }}"))
    );
    let config = user.dir.write("config.toml", 0o600, &config);
    user.variables.clear();
    user.set("FRESHTOKEN_CONFIG", config.to_str().unwrap());
    for name in ["file", "command"] {
        for _ in 0..2 {
            let ran = user.run(&["token", "--account", name]);
            assert_eq!(ran.code, Some(3), "{}", ran.err);
        }
    }
    assert_eq!(issuer.counts().requests, 2, "once for each account");
    std::fs::write(&password, &issuer.credentials()["password"]).unwrap();
    for name in ["file", "command"] {
        user.ok(&["token", "--account", name]);
    }
    assert_eq!(issuer.counts().requests, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forgotten_is_sent_again() {
    let (_sandbox, issuer, user) = refused().await;
    user.ok(&["revoke", "zenoti", "--forget"]);
    let ran = user.run(&["header", "zenoti"]);
    assert_eq!((ran.code, issuer.counts().requests), (Some(3), 2), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_hour_they_are_sent_again() {
    if !has("faketime") {
        return;
    }
    let (_sandbox, issuer, user) = refused().await;
    for (offset, requests) in [("+59m", 1), ("+61m", 2)] {
        let ran = user.other_command("faketime", &["-f", offset, PROGRAM, "header", "zenoti"]).output().unwrap();
        let ran = Ran::of(ran);
        assert_eq!((ran.code, issuer.counts().requests), (Some(3), requests), "{offset}: {}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_a_refresh_was_refused_with_are_sent_once() {
    let (_sandbox, issuer, mut user) = sandbox("quickbooks").await;
    let secret = user.dir.write("secret", 0o600, "hunter2");
    let variable = |name: &str| issuer.environment().into_iter().find(|(known, _)| known == name).unwrap().1;
    let config = format!(
        "version = 1\n[accounts.books]\nvendor = \"quickbooks\"\nurl = \"{}\"\ncredentials.client_id = \"{}\"\n\
         credentials.client_secret = {{ file = \"{}\" }}\ncredentials.refresh_token = \"{}\"\n",
        variable("QUICKBOOKS_URL"),
        variable("QUICKBOOKS_CLIENT_ID"),
        secret.display(),
        variable("QUICKBOOKS_REFRESH_TOKEN"),
    );
    let config = user.dir.write("config.toml", 0o600, &config);
    let right = variable("QUICKBOOKS_CLIENT_SECRET");
    user.set("FRESHTOKEN_CONFIG", config.to_str().unwrap());
    user.set("QUICKBOOKS_CLIENT_SECRET", "hunter2");
    for arguments in [["token", "quickbooks"].as_slice(), &["token", "--account", "books"]] {
        for _ in 0..3 {
            let ran = user.run(arguments);
            assert_eq!(ran.code, Some(3), "{}", ran.err);
        }
    }
    assert_eq!(issuer.counts().requests, 2, "once for each account");
    let ran = user.run(&["token", "--account", "books"]);
    assert!(
        ran.err.contains("; change them: ") && !ran.err.contains("--forget"),
        "it would cost the consent: {}",
        ran.err
    );
    std::fs::write(&secret, right).unwrap();
    user.ok(&["token", "--account", "books"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_refresh_token_is_no_reason_to_keep_back_the_credentials() {
    let (_sandbox, _, mut user) = sandbox("quickbooks").await;
    user.set("QUICKBOOKS_REFRESH_TOKEN", "spent");
    assert_eq!(user.run(&["token", "quickbooks"]).code, Some(5));
    assert_eq!(files(&user), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_survives_what_happens_to_other_credentials_of_the_account() {
    let (_sandbox, issuer, mut user) = refused().await;
    let right = issuer.environment().into_iter().find(|(name, _)| name == "ZENOTI_PASSWORD").unwrap().1;
    for password in ["hunter3", &right, "hunter2", "hunter3"] {
        user.set("ZENOTI_PASSWORD", password);
        user.run(&["token", "zenoti"]);
    }
    assert_eq!(issuer.counts().requests, 3, "each once");
}

/// The files of the user's refusals.
fn files(user: &User) -> Vec<PathBuf> {
    let files = std::fs::read_dir(user.state()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "refused")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_at_an_impossible_time_means_nothing() {
    let (_sandbox, issuer, user) = refused().await;
    std::fs::write(&files(&user)[0], format!(r#"{{"account":"zenoti","refused_at":{},"reason":""}}"#, u64::MAX))
        .unwrap();
    let ran = user.run(&["token", "zenoti"]);
    assert_eq!((ran.code, issuer.counts().requests), (Some(3), 2), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_cannot_be_kept_is_reported() {
    let (_sandbox, issuer, user) = refused().await;
    let file = &files(&user)[0];
    std::fs::remove_file(file).unwrap();
    std::fs::create_dir(file).unwrap();
    let ran = user.run(&["token", "zenoti"]);
    assert_eq!((ran.code, issuer.counts().requests), (Some(3), 2), "{}", ran.err);
    assert!(ran.err.contains("the next command sends them again") && ran.err.lines().count() == 1, "{}", ran.err);
}
