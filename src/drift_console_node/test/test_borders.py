"""Who gets an answer: our own page in a browser with a cookie, and nobody else."""

import stat
from pathlib import Path

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_console_node.access import Access, Role, Tokens
from drift_console_node.address import FILE, kept_tokens, listen, write_address
from drift_console_node.config import ConsoleConfig

from .conftest import TOKENS, console_parameters

OPEN = {"/", "/page/{name}", "/api/login"}


def test_without_a_cookie_every_route_but_page_and_login_is_refused(console):
    async def play(desk):
        client = await desk.browser(token=None)
        asked = 0
        for route in desk.server.app.router.routes():
            path = route.resource.canonical
            if path in OPEN or route.method == "HEAD":
                continue
            asked += 1
            headers = desk.own | {"Content-Type": "application/json"}
            answer = await client.request(
                route.method, path, headers=headers, data=b"{}" if route.method == "POST" else None
            )
            assert answer.status == 401, path
        assert asked >= 4
        assert (await client.get("/")).status == 200
        assert (await client.get("/page/main.js")).status == 200

    console(play)


def test_a_request_that_changes_something_must_come_from_our_own_page(console):
    async def play(desk):
        client = await desk.browser()
        for origin in (
            {},
            {"Origin": "null"},
            {"Origin": "http://robot.example"},
            {"Origin": "http://127.0.0.1:1"},
        ):
            assert (await client.post("/api/stop", json={"id": "a"}, headers=origin)).status == 403
            for path in ("/ws/ctl", "/ws/cam"):
                with pytest.raises(WSServerHandshakeError) as refused:
                    await client.ws_connect(path, headers=origin)
                assert refused.value.status == 403
        assert (await client.post("/api/stop", json={"id": "a"}, headers=desk.own)).status == 200
        assert [press.what for press in desk.context.exchange.presses()] == ["stop"]

    console(play)


def test_another_name_that_leads_here_is_refused(console):
    async def play(desk):
        client = await desk.browser()
        port = desk.server.port
        for host in (
            "evil.test",
            f"evil.test:{port}",
            "127.0.0.1.evil.test",
            "user@127.0.0.1",
            "",
            "127.0.0.1/x",
        ):
            assert (await client.get("/api/me", headers={"Host": host})).status in (400, 421), host
        for host in ("localhost:9000", f"127.0.0.1:{port}", "[::1]:8420"):
            assert (await client.get("/api/me", headers={"Host": host})).status == 200, host

    console(play)


def test_actions_are_posted_as_small_json_objects(console):
    async def play(desk):
        client = await desk.browser()
        assert (await client.get("/api/stop")).status == 405
        assert (await client.put("/api/stop", headers=desk.own)).status == 405
        assert (await client.post("/api/stop", data="a=b", headers=desk.own)).status == 415
        for body, status in ((b"{", 400), (b"[]", 400), (b"[" * 5000, 400), (b" " * 70_000, 413)):
            headers = desk.own | {"Content-Type": "application/json"}
            assert (await client.post("/api/stop", data=body, headers=headers)).status == status

    console(play)


def test_ten_wrong_tokens_in_a_minute_bar_the_door(console):
    async def play(desk):
        client = await desk.browser(token=None)
        codes = []
        for token in [*["0" * 32] * 10, TOKENS.driver]:
            codes.append((await client.post("/api/login", json={"token": token}, headers=desk.own)).status)
        assert codes == [401] * 10 + [429]

    console(play)


def test_the_minute_passes():
    access = Access(TOKENS)
    for i in range(10):
        assert access.login("wrong", float(i)) is None
    assert access.barred(59.9) and not access.barred(60.1)


def test_each_token_has_its_role_and_a_cookie_that_outlives_a_restart(console):
    async def play(desk):
        for token, role in ((TOKENS.driver, "driver"), (TOKENS.viewer, "viewer")):
            client = await desk.browser(token)
            assert (await (await client.get("/api/me")).json())["role"] == role

    console(play)
    _, cookie = Access(TOKENS).login(TOKENS.viewer, 0.0)
    assert Access(TOKENS).role(cookie) is Role.VIEWER
    assert Access(Tokens.new()).role(cookie) is None
    assert TOKENS.viewer not in cookie


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(console):
    async def play(desk):
        client = await desk.browser(token=None)
        answer = await client.post("/api/login", json={"token": TOKENS.driver}, headers=desk.own)
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert cookie.startswith(f"drift_console_{desk.server.port}=")

    console(play)


def test_answers_forbid_everything_but_our_own_files_and_allow_nobody_else(console):
    async def play(desk):
        client = await desk.browser()
        for path in ("/", "/page/main.js", "/api/me", "/nothing"):
            headers = (await client.get(path)).headers
            assert "default-src 'none'" in headers["Content-Security-Policy"], path
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
            assert not [name for name in headers if name.lower().startswith("access-control")]

    console(play)


def test_only_files_of_the_page_are_served(console):
    async def play(desk):
        client = await desk.browser()
        for name in ("..%2fconfig.py", "%2e%2e/config.py", "none.js", "%2fetc%2fpasswd"):
            assert (await client.get(f"/page/{name}")).status == 404, name

    console(play)


def test_what_no_page_of_ours_sends_ends_the_connection(console):
    async def play(desk):
        client = await desk.browser()
        deep = '{"type": "echo", "beat": ' + "[" * 900 + "]" * 900 + "}"
        for text in ("{", "[]", '{"type": "fly"}', '{"type": {}}', deep, '{"type": "echo", "beat": true}'):
            async with client.ws_connect("/ws/ctl", headers=desk.own) as socket:
                await socket.send_str(text)
                assert await ended(socket) == 1008, text
        async with client.ws_connect("/ws/ctl", headers=desk.own) as socket:
            await socket.send_str('{"type": "echo", "beat": 1, "more": "' + "x" * 5000 + '"}')
            assert await ended(socket) == 1009  # too big

    console(play)


def test_who_came_to_look_can_stop_and_nothing_else(console):
    async def play(desk):
        client = await desk.browser(TOKENS.viewer)
        async with client.ws_connect("/ws/ctl", headers=desk.own) as socket:
            await socket.send_json({"type": "stop", "id": "a"})
            await socket.send_json({"type": "press", "id": "b", "what": "arm"})
            answer = await said(socket, "answer")
            assert (answer["id"], answer["accepted"]) == ("b", False)
            assert [press.what for press in desk.context.exchange.presses()] == ["stop"]
            await socket.send_json({"type": "lease", "do": "ask"})
            assert await ended(socket) == 1008
        assert desk.context.driving.lease.holder is None

    console(play)


def test_twenty_messages_at_once_are_enough_to_look_and_stop_is_never_too_many(console):
    async def play(desk):
        client = await desk.browser(TOKENS.viewer)
        async with client.ws_connect("/ws/ctl", headers=desk.own) as socket:
            for _ in range(40):
                await socket.send_json({"type": "echo", "beat": 1})
            await socket.send_json({"type": "stop", "id": "late"})
            assert await ended(socket) == 1008
        async with client.ws_connect("/ws/ctl", headers=desk.own) as socket:
            for i in range(40):
                await socket.send_json({"type": "stop", "id": f"s{i}"})
            await ended(socket)
        assert "s20" in desk.context.stop.confirmed()

    console(play)


def test_the_address_is_for_its_owner_alone_and_tokens_are_kept(tmp_path):
    file = write_address(tmp_path, "http://127.0.0.1:8420/", TOKENS)
    assert file == tmp_path / FILE and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert kept_tokens(tmp_path) == TOKENS
    file.chmod(0o644)  # others may have read it
    assert kept_tokens(tmp_path) != TOKENS
    file.unlink()
    file.symlink_to(Path(write_address(tmp_path / "other", "http://x/", TOKENS)))
    assert kept_tokens(tmp_path) != TOKENS
    assert len(Tokens.new().driver) == 32 and Tokens.new() != Tokens.new()


def test_the_next_free_port_is_taken():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port) as second:
            assert port < second.getsockname()[1] < port + 20


def test_another_host_needs_tls(tmp_path):
    def config(**changes):
        return parse(console_parameters(tmp_path, **changes), ConsoleConfig, "parameters")

    for host in ("127.0.0.1", "localhost", "::1"):
        assert config(host=host).loopback
    for host in ("0.0.0.0", "192.168.1.7", "robot.local", "127.0.0.1.evil.test"):
        with pytest.raises(
            ConfigError, match=f"host={host} is reached from other machines: it needs tls_cert"
        ):
            config(host=host)
    with pytest.raises(ConfigError, match="must be given together"):
        config(tls_certificate="a.pem")
    assert not config(host="0.0.0.0", tls_certificate="a.pem", tls_key="b.pem").loopback
    assert config(host="0.0.0.0", insecure_lan=True).insecure_lan


async def said(socket, kind):
    """Return the next message of a kind."""
    async for message in socket:
        assert message.type is WSMsgType.TEXT
        if (found := message.json())["type"] == kind:
            return found
    raise AssertionError(f"the connection ended without {kind}")


async def ended(socket):
    """Return the code with which the server closes."""
    async for _ in socket:
        pass
    return socket.close_code


def test_a_page_that_drives_no_longer_may_go_on_sending_what_its_hands_do(console):
    async def play(desk):
        client = await desk.browser(TOKENS.driver)
        hands = {"type": "input", "beat": 1, "axes": [0.0] * 6, "gripper": 0, "src": "keys"}
        hands |= {"deadman": True, "focus": True, "vis": True}
        async with client.ws_connect("/ws/ctl", headers=desk.own) as socket:
            for seq in range(100):
                await socket.send_json({**hands, "seq": seq})
            await socket.send_json({"type": "press", "id": "b", "what": "nothing"})
            assert (await said(socket, "answer"))["id"] == "b"
        assert desk.context.exchange.take_stick(0.0) is None

    console(play)
