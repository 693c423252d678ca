"""The documents name what is there: files, links, modules, targets of make, commands and their options."""

import re
from pathlib import Path

import pytest
import typer
from drift.cli import app
from drift.stack_arguments import arguments

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = sorted(path.parent for path in ROOT.glob("src/*/package.xml"))
TOPS = [ROOT / name for name in ("acceptance", "benchmarks", "config", "examples", "launch", "setup")]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("src/*/README.md")]
)
PRESENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # that one tells of what was, too
SUFFIXES = "py|yaml|md|toml|xml|txt|msg|srv|action"
FILE = re.compile(rf"(?<![\w./<>{{}}*-])([\w./*{{}},-]+\.(?:{SUFFIXES}))(?![\w/<])")
FOLDER = re.compile(
    r"(?<![\w./<>-])((?:src|config|docs|acceptance|benchmarks|examples|launch|setup|docker)/[\w./-]*)(?![\w/<*{])"
)
COMMANDS = typer.main.get_command(app).commands


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
        for found in (*FILE.findall(piece), *FOLDER.findall(piece))
        for name in alternatives(found)
    }
    assert [name for name in sorted(names) if not exists(name, document)] == []


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
    missing = [
        (document, module)
        for document, module in modules
        if "NAME" not in module
        and not (folders[module.split(".")[0]] / module.replace(".", "/")).with_suffix(".py").is_file()
    ]
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
        allowed = {option for parameter in getattr(command, "params", []) for option in parameter.opts} | {
            "--help"
        }
        used = {word.split("=")[0] for word in words if word.startswith("--")}
        if command is None or not used <= allowed:
            wrong.append((document, line))
    assert wrong == []


def test_every_argument_of_the_stack_exists():
    names = {argument.name for argument in arguments()}
    used = named(r"(?<![\w/])(\w+):=")
    assert len(used) > 5
    assert [found for found in used if found[1] not in names] == []


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_every_package_has_a_readme_that_names_each_of_its_folders(package):
    text = (package / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {package.name}\n")
    folders = [path.parent.name for path in (package / package.name).glob("*/__init__.py")]
    folders += [path.name for path in package.iterdir() if path.name in ("msg", "srv", "action")]
    assert [folder for folder in sorted(folders) if f"`{folder}/`" not in text] == []


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
