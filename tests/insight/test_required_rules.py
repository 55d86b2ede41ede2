"""How many servers satisfy each rule of `[require]`."""

from support.build import NOW, WEB, backup, config, inventory

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve, select
from reconcile.insight.required_rules import RequiredRule
from reconcile.insight.status import status

DB, OTHER = Server(id=2, name="db"), Server(id=9, name="other")
FLEET = tuple(Server(id=100 + number, name=f"web-{number}") for number in range(3))
SERVERS = (WEB, DB, *FLEET, OTHER)
RULES = """
[require]
all_servers = true
every = "1d"
retention = "30d"
min_age = "3d"
[servers.web]
id = 1
backups = [{ description = "nightly", every = "1d", keep = 31 }]
[servers.db]
id = 2
backups = []
[fleets.web]
match = "web-*"
backups = [{ description = "weekly", every = "1w", keep = 2 }]
"""


def rules_of(declared: Config, seen: Inventory, *targets: str) -> dict[str, RequiredRule]:
    desired = select(resolve(declared, seen), seen, targets)
    return {rule.name: rule for rule in status(desired, seen, NOW).rules}


def test_each_is_counted_in_the_servers_that_it_is_about() -> None:
    found = rules_of(config(RULES), inventory(backup(1), servers=SERVERS))

    assert {name: (str(rule.required), rule.servers, rule.satisfied) for name, rule in found.items()} == {
        "all_servers": ("True", 6, 5),
        "every": ("1d", 4, 1),
        "retention": ("30d", 4, 1),
        "min_age": ("3d", 5, 5),
    }


def test_a_pause_that_is_too_long_breaks_max_pause_on_each_server_that_it_is_set_for() -> None:
    pauses = {1: "2026-03-20", 2: "2026-03-30", 9: "2026-03-01"}
    tables = (
        f"[servers.s{id_}]\nid = {id_}\npause = {{ until = {until}, reason = 'moving' }}\n"
        for id_, until in pauses.items()
    )
    seen = inventory(servers=tuple(Server(id=id_, name=f"s{id_}") for id_ in pauses))

    rule = rules_of(config(f"[require]\nmax_pause = '14d'\n{''.join(tables)}"), seen)["max_pause"]

    assert (str(rule.required), rule.servers, rule.satisfied) == ("14d", 3, 2)


def test_without_a_rule_there_is_none() -> None:
    assert rules_of(config("[servers.web]\nid = 1\n"), inventory()) == {}


def test_where_servers_cannot_be_listed_nobody_knows_whether_all_are_declared() -> None:
    rule = rules_of(config("[require]\nall_servers = true\n[servers.web]\nid = 1\n"), inventory(servers=None))

    assert (rule["all_servers"].servers, rule["all_servers"].satisfied) == (None, None)


def test_with_targets_only_what_they_match_is_counted() -> None:
    found = rules_of(config(RULES), inventory(servers=SERVERS), "web")

    assert (found["every"].servers, found["every"].satisfied, found["all_servers"].satisfied) == (1, 1, None)
