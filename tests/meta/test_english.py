"""Names and sentences are plain English (.github/CONTRIBUTING.md): what a search can hold of it, it holds here."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "reconcile").rglob("*.py"))
PROSE = sorted(
    {
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / ".github").rglob("*.md"),
        *(ROOT / "reconcile/help").glob("*.md"),
        *(file for file in (ROOT / "examples").rglob("*") if file.is_file()),
    }
)
TEXT = [*PACKAGE, *PROSE]

ARCHAIC = re.compile(
    r"\b(shall|mend(s|ed)?|heed(s|ed)?|told|tells?|thus|hence|whence|lest|upon|ere|whilst|in vain|makes it so|"
    r"goes on being|to the letter|for eyes|anew|nobody can|it is we who|one object a line)\b",
    re.IGNORECASE,
)
"""Turns that no manual of today has. "Tell" is here because a docstring says "Return whether"."""

VAGUE = {"it", "word", "words", "said", "manner", "desk", "stuff", "thingy"}
"""Names that do not say what they hold."""

SHARED_CLASS_NAMES: dict[str, str] = {}
"""Names that several classes may have, each with the reason."""


def bound_names(tree: ast.AST) -> set[str]:
    """Return every name that a file gives to a variable, an argument, a function or a class."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case _:
                pass
    return names


@pytest.mark.parametrize("file", PACKAGE, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_name_says_what_it_holds(file: Path) -> None:
    assert bound_names(ast.parse(file.read_text(encoding="utf-8"))) & VAGUE == set()


@pytest.mark.parametrize("file", TEXT, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_text_has_an_archaic_turn(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()

    assert [line.strip() for line in lines if ARCHAIC.search(line)] == []


def test_no_two_classes_have_one_name() -> None:
    files: dict[str, list[str]] = defaultdict(list)
    for file in PACKAGE:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                files[node.name.lstrip("_")].append(str(file.relative_to(ROOT)))
    shared = {name: places for name, places in files.items() if len(places) > 1}

    assert {name: places for name, places in shared.items() if name not in SHARED_CLASS_NAMES} == {}
    assert set(SHARED_CLASS_NAMES) <= set(shared), "an exception that is no longer needed"


@pytest.mark.parametrize("text", ["Each server shall have one.", "only the list can tell", "one object a line"])
def test_an_archaic_turn_is_found(text: str) -> None:
    assert ARCHAIC.search(text)


@pytest.mark.parametrize(
    "code", ["[it.id for it in backups]", "lambda it: it.id", "words = 1", "def told(manner): ...", "said: str"]
)
def test_a_vague_name_is_found(code: str) -> None:
    assert bound_names(ast.parse(code)) & VAGUE
