//! The environment of a client, and the command that runs in it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use freshtoken_sandbox::PlayedVendor;

use crate::support::{Playing, foreign, play, repository, status_and_body, vendor};

/// Returns the variables, with `*` instead of the URL.
async fn variables(vendor: PlayedVendor) -> (Playing, BTreeMap<String, String>) {
    let playing = play(vendor).await;
    let of_url = |value: String| if value == playing.issuer.url() { "*".to_owned() } else { value };
    let variables = playing.issuer.environment().into_iter().map(|(name, value)| (name, of_url(value))).collect();
    (playing, variables)
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn the_environment_contains_urls_and_credentials() {
    let voucherify = [
        ("VOUCHERIFY_URL", "*"),
        ("VOUCHERIFY_API_URL", "*"),
        ("VOUCHERIFY_APP_ID", "example-app-id"),
        ("VOUCHERIFY_APP_TOKEN", "example-app-token"),
        ("VOUCHERIFY_SCOPE", "api"),
    ];
    let wellnessliving = [
        ("WELLNESSLIVING_URL", "*"),
        ("WELLNESSLIVING_API_URL", "*"),
        ("WELLNESSLIVING_CLIENT_ID", "example-client-id"),
        ("WELLNESSLIVING_CLIENT_SECRET", "example-client-secret"),
    ];
    let zenoti = [
        ("ZENOTI_URL", "*"),
        ("ZENOTI_API_URL", "*"),
        ("ZENOTI_ACCOUNT_NAME", "example-account"),
        ("ZENOTI_USER_NAME", "example-user"),
        ("ZENOTI_PASSWORD", "example-password"),
        ("ZENOTI_APP_ID", "00000000-0000-4000-8000-00000000000A"),
        ("ZENOTI_APP_SECRET", "example-app-secret"),
        ("ZENOTI_DEVICE_ID", "example-device"),
    ];
    for (name, expected) in
        [("voucherify", &voucherify[..]), ("wellnessliving", &wellnessliving[..]), ("zenoti", &zenoti[..])]
    {
        assert_eq!(variables(vendor(name)).await.1, map(expected));
    }
}

#[tokio::test]
async fn a_credential_that_accepts_any_value_still_has_one() {
    for any in ["device_id", "password"] {
        let (playing, of_any) = variables(vendor("zenoti").any(any)).await;
        assert!(!playing.issuer.credentials().contains_key(any));
        assert_eq!(of_any, variables(vendor("zenoti")).await.1);
    }
    let (_, of_any) = variables(vendor("voucherify").any("app_id")).await;
    assert_eq!(of_any["VOUCHERIFY_APP_ID"], "example-app-id");
}

#[tokio::test]
async fn the_variables_are_those_of_one_way_to_authenticate() {
    let names = async |vendor: PlayedVendor| variables(vendor).await.1.into_keys().collect::<Vec<_>>().join(" ");
    assert!(names(vendor("auth0")).await.contains("_CLIENT_SECRET"));
    let asserted = names(vendor("auth0").alternative("assertion").unwrap()).await;
    assert!(asserted.contains("_PRIVATE_KEY") && !asserted.contains("_CLIENT_SECRET"), "{asserted}");
    for (vendor, error) in [
        (vendor("auth0"), "`assertions` is not in `one-of` of auth0, which has: secret, assertion"),
        (vendor("zenoti"), "`assertions` is not in `one-of` of zenoti, which has none"),
    ] {
        assert_eq!(vendor.alternative("assertions").unwrap_err().to_string(), error);
    }
    let output = program(&["auth0", "--alternative", "auth0=assertion", "--", "env"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("AUTH0_PRIVATE_KEY=") && !text.contains("AUTH0_CLIENT_SECRET="), "{text}");
}

#[tokio::test]
async fn variables_of_further_accounts_end_in_their_number() {
    let (_, variables) = variables(vendor("voucherify").accounts(3)).await;
    assert_eq!(variables.len(), 15);
    for (name, value) in [
        ("VOUCHERIFY_APP_TOKEN", "example-app-token"),
        ("VOUCHERIFY_APP_TOKEN_2", "example-app-token-2"),
        ("VOUCHERIFY_APP_TOKEN_3", "example-app-token-3"),
        ("VOUCHERIFY_URL_3", "*"),
        ("VOUCHERIFY_API_URL_3", "*"),
        ("VOUCHERIFY_SCOPE_3", "api"),
    ] {
        assert_eq!(variables[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_vendor_without_a_login_has_a_refresh_token_variable() {
    let (playing, variables) = variables(foreign("consentish").accounts(2)).await;
    assert_eq!(variables["CONSENTISH_TENANT"], "example-tenant", "a setting is a variable too");
    for suffix in ["", "_2"] {
        let of = |name: &str| variables[&format!("CONSENTISH_{name}{suffix}")].clone();
        let body = serde_json::json!({
            "refresh_token": of("REFRESH_TOKEN"),
            "client_id": of("CLIENT_ID"),
            "site_id": of("SITE_ID").parse::<u64>().unwrap(),
            "type": of("TYPE"),
        });
        let renew = playing.post(&format!("/example-tenant/renew?level={}", of("LEVEL"))).json(&body);
        // The halves of Basic are form-encoded.
        let [id, secret] = ["CLIENT_ID", "CLIENT_SECRET"].map(|name| {
            percent_encoding::utf8_percent_encode(&of(name), percent_encoding::NON_ALPHANUMERIC).to_string()
        });
        let (status, body) = status_and_body(renew.basic_auth(id, Some(secret))).await;
        assert_eq!(status, 200, "{suffix} {body}");
    }
    assert_eq!(playing.issuer.counts().refreshes, 2);
}

/// A vendor whose credentials have reserved names, with one input of each kind.
const ODD: &str = r##"
openapi: 3.0.3
x-token:
  login: { operation: login }
  response: { access-token: /token }
  use: { also: { X-Site: siteCode } }
paths:
  /login:
    post:
      operationId: login
      parameters:
        - { name: url, in: query, required: true, schema: { type: string } }
        - { name: apiUrl, in: query, required: true, schema: { type: string } }
        - { name: server, in: query, required: true, schema: { type: string } }
        - { name: type, in: query, required: true, schema: { type: string } }
        - { name: mode, in: query, required: true, schema: { type: string, enum: ["", fast, safe] } }
        - { name: kind, in: query, required: true, schema: { type: string, enum: [constant] } }
        - { name: optional, in: query, schema: { type: string } }
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [dry, ids, tags, names, scope]
              properties:
                dry: { type: boolean }
                ids: { type: array, items: { type: integer } }
                tags: { type: array, items: { type: string, enum: [new, old] } }
                names: { type: array, items: { type: string } }
                scope: { type: string }
            example: { dry: false, ids: [1, 2], names: [one, two three], scope: read write }
      responses:
        "200":
          content:
            application/json:
              schema: { type: object, properties: { token: { type: string, format: password } } }
"##;

#[tokio::test]
async fn variable_names_do_not_clash_and_values_are_strings() {
    let (_, variables) = variables(PlayedVendor::parse("3-odd.vendor", ODD).unwrap()).await;
    let expected = [
        ("_3_ODD_VENDOR_URL", "*"),
        ("_3_ODD_VENDOR_API_URL", "*"),
        ("_3_ODD_VENDOR_URL_", "example-url"),
        ("_3_ODD_VENDOR_API_URL_", "example-api-url"),
        ("_3_ODD_VENDOR_SERVER_", "example-server"),
        ("_3_ODD_VENDOR_TYPE", "example-type"),
        ("_3_ODD_VENDOR_MODE", "fast"),
        ("_3_ODD_VENDOR_DRY", "false"),
        ("_3_ODD_VENDOR_IDS", "[1,2]"),
        ("_3_ODD_VENDOR_TAGS", "new"),
        ("_3_ODD_VENDOR_NAMES", r#"["one","two three"]"#),
        ("_3_ODD_VENDOR_SCOPE", "read write"),
        ("_3_ODD_VENDOR_SITE_CODE", "example-site-code"),
    ];
    assert_eq!(variables, map(&expected));
}

/// Starts the program with a command to run.
fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_freshtoken-sandbox"));
    program.arg("--specs").arg(repository("specs")).args(arguments);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

#[cfg(unix)]
#[test]
fn a_command_gets_variables_and_keeps_stdout_and_exit_code() {
    let script = r#"echo "$ZENOTI_USER_NAME $ZENOTI_PASSWORD_2 $1"; echo oops >&2; test "$ZENOTI_URL" = "$ZENOTI_API_URL" && exit 7"#;
    let output = program(&["zenoti", "--accounts", "2", "--", "sh", "-c", script, "sh", "--port"]).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(7), "{stderr}");
    assert_eq!(stdout, "example-user example-password-2 --port\n", "stdout has neither introduction nor log");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0] == "oops", "stderr has no introduction: {stderr}");
    assert!(lines[1].starts_with("zenoti: 0 requests (0 refused), 0 grants "), "{stderr}");
}

#[test]
fn a_command_that_cannot_be_started_is_reported() {
    let output = program(&["zenoti", "--", "no-such-command", "argument"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(stderr.starts_with("error: `no-such-command` cannot be started: "), "{stderr}");
    assert!(!stderr.contains("argument"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_killed_command_exits_with_the_shell_code() {
    assert_eq!(program(&["--", "sh", "-c", "kill -s TERM $$"]).output().unwrap().status.code(), Some(143));
}

#[cfg(unix)]
#[test]
fn ctrl_c_goes_to_the_command_and_the_sandbox_waits() {
    use std::os::unix::process::CommandExt as _;

    // `cat` ends with the signal or with its input; then the trap runs.
    let script = "trap 'echo interrupted; exit 3' INT; echo ready; cat";
    let mut running = program(&["zenoti", "--", "sh", "-c", script]).process_group(0).spawn().unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    // A terminal sends the signal to the whole process group.
    let kill = Command::new("kill").args(["-s", "INT", "--", &format!("-{}", running.id())]).status().unwrap();
    assert!(kill.success());
    drop(running.stdin.take());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "interrupted\n");
    assert_eq!(running.wait().unwrap().code(), Some(3));
}

#[cfg(unix)]
#[test]
fn a_signal_to_the_sandbox_is_forwarded_to_the_command() {
    for name in ["TERM", "HUP", "QUIT"] {
        // `wait` ends with the signal; `cat` stays until its input ends.
        let script = format!("exec 3<&0; trap 'echo told {name}; exit 3' {name}; cat <&3 & echo ready; wait");
        let mut running = program(&["zenoti", "--", "sh", "-c", &script]).spawn().unwrap();
        let mut stdout = BufReader::new(running.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let kill = Command::new("kill").args(["-s", name, &running.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let input = running.stdin.take();
        assert_eq!(running.wait().unwrap().code(), Some(3));
        drop(input);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, format!("told {name}\n"));
        let mut log = String::new();
        running.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.starts_with("zenoti: 0 requests"), "{log}");
    }
}
