"""Whatever happens to an account between the requests of an apply, each delete is one that a recent list allows."""

from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
from hypothesis import given
from hypothesis import strategies as st
from support.build import NOW, config
from support.examples import times
from support.faults import BY_NAME, where_it_fits
from support.schedules import HIDDEN, WEB, item
from support.world import Crash, World

from reconcile.actual.http import FRESH
from reconcile.desired.config import Config
from reconcile.plan.planning import RunOptions
from reconcile.plan.retention import retain
from reconcile.sandbox.account import Record

LATENCIES = [0.05, 3.0, 3.0]
DESCRIPTIONS = ["nightly", "nightly", "nightly", "weekly", "by hand"]
EMPTY, USABLE, GONE = {"status": "completed", "size_mb": 0}, {"status": "completed", "size_mb": 100}, None
STATES: list[Record | None] = [
    *(EMPTY, EMPTY, USABLE, {"status": "completed", "size_mb": None}),
    *({"status": status, "size_mb": None} for status in ("in_progress", "failed", "archiving", "deleting")),
]
CHANGES = [
    *STATES,
    *({"created_at": (NOW + timedelta(days=days)).isoformat()} for days in (-30, 30)),
    *({"description": description} for description in ("weekly", "by hand")),
    *({"backup_type": "automatic"}, GONE, GONE),
]

series = st.builds(
    '{{ description = "{}", keep = {}{} }}'.format,
    st.just("nightly"),
    st.sampled_from(["1", "1", "2", "{ daily = 2 }", '{ within = "3d" }']),
    st.sampled_from(["", ', every = "1d"', ', every = "7d"']),
)


@st.composite
def files(draw: st.DrawFn) -> Config:
    weekly = ', { description = "weekly", keep = 1, every = "7d" }' if draw(st.booleans()) else ""
    prune = draw(st.sampled_from(["false", "true", '"2d"']))
    return config(f"[servers.web]\nid = 1\nprune = {prune}\nbackups = [{draw(series)}{weekly}]\n")


@st.composite
def backups(draw: st.DrawFn) -> list[Record]:
    """Return backups of which most are usable, the newest last."""
    ages = sorted(draw(st.lists(st.sampled_from([0.02, 0.5, 1.5, 2, 3, 9]), min_size=2, max_size=5)), reverse=True)
    held = [item(id_, WEB, draw(st.sampled_from(DESCRIPTIONS)), age) for id_, age in enumerate(ages, start=1)]
    return [backup | (draw(st.sampled_from([USABLE, USABLE, USABLE, *STATES])) or {}) for backup in held]


@dataclass
class Restless(World):
    """Changes a backup before some lists, and checks each delete against the lists of the last seconds."""

    changes: dict[int, tuple[int, Record | None]] = field(default_factory=dict)
    """Before which list, which backup changes, counted from the newest, and how."""
    lists: list[tuple[datetime, list[Record]]] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and "backups" in request.url.path:
            self.change(*self.changes.get(len(self.lists), (0, {})))
            self.lists.append((self.now(), deepcopy(self.account.list_backups(backup_type="manual"))))
        return super().handle(request)

    async def send(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            recent = timedelta(seconds=FRESH + self.latency())
            shown = [listed for at, listed in self.lists if self.now() - at <= recent]
            id_ = request.url.path.split("/")[-2]
            assert any(self.allows(listed, id_) for listed in shown), (id_, shown)
        return await super().send(request)

    def change(self, which: int, fields: Record | None) -> None:
        held = self.account.backups
        which %= max(1, len(held))
        if fields is None:
            held[:] = [each for each in held if each is not held[-1 - which]]
        elif held:
            held[-1 - which] |= fields

    def allows(self, listed: list[Record], id_: str) -> bool:
        """Return whether the backup may be deleted in an account that holds these."""
        (server,) = self.config.servers
        backup = next(each for each in listed if str(each["id"]) == id_)
        usable = [each for each in listed if each["status"] == "completed" and each["size_mb"] != 0]
        usable = [each for each in usable if created(each) <= self.now() + timedelta(minutes=10)]
        own = next((each for each in server.series if each.description == backup["description"]), None)
        if backup not in usable and backup["status"] != "failed" and backup["size_mb"] != 0:
            return False
        if own is None:
            return {each.description for each in server.series} <= {each["description"] for each in usable}
        others = sorted((each for each in usable if each["description"] == own.description), key=created, reverse=True)
        kept = retain(list(map(created, others)), own.keep, ZoneInfo("UTC"))
        return backup not in others or not kept[others.index(backup)]


def created(backup: Record) -> datetime:
    return datetime.fromisoformat(backup["created_at"])


changes = st.dictionaries(
    st.integers(1, 4), st.tuples(st.integers(0, 2), st.sampled_from(CHANGES)), min_size=1, max_size=3
)


@times(3)
@given(file=files(), held=backups(), changes=changes, wait=st.booleans(), latency=st.sampled_from(LATENCIES))
def test_every_delete_is_of_a_backup_that_the_file_does_not_keep_by_a_list_of_the_last_seconds(
    *, file: Config, held: list[Record], changes: dict[int, tuple[int, Record | None]], wait: bool, latency: float
) -> None:
    world = Restless(config=file, servers=[WEB], backups=held, changes=changes, latency=lambda: latency)

    world.apply(options=RunOptions(wait=wait, allow_loss=9))


DECLARED: list[Record] = [{"id": number, "name": f"s{number}"} for number in (1, 2, 3)]


@st.composite
def fleets(draw: st.DrawFn) -> Config:
    """Return a file with three servers, of which some have series, and some are pruned."""
    table = "[servers.{name}]\nid = {id}\nprune = {prune}\nbackups = [{series}]\n"
    prunes, wanted = st.sampled_from(["true", "false"]), st.one_of(series, st.just(""))
    tables = (table.format(**server, prune=draw(prunes), series=draw(wanted)) for server in DECLARED)
    return config(draw(st.sampled_from(["", "[settings]\nmax_shrink = '99%'\n"])) + "".join(tables))


@st.composite
def accounts(draw: st.DrawFn) -> list[Record]:
    ages, states = st.sampled_from([0.01, 0.5, 1.5, 3, 9]), st.sampled_from([USABLE, USABLE, *STATES])
    count = draw(st.integers(2, 7))
    return [
        item(id_, draw(st.sampled_from(DECLARED)), draw(st.sampled_from(DESCRIPTIONS)), draw(ages))
        | (draw(states) or {})
        for id_ in range(1, count)
    ]


faults = st.dictionaries(st.integers(2, 20), st.sampled_from(sorted(BY_NAME.keys() - HIDDEN)), max_size=4)


@times(3)
@given(file=fleets(), held=accounts(), faults=faults, wait=st.booleans(), fails=st.booleans())
def test_no_fault_makes_an_apply_take_the_last_usable_backup_of_a_series_or_of_the_account(
    *, file: Config, held: list[Record], faults: dict[int, str], wait: bool, fails: bool
) -> None:
    world = World(config=file, servers=DECLARED, backups=held)
    world.faults = {number: where_it_fits(name) for number, name in faults.items()}
    world.account.fails = lambda: fails
    before = usable_series(world)

    with suppress(Crash):
        world.apply(options=RunOptions(wait=wait))

    after = usable_series(world)
    assert after or not before
    assert after >= before & {(server.name, each.description) for server in file.servers for each in server.series}


def usable_series(world: World) -> set[tuple[str, str]]:
    """Return the server and the description of each usable backup."""
    usable = (each for each in world.account.backups if each["status"] == "completed" and each["size_mb"] != 0)
    return {(backup["server"]["name"], backup["description"]) for backup in usable}
