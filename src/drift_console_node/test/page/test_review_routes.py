"""What the console answers about recorded episodes, pairs and versions, and to whom."""

import http.client
import json
import time

import pytest
from drift_core.episodes import EpisodeStore
from drift_core.preferences import MARKS_FILE
from recorded_episodes import EXPERT, POLICY, record

from ..conftest import until


class Visitor:
    """A browser without a page: it has logged in, and says where it comes from."""

    def __init__(self, served, token):
        self.port = served.port
        self.origin = f"http://127.0.0.1:{served.port}"
        self.cookie = ""
        _, headers, _ = self.ask("POST", "/api/login", {"token": token})
        self.cookie = headers["Set-Cookie"].split(";")[0]

    def ask(self, method, path, body=None, origin=None, cookie=None):
        """Return status, headers and content."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Cookie": self.cookie if cookie is None else cookie}
        if method == "POST":
            headers |= {"Origin": origin or self.origin, "Content-Type": "application/json"}
        text = body if isinstance(body, str) else json.dumps(body)
        connection.request(method, path, text if method == "POST" else None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def get(self, path):
        status, _, content = self.ask("GET", path)
        assert status == 200, content
        return json.loads(content)

    def refused(self, method, path, body=None, **how):
        status, _, content = self.ask(method, path, body, **how)
        return status, content.decode()


@pytest.fixture
def run(served):
    record(served.store, "m1", [POLICY] * 10 + [EXPERT] * 5, outcome="success", frames_s=[0.0, 0.1], seed=1)
    record(served.store, "m2", [POLICY] * 10, frames_s=[0.0], seed=1, started_s=2000.0)
    return served


@pytest.fixture
def driver(run):
    return Visitor(run, run.tokens.driver)


@pytest.fixture
def viewer(run):
    return Visitor(run, run.tokens.viewer)


def test_the_list_has_the_newest_first_and_one_episode_over_time(viewer):
    found = viewer.get("/api/episodes")
    assert [line["id"] for line in found["episodes"]] == ["m2", "m1"]
    assert (found["in_all"], found["broken"], found["dropped"]) == (2, {}, [])
    assert [line["id"] for line in viewer.get("/api/episodes?newest=1")["episodes"]] == ["m2"]
    one = viewer.get("/api/episodes/m1")
    assert [drive["driver"] for drive in one["timeline"]["drives"]] == ["policy", "expert"]
    assert one["timeline"]["take_overs_s"] == [0.2] and one["episode"]["outcome"] == "success"


def test_a_picture_is_a_jpeg_that_nobody_keeps(viewer):
    status, headers, content = viewer.ask("GET", "/api/episodes/m1/frame?camera=front&step=14")
    assert (status, headers["Content-Type"], content[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path, status, said",
    [
        ("/api/episodes/m9", 404, "'m9' is not in"),
        ("/api/episodes/..%2Fepisodes%2Fm1", 404, "is not in"),
        ("/api/episodes/.dropped", 404, "is not in"),
        ("/api/episodes/m1/frame?camera=wrist&step=0", 404, "camera='wrist' must be one of front"),
        ("/api/episodes/m1/frame?camera=front&step=15", 404, "step=15 must lie in [0, 14]"),
        ("/api/episodes/m1/frame?camera=front", 400, "step='' must be a whole number"),
        ("/api/episodes/m1/frame?camera=front&step=1e3", 400, "step='1e3' must be a whole number"),
        ("/api/episodes?newest=0", 400, "newest=0 must lie in [1, 5000]"),
    ],
)
def test_what_is_not_there_is_refused_in_words(viewer, path, status, said):
    found, text = viewer.refused("GET", path)
    assert found == status and said in text


def test_an_episode_is_dropped_and_put_back_and_relabelled(driver, run):
    store = EpisodeStore(run.store)
    assert driver.ask("POST", "/api/episodes/m1/drop", {})[0] == 200
    assert store.ids() == ["m2"]
    assert [line["id"] for line in driver.get("/api/episodes")["dropped"]] == ["m1"]
    assert driver.refused("POST", "/api/episodes/m1/drop", {})[0] == 409
    assert driver.ask("POST", "/api/episodes/m1/restore", {})[0] == 200
    assert driver.ask("POST", "/api/episodes/m1/relabel", {"outcome": "failure", "score": 0.25})[0] == 200
    meta = store.meta("m1")
    assert (meta.outcome, meta.score) == ("failure", 0.25)


@pytest.mark.parametrize(
    "body, said",
    [
        ({"outcome": "great", "score": None}, "outcome='great' must be one of success, failure, unknown"),
        ({"outcome": "success"}, "score must be a number from 0 to 1, or null"),
        ({"outcome": "success", "score": "1"}, "score must be"),
        ({"outcome": "success", "score": True}, "score must be"),
        ('{"outcome": "success", "score": NaN}', "score must be"),
        ("[]", "must be a JSON object"),
        ("{", "must be JSON"),
    ],
)
def test_a_label_that_is_none_changes_nothing(driver, run, body, said):
    before = (run.store / "m1" / "episode.json").read_bytes()
    status, text = driver.refused("POST", "/api/episodes/m1/relabel", body)
    assert status == 400 and said in text
    assert (run.store / "m1" / "episode.json").read_bytes() == before


def test_a_score_out_of_range_is_refused_by_the_store(driver):
    status, text = driver.refused("POST", "/api/episodes/m1/relabel", {"outcome": "success", "score": 2})
    assert status == 409 and "score=2 must lie in [0, 1]" in text


def test_pairs_are_asked_and_answers_kept_in_the_run(driver, run):
    (pair,) = driver.get("/api/pairs")["pairs"]
    assert [line["id"] for line in pair] == ["m1", "m2"]
    assert driver.ask("POST", "/api/pairs", {"a": "m1", "b": "m2", "answer": "b"})[0] == 200
    found = driver.get("/api/pairs")
    assert found["pairs"] == [] and [mark["answer"] for mark in found["marks"]] == ["b"]
    assert (run.store.parent / MARKS_FILE).read_text().count('"answer": "b"') == 1
    for body, status in (
        ({"a": "m1", "b": "m1", "answer": "a"}, 409),
        ({"a": "m1", "b": "m9", "answer": "a"}, 409),
        ({"a": "m1", "b": "m2", "answer": "better"}, 400),
        ({"a": 1, "b": "m2", "answer": "a"}, 400),
    ):
        assert driver.refused("POST", "/api/pairs", body)[0] == status


def test_learning_tells_success_by_version_with_its_interval(viewer, run):
    run.hear("policy", state="ACTIVE", version=3)
    found = viewer.get("/api/learning")
    (row,) = found["progress"]
    assert (found["running"], row["version"], row["take_overs"], row["enough"]) == (3, 3, 1, False)
    rate = row["unaided"]
    assert (rate["successes"], rate["trials"], rate["value"]) == (0, 2, 0.0)
    assert rate["high"] == pytest.approx(0.658, abs=1e-3)  # 1.96^2 / (2 + 1.96^2)
    assert found["checkpoints"] == [] and found["learned"] is None


def test_nobody_goes_back_to_another_version_while_a_person_drives(console):
    async def play(desk):
        exchange, page = desk.context.exchange, await desk.browser()
        socket = await page.ws_connect("/ws/ctl", headers=desk.own)
        for number, state in enumerate(("EXPERT", "POLICY")):
            exchange.saw("gate", {"state": state, "armed": True, "since_s": 0.0}, time.monotonic())
            await socket.send_json({"type": "press", "id": f"p{number}", "what": "rollback"})
            if state == "EXPERT":
                answer = await socket.receive_json()
                while answer["type"] != "answer":
                    answer = await socket.receive_json()
                assert not answer["accepted"] and answer["text"].startswith("a person drives: ")
        await until(lambda: exchange.presses(), "press")

    console(play)


ASKED = [
    ("GET", "/api/episodes"),
    ("GET", "/api/episodes/m1"),
    ("GET", "/api/episodes/m1/frame?camera=front&step=0"),
    ("GET", "/api/pairs"),
    ("GET", "/api/learning"),
    ("POST", "/api/episodes/m1/drop"),
    ("POST", "/api/episodes/m1/restore"),
    ("POST", "/api/episodes/m1/relabel"),
    ("POST", "/api/pairs"),
]


def test_without_a_cookie_or_from_elsewhere_nothing_is_answered(driver, run):
    for method, path in ASKED:
        assert driver.refused(method, path, {}, cookie="")[0] == 401
        if method == "POST":
            assert driver.refused(method, path, {}, origin="http://evil.test")[0] == 403
    assert EpisodeStore(run.store).ids() == ["m1", "m2"]


def test_who_may_look_only_changes_nothing(viewer, run):
    label, answer = {"outcome": "success", "score": None}, {"a": "m1", "b": "m2", "answer": "a"}
    bodies = {"relabel": label, "pairs": answer}
    for method, path in ASKED:
        if method == "POST":
            status, text = viewer.refused(method, path, bodies.get(path.rpartition("/")[2], {}))
            assert status == 403 and "may look" in text
    assert EpisodeStore(run.store).ids() == ["m1", "m2"] and not (run.store.parent / MARKS_FILE).exists()
