"""Names and sentences are plain English (.github/CONTRIBUTING.md): what a search can hold of it, it holds here."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable
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
FOR_USERS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "reconcile").rglob("*.jinja")),
    *(file for file in PROSE if {"help", "examples"} & set(file.relative_to(ROOT).parts)),
]
"""What users read, beside the messages. Docstrings and comments of the code are not here: the rule is for them too, but
a search in them is only in a contributor's way."""

ARCHAIC = re.compile(
    r"\b(shall|mend(s|ed)?|heed(s|ed)?|told|tells?|thus|hence|whence|lest|upon|ere|whilst|in vain|makes it so|"
    r"goes on being|to the letter|for eyes|anew|nobody can|it is we who|one object a line)\b",
    re.IGNORECASE,
)
"""Turns that no manual of today has. "Tell" is here because a docstring says "Return whether"."""

INSTEAD = {
    r"nobody|whoever|somebody|everybody|anybody": "someone, you, or who acts",
    r"(is|are) to be": "must, or will",
    r"(?<!not )ha(s|ve) to": "must, or an imperative",
    r"may not": "can't, or might not",
    r"set-up": "setup",
    r"white space": "whitespace",
    r"(on|to) the path": "in PATH",
    r"of (its|their|your|our) own": "its own before the noun, or separate",
    r"declared nowhere|(in|on) no (file|declaration)|nothing declares|no series declares": "unprotected, or undeclared",
    r"(servers?|backups?|names?|lists?) of the account": "in the account",
    r"held back|barred": "withheld",
    r"under way|underway": "in progress",
    r"backups? (is|are|was|were|be|being) made|made by hand": "created",
    r"ma(ke|kes|king) (a|an|the|one|no|more|another) (new |second )?backups?": "create",
    r"due since|has been due": "overdue by",
    r"(is|are) as declared": "matches the files",
    r"choos(es|ing) (a|no|the|every|any) (server|backup)s?|it chooses": "matches",
    r"(is|are) like that": "matches",
    r"fits? the": "matches the",
    r"ask(ed|s)? (again|twice)": "run again",
    r"service (refuses|refused)": "rejects",
    r"(lost|the service's|no) answers?|answers with|answered": "response",
    r"mistakes?": "error",
    r"imagin(e|es|ed)": "simulated",
    r"beg(in|ins|an|un)": "start",
    r"lets? go|rotates? out": "deletes",
    r"(is|are) not there|what there is|that (is|are) there": "does not exist, or exists",
    r"(token|one|that) (that )?can only read": "a read-only token",
    r"one (\w+ )?to a line|one argument an option": "one per line",
    r"most (requests|backups) (in|that)": "maximum number of",
    r"are blind|without a sound|would go unnoticed": "can't be trusted, silent, would not be detected",
    r"(goes|go|going) on": "continue",
    r"one failure stops": "failures are isolated",
    r"nothing wanted|wants none|wants nothing": "declared without backups",
    r"servers to come": "servers added later",
    r"all the same": "still, anyway, or even if",
    r"(that|which|and) loses|deletes that lose": "the deletes that cause the loss",
    r"worked out": "simulated, or calculated",
    r"stays:|\d stay|backups? that stays?|which stays?|to stay": "kept",
    r"text or a list|is text|list of texts": "a string",
    r"(is|are) not to": "must not",
    r"no restore point:|so no restore point": "not usable",
    r"today last": "oldest to newest",
    r"half-made|by the way|in passing": "say what it is",
}
"""Phrases that make a reader stop, or that are not the term of the glossary, and what to write instead."""

UNCLEAR = {re.compile(rf"(?<![\w-])({phrase})(?![\w-])", re.IGNORECASE): instead for phrase, instead in INSTEAD.items()}

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


def messages(tree: ast.AST) -> list[str]:
    """Return the strings of a file other than docstrings, with {} for each value that is filled in."""
    nodes = list(ast.walk(tree))
    filled = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    others = {node.value for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    others.update(part for node in filled for part in node.values)
    plain = [node.value for node in nodes if isinstance(node, ast.Constant) and node not in others]
    return [
        *(value for value in plain if isinstance(value, str)),
        *(
            "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            for node in filled
        ),
    ]


def unclear(texts: list[str]) -> list[str]:
    """Return what to write instead in which of the texts."""
    return [
        f"{match[0]} → {instead}: {text.strip()}"
        for text in texts
        for phrase, instead in UNCLEAR.items()
        if (match := phrase.search(text))
    ]


def found(files: list[Path], look: Callable[[str], object]) -> dict[str, object]:
    """Return what is found in the text of which file, where it is anything."""
    looked = {str(file.relative_to(ROOT)): look(file.read_text(encoding="utf-8")) for file in files}
    return {name: result for name, result in looked.items() if result}


def test_what_users_read_is_plain_and_uses_the_terms_of_the_glossary() -> None:
    assert found(FOR_USERS, lambda text: unclear(text.splitlines())) == {}


def test_every_message_is_plain_and_uses_the_terms_of_the_glossary() -> None:
    assert found(PACKAGE, lambda text: unclear(messages(ast.parse(text)))) == {}


def test_no_page_says_so_that_twice() -> None:
    assert found(FOR_USERS, lambda text: re.findall(r"\bso that\b", text)[1:]) == {}


def test_every_name_says_what_it_holds() -> None:
    assert found(PACKAGE, lambda text: bound_names(ast.parse(text)) & VAGUE) == {}


def test_no_text_has_an_archaic_turn() -> None:
    assert found(TEXT, lambda text: [line.strip() for line in text.splitlines() if ARCHAIC.search(line)]) == {}


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


@pytest.mark.parametrize(
    "text",
    [
        "timestamps, which look stale when nobody writes them any more",
        "the token may not list servers",
        "2 servers of the account are declared nowhere",
        "No server of the account is like that.",
        "newest usable is 3d 8h old, due since 2d",
        "A server that does not fit the account",
        "stays: last=1",
        "Most requests in flight.",
    ],
)
def test_a_phrase_that_makes_a_reader_stop_is_found(text: str) -> None:
    assert unclear([text])


def test_a_message_is_not_a_docstring_and_keeps_its_words_around_a_value() -> None:
    code = 'def f():\n    """Nobody."""\n    x = 1\n    """Whoever."""\n    return f"{x} may {x}", "not"\n'

    assert sorted(messages(ast.parse(code))) == ["not", "{} may {}"]
