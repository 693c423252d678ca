"""What waits between the web server and the node."""

from drift_console_node.exchange import STICK_S, STOP, Exchange, Stick

PUSHED = Stick(True, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0, 1.0)


def test_what_a_person_did_is_published_within_a_tenth_of_a_second_or_never():
    exchange = Exchange()
    exchange.put_stick(PUSHED, 5.0)
    assert exchange.take_stick(5.0 + STICK_S) == PUSHED and exchange.take_stick(5.0) is None
    exchange.put_stick(PUSHED, 6.0)
    assert exchange.take_stick(6.11) is None and exchange.take_stick(6.0) is None


def test_a_stop_is_never_refused_goes_before_all_else_and_waits_once():
    exchange, refused = Exchange(), []
    for _ in range(40):
        exchange.press("home", lambda accepted, text: refused.append(text))
    for _ in range(3):
        exchange.press(STOP, lambda accepted, text: None)
    assert refused == ["too many presses wait already"] * 8
    assert [press.what for press in exchange.presses()] == [STOP] + ["home"] * 32
