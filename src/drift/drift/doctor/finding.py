"""What a check found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    PASS = "pass"
    WARN = "warn"  # something is missing that not everybody needs
    FAIL = "fail"  # the stack will not work


@dataclass(frozen=True)
class Finding:
    """One check, what it saw, and what to do about it."""

    status: Severity
    text: str
    advice: str = ""  # empty when there is nothing to do


Check = Callable[[], Finding]


def good(text: str) -> Finding:
    """All is well."""
    return Finding(Severity.PASS, text)


def warning(text: str, advice: str) -> Finding:
    """Something is missing that not everybody needs."""
    return Finding(Severity.WARN, text, advice)


def failure(text: str, advice: str) -> Finding:
    """The stack will not work."""
    return Finding(Severity.FAIL, text, advice)
