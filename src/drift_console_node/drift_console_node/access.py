"""Who may look and who may drive: two tokens, and the cookies that stand for them."""

import hmac
import secrets
from collections import deque
from dataclasses import dataclass
from enum import Enum

_ATTEMPTS, _WINDOW_S = 10, 60.0  # wrong tokens, and the time they are counted over
_BYTES = 16  # 128 bit


class Role(Enum):
    """What a browser may do; everybody may stop."""

    VIEWER = "viewer"
    DRIVER = "driver"


@dataclass(frozen=True)
class Tokens:
    """The two secrets of one run, hexadecimal."""

    driver: str
    viewer: str

    @classmethod
    def new(cls) -> "Tokens":
        """Return fresh ones from the system's randomness."""
        return cls(secrets.token_hex(_BYTES), secrets.token_hex(_BYTES))


class Access:
    """Trade a token for a cookie, and a cookie for a role. Times are steady [s]."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = {Role.DRIVER: tokens.driver, Role.VIEWER: tokens.viewer}
        # derived, so that it still holds when the console was respawned
        self._cookies = {role: _derived(token) for role, token in self._tokens.items()}
        self._wrong_s: deque[float] = deque()

    def barred(self, now_s: float) -> bool:
        """Return whether too many wrong tokens came of late."""
        while self._wrong_s and now_s - self._wrong_s[0] > _WINDOW_S:
            self._wrong_s.popleft()
        return len(self._wrong_s) >= _ATTEMPTS

    def login(self, token: str, now_s: float) -> tuple[Role, str] | None:
        """Return role and cookie for a token, None for a wrong one, which is counted."""
        role = _match(self._tokens, token)
        if role is None:
            self._wrong_s.append(now_s)
            return None
        return role, self._cookies[role]

    def role(self, cookie: str) -> Role | None:
        """Return the role of a cookie, None for one that is not ours."""
        return _match(self._cookies, cookie)


def _match(secret_of: dict[Role, str], said: str) -> Role | None:
    data = said.encode(errors="replace")
    found = [role for role, secret in secret_of.items() if hmac.compare_digest(secret.encode(), data)]
    return found[0] if found else None


def _derived(token: str) -> str:
    return hmac.new(token.encode(), b"cookie of the drift console", "sha256").hexdigest()
