"""What one run plans for: the declared servers, narrowed by the targets.

Whatever narrows or changes a run is a function from value to value, applied before planning, in this order: `resolve`
lists the servers (and will write fleets out), `select` applies `--target`, and `with_max_age` applies `--max-age`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Inventory
from reconcile.addresses import SeriesAddress
from reconcile.desired.config import Config, DeclaredServer
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.durations import Duration
from reconcile.ids import Id


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """What `--max-age` asks for: a backup in each series that was at most `max_age` old when the run began.

    Measured from the beginning of the run, because in a long one even its own backups grow too old: planned for again,
    they would be made again.
    """

    max_age: Duration
    began: datetime

    def is_met_by(self, made: datetime, zone: ZoneInfo) -> bool:
        """Return whether a backup made at this time is young enough."""
        return self.max_age.after(made, zone) >= self.began


@dataclass(frozen=True, kw_only=True, slots=True)
class Desired:
    """What the account should look like, as far as this run is concerned."""

    timezone: ZoneInfo
    max_shrink_percent: int
    stalled_after: Duration
    servers: tuple[DeclaredServer, ...]
    """The servers that this run plans for, in the order of the files."""
    declared: frozenset[Id]
    """Every declared server, whatever the targets: what `max_shrink` is a share of (spec, section 6)."""
    targets: tuple[str, ...] = ()
    selected: Mapping[Id, frozenset[str | None]] | None = None
    """By server, the descriptions that the targets match; None where there are no targets."""
    freshness: Freshness | None = None
    """How young a backup each series must have in this run, whatever its `every` says."""

    def selects(self, server: DeclaredServer, description: str | None) -> bool:
        """Return whether this run plans for the backups of `server` with this description."""
        return self.selected is None or description in self.selected[server.id]


def resolve(config: Config) -> Desired:
    """Return everything that the files declare."""
    return Desired(
        timezone=config.timezone,
        max_shrink_percent=config.max_shrink_percent,
        stalled_after=config.stalled_after,
        servers=config.servers,
        declared=frozenset(server.id for server in config.servers),
    )


def select(desired: Desired, inventory: Inventory, targets: tuple[str, ...]) -> Desired:
    """Narrow a run to what the globs `targets` match: declared series, and descriptions that the account holds.

    Raises:
        UserError: a target matches nothing, with one diagnostic for each: a mistyped one must not look like
            "No changes".
    """
    if not targets:
        return desired
    unmatched = dict.fromkeys(targets)
    selected: dict[Id, frozenset[str | None]] = {}
    for server in desired.servers:
        descriptions = {series.description for series in server.series} | set(inventory.by_server.get(server.id, ()))
        matched: set[str | None] = set()
        # A server with nothing declared and nothing on it can still be named.
        for description in descriptions or {None}:
            address = SeriesAddress(server.key, description)
            for target in targets:
                if address.matches(target):
                    matched.add(description)
                    unmatched.pop(target, None)
        if matched:
            selected[server.id] = frozenset(matched)
    if unmatched:
        advice = "A target is a glob on SERVER/DESCRIPTION; a bare SERVER takes all of it. Quote it for the shell."
        raise UserError(
            "a target matches nothing",
            diagnostics=[Diagnostic(summary=f"--target {each!r} matches nothing", detail=advice) for each in unmatched],
        )
    servers = tuple(server for server in desired.servers if server.id in selected)
    return replace(desired, servers=servers, targets=targets, selected=selected)


def with_max_age(desired: Desired, freshness: Freshness | None) -> Desired:
    """Ask for a young backup in each series, as `--max-age` does; None for a run without it."""
    return replace(desired, freshness=freshness)
