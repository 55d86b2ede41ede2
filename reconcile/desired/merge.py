"""Merges the documents of all files into one `Config`, with policies and overrides applied."""

from collections.abc import Iterator, Mapping, Sequence

from reconcile.desired.config import Config, DeclaredFleet, DeclaredSeries, DeclaredServer
from reconcile.desired.document import (
    BackupTable,
    Document,
    FleetTable,
    PolicyTable,
    Requirements,
    ServerTable,
    Settings,
)
from reconcile.desired.keep import Keep, KeepCount, Period
from reconcile.desired.locate import Source
from reconcile.diagnostics import Diagnostic, Place

_KEEP_DEFAULT: Keep = (KeepCount(period=Period.LAST, count=1),)

_Policies = Mapping[str | None, PolicyTable]
"""What a series takes from its policy, by name; None is the one of a series that names none."""


def merge(documents: Sequence[tuple[Source, Document]]) -> Config:
    """Return what the documents declare together. They passed `cross_check`, so every policy they name exists."""
    nowhere = Source(filename="", text="")
    settings, settings_in = next(
        ((document.settings, source) for source, document in documents if document.settings), (Settings(), nowhere)
    )
    require, require_in = next(
        ((document.require, source) for source, document in documents if document.require), (Requirements(), nowhere)
    )
    policies: _Policies = {None: PolicyTable()} | {
        name: policy for _, document in documents for name, policy in document.policies.items()
    }
    return Config(
        settings=settings,
        require=require,
        servers=tuple(
            _server(server, source.place("servers", key, at_key=True), settings, policies)
            for source, document in documents
            for key, server in document.servers.items()
        ),
        fleets=tuple(
            _fleet(fleet, source.place("fleets", name, at_key=True), policies)
            for source, document in documents
            for name, fleet in document.fleets.items()
        ),
        settings_place=settings_in.place("settings", at_key=True),
        require_place=require_in.place("require", at_key=True),
        warnings=tuple(_warnings(documents)),
        sources=tuple(source for source, _ in documents),
    )


def _warnings(documents: Sequence[tuple[Source, Document]]) -> Iterator[Diagnostic]:
    """Yield warnings about what is valid, and probably a mistake."""
    declared = [
        (source.place(kind, key, at_key=True), table.backups)
        for source, document in documents
        for kind, tables in (("servers", document.servers), ("fleets", document.fleets))
        for key, table in tables.items()
    ]
    if not any(backups for _, backups in declared):
        yield Diagnostic(
            severity="warning",
            summary="no series is declared",
            detail="No backup will ever be created. Declare one: [[servers.KEY.backups]] with a description.",
            place=declared[0][0] if declared else None,
        )


def _server(server: ServerTable, place: Place, settings: Settings, policies: _Policies) -> DeclaredServer:
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
    policy = policies[backup.policy]
    return DeclaredSeries(
        description=backup.description,
        every=backup.every or policy.every,
        keep=backup.keep or policy.keep or _KEEP_DEFAULT,
        renamed_from=backup.renamed_from,
    )
