"""An imported file: what it says is what was meant, and nothing in it acts or hides."""

import re
import tomllib
import unicodedata
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st
from support.build import BASE_URL, NOW, backup, config, days, declare, inventory

from reconcile.actual.inventory import Server
from reconcile.addresses import escaped_glob
from reconcile.insight.importing import (
    Adopted,
    AdoptedServers,
    Declaration,
    FailedPinned,
    LeftUnmanaged,
    NotDeclared,
    NotShared,
)
from reconcile.insight.importing import declare as import_
from reconcile.report.toml import declaration_toml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["::error::x", "##[error]x", "\x9b31m", "\u202eevil", "\U000e0041", "\u2028", "\x7f", "a\nb", '"""', "\\", "\ue000"]
)


def check_harmless(toml: str) -> None:
    acting = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}
    assert not [each for each in toml if each != "\n" and unicodedata.category(each) in acting]
    assert "##[" not in toml
    assert not [line for line in toml.splitlines() if line.lstrip().startswith("::")]


def check_layout(toml: str) -> None:
    """Check what taplo would change: blank lines, long arrays, and comments in other columns than their neighbours'."""
    assert "\n\n\n" not in toml
    columns: list[int] = []
    for line in toml.splitlines():
        code = re.match(r'(?:[^"#]|"(?:[^"\\]|\\.)*")*', line)
        assert code is not None
        is_key = bool(code[0].strip()) and code[0][0] not in "[ ]" and not code[0].rstrip().endswith("[")
        if not is_key:
            assert code[0] in {"", code[0].rstrip() + " " * (code[0] != line)}
            columns = []
            continue
        assert len(code[0].rstrip()) <= 80 or "= [" not in code[0]
        columns.append(len(code[0]) if code[0] != line else 0)
        assert len({column for column in columns if column}) <= 1
        assert len(code[0].rstrip()) < max(columns) or not max(columns)


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=3, unique=True), TEXTS, TEXTS, st.booleans())
@example(["##[x]", "::error::x"], "\u202e\x9b##[x]", "##[error]", "x")
def test_what_is_read_back_is_what_was_written(names: list[str], described: str, noted: str, is_first: object) -> None:
    notes = (
        FailedPinned(key=noted, backup=backup(noted or 1)),
        LeftUnmanaged(key=noted, backup=backup(1, noted), unclean=None),
        LeftUnmanaged(key=noted, backup=backup(1, noted), unclean="is empty"),
        NotDeclared(key=noted, filename=noted, description=noted, count=2),
        NotShared(fleet=noted, description=noted, servers=1, count=2),
    )
    servers = [Server(id=number, name=name) for number, name in enumerate(names)]
    adopted = Adopted(description=described, renamed_from=described, backups=((backup(1, described),),))
    fleet = AdoptedServers(key="all", servers=tuple(servers), series=(adopted,), is_fleet=True, glob=names[0])
    tables = [
        AdoptedServers(key=server.name, servers=(server,), series=(adopted,), pinned=(noted,)) for server in servers
    ]

    written = declaration_toml(
        Declaration(
            base_url=BASE_URL,
            account=noted or "x",
            read_at=NOW,
            entries=(fleet, *tables),
            not_shown=notes,
            is_first=bool(is_first),
        )
    )

    check_harmless(written)
    check_layout(written)
    document = tomllib.loads(written)
    series = [{"description": described, "renamed_from": described}]
    assert document["settings"]["account"] == (noted or "x")
    assert document["fleets"] == {"all": {"match": list(map(escaped_glob, names)), "backups": series}}
    assert document["servers"] == {
        server.name: {"id": server.id, "pinned": [noted], "backups": series} for server in servers
    }


@given(TEXTS, TEXTS)
def test_an_imported_file_is_valid_and_harmless(name: str, description: str) -> None:
    server = Server(id=1, name=name)
    seen = inventory(backup(1, description, server=server), servers=(server,))

    written = declaration_toml(import_(seen, NOW))

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

    lines = declaration_toml(import_(seen, NOW, existing=existing)).splitlines()

    assert lines[:2] == ["# Written by reconcile import at 2026-03-10 12:00 UTC,", "# from https://vps.example/api/v1."]
    assert lines[3] == "# What this file does not show:"
    assert lines[4].startswith("# - web: ")
    assert lines[4].endswith("backups.toml does not declare 'x' (1 backup)")
    assert lines[5:10] == [
        "# - db: backup 4 (' blank') stays unmanaged: its description starts or ends with",
        "#   whitespace",
        "# - db: backup 5 ('gone') stays unmanaged: no backup of its series counts; its",
        "#   status is 'queued'",
        "# - db: backup 3 has failed, and is pinned to keep it",
    ]


def test_nothing_to_declare() -> None:
    lines = declaration_toml(import_(inventory(servers=()), NOW)).splitlines()

    assert lines[2] == "# Everything is declared already."


WEB_AND_DB = [Server(id=10, name="web-1"), Server(id=11, name="web-2"), Server(id=2, name="a/b")]
SEEN = inventory(
    *(
        backup(f"{server.id} {age}", f"auto-{(NOW - days(age)):%Y-%m-%d}", age=days(age), server=server)
        for server in WEB_AND_DB[:2]
        for age in range(3)
    ),
    backup(7, "x", server=WEB_AND_DB[2]),
    backup(8, "Automatic", server=WEB_AND_DB[2], backup_type="automatic"),
    servers=tuple(WEB_AND_DB),
)


def test_an_import_as_a_whole() -> None:
    assert declaration_toml(import_(replace(SEEN, account="ops@example.com"), NOW)).splitlines() == [
        "# Written by reconcile import at 2026-03-10 12:00 UTC,",
        "# from https://vps.example/api/v1.",
        "# The account also has 1 automatic backup.",
        "# reconcile never creates, deletes or counts those.",
        "",
        "[settings]",
        'account = "ops@example.com" # a token for another account is refused',
        "",
        "[servers.server-2] # the key is the server's name in the account",
        "id = 2       # its id in the account",
        'name = "a/b" # its name in the account, if the key differs',
        "",
        "[[servers.server-2.backups]] # a series: all backups with this description",
        'description = "x" # 1 kept',
        "",
        "[fleets.web] # similar servers; a server with its own table is in no fleet",
        'match = ["web-1", "web-2"] # 2 servers',
        '# match = "web-*" # instead of the list: also matches servers added later',
        "",
        "[[fleets.web.backups]]",
        'description = "auto"    # created daily at about 12:00 UTC, 3 kept',
        "renamed_from = \"auto-*\" # such as 'auto-2026-03-10'",
        '# every = "1d" # remove the # once nothing else creates these backups',
        "keep = 3 # the newest are kept",
    ]


def test_a_first_file_as_a_whole() -> None:
    assert declaration_toml(import_(SEEN, NOW, is_first=True)).splitlines() == [
        "#:schema ./reconcile.schema.json",
        "",
        "# Written by reconcile init at 2026-03-10 12:00 UTC,",
        "# from https://vps.example/api/v1.",
        "# It changes nothing by itself: reconcile plan previews the changes, and",
        "# reconcile apply asks first.",
        "# To check it in an editor: reconcile schema > reconcile.schema.json",
        "# The account also has 1 automatic backup.",
        "# reconcile never creates, deletes or counts those.",
        "",
        "[settings] # for all servers",
        'timezone = "UTC" # the calendar of every and keep',
        "prune = false    # keep undeclared backups",
        "",
        "[policies.standard] # shared by every series that names this policy",
        'every = "1d"                               # how often to create a backup',
        "keep = { last = 3, daily = 7, weekly = 4 } # the rest is deleted",
        "",
        "[servers.server-2] # the key is the server's name in the account",
        "id = 2       # its id in the account",
        'name = "a/b" # its name in the account, if the key differs',
        "",
        "[[servers.server-2.backups]] # a series: all backups with this description",
        'description = "x" # 1 kept',
        "",
        "[[servers.server-2.backups]]",
        'description = "nightly" # new',
        'policy = "standard"     # as above; every and keep here override it',
        "",
        "[fleets.web] # similar servers; a server with its own table is in no fleet",
        'match = ["web-1", "web-2"] # 2 servers',
        '# match = "web-*" # instead of the list: also matches servers added later',
        "",
        "[[fleets.web.backups]]",
        'description = "auto"    # created daily at about 12:00 UTC, 3 kept',
        "renamed_from = \"auto-*\" # such as 'auto-2026-03-10'",
        'every = "1d"',
        "keep = 4                # one more than today; the rest is deleted",
    ]


def test_a_list_that_is_too_long_for_a_line_has_one_name_on_each_and_more_only_if_it_is_very_long() -> None:
    def match(count: int) -> list[str]:
        found = tuple(Server(id=number, name=f"server-{number:02}") for number in range(count))
        written = declaration_toml(import_(inventory(servers=found), NOW))
        return written[written.index("match") : written.index("# match")].splitlines()

    assert match(5) == ['match = ["server-00", "server-01", "server-02", "server-03", "server-04"] # 5 servers']
    assert match(6) == ["match = [ # 6 servers", *(f'  "server-{number:02}",' for number in range(6)), "]"]
    first, *others, last = match(21)
    assert (first, last, len(others)) == ("match = [ # 21 servers", "]", 4)
    assert max(map(len, others)) <= 80


def test_an_account_without_servers_says_how_to_go_on() -> None:
    written = declaration_toml(import_(inventory(servers=()), NOW, is_first=True))

    assert "# The account has no servers yet. To declare one, see: reconcile help file" in written


def test_without_a_list_of_servers_it_says_that_some_may_be_missing() -> None:
    for is_first in (False, True):
        written = declaration_toml(import_(inventory(servers=None), NOW, is_first=is_first))

        assert "# The token has no permission to list servers, so servers without backups are\n# not in this" in written
        assert "The account has no servers yet" not in written
        assert "Everything is declared" not in written


def test_the_example_is_a_valid_file_and_says_that_it_is_one() -> None:
    written = declaration_toml(None)

    (server,) = config(written).servers
    assert (server.key, server.name, server.id) == ("web-server-01", "web-server-01", 12345)
    assert "# An example, written by reconcile init without a token.\n" in written


def test_five_thousand_servers_are_written_once() -> None:
    crowd = tuple(Server(id=number, name=f"server-{number:04}") for number in range(5000))

    written = declaration_toml(import_(inventory(servers=crowd), NOW, is_first=True))

    assert len(written.splitlines()) < 1100
