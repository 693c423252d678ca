"""The page in a real browser: offline, in any size, for everybody, and it shows what is so."""

import json
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from drift_core.episodes import Dropped, EpisodeStore
from drift_core.preferences import marks_of
from playwright.sync_api import expect
from recorded_episodes import EXPERT, HOLD, POLICY, record

from .watched import until

SIZES = [(1280, 800), (1024, 768), (360, 640)]
LONG = "Kollisionsüberwachungsgrenzwertüberschreitung " * 6
SLOW_MS = 15_000
expect.set_options(timeout=SLOW_MS)


@pytest.fixture
def run(served):
    """Attempts of 1.4, 1.2 and 1.0 s from one start, the first taken over at 0.6 s; a demonstration."""
    for number, sources in enumerate(
        ([POLICY] * 30 + [EXPERT] * 20 + [HOLD] * 21, [POLICY] * 61, [POLICY] * 51), 1
    ):
        name, frames_s = f"m{number}", [0.1 * n for n in range(10)]
        record(
            served.store, name, sources, outcome="success" if number > 1 else "failure", frames_s=frames_s,
            brighter=100.0, wanted=True, started_s=1000.0 + number, version=number,
        )  # fmt: skip
    record(served.store, "d1", [EXPERT] * 20, kind="demonstration", outcome="success")
    return served


def fold(page, name):
    """Open a section by its title."""
    page.locator("summary", has_text=name).click()


def show(page, episode="m1"):
    """Open the list, and an episode of it, and wait for its first picture."""
    fold(page, "Recorded episodes")
    page.locator(f"[data-episode={episode}]").click()
    expect(page.locator(".films figcaption")).to_have_text("front · picture 1 of 10")


def box(page, selector):
    found = page.locator(selector).bounding_box()
    assert found is not None, f"{selector} is not shown"
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


def uncovered(page, selector):
    """Whether what is seen in the middle of an element is the element."""
    return page.locator(selector).evaluate(
        "it => { const box = it.getBoundingClientRect();"
        "return it.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)); }"
    )


def apart(one, other):
    """Whether two boxes have no pixel in common."""
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_everything_comes_from_the_console_itself_and_nothing_breaks_its_rules(run, opened):
    page = opened.page(run)
    show(page)
    page.get_by_role("button", name="Play", exact=True).click()
    fold(page, "Compare attempts")
    expect(page.locator(".sides figcaption")).to_have_count(2)
    page.get_by_role("button", name="Equal").click()
    expect(page.locator(".compare .outcome")).to_contain_text("kept: ")
    hosts = {urlsplit(address).netloc for address in opened.requests if not address.startswith("blob:")}
    assert hosts == {f"127.0.0.1:{run.port}"}
    assert opened.complaints == []
    assert "#" not in page.url, "the token stays in the address bar"


@pytest.mark.parametrize("width, height", SIZES)
def test_stop_and_state_are_in_the_window_uncovered_at_every_size(run, opened, width, height):
    run.hear("node trainer", level=2, message=LONG, values={})
    run.hear("gate", text=LONG)
    run.checkpoints.mkdir()
    for version in range(1, 201):
        (run.checkpoints / f"policy_{version:06d}.safetensors").write_bytes(b"")
    page = opened.page(run, width, height)
    show(page)
    for share in (0.0, 0.5, 0.75, 1.0):
        page.evaluate("share => scrollTo(0, share * document.body.scrollHeight)", share)
        stop, word = box(page, "#stop"), box(page, "header .word")
        for left, top, right, bottom in (stop, word):
            assert 0 <= left and right <= width and 0 <= top and bottom <= height
        assert apart(stop, word)
        assert uncovered(page, "#stop") and uncovered(page, "header .word")
    page.evaluate("scrollTo(0, 0)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    clipped = page.eval_on_selector_all(
        "button, summary, h1, h2, h3, p, li",
        "all => all.filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth)"
        ".map(each => each.textContent.slice(0, 60))",
    )
    assert clipped == []
    small = page.eval_on_selector_all(
        "button, summary, select, input",
        "all => all.map(each => [each.textContent.slice(0, 40), each.getBoundingClientRect()])"
        ".filter(([, box]) => box.width && (box.width < 48 || box.height < 48)).map(([text]) => text)",
    )
    assert small == []


@pytest.mark.parametrize("width, height", [SIZES[0], SIZES[2]])
def test_no_rule_of_accessibility_is_broken(run, opened, width, height):
    page = opened.page(run, width, height)
    if width < 800:
        fold(page, "Learning")
    show(page)
    fold(page, "Compare attempts")
    expect(page.locator(".sides figcaption")).to_have_count(2)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []


def test_with_keys_alone_stop_comes_first_and_enter_opens_an_episode(run, opened):
    page = opened.page(run)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "stop"
    page.locator("summary", has_text="Recorded episodes").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-episode=m3]")).to_be_visible()
    page.keyboard.press("Tab")  # the list, which can be scrolled
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.episode") == "m3"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "4px"
    page.keyboard.press("Enter")
    expect(page.locator(".chosen h3")).to_have_text("m3")
    page.keyboard.press("Space")  # stops, whatever has the focus
    expect(page.locator("#stop-hint")).to_contain_text("confirmed after")
    expect(page.locator(".chosen h3")).to_have_text("m3")


def test_an_episode_is_looked_at_moment_by_moment_and_played(run, opened):
    page = opened.page(run)
    show(page)
    bar = page.locator(".bar .driver-bar")
    expect(bar).to_have_attribute("aria-label", "driven by: policy 0.6 s, person 0.4 s, hold 0.4 s")
    filled = "it => it.lastChild.getBoundingClientRect().right / it.getBoundingClientRect().right"
    shortest = page.locator("[data-episode=d1] .driver-bar")  # 0.4 s
    for one in (bar, shortest):  # the list may be drawn anew meanwhile
        until(lambda one=one: one.evaluate(filled) > 0.99, "bar that is filled")
    expect(page.locator(".clock")).to_have_text("0.0 of 1.4 s · policy v1 drove")
    page.get_by_role("button", name="Next take-over").click()
    expect(page.locator(".clock")).to_have_text("0.6 of 1.4 s · a person drove")
    expect(page.locator(".films figcaption")).to_have_text("front · picture 7 of 10")
    film = page.locator(".films canvas")
    level = film.evaluate("it => it.getContext('2d').getImageData(2, 2, 1, 1).data[0]")
    assert abs(level - 160) <= 2  # 100, and 100 a second brighter
    expect(page.locator("canvas.plot")).to_have_count(3)
    drawn = page.locator("canvas.plot").first.evaluate(
        "it => it.getContext('2d').getImageData(0, 0, it.width, it.height).data.some((value) => value > 0)"
    )
    assert drawn
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator(".clock")).to_have_text("1.4 of 1.4 s · hold")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.locator(".replay input").press("Home")
    expect(page.locator(".clock")).to_have_text("0.0 of 1.4 s · policy v1 drove")


def test_a_label_is_changed_in_the_store_and_changed_back(run, opened):
    store = EpisodeStore(run.store)
    page = opened.page(run)
    show(page)
    page.locator(".chosen").get_by_role("button", name="✓ success").click()
    expect(page.locator(".said .outcome")).to_have_text("m1 is success.")
    page.get_by_label("score").select_option("0.7")
    expect(page.locator(".said .outcome")).to_have_text("m1 is success 0.7.")
    assert (store.meta("m1").outcome, store.meta("m1").score) == ("success", 0.7)
    page.locator(".chosen").get_by_role("button", name="✗ failure").click()
    expect(page.locator(".said .outcome")).to_have_text("m1 is failure.")
    assert store.meta("m1").score is None, "a score is that of its outcome"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".said .outcome")).to_have_text("m1 is success 0.7.")
    page.get_by_label("score").select_option("none")
    expect(page.locator(".said .outcome")).to_have_text("m1 is success.")
    assert store.meta("m1").score is None


def test_a_dropped_episode_leaves_the_list_and_comes_back(run, opened):
    store = EpisodeStore(run.store)
    page = opened.page(run)
    show(page)
    page.get_by_role("button", name="Drop", exact=True).click()
    expect(page.locator(".said .outcome")).to_have_text("m1 is dropped.")
    expect(page.locator("[data-episode=m1]")).to_have_count(0)
    assert store.ids() == ["d1", "m2", "m3"] and Dropped(store).ids() == ["m1"]
    expect(page.get_by_role("button", name="Put back")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-episode=m1]")).to_be_visible()
    assert store.ids() == ["d1", "m1", "m2", "m3"]


def test_attempts_are_compared_by_keys_and_a_skipped_pair_waits(run, opened):
    page = opened.page(run)
    fold(page, "Compare attempts")
    titles = page.locator(".sides h3")
    expect(titles).to_have_text(["A: m1", "B: m2"])
    page.locator(".compare").press("s")
    expect(titles).to_have_text(["A: m1", "B: m3"])
    page.locator(".compare").press("b")
    expect(page.locator(".compare .outcome")).to_have_text("kept: m3 over m1")
    expect(titles).to_have_text(["A: m2", "B: m3"])
    page.locator(".compare").press("e")
    expect(page.locator(".sides")).to_contain_text("No pair is waiting. 2 were compared.")
    said = [(mark.a, mark.b, mark.answer) for mark in marks_of(EpisodeStore(run.store)).all()]
    assert said == [("m1", "m3", "b"), ("m2", "m3", "equal")]


def test_a_press_that_is_refused_or_never_answered_shows_no_success(run, opened):
    store = EpisodeStore(run.store)
    page = opened.page(run)
    show(page)
    said = page.locator(".said .outcome")

    def somebody_else_drops_it(route):
        Dropped(store).drop("m1")
        route.continue_()

    page.route("**/m1/relabel", somebody_else_drops_it)
    page.locator(".chosen").get_by_role("button", name="✓ success").click()
    expect(said).to_contain_text("m1: relabel refused: ")
    expect(page.locator("[data-episode=m1]")).to_have_count(0)
    page.locator("[data-episode=m2]").click()
    page.route(
        "**/m2/relabel", lambda route: route.fulfill(json={"episode": {"outcome": "failure"}})
    )  # it lies
    page.locator(".chosen").get_by_role("button", name="✗ failure").click()
    expect(said).to_have_text("m2 is success.")
    page.route("**/m2/drop", lambda route: route.fulfill(json={"dropped": "m2"}))
    page.get_by_role("button", name="Drop", exact=True).click()
    expect(said).to_have_text("m2: not dropped")
    page.route("**/m2/drop", lambda route: route.abort())
    page.get_by_role("button", name="Drop", exact=True).click()
    expect(said).to_have_text("m2: drop refused: the console does not answer")
    page.get_by_role("button", name="Success Y").click()  # no node answers here
    expect(page.locator("[data-section=episode] .outcome")).to_have_text("Success: asked")
    assert store.ids() == ["d1", "m2", "m3"] and store.meta("m2").outcome == "success"


def test_whoever_may_look_only_cannot_press_what_changes_something(run, opened):
    page = opened.page(run, token=run.tokens.viewer)
    show(page)
    for name in ("✓ success", "✗ failure", "? unknown", "Drop", "Start N", "Roll back…"):
        expect(page.get_by_role("button", name=name).last).to_be_disabled()
    expect(page.locator("#stop")).to_be_enabled()


def test_names_and_texts_of_files_are_text(run, opened):
    folder = run.store / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    (folder / "episode.json").write_text(json.dumps({"schema": "<b>9</b>"}))
    page = opened.page(run)
    fold(page, "Recorded episodes")
    expect(page.locator(".episode-list .broken")).to_contain_text("<img src=x onerror=alert(1)>: ")
    assert page.locator(".episode-list img, .episode-list b").count() == 0
    assert opened.complaints == []


def test_a_fault_is_shown_with_what_to_do_and_goes_when_it_is_over(served, opened):
    page = opened.page(served)
    faults = page.locator("ul.faults")
    expect(faults).to_have_text("No faults")
    served.hear("node sim", level=2, message="rendering failed", values={})
    expect(faults.locator("li.error")).to_contain_text("sim: rendering failed · since 0:0")
    expect(faults.locator(".do")).to_contain_text("logs/sim.log")
    served.hear("gate", state="FAULT", reason="PROTECTIVE_STOP", text="the arm has stopped itself")
    expect(faults.locator("li").first).to_contain_text("the arm has stopped itself")
    expect(faults.locator(".do").first).to_contain_text("pendant")
    served.hear("gate", state="HOLD", reason="NOT_ARMED", text="")
    served.hear("node sim", level=0, message="")
    expect(faults).to_have_text("No faults")


def test_success_and_labels_are_charted_by_episode(run, opened):
    page = opened.page(run)
    attempts, shown = (page.locator("figure.chart figcaption").nth(place) for place in (0, 1))
    expect(attempts).to_have_text("2 of the last 3, without help, by episode")
    expect(shown).to_have_text("0.8 s in 4 episodes, by episode")  # 0.4 s of m1, and 0.38 s of d1
    for number in range(5, 15):
        record(run.store, f"m{number}", [POLICY] * 20, started_s=1000.0 + number)
    run.hear("policy", state="ACTIVE", version=4, text="", sampler="ddim-8", engine="eager", refusal="")
    expect(attempts).to_have_text("0 of the last 10, without help, by episode")
    drawn = (
        "it => it.getContext('2d').getImageData(0, 0, it.width, it.height).data.some((value) => value > 0)"
    )
    for place in (0, 1):
        assert page.locator("canvas.chart").nth(place).evaluate(drawn)
    expect(page.locator("canvas.chart").nth(4)).to_be_hidden()  # no version has told its loss
    assert opened.complaints == []


def test_success_is_charted_by_version_and_a_new_version_is_looked_up(run, opened):
    page = opened.page(run)
    caption = page.locator("figure.chart figcaption").nth(2)
    expect(caption).to_have_text("v3: 1 of 1, 95 % interval 21 % to 100 %; too few to compare, 20 are enough")
    share = page.locator("figure.chart figcaption").nth(3)
    expect(share).to_have_text("v3: 0 % of the time, 0.0 take-overs a minute")
    record(run.store, "m4", [POLICY] * 20, version=4)
    run.hear("policy", state="ACTIVE", version=4, text="", sampler="ddim-8", engine="eager", refusal="")
    expect(caption).to_contain_text("v4: 0 of 1")
    assert opened.complaints == []
