//! What is printed, byte for byte.

use crate::support::{Fixed, PROGRAM, Ran, has};

/// Every character that a shell could make something else of.
const TOKEN: &str = r#"a'b"c$d\e`f%g #h!"#;

#[test]
fn header_and_token_are_one_line_each() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    assert_eq!(user.ok(&["header", "voucherify"]), "Authorization: Bearer invented-token\n");
    assert_eq!(user.ok(&["token", "voucherify"]), "invented-token\n");
    assert_eq!(issuer.count(), 1);
}

#[test]
fn the_json_form_has_everything_that_is_known() {
    let issuer = Fixed::token("invented-token");
    let out = issuer.user().ok(&["token", "voucherify", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expires_at = json["expires_at"].as_str().unwrap();
    let unix = json["expires_at_unix"].as_u64().unwrap();
    let url = &issuer.url;
    assert!(expires_at.ends_with('Z') && expires_at.len() == 20, "{expires_at}");
    let expected = format!(
        "{{\"version\":1,\"account\":\"voucherify\",\"vendor\":\"voucherify\",\"access_token\":\"invented-token\",\
         \"token_type\":\"Bearer\",\"headers\":{{\"Authorization\":\"Bearer invented-token\"}},\
         \"expires_at\":\"{expires_at}\",\"expires_at_unix\":{unix},\"scopes\":[],\"base_url\":\"{url}\"}}\n"
    );
    assert_eq!(out, expected);
}

#[test]
fn a_shell_reads_the_same_token_from_each_format() {
    let issuer = Fixed::token(TOKEN);
    let user = issuer.user();
    let env = user.ok(&["token", "voucherify", "--format", "env"]);
    let (token, rest) = env.split_once('\n').unwrap();
    assert_eq!(token, r#"export VOUCHERIFY_ACCESS_TOKEN='a'\''b"c$d\e`f%g #h!'"#);
    assert!(rest.starts_with("export VOUCHERIFY_TOKEN_EXPIRES_AT='20") && rest.ends_with("Z'\n"), "{rest}");
    let dotenv = user.ok(&["token", "voucherify", "--format", "dotenv"]);
    assert!(
        dotenv.starts_with(&format!("VOUCHERIFY_ACCESS_TOKEN={TOKEN}\nVOUCHERIFY_TOKEN_EXPIRES_AT=20")),
        "{dotenv}"
    );
    let fish = user.ok(&["token", "voucherify", "--format", "fish"]);
    assert!(fish.starts_with(r#"set -gx VOUCHERIFY_ACCESS_TOKEN 'a\'b"c$d\\e`f%g #h!'"#), "{fish}");
    let powershell = user.ok(&["token", "voucherify", "--format", "powershell"]);
    assert!(powershell.starts_with(r#"$Env:VOUCHERIFY_ACCESS_TOKEN = 'a''b"c$d\e`f%g #h!'"#), "{powershell}");

    let ran = user.sh(r#"eval "$(freshtoken token voucherify --format env)" && printf %s "$VOUCHERIFY_ACCESS_TOKEN""#);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), TOKEN), "{}", ran.err);
    if has("fish") {
        let script = "'$0' token voucherify --format fish | source; printf %s $VOUCHERIFY_ACCESS_TOKEN";
        let script = script.replace("$0", PROGRAM);
        let ran = Ran::of(user.other_command("fish", &["--no-config", "-c", &script]).output().unwrap());
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), TOKEN), "{}", ran.err);
    }
}

#[test]
fn a_token_that_could_not_be_printed_is_an_error_and_is_not_kept() {
    for token in ["a\nb", "a\rb", "\u{1b}[31ma", "a\0b", "a\u{fc}b"] {
        let issuer = Fixed::token(token);
        let user = issuer.user();
        for arguments in [&["header", "voucherify"][..], &["token", "voucherify", "--format", "json"]] {
            let ran = user.run(arguments);
            assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{token:?}: {}", ran.err);
            assert!(ran.err.contains("no printable ASCII character"), "{}", ran.err);
            assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        }
    }
}

#[test]
fn no_colour_is_in_a_token_whatever_the_environment_asks_for() {
    let issuer = Fixed::token("invented-token");
    let mut user = issuer.user();
    user.set("FORCE_COLOR", "1");
    user.set("CLICOLOR_FORCE", "1");
    assert_eq!(user.ok(&["token", "voucherify"]), "invented-token\n");
    assert!(!user.ok(&["vendors"]).contains('\u{1b}'), "stdout is no terminal");
}

#[test]
fn an_unwritten_token_is_no_success() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    for arguments in [["token", "voucherify"], ["header", "voucherify"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = user.command(&arguments).stdout(full).output().unwrap();
        let ran = Ran::of(output);
        assert_eq!(ran.code, Some(1));
        assert!(
            ran.err.starts_with("freshtoken: cannot write to stdout") && ran.err.lines().count() == 1,
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_reader_that_goes_away_causes_no_panic() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    for script in [
        "freshtoken vendors | head -n 1",
        "freshtoken vendors | true",
        "freshtoken token voucherify >&-",
        "freshtoken token voucherify <&- | head -n 1",
    ] {
        let ran = user.sh(script);
        assert!(!ran.err.contains("panicked"), "{script}: {}", ran.err);
    }
}

#[test]
fn vendors_says_what_is_set_and_never_a_value() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    let text = user.ok(&["vendors"]);
    assert!(text.contains("VOUCHERIFY_APP_TOKEN  set ") && text.contains("ZENOTI_PASSWORD       missing"), "{text}");
    assert!(!text.contains("invented-app-token"));
    let json: serde_json::Value =
        serde_json::from_str(&user.ok(&["vendors", "voucherify", "--format", "json"])).unwrap();
    let variables = json["vendors"][0]["variables"].as_array().unwrap();
    let token = variables.iter().find(|variable| variable["name"] == "VOUCHERIFY_APP_TOKEN").unwrap();
    assert_eq!((&token["set"], &token["secret"], &token["required"]), (&true.into(), &true.into(), &true.into()));
}

#[test]
fn completions_and_manual_cover_every_command() {
    let user = Fixed::token("unused").user();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(user.ok(&["completions", shell]).contains("min-life"), "{shell}");
    }
    assert!(user.ok(&["man"]).contains("freshtoken\\-header"));
    let pages = user.dir.0.join("share/man1");
    user.ok(&["man", "--dir", pages.to_str().unwrap()]);
    let page = std::fs::read_to_string(pages.join("freshtoken-token.1")).unwrap();
    for option in ["format", "min\\-life", "account", "timeout"] {
        assert!(page.contains(option), "{option}");
    }
}

#[test]
fn the_manual_shows_every_option() {
    let user = Fixed::token("unused").user();
    let pages = user.dir.0.join("pages");
    user.ok(&["man", "--dir", pages.to_str().unwrap()]);
    let man = |page: &str| {
        let path = pages.join(page);
        let output = user.other_command("man", &["-P", "cat", "-l", path.to_str().unwrap()]).output();
        output.ok().map(Ran::of).filter(|ran| ran.code == Some(0))
    };
    let Some(page) = man("freshtoken-run.1") else { return println!("skipped: no man") };
    for option in ["--file", "--env", "--keep-credentials", "--account", "--config", "--store", "--timeout", "COMMAND"]
    {
        assert!(page.out.contains(option), "{option} in {}", page.out);
    }
    assert_eq!(page.err, "");
}

/// The examples of the help and the README, with the sandbox in the vendor's place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_of_the_help_runs() {
    if !has("curl") {
        return;
    }
    let (_sandbox, issuer, user) = crate::support::sandbox("voucherify").await;
    let help = ["header", "token", "run", "status", "revoke", "vendors"].map(|command| user.ok(&[command, "--help"]));
    let help = format!("{}{}", user.ok(&["--help"]), help.concat());
    let mut count = 0;
    for line in help.lines().map(str::trim).filter(|line| line.contains("freshtoken ") && line.contains("voucherify")) {
        // What follows two spaces is a remark.
        let line = line.split("   ").next().unwrap().replace("https://api.voucherify.io", issuer.url());
        let ran = user.sh(&line.replace("curl ", "curl --noproxy '*' "));
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.err);
        count += 1;
    }
    assert!(count >= 4, "{help}");
    assert!(issuer.counts().calls_accepted >= 2 && issuer.counts().calls_refused == 0);
}
