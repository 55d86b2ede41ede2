"""The file: what it may say, and every mistake at its place."""

import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from support.build import config

from reconcile.desired.config import KeepCount, KeepWithin, Period
from reconcile.desired.document import unclean
from reconcile.desired.load import load
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.durations import Duration

SPEC = """\
[settings]
timezone = "Europe/Rome"
prune = false
max_shrink = "20%"
stalled_after = "24h"

[policies.standard]
every = "1d"
keep = { last = 3, daily = 7, weekly = 4, monthly = 12 }

[servers.web-server-01]
id = 12345
prune = "7d"
pinned = [499]

[[servers.web-server-01.backups]]
description = "Pre-update backup"

[[servers.web-server-01.backups]]
description = "nightly"
policy = "standard"
keep = 7

[servers.db]
name = "db-server-01"
id = 12346
backups = []
"""


def mistakes(text: str, tmp_path: Path) -> tuple[Diagnostic, ...]:
    file = tmp_path / "backups.toml"
    file.write_bytes(text.encode())
    with pytest.raises(UserError) as invalid:
        load([file])
    return invalid.value.diagnostics


def test_the_specs_example_means_what_the_spec_says() -> None:
    read = config(SPEC)

    web, db = read.servers
    assert (str(read.timezone), read.max_shrink_percent) == ("Europe/Rome", 20)
    assert (web.key, web.name, web.id, web.prune, web.pinned) == (
        "web-server-01",
        "web-server-01",
        12345,
        Duration.parse("7d"),
        (499,),
    )
    once, nightly = web.series
    assert (once.every, once.keep) == (None, (KeepCount(period=Period.LAST, count=1),))
    assert (nightly.every, nightly.keep) == (Duration.parse("1d"), (KeepCount(period=Period.LAST, count=7),))
    assert (db.key, db.name, db.prune, db.series) == ("db", "db-server-01", False, ())


def test_the_whole_keep_vocabulary_is_read() -> None:
    counts = ", ".join(f"{period} = {number}" for number, period in enumerate(Period, start=1))
    withins = ", ".join(f'within_{period} = "1d"' for period in list(Period)[1:])
    text = f'{{ {counts}, within = "1d", {withins} }}'

    (server,) = config(f'[servers.a]\nid = 1\nbackups = [{{ description = "x", keep = {text} }}]').servers

    expected = [KeepCount(period=period, count=number) for number, period in enumerate(Period, start=1)]
    day = Duration.parse("1d")
    assert server.series[0].keep == (*expected, *(KeepWithin(period=period, duration=day) for period in Period))


def test_an_empty_file_declares_nothing() -> None:
    assert config("").servers == ()


EIGHT = """\
[settings]
prun = true
timezone = "Mars/Base"

[policies.standard]
every = "1m"

[servers."wéb 🐘"]
id = 1
token = "vps_secret"
backups = [
  { description = "日本 ", policy = "standart" },   # two on one line
  { description = "x", keep = 0 },
  { description = "x" },
]

[servers.db]
id = 1
"""


def test_eight_mistakes_are_eight_errors_each_at_its_line_and_column(tmp_path: Path) -> None:
    found = mistakes(EIGHT, tmp_path)

    places = [(it.range.start.line, it.range.start.column, it.summary.split(":")[0]) for it in found if it.range]
    assert places == [
        (2, 1, 'unknown key "prun"'),
        (3, 12, "timezone"),
        (6, 9, "every"),
        (10, 1, "a token does not belong in the file"),
        (12, 19, "description"),
        (12, 35, 'there is no policy "standart"'),
        (13, 31, "keep"),
        (14, 19, "two series on this server have the description 'x'"),
        (18, 6, "two servers have the id 1"),
    ]
    lines = EIGHT.split("\n")
    assert all(it.snippet and it.range and it.snippet.code == lines[it.range.start.line - 1] for it in found)
    assert all(it.detail or "write" in it.summary.lower() for it in found)


def test_bytes_and_characters_are_counted_apart(tmp_path: Path) -> None:
    (found,) = mistakes('[servers."é🐘"]\nid = 1\nprune = "é"\n', tmp_path)

    assert found.range
    assert (found.range.start.line, found.range.start.column, found.range.start.byte) == (3, 9, 34)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("servers = 3", (1, 11), '"servers" must be a table'),
        ("[servers.a]\nname = 'x'", (1, 2), 'the key "id" is missing'),
        ("[servers.a]\nid = true", (2, 6), "an id is the service's own"),
        ("[servers.a]\nid = ''", (2, 6), "an id is the service's own"),
        ("[servers.a]\nid = '..'", (2, 6), "an id is the service's own"),
        ("[servers.a]\nid = 1\nname = 7", (3, 8), '"name" must be text'),
        ("[servers.a]\nid = 1\nbackups = 7", (3, 11), '"backups" must be a list'),
        ("[servers.a]\nid = 1\nbackups = [7]", (3, 12), "must be a table"),
        ("[servers.a]\nid = 1\npinned = [1, 1.5]", (3, 14), "an id is the service's own"),
        ("[servers.a]\nid = 1\n[[servers.a.backups]]\nkeep = 1", (3, 3), 'the key "description" is missing'),
        ("[servers.a]\nid = 1\nbackups = [{description = ''}]", (3, 27), "the description is empty"),
        (
            "[servers.a]\nid = 1\nbackups = [{description = 'a\\tb'}]".replace("\\t", "\t"),
            (3, 27),
            "has control characters",
        ),
        ('[servers.a]\nid = 1\nbackups = [{description = "a\\u009bb"}]', (3, 27), "has control characters"),
        ("[servers.a]\nid = 1\nbackups = [{description = 'x', keep = {}}]", (3, 39), "would keep nothing"),
        ("[servers.a]\nid = 1\nbackups = [{description = 'x', keep = 'most'}]", (3, 39), 'write a number, "all", or'),
        ("[servers.a]\nid = 1\nbackups = [{description = 'x', keep = {last = -1}}]", (3, 47), "would keep nothing"),
        ("[servers.a]\nid = 1\nbackups = [{description = 'x', keep = true}]", (3, 39), "write a whole number"),
        ("[servers.a]\nid = 1\nbackups = [{description = 'x', every = 86400}]", (3, 40), "a duration is text"),
        ("[servers.a]\nid = 1\nprune = 7", (3, 9), "write prune = false, true, or an age"),
        ("[servers.'a/b']\nid = 1", (1, 2), "can't begin an address"),
        ("[settings]\nmax_shrink = 20", (2, 14), "write a whole percentage"),
        ('[settings]\nmax_shrink = "120%"', (2, 14), "write a whole percentage"),
        ("[settings]\ntimezone = '/etc/passwd'", (2, 12), "not an IANA time zone"),
        ("[settings]\ntimezone = 3", (2, 12), "not an IANA time zone"),
        ("token = 'vps_x'", (1, 1), "a token does not belong in the file"),
        ("[servers]\ntoken = 'vps_x'", (2, 1), "a token does not belong in the file"),
        ("[servers.a]\nid = 1\nid = 2", (3, 7), "this is not TOML: Cannot overwrite a value"),
        ("[servers.a", (1, 11), "this is not TOML"),
        ("x = 'é", (1, 7), "this is not TOML"),
    ],
)
def test_mistake(text: str, place: tuple[int, int], words: str, tmp_path: Path) -> None:
    (found,) = mistakes(text, tmp_path)

    assert words in found.summary
    assert found.range
    assert (found.range.start.line, found.range.start.column) == place


def test_a_secret_is_never_repeated_outside_its_own_line(tmp_path: Path) -> None:
    (found,) = mistakes("[settings]\ntoken = 'vps_secret'", tmp_path)

    assert "vps_secret" not in found.summary + found.detail


def test_a_bare_m_asks_back(tmp_path: Path) -> None:
    (found,) = mistakes('[settings]\nprune = "7m"', tmp_path)

    assert "minutes or months? write min or mo" in found.summary


def test_suggestions(tmp_path: Path) -> None:
    text = "[settings]\ntimzone = 'UTC'\n[policies.std]\nkeep = { dailly = 3 }\n[server.a]\nid = 1\n"

    assert [it.detail for it in mistakes(text, tmp_path)] == [
        'Did you mean "timezone"?',
        'Did you mean "daily"?',
        'Did you mean "servers"?',
    ]


class TestSeveralFiles:
    def write(self, folder: Path, **files: str) -> list[Path]:
        for name, text in files.items():
            (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        return [folder / f"{name}.toml" for name in files]

    def test_a_folder_is_all_its_files_in_name_order(self, tmp_path: Path) -> None:
        self.write(
            tmp_path,
            b="[servers.b]\nid = 2\nbackups = [{ description = 'x', policy = 'p' }]",
            a="[servers.a]\nid = 1",
            c="[policies.p]\nkeep = 9",
        )
        (tmp_path / "notes.txt").write_text("not read")

        read = load([tmp_path])

        assert [it.key for it in read.servers] == ["a", "b"]
        assert read.servers[1].series[0].keep == (KeepCount(period=Period.LAST, count=9),)

    def test_the_same_file_named_twice_is_read_once(self, tmp_path: Path) -> None:
        (file,) = self.write(tmp_path, a="[servers.a]\nid = 1")

        assert len(load([file, tmp_path, file]).servers) == 1

    def test_clashes_between_files_are_told_with_both_names(self, tmp_path: Path) -> None:
        files = self.write(
            tmp_path,
            a="[settings]\n[policies.p]\n[servers.a]\nid = 1",
            b="[settings]\n[policies.p]\n[servers.a]\nid = 2\n[servers.c]\nid = 1",
        )

        with pytest.raises(UserError) as invalid:
            load(files)

        assert [it.summary for it in invalid.value.diagnostics] == [
            "[settings] is declared twice",
            "the policy 'p' is declared twice",
            "the server 'a' is declared in two files",
            "two servers have the id 1",
        ]
        assert all(f"The first is in {files[0]}." in it.detail for it in invalid.value.diagnostics)

    def test_mistakes_of_all_files_come_at_once(self, tmp_path: Path) -> None:
        files = self.write(tmp_path, a="x = 1", b="[broken", c="y = 2")

        with pytest.raises(UserError) as invalid:
            load([*files, tmp_path / "missing.toml"])

        assert len(invalid.value.diagnostics) == 4

    def test_an_empty_folder_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"no \*\.toml in this folder"):
            load([tmp_path])


def test_bytes_that_are_not_text_are_named(tmp_path: Path) -> None:
    file = tmp_path / "backups.toml"
    file.write_bytes(b"# \xff\n")

    with pytest.raises(UserError) as invalid:
        load([file])

    assert "not UTF-8" in invalid.value.diagnostics[0].summary


def test_a_byte_order_mark_and_windows_line_ends_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "backups.toml"
    file.write_bytes(b"\xef\xbb\xbf[servers.a]\r\nid = 1\r\n")

    assert load([file]).servers[0].id == 1


@given(st.text())
def test_any_description_is_taken_whole_or_refused(text: str) -> None:
    written = tomli_w.dumps({"servers": {"a": {"id": 1, "backups": [{"description": text}]}}})
    assert tomllib.loads(written)

    if unclean(text):
        with pytest.raises(UserError):
            config(written)
    else:
        assert config(written).servers[0].series[0].description == text


@given(st.text(max_size=200))
def test_no_text_at_all_makes_it_crash(text: str) -> None:
    # A lone surrogate can't be written to a file.
    with suppress(UserError, UnicodeEncodeError):
        config(text)
