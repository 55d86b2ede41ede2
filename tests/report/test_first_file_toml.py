"""The file to begin with, as text: each line is explained once, and no text of the service acts."""

import unicodedata
from dataclasses import replace

from support.build import WEB, backup, config, inventory

from reconcile.actual.inventory import Server
from reconcile.insight.first_file import EXAMPLE, first_file
from reconcile.report.toml import first_file_toml

DB = Server(id=2, name="a/b")


def lines(*servers: Server, held: int = 0) -> list[str]:
    seen = inventory(*(backup(number, "x") for number in range(held)), servers=servers)
    return first_file_toml(first_file(seen)).text.splitlines()


def test_the_whole_text() -> None:
    assert lines(WEB, DB, held=2) == [
        "# Written by reconcile init at 2026-03-10 12:00 UTC, from https://vps.example/api/v1.",
        "# By itself it changes nothing: reconcile plan shows what would be done, and reconcile apply asks first.",
        "# Not declared here: 2 manual backups that the account has already. To declare them: reconcile import.",
        "",
        "[settings]        # for all servers",
        'timezone = "UTC"  # the calendar that keep\'s days and weeks follow',
        "prune = false     # backups that are not declared here stay as they are",
        "",
        "[policies.standard]                         # how often and how many, for every series that names this policy",
        'every = "1d"                                # a new backup is due when the newest one is this old',
        "keep = { last = 3, daily = 7, weekly = 4 }  # these stay, the others of the series are deleted",
        "",
        "[servers.server-2]  # the key is the server's name in the account",
        "id = 2              # its id there",
        'name = "a/b"        # its name there, where the key is not that name',
        "",
        "[[servers.server-2.backups]]  # a series: all manual backups of the server with this description",
        'description = "nightly"       # the service can\'t change the description of a backup',
        'policy = "standard"           # the policy above; every and keep here would override it',
        "",
        "[servers.web]",
        "id = 1",
        "",
        "[[servers.web.backups]]",
        'description = "nightly"',
        'policy = "standard"',
    ]


def test_more_than_three_servers_are_a_fleet_of_the_account() -> None:
    servers = tuple(Server(id=number, name=f"web-{number}") for number in range(4))
    seen = replace(inventory(servers=servers), account="ops@example.com")

    text = first_file_toml(first_file(seen)).text

    assert text.splitlines()[3:7] == [
        "[settings]                   # for all servers",
        'timezone = "UTC"             # the calendar that keep\'s days and weeks follow',
        "prune = false                # backups that are not declared here stay as they are",
        'account = "ops@example.com"  # with another account\'s token, nothing is planned',
    ]
    assert text.splitlines()[12:] == [
        "[fleets.all]  # every server that it chooses, now and later; one with a table of its own is in no fleet",
        'match = "*"   # globs on the servers\' names in the account; exclude = … leaves some out',
        "",
        "[[fleets.all.backups]]   # a series: all manual backups of the server with this description",
        'description = "nightly"  # the service can\'t change the description of a backup',
        'policy = "standard"      # the policy above; every and keep here would override it',
    ]
    assert first_file_toml(first_file(replace(seen, servers=servers[1:]))).text.count("[servers.") == 6


def test_every_line_is_explained_the_first_time() -> None:
    seen: set[str] = set()
    for line in lines(WEB, Server(id=5, name="db"), DB):
        toml, _, comment = line.partition("#")
        kind = toml.partition("=")[0].partition(".")[0].strip()
        assert not kind or comment or kind in seen, line
        seen.add(kind)


def test_an_account_without_servers_says_how_to_go_on() -> None:
    assert "# The account has no servers yet. How to declare one: reconcile help file." in lines()


def test_an_example_says_that_it_is_one() -> None:
    text = first_file_toml(EXAMPLE).text

    assert text.startswith("# An example, written by reconcile init without a token.\n")
    assert "[servers.web-server-01]" in text


def test_names_of_the_service_are_written_as_escapes_and_read_back_the_same() -> None:
    name = '\x1b[31m\u202e##[x]"""\n::error::x'

    text = first_file_toml(first_file(inventory(servers=(Server(id=name, name=name),)))).text

    acting = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}
    assert not [each for each in text if each != "\n" and unicodedata.category(each) in acting]
    assert "##[" not in text
    assert [(server.id, server.name) for server in config(text).servers] == [(name, name)]


def test_five_thousand_servers_are_as_few_lines_as_four() -> None:
    crowd = tuple(Server(id=number, name=f"server-{number:04}") for number in range(5000))

    assert len(lines(*crowd)) == len(lines(*crowd[:4]))
