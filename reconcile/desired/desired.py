"""What one run plans for: the declared servers, narrowed by the targets.

Whatever narrows or changes a run is a function from value to value, applied before planning, in this order: `resolve`
lists the servers and writes fleets out, `select` applies `--target`, and `with_max_age` applies `--max-age`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Inventory, Server
from reconcile.addresses import FLEET
from reconcile.desired.config import Config, DeclaredFleet, DeclaredServer
from reconcile.desired.fleets import members, name_order
from reconcile.desired.min_sizes import MinSizes
from reconcile.desired.targets import Targets
from reconcile.diagnostics import Diagnostic, Place, UserError, did_you_mean
from reconcile.durations import Duration
from reconcile.ids import Id

_MOST_SUGGESTIONS = 5


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

    config: Config
    """What the files declare, whatever the run narrows or changes."""
    servers: tuple[DeclaredServer, ...]
    """The servers that this run plans for, in the order of the files: those with tables, then the fleets' members."""
    fleets: tuple[DeclaredFleet, ...]
    """The fleets, with targets those that have a selected member."""
    min_sizes: MinSizes
    declared: frozenset[Id]
    """Every declared server, whatever the targets: what `max_shrink` is a share of (spec, section 6)."""
    targets: tuple[str, ...] = ()
    selected: Mapping[Id, frozenset[str | None]] | None = None
    """By server, the descriptions that the targets match; None where there are no targets."""
    freshness: Freshness | None = None
    """How young a backup each series must have in this run, whatever its `every` says."""

    @property
    def empty_fleets(self) -> tuple[DeclaredFleet, ...]:
        """The fleets that choose no server."""
        with_members = {server.fleet for server in self.servers}
        return tuple(fleet for fleet in self.fleets if fleet.name not in with_members)

    def undeclared(self, inventory: Inventory) -> tuple[Server, ...] | None:
        """Return the servers that nothing declares; None with targets, or if the token may not list servers."""
        if self.selected is not None or inventory.servers is None:
            return None
        undeclared = [server for server in inventory.servers if server.id not in self.declared]
        return tuple(sorted(undeclared, key=name_order))

    def selects(self, server: DeclaredServer, description: str | None) -> bool:
        """Return whether this run plans for the backups of `server` with this description."""
        return self.selected is None or description in self.selected[server.id]


def resolve(config: Config, inventory: Inventory) -> Desired:
    """Return everything that the files declare for this account, with the members of fleets written out.

    Raises:
        UserError: the account is not the one that the files are for; or there are fleets, and the token may not list
            servers.
    """
    if account := config.settings.account:
        check_account(account, inventory, config.settings_place.at("account"))
    servers = (*config.servers, *_members(config, inventory))
    return Desired(
        config=config,
        servers=servers,
        fleets=config.fleets,
        min_sizes=MinSizes.of(config, servers),
        declared=frozenset(server.id for server in servers),
    )


def check_account(expected: str, inventory: Inventory, place: Place | None = None) -> None:
    """Refuse, with a UserError, an account that is not, or not known to be, the one with this e-mail address."""
    if inventory.account == expected:
        return
    if inventory.account is None:
        summary = f"can't confirm that the token belongs to {expected!r}: GET /account/me/ does not name the account"
        detail = "Nothing was planned. Use another token, or remove account from [settings]."
    else:
        summary = f"the token belongs to {inventory.account!r}, but [settings] has account = {expected!r}"
        detail = "Nothing was planned. Use a token for the right account, or correct account in [settings]."
    problem = Diagnostic(summary=summary, detail=detail, place=place)
    raise UserError(summary, diagnostics=[problem])


def _members(config: Config, inventory: Inventory) -> tuple[DeclaredServer, ...]:
    if not config.fleets:
        return ()
    if inventory.servers is None:
        summary = "can't match fleets: the token has no permission to list servers"
        detail = "Nothing was planned. Give the token servers:read, or declare each server by a table."
        raise UserError(summary, diagnostics=[Diagnostic(summary=summary, detail=detail, place=config.fleets[0].place)])
    return members(config.fleets, config.servers, inventory.servers)


def select(desired: Desired, inventory: Inventory, targets: tuple[str, ...]) -> Desired:
    """Narrow a run to what the globs `targets` match: declared series, and descriptions that the account holds.

    Raises:
        UserError: a target matches nothing, with one diagnostic for each: a mistyped one must not look like
            "No changes".
    """
    if not targets:
        return desired
    addresses: list[tuple[DeclaredServer, str | None]] = []
    for server in desired.servers:
        # What a series was called before is no address any more: the present one selects all of it.
        held = set(server.undeclared(inventory.held_on(server.id)))
        descriptions = {series.description for series in server.series} | held
        # A server with nothing declared and nothing on it can still be named.
        addresses += [(server, description) for description in descriptions or {None}]
    matching = Targets(addresses).matching
    matched = {target: list(matching(target)) for target in dict.fromkeys(targets)}
    unmatched = [target for target, found in matched.items() if not found]
    if unmatched:
        advice = (
            "A target is a glob on SERVER/DESCRIPTION, or on fleet:NAME/DESCRIPTION; without a description it takes "
            "all of the server or the fleet. Quote it for the shell."
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


def with_max_age(desired: Desired, freshness: Freshness | None) -> Desired:
    """Ask for a young backup in each series, as `--max-age` does; None for a run without it.

    Raises:
        UserError: a target selects no series, or none is declared: "No changes" must not look like a young backup.
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
    if idle:
        advice = "--max-age applies to declared series, and this run has none."
        raise UserError(idle[0], diagnostics=[Diagnostic(summary=each, detail=advice) for each in idle])
    return replace(desired, freshness=freshness)
