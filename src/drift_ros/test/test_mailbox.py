import threading
import time

from drift_ros.mailbox import Mailbox


def test_only_the_newest_item_is_handed_over_and_the_others_are_counted():
    box = Mailbox()
    for item in (1, 2, 3):
        box.put(item)
    assert (box.take(timeout_s=0.0), box.take(timeout_s=0.0), box.dropped) == (3, None, 2)


def test_a_waiting_worker_is_woken_by_an_item():
    box, got = Mailbox(), []
    worker = threading.Thread(target=lambda: got.append(box.take(timeout_s=5.0)))
    worker.start()
    box.put("new")
    worker.join(timeout=5.0)
    assert got == ["new"]


def test_a_worker_waits_no_longer_than_it_said():
    start_s = time.monotonic()
    assert Mailbox().take(timeout_s=0.05) is None
    assert 0.04 < time.monotonic() - start_s < 2.0
