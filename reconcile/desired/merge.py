"""Merges the documents of all files into one `Config`, with policies and overrides applied.

A table that is in no file is created by `model_construct`, because building its validator takes 1 ms.
"""

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

_KEEP_ALL: Keep = (KeepCount(period=Period.LAST, count="all"),)
"""Without `keep`, nothing is deleted: an omission in the file must not delete a backup."""

_Policies = Mapping[str | None, PolicyTable]
"""The policies by name; None is the policy of a series that names none."""


def merge(documents: Sequence[tuple[Source, Document]]) -> Config:
    """Merge documents that have passed `cross_check`, so every policy that they name exists."""
    nowhere = Source(filename="", text="")
    settings, settings_in = next(
        ((document.settings, source) for source, document in documents if document.settings),
        (Settings.model_construct(), nowhere),
    )
    require, require_in = next(
        ((document.require, source) for source, document in documents if document.require),
        (Requirements.model_construct(), nowhere),
    )
    policies: _Policies = {None: PolicyTable.model_construct()} | {
        name: policy for _, document in documents for name, policy in document.policies.items()
    }
    tables: list[tuple[Place, ServerTable | FleetTable]] = [
        (source.place(kind, key, at_key=True), table)
        for source, document in documents
        for kind, of_kind in (("servers", document.servers), ("fleets", document.fleets))
        for key, table in of_kind.items()
    ]
    pauses = [(settings_in.place("settings", "pause"), settings.pause)] if settings.pause else []
    return Config(
        settings=settings,
        require=require,
        servers=tuple(
            _server(each, place, settings, policies) for place, each in tables if isinstance(each, ServerTable)
        ),
        fleets=tuple(_fleet(each, place, settings, policies) for place, each in tables if isinstance(each, FleetTable)),
        policies={
            # The name of a policy can be a text that is not valid as a description.
            name: _series(BackupTable.model_construct(description="any", policy=name), policies)
            for name in policies
            if name is not None
        },
        settings_place=settings_in.place("settings", at_key=True),
        require_place=require_in.place("require", at_key=True),
        pauses=(*pauses, *((place.at("pause"), table.pause) for place, table in tables if table.pause)),
        warnings=tuple(_warnings(documents, tables)),
        sources=tuple(source for source, _ in documents),
    )


def _warnings(
    documents: Sequence[tuple[Source, Document]], tables: Sequence[tuple[Place, ServerTable | FleetTable]]
) -> Iterator[Diagnostic]:
    """Yield warnings about declarations that are valid but probably not intended."""
    declared = [(place, table.backups) for place, table in tables]
    if not any(backups for _, backups in declared):
        yield Diagnostic(
            severity="warning",
            summary="no series is declared",
            detail="No backup will ever be created. Declare one: [[servers.KEY.backups]] with a description.",
            place=declared[0][0] if declared else None,
        )
    policies: dict[str | None, tuple[PolicyTable, Place | None]] = {None: (PolicyTable.model_construct(), None)}
    for source, document in documents:
        for name, policy in document.policies.items():
            policies[name] = policy, source.place("policies", name, at_key=True)
    warned: set[str] = set()
    for table, backups in declared:
        for number, backup in enumerate(backups):
            policy, place = policies[backup.policy]
            has_every, has_keep = backup.every or policy.every, backup.keep or policy.keep
            if has_every and not has_keep and backup.policy not in warned:
                subject = f"the series {backup.description!r}"
                if backup.policy is not None:
                    warned.add(backup.policy)
                    subject = f"the policy {backup.policy!r}"
                yield Diagnostic(
                    severity="warning",
                    summary=f"{subject} has an every and no keep, so no backup is ever deleted",
                    detail='Write how many to keep, for example keep = 7; or keep = "all" to delete none.',
                    place=place or table.at("backups", number),
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
        ignore=(*settings.ignore, *server.ignore),
        pauses=tuple(filter(None, (server.pause, settings.pause))),
    )


def _fleet(fleet: FleetTable, place: Place, settings: Settings, policies: _Policies) -> DeclaredFleet:
    return DeclaredFleet(
        name=str(place.path[-1]),
        match=tuple(fleet.match),
        exclude=tuple(fleet.exclude),
        location=None if fleet.location is None else frozenset(fleet.location),
        status=None if fleet.status is None else frozenset(fleet.status),
        prune=fleet.prune,
        series=tuple(_series(backup, policies) for backup in fleet.backups),
        place=place,
        ignore=(*settings.ignore, *fleet.ignore),
        pauses=tuple(filter(None, (fleet.pause, settings.pause))),
    )


def _series(backup: BackupTable, policies: _Policies) -> DeclaredSeries:
    policy = policies[backup.policy]
    return DeclaredSeries(
        description=backup.description,
        every=backup.every or policy.every,
        keep=backup.keep or policy.keep or _KEEP_ALL,
        renamed_from=backup.renamed_from,
        min_size=policy.min_size if backup.min_size is None else backup.min_size,
        policy=backup.policy,
    )
