"""The page over TLS, as from another machine: encrypted all the way, and nothing without the token."""

import pytest
from drift_console_node.testing.certificate import own_certificate
from playwright.sync_api import Error, expect

from .conftest import serve
from .watched import until

_OPENS = """(path) => new Promise((done) => {
  const socket = new WebSocket(`wss://${location.host}${path}`);
  socket.onopen = () => done(true);
  socket.onerror = () => done(false);
})"""


@pytest.fixture
def served(tmp_path):
    """A console with a certificate that nobody has signed but itself."""
    with serve(tmp_path, **own_certificate(tmp_path, "127.0.0.1")) as found:
        yield found


def test_with_token_and_certificate_all_connections_are_encrypted_and_the_cookie_goes_nowhere_else(
    served, opened
):
    page = opened.blank(trusting=True)
    page.goto(served.address())
    expect(page.locator("h1")).to_have_text("HOLDING – not armed")
    expect(page.locator("figcaption").first).to_have_text("front: no picture yet")
    own = f"127.0.0.1:{served.port}/"
    both = {f"wss://{own}ws/ctl", f"wss://{own}ws/cam"}  # of which the browser tells when it likes
    until(lambda: page.wait_for_timeout(20) or both <= set(opened.requests), "two connections")
    assert all(address.startswith((f"https://{own}", f"wss://{own}")) for address in opened.requests)
    (cookie,) = page.context.cookies()
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    assert page.evaluate("isSecureContext") and "#" not in page.url
    page.get_by_role("button", name="Take the controls").click()
    expect(page.get_by_role("button", name="Let go of the controls")).to_be_visible()
    page.keyboard.press("Space")
    until(lambda: [press for press in served.exchange.presses() if press.what == "stop"], "stop")
    assert opened.complaints == []


@pytest.mark.parametrize("token", ["", "0" * 32], ids=["no token", "a wrong one"])
def test_without_the_token_there_is_no_state_and_no_connection(served, opened, token):
    page = opened.blank(trusting=True)
    page.goto(served.address(token))
    expect(page.locator("main")).to_contain_text("Open the address with its token")
    for path in ("/ws/ctl", "/ws/cam"):
        assert page.evaluate(_OPENS, path) is False
    assert page.context.cookies() == []
    assert page.evaluate("fetch('/api/episodes').then((answer) => answer.status)") == 401


def test_a_browser_that_does_not_know_the_certificate_warns_and_plain_http_is_not_answered(served, opened):
    page = opened.blank()
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(served.address())
    with pytest.raises(Error, match=r"ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_CONNECTION_CLOSED"):
        page.goto(served.address().replace("https", "http"))
