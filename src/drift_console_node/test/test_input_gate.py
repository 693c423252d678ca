"""No sequence of messages moves the arm without a press made just now, and no loss releases enable."""

import math
from dataclasses import replace

import pytest
from drift_console_node.input_gate import InputGate, InputMessage, InputRules, parse_input
from hypothesis import given, settings
from hypothesis import strategies as st

REST = (0.0,) * 6
AHEAD = (0.5, 0.0, 0.0, 0.0, 0.0, 0.0)
TICK_S = 1 / 64  # exact in binary


class Page:
    """A page on a sound link: each call is one message, a tick after the last, its beat half a tick old."""

    def __init__(self, rules=InputRules()):  # noqa: B008
        self.gate, self.now_s, self.seq = InputGate(rules), 100.0, 0

    def message(self, deadman=False, axes=REST, gripper=0, source="pad 0", in_front=True):
        self.seq += 1
        return InputMessage(self.seq, self.gate.beat(self.now_s), deadman, axes, gripper, source, in_front)

    def say(self, deadman=False, axes=REST, **said):
        self.now_s += TICK_S
        message = self.message(deadman, axes, **said)
        return self.gate.take(message, self.now_s + TICK_S / 2)

    def say_for(self, duration_s, deadman=False, axes=REST, **said):
        """Return what was published meanwhile."""
        count = round(duration_s / TICK_S)
        return [stick for _ in range(count) if (stick := self.say(deadman, axes, **said)) is not None]

    def driving(self):
        """Bring it to where enable is passed on."""
        self.say_for(0.8)
        assert self.say(deadman=True).enabled
        return self

    def wait(self, duration_s):
        self.now_s += duration_s
        self.gate.look(self.now_s)


def test_a_press_counts_after_half_a_second_of_a_sound_link():
    page = Page()
    assert page.say_for(0.5) == []  # up to 31 ticks after the first message
    neutral = page.say_for(8 * TICK_S)
    assert [stick.enabled for stick in neutral] == [False] * 8  # 7 ticks are 0.11 s
    assert page.say(deadman=True).enabled
    assert page.say(deadman=True, axes=AHEAD).axes == AHEAD


def test_the_gate_is_shown_sticks_at_rest_for_a_tenth_of_a_second_before_a_press_counts():
    page = Page()
    assert len(page.say_for(0.5 + 7 * TICK_S)) == 7  # 6 ticks are 0.09 s
    assert not page.say(deadman=True).enabled
    assert page.gate.why == "release enable and press it anew"


def test_enable_that_is_held_from_the_beginning_never_counts():
    page = Page()
    assert page.say_for(5.0, deadman=True) == []
    assert page.say_for(0.18) != [] and not page.gate.driving  # released, but not for 0.2 s
    assert not page.say(deadman=True).enabled
    page.say_for(0.24)
    assert page.say(deadman=True).enabled


def test_letting_go_on_a_sound_link_is_published_and_pressing_again_counts_at_once():
    page = Page().driving()
    released = page.say()
    assert (released.enabled, released.axes) == (False, REST)
    assert page.say(deadman=True).enabled


def test_sticks_must_be_centred_when_enable_goes_down():
    page = Page()
    page.say_for(0.8)
    assert not page.say(deadman=True, axes=AHEAD).enabled
    assert "centre the sticks first" in page.gate.why
    assert not page.say(deadman=True).enabled  # it is the press that counts
    page.say()
    assert page.say(deadman=True).enabled


@pytest.mark.parametrize("how", ["silence", "not in front", "another device", "lost", "somebody else"])
def test_every_loss_ends_in_silence_and_asks_for_a_fresh_press(how):
    page = Page().driving()
    after = []
    if how == "silence":
        page.wait(0.25)
    elif how == "not in front":
        after = page.say_for(0.1, deadman=True, in_front=False)
    elif how == "another device":
        after = [page.say(deadman=True, source="pad 1")]
    elif how == "lost":
        page.gate.lose("blur", page.now_s)
    else:
        page.gate.begin(page.now_s)
    assert [stick for stick in after if stick is not None] == []
    assert not page.gate.driving
    source = "pad 1" if how == "another device" else "pad 0"
    assert page.say_for(3.0, deadman=True, source=source) == []  # still held: nothing
    assert page.say_for(3.0, source=source) == []  # released, but the gate may still have us: a hand-back
    page.gate.gate_seen(expert=False, arrival_s=page.now_s)
    assert not any(stick.enabled for stick in page.say_for(0.3, source=source))
    assert page.say(deadman=True, source=source).enabled


def test_a_state_of_the_gate_from_before_the_loss_says_nothing_about_it():
    page = Page().driving()
    page.gate.lose("blur", page.now_s)
    page.gate.gate_seen(expert=False, arrival_s=page.now_s - 0.001)
    page.gate.gate_seen(expert=True, arrival_s=page.now_s + 0.1)
    assert page.say_for(2.0) == []
    page.gate.gate_seen(expert=False, arrival_s=page.now_s)
    assert page.say().enabled is False


def test_a_gap_of_180_ms_is_no_loss_and_one_of_220_ms_is():
    page = Page().driving()
    page.wait(0.18 - TICK_S)
    assert page.say(deadman=True).enabled
    page.wait(0.22 - TICK_S)
    assert page.say(deadman=True) is None


def test_old_messages_of_a_hole_in_the_network_do_nothing():
    page = Page().driving()
    late = [page.message(deadman=True, axes=AHEAD) for _ in range(300)]  # what the page said meanwhile
    page.now_s += 6.0
    assert [page.gate.take(message, page.now_s) for message in late] == [None] * 300
    assert not page.gate.driving


@pytest.mark.parametrize(("late_s", "counts"), [(0.1875, True), (0.25, False)])
def test_a_link_that_is_a_quarter_of_a_second_late_drives_nothing(late_s, counts):
    page = Page()
    for deadman in [False] * 64 + [True] * 64:
        page.now_s += TICK_S
        stick = page.gate.take(page.message(deadman), page.now_s + late_s)
    assert (stick is not None and stick.enabled) is counts


def test_a_repeated_or_reordered_message_does_nothing():
    page = Page().driving()
    first, second = page.message(deadman=True, axes=AHEAD), page.message(deadman=True)
    assert page.gate.take(second, page.now_s + TICK_S / 2).axes == REST
    assert page.gate.take(second, page.now_s + TICK_S / 2) is None
    assert page.gate.take(first, page.now_s + TICK_S / 2) is None


def test_a_beat_of_the_future_or_of_long_ago_is_no_sign_of_life():
    gate = InputGate()
    beat = gate.beat(0.0)
    assert gate.age_s(beat, 0.15) == 0.15
    assert gate.age_s(beat + 1, 0.15) == math.inf
    for i in range(64):
        gate.beat(0.2 + i * 0.05)
    assert gate.age_s(beat, 3.4) == math.inf


def test_a_pad_that_does_not_move_for_three_seconds_is_lost_a_key_is_not():
    for source, kept in (("pad 0", False), ("keys", True)):
        page = Page()
        page.say_for(0.8, source=source)
        assert page.say(deadman=True, source=source).enabled
        held = page.say_for(4.0, deadman=True, axes=AHEAD, source=source)
        assert (len(held) == 256) is kept, source
        assert page.gate.driving is kept
    page = Page().driving()
    assert len(page.say_for(4.0, deadman=True, axes=(1.0, *REST[1:]))) == 256  # at its end it stands still


def test_keys_drive_at_two_fifths_of_the_speed():
    page = Page()
    page.say_for(0.8, source="keys")
    assert page.say(deadman=True, source="keys").speed == 0.4
    assert Page().driving().say(deadman=True).speed == 1.0


SOUND = {"seq": 1, "beat": 1, "deadman": True, "axes": [0, 0.5, -1, 1, 0.0, 0], "gripper": -1,
         "src": "keys", "focus": True, "vis": True}  # fmt: skip


def test_a_message_is_read_as_it_is():
    assert parse_input(SOUND) == InputMessage(1, 1, True, (0.0, 0.5, -1.0, 1.0, 0.0, 0.0), -1, "keys", True)
    assert not parse_input(SOUND | {"focus": False}).in_front
    assert not parse_input(SOUND | {"vis": False}).in_front


@pytest.mark.parametrize(
    "wrong",
    [
        {"seq": 1.0}, {"seq": True}, {"seq": None}, {"beat": "1"}, {"deadman": 1}, {"deadman": None},
        {"axes": [0] * 5}, {"axes": [0] * 7}, {"axes": "000000"}, {"axes": [0, 0, 0, 0, 0, 1.01]},
        {"axes": [0, 0, 0, 0, 0, math.nan]}, {"axes": [0, 0, 0, 0, 0, math.inf]},
        {"axes": [0, 0, 0, 0, 0, 10**400]}, {"axes": [0, 0, 0, 0, 0, True]}, {"gripper": 2}, {"gripper": 0.5},
        {"gripper": True}, {"src": ""}, {"src": "x" * 121}, {"src": 1}, {"focus": "yes"},
    ],
    ids=str,
)  # fmt: skip
def test_a_message_of_another_shape_is_refused_whole(wrong):
    assert parse_input(SOUND | wrong) is None


EVENTS = st.one_of(
    st.tuples(st.just("say"), st.booleans(), st.integers(1, 60)),  # enable, so often
    st.tuples(st.just("delay"), st.booleans(), st.integers(1, 40)),  # said now, taken so many messages later
    st.tuples(st.just("hide"), st.booleans()),
    st.tuples(st.just("repeat"), st.integers(0, 40)),  # an earlier message once more
    st.tuples(st.just("wait"), st.sampled_from([0.02, 0.1, 0.19, 0.21, 0.6])),
    st.tuples(st.sampled_from(["lose", "begin"])),
    st.tuples(st.just("gate"), st.booleans()),  # whether a person drives there
)


class Judge:
    """The rules once more, from what goes in and what comes out."""

    def __init__(self):
        self.gate, self.now_s, self.sent_s = InputGate(), 50.0, {}
        self.seq, self.newest = 0, -1
        self.fresh = []  # since the last loss: when, enable
        self.told = False  # the gate behind believes in enable
        self.lost = False  # while it did, and it has not been seen free since

    def message(self, deadman, in_front=True):
        self.now_s += TICK_S
        self.seq += 1
        beat = self.gate.beat(self.now_s)
        self.sent_s[beat] = self.now_s
        return InputMessage(self.seq, beat, deadman, REST, 0, "pad", in_front)

    def lose(self):
        self.fresh.clear()
        self.lost = self.lost or self.told

    def look(self):
        self.gate.look(self.now_s)
        if self.fresh and self.now_s - self.fresh[-1][0] > 0.2:
            self.lose()

    def take(self, message):
        self.look()
        fresh = message.seq > self.newest and self.now_s - self.sent_s[message.beat] <= 0.2
        out = self.gate.take(message, self.now_s)
        if fresh:
            self.newest = message.seq
            if message.in_front:
                self.fresh.append((self.now_s, message.deadman))
            else:
                self.lose()
        if out is None:
            return
        assert fresh and message.in_front, "an old message, or one of a page that is not in front"
        if out.enabled:
            assert message.deadman and not all(down for _, down in self.fresh), "enable was never seen up"
            assert self.now_s - self.fresh[0][0] >= 0.5, "the link is not known to be sound"
            self.told = True
        else:
            assert not self.lost, "a loss has released enable"
            self.told = False


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=60))
def test_no_order_of_messages_drives_without_a_fresh_press_and_no_loss_releases_enable(events):
    judge = Judge()
    said, delayed = [judge.message(False)], []
    for deadman in [False] * 45 + [True]:  # else hardly any would get so far
        judge.take(judge.message(deadman))
    assert judge.told
    for event, *more in events:
        if event == "say":
            for _ in range(more[1]):
                said.append(judge.message(more[0]))
                judge.take(said[-1])
                due = [message for at, message in delayed if at <= len(said)]
                delayed = [(at, message) for at, message in delayed if at > len(said)]
                for message in due:
                    judge.take(message)
        elif event == "delay":
            said.append(judge.message(more[0]))
            delayed.append((len(said) + more[1], said[-1]))
        elif event == "hide":
            said.append(judge.message(more[0], in_front=False))
            judge.take(said[-1])
        elif event == "repeat":
            judge.take(said[more[0] % len(said)])
        elif event == "wait":
            judge.now_s += more[0]
            judge.look()
        elif event == "lose":
            judge.gate.lose("blur", judge.now_s)
            judge.lose()
        elif event == "begin":
            judge.gate.begin(judge.now_s)
            judge.newest = -1
            judge.lose()
        else:
            judge.now_s += 0.001
            judge.gate.gate_seen(more[0], judge.now_s)
            if not more[0]:
                judge.lost = judge.told = False


def test_the_rules_can_be_told():
    page = Page(replace(InputRules(), silence_s=0.4)).driving()
    page.wait(0.35)
    assert page.say(deadman=True).enabled
