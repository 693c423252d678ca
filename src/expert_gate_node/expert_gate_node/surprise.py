"""A policy that sees something else than it has foreseen: a person is asked for, and nothing else happens."""

from drift_control.gate.state import State


def help_request(future_error: float, most: float, state: State) -> str:
    """Return what to tell a person, empty: nothing.

    `future_error`: of policy/state, NaN where it is not known; `most`: is allowed, 0 for all; `state`: who
    drives.
    """
    if state is not State.POLICY or most == 0.0 or not future_error > most:
        return ""
    return f"what is seen lies further than {most:g} from what the policy foresaw; help wanted"
