"""Calls API_URL with `requests` and fresh tokens of FRESHTOKEN_ACCOUNT from `freshtoken serve`.

A 401 is reported, so that the next call has another token; the call itself still returns 401. Set FRESHTOKEN_SOCKET if the
agent prints another path."""
import http.client, os, socket
import requests

PATH = os.environ.get("FRESHTOKEN_SOCKET") or os.path.expanduser("~/.local/state/freshtoken/agent.sock")

class FreshToken(requests.auth.AuthBase):
    def __init__(self, account):
        self.path = f"/v1/accounts/{account}/"

    def ask(self, method, what, body=None):
        agent = http.client.HTTPConnection("localhost")
        agent.sock = socket.socket(socket.AF_UNIX)
        if agent.sock.connect_ex(PATH) != 0:
            raise requests.ConnectionError(f"no agent at {PATH}: start `freshtoken serve`")
        agent.request(method, self.path + what, body, {"Freshtoken-Request": "1"})
        response = agent.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise requests.RequestException(text)
        return text

    def __call__(self, request):
        lines = self.ask("GET", "header")
        request.headers.update(line.split(": ", 1) for line in lines.splitlines())

        def report(response, **_):
            if response.status_code == 401:
                self.ask("POST", "rejected", lines)

        request.register_hook("response", report)
        return request

session = requests.Session()
session.auth = FreshToken(os.environ["FRESHTOKEN_ACCOUNT"])
print(session.get(os.environ["API_URL"]).status_code)
