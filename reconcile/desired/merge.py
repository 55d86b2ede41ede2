"""Merges the documents of all files into one `Config`, with policies and overrides applied."""

import functools
from collections.abc import Mapping, Sequence

from reconcile.desired.config import (
    Config,
    DeclaredAccount,
    DeclaredFleet,
    DeclaredSeries,
    DeclaredServer,
    Keep,
    KeepCount,
    KeepWithin,
    Period,
    Requirements,
    Source,
    within_key,
)
from reconcile.desired.document import BackupTable, Document, FleetTable, KeepTable, ServerTable, SettingsTable
from reconcile.diagnostics import Place
from reconcile.durations import Duration

KEEP_DEFAULT: Keep = (KeepCount(period=Period.LAST, count=1),)

_Policies = Mapping[str | None, tuple[Duration | None, Keep]]
"""What a series takes from its policy, by name; None is the default of a series without one."""


def merge(documents: Sequence[tuple[Source, Document]]) -> Config:
    """Return what the documents declare together. They passed `cross_check`, so every policy they name exists."""
    settings = next((document.settings for _, document in documents if document.settings), SettingsTable())
    policies: _Policies = {None: (None, KEEP_DEFAULT)} | {
        name: (policy.every, _keep(policy.keep) or KEEP_DEFAULT)
        for _, document in documents
        for name, policy in document.policies.items()
    }
    return Config(
        timezone=settings.timezone,
        max_shrink_percent=settings.max_shrink,
        stalled_after=settings.stalled_after,
        account=_account(documents),
        require=_requirements(documents),
        servers=tuple(
            _server(server, Place(filename=source.filename, path=("servers", key), at_key=True), settings, policies)
            for source, document in documents
            for key, server in document.servers.items()
        ),
        fleets=tuple(
            _fleet(fleet, Place(filename=source.filename, path=("fleets", name), at_key=True), policies)
            for source, document in documents
            for name, fleet in document.fleets.items()
        ),
        sources=tuple(source for source, _ in documents),
    )


def _account(documents: Sequence[tuple[Source, Document]]) -> DeclaredAccount | None:
    for source, document in documents:
        if document.settings and document.settings.account is not None:
            place = Place(filename=source.filename, path=("settings", "account"))
            return DeclaredAccount(email=document.settings.account, place=place)
    return None


def _requirements(documents: Sequence[tuple[Source, Document]]) -> Requirements:
    for source, document in documents:
        if document.require:
            place = Place(filename=source.filename, path=("require",), at_key=True)
            return Requirements(**dict(document.require), place=place)
    return Requirements()


def _server(server: ServerTable, place: Place, settings: SettingsTable, policies: _Policies) -> DeclaredServer:
    key = str(place.path[-1])
    return DeclaredServer(
        key=key,
        name=key if server.name is None else server.name,
        id=server.id,
        prune=settings.prune if server.prune is None else server.prune,
        pinned=tuple(server.pinned),
        series=tuple(_series(backup, policies) for backup in server.backups),
        place=place,
    )


def _fleet(fleet: FleetTable, place: Place, policies: _Policies) -> DeclaredFleet:
    return DeclaredFleet(
        name=str(place.path[-1]),
        match=tuple(fleet.match),
        exclude=tuple(fleet.exclude),
        location=None if fleet.location is None else frozenset(fleet.location),
        status=None if fleet.status is None else frozenset(fleet.status),
        prune=fleet.prune,
        series=tuple(_series(backup, policies) for backup in fleet.backups),
        place=place,
    )


def _series(backup: BackupTable, policies: _Policies) -> DeclaredSeries:
    every, keep = policies[backup.policy]
    return DeclaredSeries(
        description=backup.description,
        every=backup.every or every,
        keep=_keep(backup.keep) or keep,
        renamed_from=backup.renamed_from,
    )


@functools.cache  # thousands of series share a handful of tables
def _keep(table: KeepTable | None) -> Keep:
    """Return the rules of a table, in the order of `Period`; none for None."""
    if table is None:
        return ()
    counts = (period for period in Period if period in table.model_fields_set)
    withins = (period for period in Period if within_key(period) in table.model_fields_set)
    return (
        *(KeepCount(period=period, count=getattr(table, period)) for period in counts),
        *(KeepWithin(period=period, duration=getattr(table, within_key(period))) for period in withins),
    )
