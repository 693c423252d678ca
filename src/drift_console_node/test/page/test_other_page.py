"""A page of somebody else in the same browser, which holds the cookie of the console."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from drift_core.episodes import EpisodeStore
from recorded_episodes import POLICY, record

_ATTACK = """async (port) => {
  const opens = (path) => new Promise((done) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
  });
  const asked = (path, options) => fetch(`http://127.0.0.1:${port}${path}`,
    { credentials: "include", ...options }).then(() => "answered", () => "refused");
  const drop = { method: "POST", body: "{}" };
  return {
    control: await opens("/ws/ctl"),
    cameras: await opens("/ws/cam"),
    read: await asked("/api/me", {}),
    dropped: await asked("/api/episodes/m1/drop",
      { ...drop, headers: { "Content-Type": "application/json" } }),
    blindly: await asked("/api/episodes/m1/drop", { ...drop, mode: "no-cors" }),
  };
}"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another page</title>")

    def log_message(self, *said):
        pass


@pytest.fixture
def another_address():
    server = HTTPServer(("127.0.0.1", 0), _Page)  # another port is another origin, but the same cookies
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_of_another_origin_opens_nothing_reads_nothing_and_changes_nothing(
    served, opened, another_address
):
    record(served.store, "m1", [POLICY] * 20)
    other = opened.page(served).context.new_page()
    other.goto(another_address)
    found = other.evaluate(_ATTACK, served.port)
    assert set(found.values()) == {"refused"}, found
    assert served.exchange.presses() == [] and EpisodeStore(served.store).ids() == ["m1"]
