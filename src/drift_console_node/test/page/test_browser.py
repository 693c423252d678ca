"""The browser of the tests: a missing one fails them, and nothing of it is left."""

import os

import pytest
from drift_console_node.testing.real_browser import browser_path, start_browser


def test_a_missing_browser_fails_and_says_how_to_install_one(monkeypatch):
    monkeypatch.setenv("DRIFT_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(RuntimeError, match="apt-get install chromium"):
        browser_path()


def test_the_whole_process_group_is_ended(tmp_path):
    (tmp_path / "profile").mkdir()
    running = start_browser(tmp_path / "profile")
    running.end()
    with pytest.raises(ProcessLookupError):
        os.killpg(running.process.pid, 0)
