"""Calls an API with a fresh token from `freshtoken serve`. Needs only the standard library, and FRESHTOKEN_ACCOUNT and API_URL."""
import http.client, os, socket, urllib.request

class Agent(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ.get("FRESHTOKEN_SOCKET") or os.path.expanduser("~/.local/state/freshtoken/agent.sock"))

agent = Agent("localhost")
agent.request("GET", f"/v1/accounts/{os.environ['FRESHTOKEN_ACCOUNT']}/header", headers={"Freshtoken-Request": "1"})
response = agent.getresponse()
text = response.read().decode()
if response.status != 200:
    raise SystemExit(text)
headers = dict(line.split(": ", 1) for line in text.splitlines())
call = urllib.request.Request(os.environ["API_URL"], headers=headers)
print(urllib.request.urlopen(call).status)
