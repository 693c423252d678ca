import re

import pytest
from drift_config.edit import with_entry, with_value
from drift_config.errors import ConfigError

TEXT = """# a task
cameras:
  - {name: front, latency_s: 0.0}   # by the window
  - name: wrist
    latency_s: 0.03 # a guess
dt_s: 0.1
"""


def test_one_value_is_replaced_and_everything_else_stays():
    assert with_value(TEXT, ("cameras", 0, "latency_s"), "-0.02") == TEXT.replace(
        "latency_s: 0.0}", "latency_s: -0.02}"
    )
    assert with_value(TEXT, ("cameras", 1, "latency_s"), "0.12") == TEXT.replace("0.03 # a", "0.12 # a")


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (("cameras", 2, "latency_s"), "cameras[2].latency_s is not in the file"),
        (("cameras", 0, "delay_s"), "cameras[0].delay_s is not in the file"),
        (("cameras", 0), "cameras[0] must be a single value"),
    ],
)
def test_a_place_without_a_value_is_refused(location, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        with_value(TEXT, location, "1")


def test_an_entry_is_added_beside_another_in_either_layout_and_replaced_the_next_time():
    for index, there in (
        (0, "{name: front, error_s: 0.1, latency_s: 0.0}   # by the window"),
        (1, "name: wrist\n    error_s: 0.1\n    latency_s: 0.03 # a guess"),
    ):
        added = with_entry(TEXT, ("cameras", index, "latency_s"), "error_s", "0.1")
        assert there in added and len(added.splitlines()) == 6 + index
        again = with_entry(added, ("cameras", index, "latency_s"), "error_s", "0.2")
        assert again == added.replace("error_s: 0.1", "error_s: 0.2")
    with pytest.raises(ConfigError, match=re.escape("cameras[0].delay_s is not in the file")):
        with_entry(TEXT, ("cameras", 0, "delay_s"), "error_s", "1")
