"""`drift prefer`: which of two recorded attempts was better, said by a person who sees both."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift.data.opening import JsonOption, StoreArgument, open_store
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.episodes import EpisodeStore
    from drift_core.preferences import Answer, Mark, Marks

_ANSWERS: "dict[str, Answer]" = {"a": "a", "b": "b", "e": "equal", "=": "equal"}
_SKIP, _QUIT = ("s", " "), ("q", "\x04", "\x1b")  # Ctrl-D, Esc
_SAID = {"a": "{a} over {b}", "b": "{b} over {a}", "equal": "{a} as good as {b}"}


def main(
    store: StoreArgument,
    show_list: Annotated[bool, typer.Option("--list", help="print what was said, and ask nothing")] = False,
    film: Annotated[bool, typer.Option(help="show films (mp4) instead of pictures")] = False,
    most: Annotated[int, typer.Option("--pairs", min=1, help="ask about so many at most")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show two attempts side by side, again and again, and keep which one was better (A, B, equal, skip).

    Attempts are episodes in which a policy drove; those of one start come first. What is said is appended to
    preferences.jsonl of the run. Example: drift prefer runs/mine
    """
    from drift_core.preferences import marks_of, run_folder

    opened = open_store(store)
    marks = marks_of(opened)
    if show_list or as_json:
        _print(marks.standing(), as_json)
    else:
        _ask(opened, marks, run_folder(opened) / "preferences", film, most)


def _print(standing: "list[Mark]", as_json: bool) -> None:
    from drift_config.loader import to_plain

    if as_json:
        print(json.dumps([to_plain(mark) for mark in standing], indent=1))
        return
    for mark in standing:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(mark.marked_s))
        print(f"{when}  {_SAID[mark.answer].format(a=mark.a, b=mark.b)}")
    if not standing:
        print("nothing was preferred yet: drift prefer without --list asks")


def _ask(store: "EpisodeStore", marks: "Marks", pictures: Path, film: bool, most: int) -> None:
    from drift_core.episodes.age import age_key
    from drift_core.errors import DataError
    from drift_core.preferences import Mark, pairs_to_ask

    from drift.data.attempts import draw_pair, film_pair

    metas = []
    for name in sorted(store.ids(), key=lambda name: age_key(store, name)):
        try:
            metas.append(store.meta(name))
        except DataError as error:
            typer.echo(f"left out: {error}", err=True)
    if sum(bool(meta.policy_versions) for meta in metas) < 2:
        raise UserError(f"store={store.root} must hold two episodes in which a policy drove")
    pairs = pairs_to_ask(metas, {mark.pair for mark in marks.all()})[:most]
    if not pairs:
        print("all pairs were asked: drift prefer --list")
    pictures.mkdir(exist_ok=True)
    made = 0
    for number, (a, b) in enumerate(pairs, 1):
        file = pictures / f"{a}_{b}.{'mp4' if film else 'png'}"
        (film_pair if film else draw_pair)(store.read(a), store.read(b), file)
        print(f"{number} of {len(pairs)}: A is {a}, B is {b}\n  {file}")
        print("  better: A, B, E equal, S skip, Q quit ", end="", flush=True)
        key = _key()
        print(_ANSWERS.get(key, "skipped" if key else ""))
        if not key:
            break
        if key in _ANSWERS:
            marks.add(Mark(a, b, _ANSWERS[key], time.time()))
            made += 1
    print(f"{made} marks in {marks.path}")


def _key() -> str:
    """Return the key of an answer or one that skips, empty to end; other keys mean nothing."""
    while True:
        try:
            key = typer.getchar().lower()
        except (EOFError, OSError):  # no terminal is there (any more)
            return ""
        if key in _QUIT:
            return ""
        if key in _ANSWERS or key in _SKIP:
            return key
