"""From messages of pages to console/joy: what the page with the lease says, through the input gate."""

from drift_console_node.exchange import Exchange
from drift_console_node.input_gate import InputGate, InputMessage, InputRules
from drift_console_node.lease import Lease


class Driving:
    """Lease, input gate and what leaves for the node. Times are steady [s]."""

    def __init__(self, rules: InputRules, exchange: Exchange) -> None:
        self._rules, self._exchange = rules, exchange
        self._gate = InputGate(rules)
        self.lease = Lease()

    @property
    def active(self) -> bool:
        """Whether enable is passed on now."""
        return self._gate.driving

    @property
    def why(self) -> str:
        """Why it is not, for whoever has the lease."""
        return self._gate.why

    def beat(self, now_s: float) -> int:
        """Return the next beat, and look for silences; to be called every 50 ms."""
        seen = self._exchange.seen.get("gate")
        if seen is not None:
            self._gate.gate_seen(seen.what["state"] == "EXPERT", seen.arrival_s)
        self._gate.look(now_s)
        before = self.lease.holder
        self.lease.look(now_s)
        self._follow(before, now_s)
        return self._gate.beat(now_s)

    def echo(self, session: str, beat: int, now_s: float) -> float:
        """Take note that a page carries a beat back; return the beat's age [s]."""
        age_s = self._gate.age_s(beat, now_s)
        if age_s <= self._rules.max_age_s:
            self.lease.heard(session, now_s)
        return age_s

    def input(self, session: str, message: InputMessage, now_s: float) -> None:
        """Publish what a page says, if it is its turn and the input gate lets it through."""
        if not self.lease.holds(session):
            return
        self.echo(session, message.beat, now_s)
        stick = self._gate.take(message, now_s)
        if stick is None:
            self._exchange.drop_stick()
        else:
            self._exchange.put_stick(stick, now_s)

    def lose(self, session: str, why: str, now_s: float) -> None:
        """Fall silent: the page says that it has lost the person's hand."""
        if self.lease.holds(session):
            self._gate.lose(why, now_s)
            self._exchange.drop_stick()

    def ask(self, session: str, name: str, now_s: float) -> bool:
        """Return whether this page may drive from now on."""
        before = self.lease.holder
        granted = self.lease.ask(session, name, now_s)
        self._follow(before, now_s)
        return granted

    def leave(self, session: str, now_s: float) -> None:
        """This page drives no longer, or is gone."""
        before = self.lease.holder
        self.lease.leave(session)
        self._follow(before, now_s)

    def give(self, session: str, now_s: float) -> bool:
        """Hand the lease to the page that has asked; not while enable is held."""
        before = self.lease.holder
        if self._gate.driving or self.lease.asked_by is None or not self.lease.holds(session):
            return False
        self.lease.give(session, now_s)
        self._follow(before, now_s)
        return True

    def _follow(self, before: object, now_s: float) -> None:
        if self.lease.holder != before:
            self._gate.begin(now_s)
            self._exchange.set_driving(self.lease.holder is not None)
            self._exchange.drop_stick()
