"""The documents name what is there: files, links, modules, targets of make, commands and their options."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from drift.cli import app
from drift.stack import stack
from drift.stack_arguments import StackArguments, arguments
from drift.vendor_launch import vendor_arguments
from drift_config.loader import load_yaml
from drift_control.gate.state import Reason
from drift_control.robot.robot import load_robot
from drift_core.task import load_task
from drift_core.training.rounds import ROUND_KINDS
from drift_formats.bags.topic_map import TopicMap
from drift_formats.lerobot.source_map import SourceMap

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = sorted(path.parent for path in ROOT.glob("src/*/package.xml"))
TOPS = [ROOT / name for name in ("acceptance", "benchmarks", "config", "examples", "launch", "setup")]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("src/*/README.md")]
)
PRESENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # that one tells of what was, too
SUFFIXES = "py|yaml|md|toml|xml|txt|msg|srv|action"
FILE = re.compile(rf"(?<![\w./<>{{}}*-])([\w./*{{}},-]+\.(?:{SUFFIXES}))(?![\w/<])")
FOLDER = re.compile(
    r"(?<![\w./<>-])((?:src|config|docs|acceptance|benchmarks|examples|launch|setup|docker)/[\w./-]*)(?![\w/<*{])"
)
COMMANDS = typer.main.get_command(app).commands
OF_OTHERS = re.compile(r"^ros2 (?!launch drift )")  # commands whose arguments are not ours
BLOCK = re.compile(
    r"^```yaml\n# ([\w/]+\.yaml)(?:, a copy of (\w+\.yaml) with)?$(.*?)^```$", re.MULTILINE | re.DOTALL
)


def code(path: Path) -> list[str]:
    """Return what stands in `path` as code: the lines of its blocks, and what is between backticks."""
    pieces, in_block = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            in_block = not in_block
        elif in_block:
            pieces.append(line)
        else:
            pieces += re.findall(r"`([^`]+)`", line)
    return pieces


def alternatives(name: str) -> list[str]:
    """Return what a shell makes of the braces in `name`."""
    if not (found := re.search(r"\{([^{}]*)\}", name)):
        return [name]
    return [
        rest
        for word in found[1].split(",")
        for rest in alternatives(name[: found.start()] + word + name[found.end() :])
    ]


def yaml_files(document: Path) -> list[tuple[str, str, str]]:
    """Return each file that a block of `document` shows: name, what it is a copy of or "", text."""
    return BLOCK.findall(document.read_text(encoding="utf-8"))


def exists(name: str, document: Path) -> bool:
    """Return whether `name` is there: a bare name anywhere in what `document` is about, else from a top."""
    about = [document.parent] if document.parent in PACKAGES else PACKAGES
    if "/" not in name and any(found for top in (*about, *TOPS) for found in top.rglob(name)):
        return True
    starts = [ROOT, document.parent, *(top / top.name for top in about)]
    return any(found for start in starts for found in start.glob(name))


def named(pattern: str) -> list[tuple[str, str]]:
    return [
        (document.name, found)
        for document in PRESENT
        for piece in code(document)
        for found in re.findall(pattern, piece)
    ]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_braces_are_read_as_a_shell_reads_them():
    assert alternatives("a/{b,c}.{py,md}") == ["a/b.py", "a/b.md", "a/c.py", "a/c.md"]


@pytest.mark.parametrize("document", PRESENT, ids=name_of)
def test_every_file_and_folder_that_is_named_exists(document):
    names = {
        name
        for piece in code(document)
        if not OF_OTHERS.match(piece)
        for found in (*FILE.findall(piece), *FOLDER.findall(piece))
        for name in alternatives(found)
    }
    yours = {name for path in PRESENT for name, _, _ in yaml_files(path)}
    assert [name for name in sorted(names - yours) if not exists(name, document)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_relative_link_leads_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_imports_between_packages_follow_the_picture_which_has_no_circle():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    arrows = re.findall(r"^ +(\w+) -->(?:\|.*\|)? (\w+)$", text, re.MULTILINE)
    reach = {package.name: {end for start, end in arrows if start == package.name} for package in PACKAGES}
    for _ in reach:
        reach = {name: below.union(*(reach[other] for other in below)) for name, below in reach.items()}
    imports = {
        (package.name, other)
        for package in PACKAGES
        for file in (package / package.name).rglob("*.py")
        for other in re.findall(r"^ *(?:from|import) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        if other in reach and other != package.name
    }
    assert len(imports) > 15
    assert [(name, other) for name, other in sorted(imports) if other not in reach[name]] == []
    assert [name for name, below in reach.items() if name in below] == []


def test_every_module_that_is_to_be_run_exists():
    folders = {package.name: package for package in PACKAGES} | {top.name: ROOT for top in TOPS}
    modules = [found for found in named(r"python -m ([\w.]+)") if found[1].split(".")[0] in folders]
    assert len(modules) > 1
    missing = []
    for document, module in modules:
        path = folders[module.split(".")[0]] / module.replace(".", "/")
        runs = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
        if "NAME" not in module and not runs:
            missing.append((document, module))
    assert missing == []


def test_every_target_of_make_exists():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = named(r"^make ([\w-]+)")
    assert len(used) > 3
    assert [found for found in used if found[1] not in targets] == []


def test_every_command_of_drift_exists_with_its_options():
    lines = named(r"^drift ([a-z]+(?: .*)?)$")
    assert len(lines) > 5
    wrong = []
    for document, line in lines:
        words = line.split("#")[0].split()
        command = COMMANDS.get(words[0])
        if len(words) > 1 and (subcommands := getattr(command, "commands", None)):
            command = subcommands.get(words[1])
        allowed = {option for parameter in getattr(command, "params", []) for option in parameter.opts} | {
            "--help"
        }
        used = {word.split("=")[0] for word in words if word.startswith("--")}
        if command is None or not used <= allowed:
            wrong.append((document, line))
    assert wrong == []


def test_every_argument_of_the_stack_exists_and_allows_what_it_is_given():
    offered = (*arguments(), *vendor_arguments())
    allowed = {argument.name: argument.choices for argument in offered}
    described = {Path(name).stem for document in PRESENT for name, _, _ in yaml_files(document)}
    used = [
        (document.name, *word)
        for document in PRESENT
        for line in code(document)
        if not OF_OTHERS.match(line)
        for word in re.findall(r"(?<![\w/])(\w+):=([\w+]*)", line)
    ]
    assert len(used) > 25
    assert [found for found in used if found[1] not in allowed] == []
    wrong = [
        (document, name, value)
        for document, name, value in used
        if value and allowed[name] and value not in {*allowed[name], *described, "NAME"}
    ]
    assert wrong == []


def changed(base: Any, values: Any) -> Any:
    """Return `base` with `values` in place of what it has under the same keys."""
    if not (isinstance(base, Mapping) and isinstance(values, Mapping)):
        return values
    return {**base, **{key: changed(base.get(key), value) for key, value in values.items()}}


@pytest.mark.parametrize(
    ("document", "name"),
    [(document.name, name) for document in PRESENT for name, _, _ in yaml_files(document)],
)
def test_every_file_that_is_shown_is_accepted(document, name, tmp_path):
    (path,) = (path for path in PRESENT if path.name == document)
    _, base, text = next(found for found in yaml_files(path) if found[0] == name)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    file = tmp_path / name
    values = yaml.safe_load(text)
    if base:
        values = changed(yaml.safe_load(file.with_name(base).read_text(encoding="utf-8")), values)
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    match file.parent.name:
        case "robots":
            assert load_robot(file).config.name == file.stem
        case "tasks":
            assert load_task(file).name == file.stem
        case "bags":
            assert load_yaml(file, TopicMap).command
        case "lerobot":
            assert load_yaml(file, SourceMap).joints is not None
        case _:  # a params_file
            said = StackArguments(robot="ur5e", sim="none", expert="none", params_file=str(file))
            assert all(node.parameter_files[-1] == file.resolve() for node in stack(said).nodes)


def test_every_reason_of_the_gate_is_explained():
    text = (ROOT / "docs/robots/holds.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| [^|]{4,} \| [^|]+ \|$", text, re.MULTILINE)
    assert rows == [reason.name for reason in Reason]


def test_what_a_stopped_arm_is_said_to_say_stands_in_the_code():
    text = (
        (ROOT / "docs/robots/ur.md").read_text(encoding="utf-8").partition("## When the arm has stopped")[2]
    )
    said = re.findall(r"^\| ((?:the|nothing|controller) [^|]+?) \|", text, re.MULTILINE)
    sources = "".join(
        path.read_text(encoding="utf-8")
        for package in ("drift_control", "expert_gate_node")
        for path in (ROOT / "src" / package / package).rglob("*.py")
    )
    pieces = [piece.strip() for row in said for piece in row.split("…") if piece.strip(" ,")]
    assert len(said) == 6
    assert [piece for piece in pieces if piece.lstrip(", ") not in sources] == []


def headings(document: Path) -> set[str]:
    """Return the anchors of the headings of `document`, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", PRESENT, ids=name_of)
def test_every_link_to_a_heading_leads_to_one(document):
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", document.read_text(encoding="utf-8"))
    wrong = [
        (name, anchor)
        for name, anchor in links
        if anchor not in headings(document.parent / name if name else document)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_every_package_has_a_readme_that_names_each_of_its_folders(package):
    text = (package / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {package.name}\n")
    folders = [path.parent.name for path in (package / package.name).glob("*/__init__.py")]
    folders += [path.name for path in package.iterdir() if path.name in ("msg", "srv", "action")]
    assert [folder for folder in sorted(folders) if f"`{folder}/`" not in text] == []


def test_every_kind_of_round_is_explained_where_a_goal_names_it():
    action = (ROOT / "src/drift_interfaces/action/Train.action").read_text()
    assert re.findall(r"^#   (\w+) ", action, re.MULTILINE) == list(ROUND_KINDS)


def test_every_pinned_package_is_explained():
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    patterns = [
        re.escape(name).replace(r"\*", r"[\w-]*") for name in re.findall(r"`([\w*-]+)(?:[<>=]+\d+)?`", text)
    ]
    pinned = [
        found[1]
        for file in sorted((ROOT / "setup").rglob("*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if (found := re.match(r"([\w-]+)==", line))
    ]
    assert len(pinned) > 30
    assert [name for name in pinned if not any(re.fullmatch(pattern, name) for pattern in patterns)] == []
