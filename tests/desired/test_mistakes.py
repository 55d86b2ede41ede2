"""Every mistake in a file: what is wrong, where, and what to do."""

from pathlib import Path

import pytest
from support.build import config
from support.build import config as parse

from reconcile.desired.load import load
from reconcile.diagnostics import Diagnostic, UserError

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


def mistakes(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(UserError) as invalid:
        parse(text)
    return invalid.value.diagnostics


def test_all_mistakes_are_reported_each_at_its_line_and_column() -> None:
    found = mistakes(EIGHT)

    places = [
        (diagnostic.spot.start.line, diagnostic.spot.start.column, diagnostic.summary.split(":")[0])
        for diagnostic in found
        if diagnostic.spot
    ]
    assert places == [
        (2, 1, 'unknown key "prun"'),
        (3, 12, "timezone"),
        (6, 9, "every"),
        (10, 1, "a token does not belong in the file"),
        (12, 19, "the description starts or ends with whitespace"),
        (12, 35, 'there is no policy "standart"'),
        (13, 31, "keep"),
        (14, 19, "this table has two series with the description 'x'"),
        (18, 6, "two servers have the id 1"),
    ]
    assert all(diagnostic.detail or "write" in diagnostic.summary for diagnostic in found)


BIG = "0x" + "f" * 5000
ONE = "[servers.a]\nid = 1\nbackups = [{ description = 'x', "


@pytest.mark.parametrize(
    ("text", "place", "summary", "detail"),
    [
        ("servers = 3", (1, 11), '"servers" must be a table', "Write [table] or { … }."),
        ("[servers.a]\nname = 'x'", (1, 2), 'the key "id" is missing', "Add id = …"),
        ("[servers.a]\nid = true", (2, 6), "id: not an id", "a whole number, or a string in quotes"),
        ("[servers.a]\nid = ''", (2, 6), "id: not an id", "that the service gave"),
        ("[servers.a]\nid = '..'", (2, 6), "id: not an id", "that the service gave"),
        (f"[servers.a]\nid = '{'7' * 256}'", (2, 6), "id: the text is too long for an id", "that the service gave"),
        (f"[servers.a]\nid = {2**63}", (2, 6), "id: the number is too large for an id", "64 bits"),
        (f"[servers.a]\nid = {-(2**63) - 1}", (2, 6), "id: the number is too large for an id", "64 bits"),
        (f"[servers.a]\nid = {BIG}", (2, 6), "id: the number is too large for an id", "64 bits"),
        (f"[servers.a]\nid = {'9' * 5000}", (2, 6), "the number is too large", "64 bits"),
        (f"\ufeff[servers]\r\na = {{ id = {'9_9' * 5000} }}", (2, 12), "the number is too large", "64 bits"),
        ("[servers.a]\nid = 1\nname = 7", (3, 8), '"name" must be a string', "in quotes"),
        ("[servers.a]\nid = 1\nbackups = 7", (3, 11), '"backups" must be a list', "[[table]]"),
        ("[servers.a]\nid = 1\nbackups = [7]", (3, 12), 'each entry of "backups" must be a table', "Write [table]"),
        ("[servers.a]\nid = 1\npinned = [1, 1.5]", (3, 14), "pinned: not an id", "whole number"),
        ("[servers.a]\nid = 1\n[[servers.a.backups]]\nkeep = 1", (3, 3), 'the key "description" is missing', "Add"),
        ("[servers.a]\nid = 1\nbackups = [{description = 7}]", (3, 27), '"description" must be a string', "in quotes"),
        ("[servers.a]\nid = 1\nbackups = [{description = ''}]", (3, 27), "the description is empty", "plain text."),
        ("[servers.a]\nid = 1\nbackups = [{description = 'x '}]", (3, 27), "ends with whitespace", "text: 'x'."),
        ("[servers.a]\nid = 1\nbackups = [{description = 'a\tb'}]", (3, 27), "has control characters", ""),
        ('[servers.a]\nid = 1\nbackups = [{description = "a\\u009bb"}]', (3, 27), "has control characters", ""),
        ('[servers.a]\nid = 1\nbackups = [{description = "a\\u2028b"}]', (3, 27), "has control characters", ""),
        ("[servers.a]\nid = 1\nbackups = [{description = 'x', keep = {}}]", (3, 39), "would keep nothing", "Write"),
        ("[servers.a]\nid = 1\nbackups = [{description = 'x', keep = 'most'}]", (3, 39), "must be a number", '"all"'),
        (
            "[servers.a]\nid = 1\nbackups = [{description = 'x', keep = {last = -1}}]",
            (3, 47),
            "last: a number below 1 would keep nothing",
            "Write",
        ),
        (f"{ONE}renamed_from = 7 }}]", (3, 48), "renamed_from: must be a string or a list of strings", 'Write "…" or'),
        (f"{ONE}renamed_from = ['a', 7] }}]", (3, 54), 'each entry of "renamed_from" must be a string', "in quotes"),
        (f"{ONE}renamed_from = 'a ' }}]", (3, 48), "the description starts or ends with whitespace", "text: 'a'."),
        (f"{ONE}renamed_from = ['a', ''] }}]", (3, 54), "the description is empty", "plain text."),
        (f"{ONE}renamed_from = 'x' }}]", (3, 48), "'x' is still the description", "remove it from renamed_from"),
        (
            f"{ONE}renamed_from = ['a', 'y'] }}, {{ description = 'y' }}]",
            (3, 54),
            "'y' is declared as a series",
            "A backup belongs to one series",
        ),
        (f"{ONE}renamed_from = ['a', 'a'] }}]", (3, 54), "'a' is renamed twice", "The first is in"),
        (
            f"{ONE}renamed_from = 'a' }}, {{ description = 'y', renamed_from = 'a' }}]",
            (3, 91),
            "'a' is renamed twice",
            "remove one of the two",
        ),
        ("[policies.a]\nrenamed_from = 'x'", (2, 1), 'unknown key "renamed_from"', "Valid keys"),
        (f"[policies.a]\nkeep = {BIG}", (2, 8), "keep: the number is too large", '"all"'),
        (f"[policies.a]\nkeep = -{'9' * 4000}", (2, 8), "keep: a number below 1 would keep nothing", "Write"),
        ("[policies.a]\nkeep = true", (2, 8), "keep: not a number of backups", "Write a whole number"),
        ("[policies.a]\nevery = 86400", (2, 9), "every: a duration must be a string in quotes", 'like "1d"'),
        ("[policies.a]\nevery = 'often'", (2, 9), "every: not a duration; write it like", ""),
        ("[servers.a]\nid = 1\nprune = 7", (3, 9), "prune: must be true, false or an age", '"7d"'),
        ("[settings]\nprune = '7m'", (2, 9), "minutes or months? write min or mo", ""),
        ("[servers.'a/b']\nid = 1", (1, 2), "'a/b' can't be used as a key", "name = …"),
        ("[settings]\nmax_shrink = 20", (2, 14), "max_shrink: not a percentage", "in quotes"),
        ('[settings]\nmax_shrink = "120%"', (2, 14), "max_shrink: not a percentage", '"100%"'),
        (f'[settings]\nmax_shrink = "{"9" * 5000}%"', (2, 14), "max_shrink: not a percentage", '"100%"'),
        ("[settings]\ntimezone = '/etc/passwd'", (2, 12), "timezone: not an IANA time zone", "Europe/Rome"),
        ("[settings]\ntimezone = 'localtime'", (2, 12), "timezone: not the same on every machine", "Europe/Rome"),
        ("[settings]\ntimezone = 'posixrules'", (2, 12), "timezone: not the same on every machine", "Europe/Rome"),
        ("[settings]\ntimezone = 'right/UTC'", (2, 12), "timezone: not the same on every machine", "Europe/Rome"),
        ("[settings]\ntimezone = 'Europe/Berln'", (2, 12), "timezone: not an IANA time zone", "Europe/Berlin"),
        ("[settings]\ntimezone = 3", (2, 12), "timezone: not an IANA time zone", "Europe/Rome"),
        ("[settings]\naccount = ''", (2, 11), '"account" must be a non-empty string', "remove the key"),
        ("[settings]\naccount = 7", (2, 11), '"account" must be a string', "in quotes"),
        ("[require]\nall_servers = 'yes'", (2, 15), '"all_servers" must be true or false', "without quotes"),
        ("[require]\nevery = 1", (2, 9), "every: a duration must be a string in quotes", 'like "1d"'),
        ("[require]\nmin_age = '3m'", (2, 11), "minutes or months? write min or mo", ""),
        ("require = true", (1, 11), '"require" must be a table', "Write [table]"),
        ("[fleets.a]", (1, 2), 'the key "match" is missing', "Add match = …"),
        ("[fleets.'a/b']\nmatch = '*'", (1, 2), "'a/b' can't be used as a key", "without slashes"),
        ("[fleets.a]\nmatch = ''", (2, 9), 'each entry of "match" must be a non-empty string', "Write some text"),
        ("[fleets.a]\nmatch = []", (2, 9), '"match" must be a list with at least one entry', "remove the key"),
        (
            "[fleets.a]\nmatch = ['a', '']",
            (2, 15),
            'each entry of "match" must be a non-empty string',
            "Write some text",
        ),
        ("[fleets.a]\nmatch = [\n  'a',\n  1]", (4, 3), 'each entry of "match" must be a string', "in quotes"),
        ("[fleets.a]\nmatch = 1", (2, 9), "match: must be a string or a list of strings", "Write"),
        (
            "[fleets.a]\nmatch = '*'\nlocation = []",
            (3, 12),
            '"location" must be a list with at least one entry',
            "remove the key",
        ),
        ("[fleets.a]\nmatch = '*'\nprune = true", (3, 9), "prune = true is not allowed in a fleet", '"30d"'),
        ("[fleets.a]\nmatch = '*'\nprune = 7", (3, 9), "prune: must be false or an age", '"30d"'),
        ("[fleets.a]\nmatch = '*'\npinned = [1]", (3, 1), 'unknown key "pinned"', "Valid keys: match, exclude"),
        (
            "[fleets.a]\nmatch = '*'\nbackups = [{description = 'x'}, {description = 'x'}]",
            (3, 48),
            "this table has two series with the description 'x'",
            "change one",
        ),
        (
            "[fleets.a]\nmatch = '*'\nbackups = [{description = 'x', policy = 'p'}]",
            (3, 41),
            'there is no policy "p"',
            "Declare it",
        ),
        (
            "[servers.a]\nid = 1\nignore = 'night*'\nbackups = [{ description = 'nightly [db]' }]",
            (3, 10),
            "ignore: 'night*' matches the series 'nightly [db]'",
            "Change one of the two",
        ),
        ("token = 'vps_x'", (1, 1), "a token does not belong in the file", "revoke it"),
        ("[servers]\ntoken = 'vps_x'", (2, 1), "a token does not belong in the file", "revoke it"),
        ("[settings]\nAPI_TOKEN = 'vps_x'", (2, 1), "a token does not belong in the file", "revoke it"),
        ("'[key]' = 1", (1, 1), 'unknown key "[key]"', "Valid keys"),
        ("[servers]\n'[key]' = 1", (2, 11), '"[key]" must be a table', "Write [table]"),
        ("[servers.a]\nid = 1\n'[key]' = 1", (3, 1), 'unknown key "[key]"', "Valid keys"),
        ("[servers.'[key]']\nid = ''", (2, 6), "id: not an id", ""),
        ("'' = 1", (1, 1), 'unknown key ""', "Valid keys"),
        ("[servers.a]\nid = 1\nid = 2", (3, 7), "invalid TOML: cannot overwrite a value", "toml.io"),
        ("[servers.a", (1, 11), "invalid TOML", "toml.io"),
        ("x = 'é", (1, 7), "invalid TOML", "toml.io"),
    ],
)
def test_mistake(text: str, place: tuple[int, int], summary: str, detail: str) -> None:
    (found,) = mistakes(text)

    assert summary in found.summary
    assert detail in found.detail
    assert found.spot
    assert (found.spot.start.line, found.spot.start.column) == place


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("[settings]\ntimzone = 'UTC'", 'Did you mean "timezone"?'),
        ("[settings]\nmax-shrink = '5%'", 'Did you mean "max_shrink"?'),
        ("[policies.a]\nkeep = { dailly = 3 }", 'Did you mean "daily"?'),
        ("[policies.a]\nkeep = { keep-daily = 3 }", 'Did you mean "daily"?'),
        ("[policies.a]\nretention = 3", 'Did you mean "keep"?'),
        ("[policies.a]\nschedule = '1d'", 'Did you mean "every"?'),
        ("[server.a]\nid = 1", 'Did you mean "servers"?'),
        ("[policies.keep]\nevry = '1d'", 'Did you mean "every"?'),
        ("[fleet.a]\nmatch = '*'", 'Did you mean "fleets"?'),
        ("[fleets.a]\nmatch = '*'\nregion = 'us-west'", 'Did you mean "location"?'),
        ("[require]\nall-servers = true", 'Did you mean "all_servers"?'),
        ("[policy.a]\nkeep = 1", 'Did you mean "policies"?'),
        ("[servers.a]\nid = 1\nretention = 3", "Valid keys: id, name, prune, pinned, ignore, pause, backups."),
        ("[servers.a]\nid = 1\npause = { untl = 2026-12-06, reason = 'x' }", 'Did you mean "until"?'),
        ("[settings]\npause = { until = 2026-12-06, reason = 'x', every = 1 }", "Valid keys: until, reason, creates."),
        ("provider = 1", "Valid keys: settings, require, policies, servers, fleets."),
    ],
)
def test_a_suggestion_is_near_or_not_made(text: str, advice: str) -> None:
    assert [diagnostic.detail for diagnostic in mistakes(text)] == [advice]


def test_an_unknown_table_is_called_a_table() -> None:
    (found,) = mistakes("[provider]\nx = 1")

    assert (found.summary, found.detail) == (
        'there is no table "provider"',
        "Valid tables: settings, require, policies, servers, fleets.",
    )


@pytest.mark.parametrize(
    ("policies", "advice"),
    [
        ("[policies.standard]", 'Did you mean "standard"?'),
        ("[policies.x]\n[policies.y]", "Declared policies: x, y."),
        ("", "Declare it: [policies.standart]."),
    ],
)
def test_an_unknown_policy_is_pointed_out_with_those_there_are(policies: str, advice: str) -> None:
    (found,) = mistakes(f"{policies}\n[servers.a]\nid = 1\nbackups = [{{ description = 'x', policy = 'standart' }}]")

    assert (found.summary, found.detail) == ('there is no policy "standart"', advice)


def test_a_broken_policy_is_not_reported_as_a_missing_one() -> None:
    found = mistakes("[policies]\np = 1\n[servers.a]\nid = 1\nbackups = [{ description = 'x', policy = 'p' }]")

    assert [diagnostic.summary for diagnostic in found] == ['"p" must be a table']


def test_an_id_in_quotes_is_another_one() -> None:
    assert len(parse("[servers.a]\nid = 1\n[servers.b]\nid = '1'").servers) == 2


def test_the_id_of_a_fleet_is_an_unknown_key_and_no_second_server() -> None:
    found = mistakes("[servers.a]\nid = 1\nbackups = []\n[fleets.f]\nid = 1\nmatch = '*'\n")

    assert [diagnostic.summary for diagnostic in found] == ['unknown key "id"']


def test_clashes_between_files_are_reported_with_both_names(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text("[settings]\n[policies.p]\n[servers.a]\nid = 1\n[require]\n[fleets.f]\nmatch = 'x'")
    second.write_text(
        "[settings]\n[policies.p]\n[servers.a]\nid = 2\n[servers.c]\nid = 1\n[require]\n[fleets.f]\nmatch = 'y'"
    )

    with pytest.raises(UserError) as invalid:
        load([first, second])

    assert [(str(diagnostic.spot), diagnostic.summary) for diagnostic in invalid.value.diagnostics] == [
        (f"{second}:1:2", "[settings] is declared twice"),
        (f"{second}:2:2", "the policy 'p' is declared twice"),
        (f"{second}:3:2", "the server 'a' is declared in two files"),
        (f"{second}:6:6", "two servers have the id 1"),
        (f"{second}:7:2", "[require] is declared twice"),
        (f"{second}:8:2", "the fleet 'f' is declared twice"),
    ]
    lines = (1, 2, 3, 4, 5, 6)
    for line, diagnostic in zip(lines, invalid.value.diagnostics, strict=True):
        assert diagnostic.detail.startswith(f"The first is in {first}:{line}. ")


def test_a_misspelt_key_that_is_required_is_one_mistake() -> None:
    with pytest.raises(UserError) as invalid:
        config("[servers.a]\nID = 1\n[[servers.a.backups]]\ndescripton = 'x'\n[[servers.a.backups]]\nkeep = 1\n")

    assert [diagnostic.summary for diagnostic in invalid.value.diagnostics] == [
        'unknown key "ID"',
        'unknown key "descripton"',
        'the key "description" is missing',
    ]
