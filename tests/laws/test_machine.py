"""A service, its users, a file that is edited, faults, crashes, and time: the invariants hold throughout."""

import json
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.build import config, make_plan
from support.examples import times
from support.faults import CRASHES, FAULTS, where_it_fits
from support.schedules import AUTOMATIC, DB, ELSEWHERE, WEB, item, small_world
from support.world import Crash

from reconcile.actual.inventory import MANUAL, Inventory, Server
from reconcile.actual.wire import read_backup
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError

PINNED = 21
KEEPS = ["1", "2", '"all"', "{ daily = 2, last = 1 }", '{ within = "3d" }']
NAMES = ["nightly", "weekly", "by hand"]
EVERIES = ["", ', every = "1d"', ', every = "6h"']
STATUSES = ["completed", "failed"]
ANY_FAULT = sorted({name for kinds in FAULTS.values() for name in kinds if name not in {"hidden", "hidden_and_lost"}})


@st.composite
def files(draw: st.DrawFn) -> Config:
    tables = []
    for number, key in ((1, "web"), (2, "db")):
        series = [
            f'{{ description = "{name}", keep = {draw(st.sampled_from(KEEPS))}{draw(st.sampled_from(EVERIES))} }}'
            for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
        ]
        prune = draw(st.sampled_from(["false", "true", '"2d"']))
        pinned = f"pinned = [{PINNED}]" if number == 2 else ""
        tables.append(f"[servers.{key}]\nid = {number}\nprune = {prune}\n{pinned}\nbackups = [{', '.join(series)}]\n")
    return config("\n".join(tables))


class Life(RuleBasedStateMachine):
    """Applies of every kind, between everything else that happens to an account."""

    @initialize(file=files())
    def begin(self, file: Config) -> None:
        self.world = small_world()
        self.world.config = file
        self.by_hand = 900

    @rule(file=files())
    def somebody_edits_the_file(self, file: Config) -> None:
        self.world.config = file

    @rule(hours=st.integers(1, 80))
    def time_passes(self, hours: int) -> None:
        self.world.wait(3600 * hours)

    @rule(
        server=st.sampled_from([WEB, DB]), name=st.sampled_from(NAMES), status=st.sampled_from(["completed", "failed"])
    )
    def somebody_makes_one(self, server: dict[str, object], name: str, status: str) -> None:
        self.by_hand += 1
        made = {**item(self.by_hand, server, name, 0, status), "created_at": self.world.now().isoformat()}
        self.world.account.backups.append(made)

    @rule(fails=st.booleans())
    def the_service_has_its_days(self, *, fails: bool) -> None:
        self.world.account.fails = lambda: fails

    @rule(kind=st.sampled_from(ANY_FAULT), at=st.integers(0, 25), seed=st.integers(0, 99))
    def an_apply_meets_a_fault(self, kind: str, at: int, seed: int) -> None:
        self.apply({at + len(self.world.requests): kind}, seed)

    @rule(kind=st.sampled_from(sorted(CRASHES)), at=st.integers(0, 25), seed=st.integers(0, 99))
    def an_apply_is_killed(self, kind: str, at: int, seed: int) -> None:
        self.apply({at + len(self.world.requests): kind}, seed)

    def apply(self, faults: dict[int, str], seed: int) -> None:
        before = self.usable_of_declared()
        self.world.faults = {number: where_it_fits(name) for number, name in faults.items()}
        try:
            self.world.apply(seed=seed)
        except Crash:
            pass
        finally:
            self.world.faults = {}
        after = self.usable_of_declared()
        assert all(after[series] for series, count in before.items() if count), (before, after)

    @rule(seed=st.integers(0, 99))
    def a_clean_apply_leaves_nothing_to_do(self, seed: int) -> None:
        self.world.account.fails = lambda: False
        random.seed(seed)
        self.world.wait(self.world.backup_seconds)
        for _ in range(2):  # what was pending and failed meanwhile is made anew by the second
            assert not isinstance(self.world.apply(seed=seed), UserError)
            self.world.wait(self.world.backup_seconds)

        seen = self.observed()
        planned = make_plan(self.world.config, seen, now=seen.observed_at)
        left = [action for action in planned.actions if action.reason.kind != "undeclared"]
        assert left == []

    def observed(self) -> Inventory:
        listed = self.world.account.list_backups(backup_type=MANUAL)
        manual = [read_backup(json.dumps(it).encode(), self.world.now()) for it in listed]
        return Inventory(
            base_url="https://vps.example/api/v1",
            servers=tuple(Server(id=it["id"], name=it["name"]) for it in self.world.servers),
            backups=tuple(manual),
            observed_at=self.world.now(),
            service_time=self.world.now(),
        )

    def usable_of_declared(self) -> dict[tuple[object, object], int]:
        usable = self.world.usable()
        declared = [(it.name, series.description) for it in self.world.config.servers for series in it.series]
        return {series: usable.get(series, 0) for series in declared}

    @invariant()
    def what_nobody_may_touch_is_there(self) -> None:
        if hasattr(self, "world"):
            assert {ELSEWHERE, AUTOMATIC, PINNED} <= {it["id"] for it in self.world.account.backups}


TestLife = Life.TestCase
TestLife.settings = settings(times(0.25), stateful_step_count=12)
