"""A year of an account that changes under its fleets, with an apply each night; and some nights over the real client.

Servers are added, renamed, removed and moved at random. Which of them a fleet has is judged here by a rule of its own.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

import pytest
from support.build import NOW, backup, config, days, inventory, make_plan
from support.sample import sampled
from support.world import World

from reconcile.actual.inventory import Backup, Inventory, Server, State
from reconcile.diagnostics import UserError
from reconcile.ids import Id
from reconcile.plan.model import Plan
from reconcile.plan.safety import withheld
from reconcile.sandbox.account import Record

FILE = """\
[settings]
prune = true

[servers.kept]
id = 1
name = "web-0"
prune = false
backups = [{ description = "nightly", every = "1d", keep = 2 }]

[fleets.web]
match = ["web-*", "api-*"]
exclude = "*-test"
location = "us-west"
backups = [{ description = "nightly", every = "1d", keep = 3 }]

[fleets.east]
match = "*"
location = "us-east"
prune = "30d"
backups = [{ description = "nightly", every = "1d", keep = 5 }, { description = "weekly", every = "1w" }]
"""
NAMES = ["web", "api", "db"]
PLACES = ["us-west", "us-east", "eu"]


def chosen(server: Server) -> bool:
    """Return whether the files declare a server, by a rule of this test's own."""
    if server.id == 1 or server.location == "us-east":
        return True
    is_web = server.name.startswith(("web-", "api-")) and not server.name.endswith("-test")
    return is_web and server.location == "us-west"


@dataclass
class Year:
    """An account, and the chances of what happens to it between two nights."""

    chance: Random
    servers: dict[Id, Server] = field(default_factory=lambda: {1: Server(id=1, name="web-0", location="eu")})
    backups: list[Backup] = field(default_factory=list)
    numbered: int = 1

    def a_day(self, now: datetime) -> None:
        """Let something happen to the account: every kind of change about twice a week."""
        if self.chance.random() < 0.4:
            self._add(now)
        others = [server for server in self.servers.values() if server.id != 1]
        if others and self.chance.random() < 0.3:
            server = self.chance.choice(others)
            self.servers[server.id] = replace(server, name=self._name())
        if others and self.chance.random() < 0.3:
            server = self.chance.choice(others)
            self.servers[server.id] = replace(self.servers[server.id], location=self.chance.choice(PLACES))
        if len(others) > 12 and self.chance.random() < 0.4:
            gone = self.chance.choice(others)
            del self.servers[gone.id]
            if self.chance.random() < 0.5:  # the service may go on listing the backups of a server that is gone
                self.backups = [each for each in self.backups if each.server_id != gone.id]
        if self.chance.random() < 0.3:
            self._make("by hand", self.chance.choice(list(self.servers.values())), now)

    def _add(self, now: datetime) -> None:
        self.numbered += 1
        server = Server(id=self.numbered, name=self._name(), location=self.chance.choice(PLACES))
        self.servers[server.id] = server
        for _ in range(self.chance.choice([0, 0, 4])):  # it comes with backups from somewhere else
            self._make(
                self.chance.choice(["nightly", "before the move"]), server, now - days(self.chance.random() * 90)
            )

    def _make(self, description: str, server: Server, at: datetime) -> None:
        self.numbered += 1
        self.backups.append(backup(self.numbered, description, server=server, created_at=at))

    def _name(self) -> str:
        end = self.chance.choice(["", "", "-test"])
        return f"{self.chance.choice(NAMES)}-{self.chance.randrange(20)}{end}"

    def observe(self, now: datetime) -> Inventory:
        listed = list(self.servers.values())
        self.chance.shuffle(listed)
        return replace(inventory(*self.backups, servers=tuple(listed)), observed_at=now, service_time=now)

    def apply(self, plan: Plan, now: datetime) -> None:
        held_back = withheld(plan)
        gone = {delete.backup.id for delete in plan.deletes if delete.address not in held_back}
        self.backups = [each for each in self.backups if each.id not in gone]
        for create in plan.creates:
            self._make(create.description, self.servers[create.server_id], now)


@pytest.mark.parametrize("seed", sampled(range(4), one_in=4))
def test_in_a_year_of_changes_nothing_outside_is_deleted_and_every_member_has_a_backup(seed: int) -> None:
    declared = config(FILE)
    year = Year(Random(seed))
    nights_chosen: dict[Id, int] = defaultdict(int)
    deleted = created = 0

    for night in range(365):
        now = NOW + days(night)
        year.a_day(now - timedelta(hours=9))
        seen = year.observe(now)
        plan = make_plan(declared, seen, now=now)
        members = {server.id for server in year.servers.values() if chosen(server)}

        assert plan.errors == ()
        assert {server.id for server in plan.servers} == members
        assert {delete.backup.server_id for delete in plan.deletes} <= members
        assert {create.server_id for create in plan.creates} <= members
        for server in plan.servers:
            if server.fleet == "web" or server.id == 1:
                assert server.pruned == ()
        for delete in plan.deletes:
            if delete.backup.description not in {"nightly", "weekly"}:
                assert now - delete.backup.created_at >= days(30)
        year.apply(plan, now)

        for server_id in list(year.servers):
            nights_chosen[server_id] = nights_chosen[server_id] + 1 if server_id in members else 0
        usable = {
            each.server_id for each in year.backups if each.description == "nightly" and each.state is State.USABLE
        }
        assert {server_id for server_id in year.servers if nights_chosen[server_id] >= 2} <= usable
        deleted, created = deleted + len(plan.deletes), created + len(plan.creates)

    assert created > 1000
    assert deleted > 500


@pytest.mark.parametrize("seed", range(3))
def test_over_the_real_client_a_new_server_is_covered_by_the_next_night(seed: int) -> None:
    chance = Random(seed)
    servers: list[Record] = [
        {"id": 1, "name": "web-0", "location": "us-west"},
        {"id": 5, "name": "web-0", "location": "us-west"},  # two of one name
        {"id": 6, "name": "web-2", "location": "us-west"},
    ]
    world = World(config=config(FILE), servers=servers, backups=[])
    kept_outside: dict[object, object] = {}

    for night in range(8):
        if night in {2, 4}:
            servers.append({"id": 10 + night, "name": f"api-{night}", "location": chance.choice(PLACES)})
        if night == 3:
            servers[2] |= {"location": "eu"}  # it leaves the fleet
        if night == 5:
            servers[1] |= {"name": chance.choice(["web-9/x", "\u202eweb", "db"]), "location": "us-east"}
        done = world.apply(seed=seed)
        assert not isinstance(done, UserError)
        held = world.account.list_backups(backup_type="manual")
        for record in servers:
            server = Server(**record)
            mine = [each for each in held if each["server"]["id"] == server.id]
            if chosen(server):
                assert {each["status"] for each in mine} == {"completed"}
                kept_outside.pop(server.id, None)
            else:
                assert [each["id"] for each in mine] == kept_outside.setdefault(
                    server.id, [each["id"] for each in mine]
                )
        world.wait(24 * 3600)

    assert {len([each for each in held if each["server"]["id"] == 1])} == {2}
