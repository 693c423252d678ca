"""What helps a person at the page: all keys at a glance, and tones when somebody else drives."""

from playwright.sync_api import expect

_LISTEN = """() => {
  window.heard = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.heard.push(this.frequency.value);
    return start.apply(this, when);
  };
}"""


def test_a_question_mark_shows_all_keys_and_stop_stays_within_reach(served, opened):
    page = opened.page(served)
    page.locator("summary", has_text="Recorded").focus()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text("letting go hands back to the policy")
    expect(page.locator("#help button")).to_be_focused()
    stop = page.locator("#stop").bounding_box()
    at = stop["x"] + stop["width"] / 2, stop["y"] + stop["height"] / 2
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('#stop') !== null", at)
    page.keyboard.press("Escape")  # stops, and hides nothing
    expect(page.locator("#stop-hint")).to_contain_text("confirmed after")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("summary", has_text="Recorded")).to_be_focused()
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), { id: 'typed' }))")
    page.locator("#typed").press("?")
    expect(page.locator("#help")).to_be_hidden()
    page.get_by_role("button", name="Keys ?").click()
    expect(page.get_by_role("button", name="Keys ?")).to_have_attribute("aria-expanded", "true")


def test_tones_are_off_until_they_are_asked_for_and_each_state_has_its_own_once(served, opened):
    page = opened.page(served)
    page.evaluate(_LISTEN)

    def becomes(word, **gate):
        served.hear("gate", **{"reason": "NONE", "text": "", "armed": True, **gate})
        expect(page.locator("h1")).to_have_text(word)

    def story():
        """Return what is heard; None where the link of a busy machine was lost, which has its own tones."""
        becomes("POLICY DRIVES", state="POLICY")
        page.evaluate("heard.length = 0")
        becomes("A PERSON DRIVES", state="EXPERT")
        becomes("HELP WANTED – take over?", state="HOLD", reason="JOY_LOST")
        heard = page.evaluate("heard")
        return None if 520 in heard else heard

    assert story() == []
    sounds = page.get_by_role("button", name="Sounds")
    sounds.click()
    told = next(filter(None, (story() for _ in range(5))))
    assert told == [880, 660, 880], "a tick for a person who drives, two rising tones for help: each once"
    sounds.click()
    before = page.evaluate("heard")
    becomes("STOPPED – arm to go on", state="HOLD", reason="STOP_REQUESTED", armed=False)
    page.wait_for_timeout(300)
    assert page.evaluate("heard") == before
    assert opened.complaints == []
