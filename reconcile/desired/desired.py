"""What one run plans for: the declared servers, narrowed by the targets.

Each option that narrows or changes a run is a pure function, applied before planning in this order: `resolve` lists the
servers, including the members of fleets, `select` applies `--target`, and `with_max_age` applies `--max-age`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Self
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Inventory, Server
from reconcile.addresses import FLEET, TextIndex
from reconcile.desired.config import Config, DeclaredFleet, DeclaredServer
from reconcile.desired.fleets import members, name_order
from reconcile.desired.min_sizes import MinSizes
from reconcile.diagnostics import Diagnostic, Place, UserError, did_you_mean
from reconcile.durations import Duration
from reconcile.ids import Id

_MOST_SUGGESTIONS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """The requirement of `--max-age`: each series has a backup that was at most `max_age` old when the run started.

    Counted from the start of the run, because during a long run even its own backups may grow too old: the next round
    would create them again.
    """

    max_age: Duration
    started_at: datetime

    @classmethod
    def of(cls, max_age: Duration | None, started_at: datetime) -> Self | None:
        """Return the requirement of a run; None without `--max-age`."""
        return cls(max_age=max_age, started_at=started_at) if max_age else None

    def is_met_by(self, created: datetime, zone: ZoneInfo) -> bool:
        """Return whether a backup created at this time is young enough."""
        return self.max_age.after(created, zone) >= self.started_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Desired:
    """The desired state of the part of the account that this run covers."""

    config: Config
    """What the files declare, before the run's options narrow or change it."""
    servers: tuple[DeclaredServer, ...]
    """The servers that this run plans for, in the order of the files: those with tables, then the fleets' members."""
    fleets: tuple[DeclaredFleet, ...]
    """The fleets; with targets, those that have a selected member."""
    min_sizes: MinSizes
    declared: Mapping[Id, str]
    """The key of every declared server, whatever the targets: `max_shrink` is a share of their backups (spec, 6)."""
    targets: tuple[str, ...] = ()
    selected: Mapping[Id, frozenset[str | None]] | None = None
    """The descriptions that the targets match, by server; None without targets."""
    freshness: Freshness | None = None
    """How young a backup each series must have in this run, whatever its `every`."""

    @property
    def empty_fleets(self) -> tuple[DeclaredFleet, ...]:
        """The fleets that match no server."""
        with_members = {server.fleet for server in self.servers}
        return tuple(fleet for fleet in self.fleets if fleet.name not in with_members)

    def undeclared(self, inventory: Inventory) -> tuple[Server, ...] | None:
        """Return the unprotected servers; None with targets, or if the token has no permission to list servers."""
        if self.selected is not None or inventory.servers is None:
            return None
        undeclared = [server for server in inventory.servers if server.id not in self.declared]
        return tuple(sorted(undeclared, key=name_order))

    def selects(self, server: DeclaredServer, description: str | None) -> bool:
        """Return whether this run plans for the backups of `server` with this description."""
        return self.selected is None or description in self.selected[server.id]


def resolve(config: Config, inventory: Inventory) -> Desired:
    """Return everything that the files declare for this account, including the members of fleets.

    Raises:
        UserError: the files name another account; or there are fleets, and the token has no permission to list servers.
    """
    if account := config.settings.account:
        check_account(account, inventory, config.settings_place.at("account"))
    if config.fleets and inventory.servers is None:
        raise UserError(
            "can't match fleets: the token has no permission to list servers",
            "Nothing was planned. Give the token servers:read, or declare each server by a table.",
            place=config.fleets[0].place,
        )
    servers = declared_servers(config, inventory)
    return Desired(
        config=config,
        servers=servers,
        fleets=config.fleets,
        min_sizes=MinSizes.of(config, servers),
        declared={server.id: server.key for server in servers},
    )


def declared_servers(config: Config, inventory: Inventory) -> tuple[DeclaredServer, ...]:
    """Return the declared servers: those with tables, then the members of fleets; checks nothing."""
    return (*config.servers, *members(config.fleets, config.servers, inventory.servers or ()))


def check_account(expected: str, inventory: Inventory, place: Place | None = None) -> None:
    """Refuse, with a UserError, an account whose e-mail address is another one, or is not known."""
    if inventory.account == expected:
        return
    if inventory.account is None:
        summary = f"can't confirm that the token belongs to {expected!r}: GET /account/me/ does not name the account"
        detail = "Nothing was planned. Use another token, or remove account from [settings]."
    else:
        summary = f"the token belongs to {inventory.account!r}, but [settings] has account = {expected!r}"
        detail = "Nothing was planned. Use a token for the right account, or correct account in [settings]."
    raise UserError(summary, detail, place=place)


def select(desired: Desired, inventory: Inventory, targets: tuple[str, ...], *, must_match: bool = True) -> Desired:
    """Narrow a run to what the globs `targets` match: declared series, and descriptions that the account holds.

    Raises:
        UserError: `must_match` is set; with one diagnostic for each target that matches nothing, because a typo must
            not look like "No changes".
    """
    if not targets:
        return desired
    addresses: list[tuple[DeclaredServer, str | None]] = []
    for server in desired.servers:
        # A former description is not an address: the present one selects the whole series.
        held = set(server.undeclared(inventory.held_on(server.id)))
        descriptions = {series.description for series in server.series} | held
        # A target can name a server even without series and backups.
        addresses += [(server, description) for description in descriptions or {None}]
    matching = Targets(addresses).matching
    matched = {target: list(matching(target)) for target in dict.fromkeys(targets)}
    unmatched = [target for target, found in matched.items() if not found]
    if unmatched and must_match:
        advice = (
            "Write SERVER, SERVER/DESCRIPTION, fleet:NAME or fleet:NAME/DESCRIPTION. Globs are allowed; quote them for "
            "the shell."
        )
        known = [server.key if name is None else f"{server.key}/{name}" for server, name in addresses]
        known += [server.key for server in desired.servers] + [f"{FLEET}{fleet.name}" for fleet in desired.fleets]
        suggested = {each: did_you_mean(each, known, advice) for each in unmatched[:_MOST_SUGGESTIONS]}
        raise UserError(
            "a target matches nothing",
            diagnostics=[
                Diagnostic(summary=f"--target {each!r} matches nothing", detail=suggested.get(each, advice))
                for each in unmatched
            ],
        )
    descriptions_of: dict[Id, set[str | None]] = {}
    for server, description in chain.from_iterable(matched.values()):
        descriptions_of.setdefault(server.id, set()).add(description)
    selected = {server_id: frozenset(descriptions) for server_id, descriptions in descriptions_of.items()}
    servers = tuple(server for server in desired.servers if server.id in selected)
    with_members = {server.fleet for server in servers}
    fleets = tuple(fleet for fleet in desired.fleets if fleet.name in with_members)
    return replace(desired, servers=servers, fleets=fleets, targets=targets, selected=selected)


def with_max_age(desired: Desired, freshness: Freshness | None, *, must_match: bool = True) -> Desired:
    """Require a young backup in each series, as `--max-age` does; `freshness` is None for a run without it.

    Raises:
        UserError: `must_match` is set, and a target selects no series, or no series is declared: "No changes" must not
            look like a young backup.
    """
    if freshness is None:
        return desired
    series = [(server, each.description) for server in desired.servers for each in server.series]
    matching = Targets(series).matching
    idle = [
        f"--target {target!r} selects no declared series" for target in desired.targets if not any(matching(target))
    ]
    if not series and not idle:
        idle = ["no series is declared"]
    if idle and must_match:
        advice = "--max-age applies to declared series, and this run has none."
        raise UserError(idle[0], diagnostics=[Diagnostic(summary=each, detail=advice) for each in idle])
    return replace(desired, freshness=freshness)


_Addressed = dict[str, list[tuple[DeclaredServer, str | None]]]
"""The series that each address selects."""


class Targets:
    """Addresses that targets may match: of series, and of whole servers or fleets."""

    def __init__(self, addresses: Sequence[tuple[DeclaredServer, str | None]]) -> None:
        # By whether a target starts with `fleet:`, and whether it has a description.
        found: dict[tuple[bool, bool], _Addressed] = {}
        for server, description in addresses:
            for is_fleet, table in ((False, server.key), (True, server.fleet and f"{FLEET}{server.fleet}")):
                if table:
                    for has_description, address in ((False, table), (True, f"{table}/{description or ''}")):
                        of_kind = found.setdefault((is_fleet, has_description), {})
                        of_kind.setdefault(address, []).append((server, description))
        self._kinds = {kind: (addressed, TextIndex(addressed)) for kind, addressed in found.items()}

    def matching(self, target: str) -> Iterator[tuple[DeclaredServer, str | None]]:
        """Yield what a glob on `SERVER/DESCRIPTION` matches; a glob without a slash matches all of a server."""
        for is_fleet in (False, True) if target.startswith(FLEET) else (False,):
            addressed, index = self._kinds.get((is_fleet, "/" in target), ({}, TextIndex(())))
            yield from chain.from_iterable(map(addressed.__getitem__, index.matching(target)))
