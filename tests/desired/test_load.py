"""What a valid file means, and that nothing else comes of an invalid one than an error."""

import io
import tomllib
from contextlib import suppress
from dataclasses import replace

import pytest
import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st
from support.build import config as parse

from reconcile.desired.config import Config
from reconcile.desired.document import Requirements
from reconcile.desired.fields import unclean
from reconcile.desired.keep import KeepCount, KeepWithin, Period
from reconcile.desired.load import load
from reconcile.diagnostics import Place, UserError
from reconcile.durations import Duration

SPEC = """\
[settings]
timezone = "Europe/Rome"
prune = false
max_shrink = "20%"
stalled_after = "24h"
account = "ops@example.com"

[require]
all_servers = true
every = "1d"
retention = "30d"
min_age = "3d"

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

[fleets.web]
match = ["web-*", "api-*"]
exclude = ["*-test"]
location = "us-west"
prune = "30d"

[[fleets.web.backups]]
description = "nightly"
policy = "standard"

[fleets.all]
match = "*"
status = ["active", "stopped"]
"""


def test_the_specs_example_means_what_the_spec_says() -> None:
    config = parse(SPEC)

    web, db = config.servers
    assert (str(config.settings.timezone), config.settings.max_shrink) == ("Europe/Rome", 20)
    assert (web.key, web.name, web.id, web.prune, web.pinned) == (
        "web-server-01",
        "web-server-01",
        12345,
        Duration.parse("7d"),
        (499,),
    )
    once, nightly = web.series
    assert (once.every, once.keep) == (None, (KeepCount(period=Period.LAST, count="all"),))
    assert (nightly.every, nightly.keep) == (Duration.parse("1d"), (KeepCount(period=Period.LAST, count=7),))
    assert (db.key, db.name, db.prune, db.series) == ("db", "db-server-01", False, ())


def test_the_specs_fleets_and_guardrails_are_read() -> None:
    config = parse(SPEC, "mine.toml")

    web, everything = config.fleets
    assert (web.name, web.match, web.exclude, web.prune) == (
        "web",
        ("web-*", "api-*"),
        ("*-test",),
        Duration.parse("30d"),
    )
    assert (web.location, web.status) == (frozenset({"us-west"}), None)
    assert web.series == (replace(config.servers[0].series[1], keep=web.series[0].keep),)
    assert [str(rule) for rule in web.series[0].keep] == ["last=3", "daily=7", "weekly=4", "monthly=12"]
    assert (everything.match, everything.exclude, everything.prune, everything.series) == (("*",), (), False, ())
    assert (everything.location, everything.status) == (None, frozenset({"active", "stopped"}))
    assert everything.place == Place(filename="mine.toml", path=("fleets", "all"), at_key=True)
    assert config.settings.account == "ops@example.com"
    assert config.settings_place == Place(filename="mine.toml", path=("settings",), at_key=True)
    assert config.require == Requirements.model_construct(
        all_servers=True,
        every=Duration.parse("1d"),
        retention=Duration.parse("30d"),
        min_age=Duration.parse("3d"),
    )
    assert config.require_place == Place(filename="mine.toml", path=("require",), at_key=True)


def test_nothing_is_required_by_default_and_the_setting_for_pruning_reaches_no_fleet() -> None:
    config = parse("[settings]\nprune = true\n[servers.a]\nid = 1\n[fleets.b]\nmatch = 'b'")

    assert (config.require, config.settings.account) == (Requirements(), None)
    assert (config.servers[0].prune, config.fleets[0].prune) == (True, False)


def test_a_config_knows_its_text_and_the_places_in_it() -> None:
    config = parse(SPEC, "mine.toml")

    assert [(source.filename, source.text) for source in config.sources] == [("mine.toml", SPEC)]
    assert config.servers[1].place == Place(filename="mine.toml", path=("servers", "db"), at_key=True)


def test_the_whole_keep_vocabulary_is_read() -> None:
    counts = ", ".join(f"{period} = {number}" for number, period in enumerate(Period, start=1))
    withins = ", ".join(f'within_{period} = "1d"' for period in list(Period)[1:])
    text = f'{{ {counts}, within = "1d", {withins} }}'

    (server,) = parse(f'[servers.a]\nid = 1\nbackups = [{{ description = "x", keep = {text} }}]').servers

    expected = [KeepCount(period=period, count=number) for number, period in enumerate(Period, start=1)]
    day = Duration.parse("1d")
    assert server.series[0].keep == (*expected, *(KeepWithin(period=period, duration=day) for period in Period))


@pytest.mark.parametrize(
    ("series", "every", "keep"),
    [
        ("policy = 'p'", "1d", "daily=7"),
        ("policy = 'p', every = '2d'", "2d", "daily=7"),
        ("policy = 'p', keep = 'all'", "1d", "last=all"),
        ("policy = ''", "3d", "last=all"),
        ("keep = { within = '1mo', last = 2 }", "None", "last=2, within=1mo"),
    ],
)
def test_a_series_overrides_its_policy(series: str, every: str, keep: str) -> None:
    policies = "[policies]\np = { every = '1d', keep = { daily = 7 } }\n'' = { every = '3d' }\n"

    (server,) = parse(policies + f"[servers.a]\nid = 1\nbackups = [{{ description = 'x', {series} }}]").servers

    assert (str(server.series[0].every), ", ".join(map(str, server.series[0].keep))) == (every, keep)


def test_an_empty_file_declares_nothing() -> None:
    assert parse("").servers == ()


def test_an_id_may_be_as_large_as_the_service_holds() -> None:
    text = f"[servers.a]\nid = {2**63 - 1}\n[servers.b]\nid = '{2**64}'\npinned = [{-(2**63)}]"

    assert [server.id for server in parse(text).servers] == [2**63 - 1, str(2**64)]


@given(st.text())
def test_any_description_is_taken_whole_or_refused(text: str) -> None:
    written = tomli_w.dumps({"servers": {"a": {"id": 1, "backups": [{"description": text}]}}})
    assert tomllib.loads(written)

    if unclean(text):
        with pytest.raises(UserError):
            parse(written)
    else:
        assert parse(written).servers[0].series[0].description == text


FRAGMENTS = st.sampled_from(
    [
        *"[]{}=.,'\"# \t\r\n\\\ufeff\0é🐘",
        *('"""', "'''", "[[", "]]", "\r\n", "\\e", "\\x41", "\\u0041", "\ud800"),
        *("settings", "policies", "servers", "backups", "[key]", "token", "a", '""'),
        *("id", "pinned", "name", "prune", "description", "policy", "every", "keep", "last", "within", "timezone"),
        *("max_shrink", "stalled_after", "account", "require", "all_servers", "fleets", "match", "exclude", "location"),
        *("1", "-1", "0x" + "f" * 5000, "9" * 5000, "1.5", "inf", "true", "1979-05-27T07:32", "07:32", "'1d'", "'%'"),
        *("[settings]\n", "[policies.a]\n", "[servers.a]\n", "\nid = 1\n", "[[servers.a.backups]]\n"),
        *("[fleets.a]\n", "\nmatch = '*'\n", "[[fleets.a.backups]]\n", "[require]\n"),
        *("servers = {\n a = { id = 1,\n }, }\n", "\ndescription = 'x'\n", "\npolicy = 'b'\n", '"\\e" = 1\n'),
        *("\npinned = [[", "\nbackups = [{", "\nkeep = {", "}]", " = 'Europe'\n"),
    ]
)


@given(st.text() | st.lists(FRAGMENTS).map("".join))
@example("\ud800")
@example('"[key]" = 1')
@example("[servers]\n'[key]' = 1")
@example("a = " + "[" * 100_000)
@example("a = " + "{a = " * 399 + "1" + "}" * 399)
@example("a." * 5000 + "a = 1")
@example("[" + "a." * 900 + "a]\nb = 1")
@example("[servers.a]\npinned = " + "[" * 399 + "]" * 399)
@example("[servers.a]\nid = 0x" + "f" * 5000 + "\n[servers.b]\nid = 0x" + "f" * 5000)
@example("[servers.a]\nid = 1\nbackups = [{ description = 'x', keep = 0x" + "f" * 5000 + "}]")
@example(f"[settings]\nmax_shrink = '{'9' * 5000}%'")
@example('a = """\n\\e\n"\\q" = 1\n"""\n[servers.a]')
def test_any_text_is_a_config_or_a_user_error(text: str) -> None:
    with suppress(UserError):
        assert isinstance(parse(text), Config)


@given(st.binary())
@example(b"\xff\xfe[\0s\0]\0")
@example(b"\xef\xbb\xbf" * 2)
def test_any_bytes_are_a_config_or_a_user_error(content: bytes) -> None:
    with suppress(UserError):
        assert isinstance(load(["-"], stdin=io.BytesIO(content)), Config)
