"""An imported file: what it says is what was meant, and nothing in it acts or hides."""

import tomllib
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st
from support.build import BASE_URL, NOW, backup, config, days, declare, inventory

from reconcile.actual.inventory import Server
from reconcile.insight.importing import Declaration, FailedPinned, LeftUnmanaged, NotDeclared, NotShown
from reconcile.insight.importing import declare as import_
from reconcile.report.toml import declaration_toml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["::error::x", "##[error]x", "\x9b31m", "\u202eevil", "\U000e0041", "\u2028", "\x7f", "a\nb", '"""', "\\", "\ue000"]
)


def text(document: dict[str, object], *entries: NotShown) -> str:
    declaration = Declaration(base_url=BASE_URL, read_at=NOW, document=document, not_shown=entries)
    return declaration_toml(declaration).text


def check_harmless(toml: str) -> None:
    acting = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}
    assert not [each for each in toml if each != "\n" and unicodedata.category(each) in acting]
    assert "##[" not in toml
    assert not [line for line in toml.splitlines() if line.lstrip().startswith("::")]


@given(
    st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS | st.integers() | st.lists(TEXTS), max_size=3), max_size=3),
    TEXTS,
)
@example({"\u202e\x9b##[x]": {"\U000e0041": "\x1b##[x]"}}, "##[error]")
def test_what_is_read_back_is_what_was_written(servers: dict[str, dict[str, object]], noted: str) -> None:
    entries = (
        FailedPinned(key=noted, backup=backup(noted or 1)),
        LeftUnmanaged(key=noted, backup=backup(1, noted), unclean=None),
        LeftUnmanaged(key=noted, backup=backup(1, noted), unclean="is empty"),
        NotDeclared(key=noted, filename=noted, description=noted, count=2),
    )

    written = text({"servers": servers}, *entries)

    check_harmless(written)
    assert tomllib.loads(written) == {"servers": servers}


@given(TEXTS, TEXTS)
def test_an_imported_file_is_valid_and_harmless(name: str, description: str) -> None:
    server = Server(id=1, name=name)
    seen = inventory(backup(1, description, server=server), servers=(server,))

    written = declaration_toml(import_(seen, NOW)).text

    check_harmless(written)
    assert [each.name for each in config(written).servers] == [name]


def test_the_header_says_when_and_from_where_and_what_is_not_shown() -> None:
    existing = declare('{ description = "nightly" }')
    other = Server(id=2, name="db")
    held = (
        backup(1, "x"),
        backup(2, server=other),
        backup(3, server=other, status="failed"),
        backup(4, " blank", server=other),
        backup(5, "gone", server=other, age=days(9), status="queued"),
    )
    seen = inventory(*held, servers=(Server(id=1, name="web"), other))

    lines = declaration_toml(import_(seen, NOW, existing=existing)).text.splitlines()

    assert lines[0] == "# Written by reconcile import at 2026-03-10 12:00 UTC, from https://vps.example/api/v1."
    assert lines[2] == "# What this file does not show:"
    assert lines[3].startswith("# - web: ")
    assert lines[3].endswith("backups.toml does not declare 'x' (1 backup)")
    assert lines[4:7] == [
        "# - db: backup 4 (' blank') stays unmanaged: its description starts or ends with white space",
        "# - db: backup 5 ('gone') stays unmanaged: no backup of its series counts; its status is 'queued'",
        "# - db: backup 3 has failed, and is pinned to keep it",
    ]


def test_nothing_to_declare() -> None:
    assert text({}).splitlines()[1] == "# Everything is declared already."
