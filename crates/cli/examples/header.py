"""Calls an API with a fresh token from `freshtoken serve`. Needs only the standard library, and FRESHTOKEN_ACCOUNT and API_URL.

Set FRESHTOKEN_SOCKET if the agent prints another path."""
import http.client, os, socket, sys, urllib.request

path = os.environ.get("FRESHTOKEN_SOCKET") or os.path.expanduser("~/.local/state/freshtoken/agent.sock")
agent = http.client.HTTPConnection("localhost")
agent.sock = socket.socket(socket.AF_UNIX)
if agent.sock.connect_ex(path) != 0:
    sys.exit(f"no agent at {path}: start `freshtoken serve`")
agent.request("GET", f"/v1/accounts/{os.environ['FRESHTOKEN_ACCOUNT']}/header", headers={"Freshtoken-Request": "1"})
response = agent.getresponse()
text = response.read().decode()
if response.status != 200:
    sys.exit(text)
headers = dict(line.split(": ", 1) for line in text.splitlines())
call = urllib.request.Request(os.environ["API_URL"], headers=headers)
print(urllib.request.urlopen(call).status)
