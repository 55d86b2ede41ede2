"""Where a mistake stands in the text: in lines and columns for people, in bytes for programs."""

import io
from typing import Any

import pytest
import tomli
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from support.build import config as parse

from reconcile.desired.load import load
from reconcile.desired.locate import Source
from reconcile.diagnostics import Diagnostic, Place, UserError

TEXT = """\
policies.p.keep = 1
[[servers.web.backups]]
description = "x"
[servers.web]
id = 1
pinned = [ 7, # seven
  8 ]
[[servers.web.backups]]
description = "y"
[servers.web.backups.keep]
last = 2
"""


def found(path: tuple[str | int, ...], text: str = TEXT, *, at_key: bool = False) -> str:
    """Return what of the text is shown for a place, after its line and column."""
    spot = Source(filename="f", text=text).place(*path, at_key=at_key).spot
    assert spot
    start, end = spot.start, spot.end
    shown = spot.code[spot.highlight_start : spot.highlight_end]
    assert shown.encode() in text.encode()[start.byte : end.byte] or start == end
    return f"{start.line}:{start.column} {shown}"


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("policies", "p", "keep"), "1:19 1", "1:1 policies.p.keep"),
        (("policies", "p"), "1:1 policies.p.keep", "1:1 policies.p.keep"),
        (("servers",), "4:2 servers.web", "4:2 servers.web"),
        (("servers", "web"), "4:2 servers.web", "4:2 servers.web"),
        (("servers", "web", "id"), "5:6 1", "5:1 id"),
        (("servers", "web", "pinned", 1), "7:3 8", "7:3 8"),
        (("servers", "web", "pinned"), "6:10 [ 7, # seven", "6:1 pinned"),
        (("servers", "web", "backups", 0, "description"), '3:15 "x"', "3:1 description"),
        (("servers", "web", "backups", 1), "8:3 servers.web.backups", "8:3 servers.web.backups"),
        (("servers", "web", "backups", 1, "keep", "last"), "11:8 2", "11:1 last"),
    ],
)
def test_places(path: tuple[str | int, ...], value: str, key: str) -> None:
    assert (found(path), found(path, at_key=True)) == (value, key)


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        (("servers", "web", "name"), "4:2 servers.web"),
        (("servers", "web", "pinned", 7), "6:1 pinned"),
        (("servers", "gone", "id"), "4:2 servers.web"),
        (("settings", "prune"), "1:1 p"),
        ((), "1:1 p"),
    ],
)
def test_what_is_not_in_the_text_is_shown_at_the_nearest_table(path: tuple[str | int, ...], nearest: str) -> None:
    assert found(path) == nearest


def test_an_empty_text_has_a_beginning() -> None:
    assert found((), "") == "1:1 "


def test_what_is_in_no_text_has_no_spot() -> None:
    assert Diagnostic(summary="a").spot is None
    assert Diagnostic(summary="b", place=Place(filename="g", path=("x",))).spot is None


def test_a_server_of_a_config_can_be_pointed_at_later() -> None:
    config = parse("[servers.web]\nid = 1\n")
    (server,) = config.servers

    spot = Diagnostic(summary="", place=server.place.at("id")).spot

    assert spot
    assert str(spot) == "backups.toml:2:6"


@pytest.mark.parametrize(
    ("text", "place", "start", "end"),
    [
        ('[servers."é🐘"]\nid = 1\nprune = "é"\n', (3, 9), 34, 38),
        ('[servers."é🐘"]\r\nid = 1\r\nprune = "é"\r\n', (3, 9), 36, 40),
        ('\ufeff[servers."é🐘"]\r\nid = 1\r\nprune = "é"\r\n', (3, 9), 39, 43),
        ("\ufeffé = 1", (1, 1), 3, 5),
        ("\ufeffx = 1", (1, 1), 3, 4),
        ("\ufeffa = '''\r\n'''\r\n= 1", (3, 1), 17, 18),
        ("x = é", (1, 5), 4, 6),
        ("\r\nx = ", (2, 5), 6, 6),
    ],
)
def test_bytes_are_those_of_the_file(text: str, place: tuple[int, int], start: int, end: int) -> None:
    with pytest.raises(UserError) as invalid:
        load(["-"], stdin=io.BytesIO(text.encode()))

    (found,) = invalid.value.diagnostics
    assert found.spot
    assert (found.spot.start.line, found.spot.start.column) == place
    assert (found.spot.start.byte, found.spot.end.byte) == (start, end)
    assert found.spot.code == text.removeprefix("\ufeff").split("\n")[place[0] - 1].rstrip("\r")


@pytest.mark.parametrize(
    "text",
    [
        "[settings]\ntoken = 'vps_secret'",
        '[settings]\n"token"="vps_secret"',
        "settings = { api_token = 'vps_secret' }",
        "[settings]\ntoken = vps_secret",
        "[settings]\ntoken: vps_secret",
        "servers = { a = { token = 'vps_secret', id = '' } }",
    ],
)
def test_a_secret_is_not_shown(text: str) -> None:
    with pytest.raises(UserError) as invalid:
        parse(text)

    assert all(diagnostic.spot for diagnostic in invalid.value.diagnostics)
    assert "vps_secret" not in repr(invalid.value.diagnostics)


def test_of_a_long_line_the_part_with_the_mistake_is_shown() -> None:
    servers = ", ".join(f"s{number} = {{ id = {number}, wrong = true }}" for number in range(2000))

    with pytest.raises(UserError) as invalid:
        parse(f"servers = {{ {servers} }}")

    assert len(invalid.value.diagnostics) == 2000
    for diagnostic in invalid.value.diagnostics:
        assert diagnostic.spot
        code = diagnostic.spot.code
        assert len(code) <= 2000
        assert code[diagnostic.spot.highlight_start : diagnostic.spot.highlight_end] == "wrong"


def test_syntax_that_the_grammar_does_not_know_is_no_obstacle() -> None:
    text = "servers = {\n  a = {\n    id = 1,\n    wrong = true,\n  },\n}\n"
    try:
        tomli.loads(text)
    except tomli.TOMLDecodeError:
        pytest.skip("this tomli does not know TOML 1.1")

    with pytest.raises(UserError) as invalid:
        parse(text)

    assert [str(diagnostic.spot) for diagnostic in invalid.value.diagnostics] == ["backups.toml:4:5"]


KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4)
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        st.integers(-9, 9) | st.booleans() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=12,
    ),
    max_size=4,
)


def values(value: object, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    inner: dict[str | int, object] = {}
    if isinstance(value, dict):
        inner = dict(value)
    elif isinstance(value, list):
        inner = dict(enumerate(value))
    below = {key: found for part in inner for key, found in values(inner[part], (*path, part)).items()}
    return {path: value, **below} if path else below


@given(DOCUMENTS)
def test_every_value_of_a_document_is_found_where_it_is(document: dict[str, object]) -> None:
    text = tomli_w.dumps(document)
    source = Source(filename="f", text=text)
    paths = {path: value for path, value in values(document).items() if not isinstance(value, dict | list)}

    for path, value in paths.items():
        spot = source.place(*path).spot
        assert spot
        written = text.encode()[spot.start.byte : spot.end.byte].decode()
        assert tomli.loads(f"x = {written}")["x"] == value
