"""Warns about the account, for a plan from valid files."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from reconcile.actual.inventory import Backup, Inventory, OddEntry, Server, State, in_order
from reconcile.addresses import Descriptions, SeriesAddress, escaped_glob, is_glob
from reconcile.diagnostics import Diagnostic, Place
from reconcile.durations import age_text
from reconcile.ids import Id
from reconcile.plan.series_state import ServerState, TimeRules
from reconcile.wording import count_text, names_text

_LOOK = "look at it in the web panel."


def account_diagnostics(servers: Sequence[ServerState]) -> Iterator[Diagnostic]:
    """Warn, server by server, of odd backups that this run plans for, then of old names that can be removed.

    A series whose create is refused, because the service may have cut its description before, is an error.
    """
    for state in servers:
        of_series = (
            (series.description, backup)
            for series, found in state.series
            for backup in in_order((*found.misdated, *found.stalled, *found.unknown))
        )
        undeclared = ((backup.description, backup) for backup in state.undeclared)
        for is_declared, backups in ((True, of_series), (False, undeclared)):
            for description, backup in backups:
                if oddity := _oddity(backup, state.times, is_declared=is_declared):
                    summary, detail = oddity
                    address = SeriesAddress(state.declared.key, description).member(backup.id, backup.description)
                    yield Diagnostic(severity="warning", summary=summary, detail=detail, address=str(address))
        yield from _look_alikes(state)
    yield from _renamed(servers)


def odd_entries(inventory: Inventory) -> tuple[Diagnostic, ...]:
    """Warn once of all entries with undocumented fields: each field, with an example."""
    listed: Iterable[Server | Backup | OddEntry] = chain(
        inventory.servers or (), inventory.backups, inventory.unidentified
    )
    odd = [entry for entry in listed if entry.unreadable]
    if not odd:
        return ()
    found: dict[tuple[str, str], list[Id | None]] = {}
    for entry in odd:
        for name in entry.unreadable:
            found.setdefault((entry.kind, name), []).append(entry.id)
    fields = "; ".join(f"{name} of {_named(kind, ids)}" for (kind, name), ids in found.items())
    entries = "1 entry" if len(odd) == 1 else f"{len(odd):,} entries"
    warning = Diagnostic(
        severity="warning",
        summary=f"{entries} of the service's lists can't be read completely",
        detail=f"These fields are not as documented, and count as unknown: {fields}.",
    )
    return (warning,)


def _named(kind: str, ids: Sequence[Id | None]) -> str:
    """Name the first entry, and count the others."""
    if ids[0] is None:
        return count_text(len(ids), kind)
    return f"{kind} {names_text(list(map(str, ids)), 1)}"


def _look_alikes(state: ServerState) -> Iterator[Diagnostic]:
    server = state.declared
    for number, series in enumerate(server.series):
        found = state.look_alikes.get(series.description)
        if found is None:
            continue
        held = _toml(escaped_glob(found.held))
        if found.is_cut:
            cut = f"the service may have cut it to {found.held!r}"
            summary = f"no backup has the description {series.description!r}, but {cut}"
            detail = (
                "No backup is created, because each run would create another one. Use a description of at most "
                f"{len(found.held)} characters. Or keep this one: add renamed_from = {held} if that backup is part of "
                f"the series, or ignore = {held} on the server if it is not."
            )
        else:
            summary = f"no backup has the description {series.description!a}, but one has {found.held!a}"
            detail = (
                "They differ only in case, whitespace or Unicode form. To make them one series, add "
                f"renamed_from = {held}; otherwise a new backup is created."
            )
        yield Diagnostic(
            severity="error" if found.is_cut else "warning",
            summary=summary,
            detail=detail,
            address=str(SeriesAddress(server.key, series.description)),
            place=server.place.at("backups", number, "description"),
        )


def _toml(text: str) -> str:
    """Return a text as a TOML string in ASCII, because a difference may not be visible."""
    safe = (char if " " <= char <= "~" and char not in '"\\' else f"\\U{ord(char):08X}" for char in text)
    return f'"{"".join(safe)}"'


def _renamed(servers: Iterable[ServerState]) -> Iterator[Diagnostic]:
    """Warn of each description in `renamed_from` that no backup has any more, once for a whole fleet."""
    left: dict[Place, bool] = {}
    warnings: dict[Place, Diagnostic] = {}
    for state in servers:
        server = state.declared
        if state.times.desired.selected is not None:
            continue  # backups with an old description may be on a server that this run does not cover
        for number, series in enumerate(server.series):
            for index, old in enumerate(series.renamed_from):
                place = server.place.at("backups", number, "renamed_from", index)
                # A backup with the present description does not show that an old name is still needed.
                own = server.descriptions[series.description]
                globs = (old,) if is_glob(old) else ()
                entry = Descriptions(old, (), globs, (*own.declared, series.description))
                left[place] = left.get(place, False) or bool(state.held.named(entry))
                warnings[place] = Diagnostic(
                    severity="warning",
                    summary=f"no backup {'matches' if is_glob(old) else 'has'} the old description {old!r}",
                    detail="Remove it from renamed_from, or correct it if it is misspelled.",
                    address=None if server.fleet else str(SeriesAddress(server.key, series.description)),
                    place=place,
                )
    yield from (warning for place, warning in warnings.items() if not left[place])


def _oddity(backup: Backup, times: TimeRules, *, is_declared: bool) -> tuple[str, str] | None:
    state = times.state(backup)
    if state is State.MISDATED:
        ahead = age_text(backup.created_at - times.now)
        return f"dated {ahead} in the future", f"It does not count, and is never deleted; {_LOOK}"
    if state is State.STALLED:
        waited = age_text(times.age(backup))
        return f"stalled: in progress for {waited}", f"It does not count, and is never deleted; {_LOOK}"
    if "description" in backup.unreadable:
        return "its description is not readable", f"Nothing on this server is deleted while this backup exists; {_LOOK}"
    if not backup.is_identified:
        advice = f"It does not count, and nothing in this series is deleted while this backup exists; {_LOOK}"
        return "its created_at is not readable", advice
    if state is State.UNKNOWN and is_declared:
        return f"unknown status {backup.status!r}", "Nothing in this series is deleted while this backup exists."
    return None
