"""When corrections were trained on and when they drove, from versions that say what they hold."""

import pytest
from drift.corrections import CorrectionLog
from drift_core.training.budget import TrainedCorrection


def correction(number: int, ended_s: float, share: float) -> TrainedCorrection:
    return TrainedCorrection("monday", number, 20, ended_s, share)


def test_a_correction_drives_with_the_first_version_that_holds_half_of_its_steps() -> None:
    log = CorrectionLog(begun_s=100.0)
    old = TrainedCorrection("sunday", 1, 9, 99.0, 1.0)
    log.announce(4, 106.0, [old, correction(1, 103.0, 0.4)])
    assert log.drive(4, 107.0) == []
    assert str(log.rows[0]) == "correction 1 of monday, 20 labels: not trained on yet (40% of its steps)"

    log.announce(5, 110.0, [old, correction(1, 103.0, 0.7), correction(2, 108.0, 0.5)])
    assert log.drive(4, 110.5) == [], "announced, but the version before still drives"
    assert str(log.rows[0]).endswith("in version 5 after 7.0 s, has not driven yet")
    first = log.drive(5, 111.0)
    assert [str(row) for row in first] == [
        "correction 1 of monday, 20 labels: in version 5 after 7.0 s, drove after 8.0 s",
        "correction 2 of monday, 20 labels: in version 5 after 2.0 s, drove after 3.0 s",
    ]
    assert log.drive(6, 112.0) == [], "only the first time"
    assert log.age_s(118.0) == pytest.approx(10.0)
    assert log.versions_per_minute(160.0) == pytest.approx(2.0)


def test_all_corrections_in_one_sentence_with_the_loss_on_new_and_old_data() -> None:
    log = CorrectionLog(begun_s=100.0)
    assert log.in_short(160.0) == ""
    log.announce(1, 112.0, [correction(1, 103.0, 0.7), correction(2, 108.0, 0.7), correction(3, 109.0, 0.2)])
    assert log.in_short(160.0) == "0 of 3 corrections drove; 1.0 versions per minute"
    log.drive(1, 113.0)
    log.announce(2, 119.0, [correction(3, 109.0, 0.8)], {"old": 0.02, "new": 0.0123})
    log.announce(3, 120.0, [correction(3, 109.0, 0.9)])
    log.drive(3, 121.0)  # after 10, 5 and 12 s
    assert log.in_short(160.0) == (
        "3 of 3 corrections drove, after 10 s in the middle, 12 s at most; 3.0 versions per minute; "
        "loss on new data 0.0123, loss on old data 0.0200"
    )


def test_a_later_version_drives_with_it_where_its_own_was_never_swapped_in() -> None:
    log = CorrectionLog(begun_s=0.0)
    assert log.age_s(1.0) is None
    log.announce(2, 5.0, [correction(1, 3.0, 0.8)])
    (row,) = log.drive(7, 9.0)
    assert (row.version, row.drove_s) == (2, 9.0)
