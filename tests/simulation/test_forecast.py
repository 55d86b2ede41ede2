"""A forecast is what really applying every night leads to, for random policies: a sample, or 200 with --all-pairs."""

import random
from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.build import config
from support.world import World

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.desired import resolve
from reconcile.durations import Duration
from reconcile.insight.forecast import Schedule, forecast
from reconcile.plan.planning import RunOptions

START = datetime.fromisoformat("2026-03-24T12:05:00Z")
POLICIES, NIGHTS = 30, 10
ALL_POLICIES, ALL_NIGHTS = 200, 120
DESCRIPTION = "nightly"


def policy(chance: random.Random) -> str:
    """Write a policy. Spans are not whole days, as a real backup is made seconds after its apply began."""
    counts = {period: chance.randint(1, 9) for period in ("last", "hourly", "daily", "weekly", "monthly", "yearly")}
    spans = ("60h", "10d12h", "1mo6h", "3mo6h")
    withins = {f"within{suffix}": f'"{chance.choice(spans)}"' for suffix in ("", "_daily", "_weekly", "_monthly")}
    rules = dict(chance.sample(sorted({**counts, **withins}.items()), chance.randint(1, 3)))
    every = chance.choice(
        ['every = "1d", ', 'every = "1d", ', 'every = "12h", ', 'every = "60h", ', 'every = "1w", ', ""]
    )
    keep = ", ".join(f"{key} = {value}" for key, value in rules.items())
    return f'{{ description = "{DESCRIPTION}", {every}keep = {{ {keep} }} }}'


def held(chance: random.Random, server: Mapping[str, Any], first_id: int) -> list[dict[str, Any]]:
    """Return what a server holds at the start."""
    return [
        {
            "id": first_id + number,
            "server": dict(server),
            "backup_type": "manual",
            "status": chance.choice(["completed"] * 5 + ["failed"]),
            "size_mb": 100,
            "created_at": (START - timedelta(seconds=chance.randrange(100 * 86400))).isoformat(),
            "expires_at": None,
            "description": chance.choice([DESCRIPTION] * 5 + ["by hand"]),
        }
        for number in range(chance.randint(0, 9))
    ]


def test_a_forecast_is_what_applying_every_night_leads_to(request: pytest.FixtureRequest) -> None:
    everything = request.config.getoption("--all-pairs")
    policies, nights = (ALL_POLICIES, ALL_NIGHTS) if everything else (POLICIES, NIGHTS)
    chance = random.Random(14)
    servers: list[dict[str, Any]] = [{"id": number, "name": f"s{number}"} for number in range(policies)]
    declared = config(
        '[settings]\ntimezone = "Europe/Rome"\n'
        + "".join(f"[servers.s{number}]\nid = {number}\nbackups = [{policy(chance)}]\n" for number in range(policies))
    )
    seed = [backup for number, server in enumerate(servers) for backup in held(chance, server, 1000 * (1 + number))]
    observed = Inventory(
        base_url="https://vps.example/api/v1",
        servers=tuple(Server(**server) for server in servers),
        backups=tuple(map(observed_as, seed)),
        observed_at=START,
        service_time=START,
    )
    found = forecast(resolve(declared, observed), observed, Schedule(start=START, days=nights, every=Duration(days=1)))

    world = World(declared, servers, list(seed), backup_seconds=1.0, latency=lambda: 0.0)
    for moment in found.moments:
        world.time = moment
        assert isinstance(world.apply(options=RunOptions(allow_loss=10_000)), list)

    def night(made_at: str) -> datetime:
        """Return the apply that a backup was made by."""
        return found.moments[bisect_right(found.moments, datetime.fromisoformat(made_at)) - 1]

    from_the_start = {backup["id"] for backup in seed}
    assert {
        (backup["server"]["name"], backup["id"] if backup["id"] in from_the_start else night(backup["created_at"]))
        for backup in world.account.list_backups(backup_type="manual")
    } == {
        (series.address.server, point.created_at if point.backup_id is None else point.backup_id)
        for series in found.series
        for point in series.points
    } | {(backup["server"]["name"], backup["id"]) for backup in seed if is_stuck(backup)}


def is_stuck(backup: Mapping[str, Any]) -> bool:
    """Return whether nothing ever deletes this backup, although nobody can restore it."""
    return (backup["status"], backup["description"]) == ("failed", "by hand")


def observed_as(backup: Mapping[str, Any]) -> Backup:
    return Backup(
        id=backup["id"],
        server_id=backup["server"]["id"],
        server_name=backup["server"]["name"],
        description=backup["description"],
        backup_type=backup["backup_type"],
        status=backup["status"],
        size_mb=backup["size_mb"],
        created_at=datetime.fromisoformat(backup["created_at"]),
        expires_at=None,
    )
