"""One page drives, and one that falls silent has let go."""

from drift_console_node.lease import Lease


def test_the_first_to_ask_has_it_and_the_second_is_told_to_the_holder():
    lease = Lease()
    assert lease.ask("a", "Ann", 0.0)
    assert not lease.ask("b", "Ben", 0.5)
    assert (lease.holder.name, lease.asked_by.name) == ("Ann", "Ben")
    lease.give("b", 0.6)  # not hers to give
    assert lease.holds("a")
    lease.give("a", 0.6)
    assert lease.holds("b") and lease.asked_by is None


def test_a_second_without_a_sign_of_life_ends_it():
    lease = Lease()
    lease.ask("a", "Ann", 0.0)
    lease.heard("a", 3.0)
    lease.heard("b", 4.0)  # not the holder
    lease.look(4.0)
    assert lease.holds("a")
    lease.look(4.01)
    assert lease.holder is None
    assert lease.ask("b", "Ben", 4.02)


def test_who_leaves_gives_it_back_and_takes_the_own_wish_along():
    lease = Lease()
    lease.ask("a", "Ann", 0.0)
    lease.ask("b", "Ben", 0.0)
    lease.leave("b")
    assert lease.asked_by is None and lease.holds("a")
    lease.leave("a")
    assert lease.holder is None
