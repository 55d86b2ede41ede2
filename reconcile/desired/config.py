"""What the files declare: policies resolved, overrides applied, nothing left to look up in them.

A `Config` is what is written. What one run is about (`reconcile.desired.desired`) also depends on the account.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from reconcile.addresses import Descriptions, TextIndex, compiled, is_glob
from reconcile.desired.document import PauseTable, Requirements, Settings
from reconcile.desired.fields import Prune
from reconcile.desired.keep import Keep
from reconcile.desired.locate import Source
from reconcile.diagnostics import Diagnostic, Place
from reconcile.durations import Duration
from reconcile.ids import Id


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredSeries:
    """One `[[servers.KEY.backups]]` table: all manual backups of the server with one of its descriptions."""

    description: str
    every: Duration | None
    keep: Keep
    renamed_from: tuple[str, ...] = ()
    """What its description was before, names and globs: backups that still have it belong to the series too."""
    min_size: int | None = None
    """In MiB; None is that of the settings."""

    @property
    def former(self) -> tuple[str, ...]:
        """The former descriptions that are given by name."""
        return tuple(former for former in self.renamed_from if not is_glob(former))

    @property
    def globs(self) -> tuple[str, ...]:
        """The former descriptions that are given by patterns."""
        return tuple(former for former in self.renamed_from if is_glob(former))


@dataclass(frozen=True, kw_only=True)
class DeclaredServer:
    """One `[servers.KEY]` table, or a member of a fleet.

    `key` is what addresses begin with, `name` what the account calls it.
    """

    key: str
    name: str
    id: Id
    prune: Prune
    pinned: tuple[Id, ...]
    series: tuple[DeclaredSeries, ...]
    place: Place
    """The table itself, of a member that of its fleet; `place.at("id")` is a key in it."""
    fleet: str | None = None
    """The fleet that chose the server; None if it has a table of its own."""
    matched_fields: tuple[tuple[str, str | None], ...] = ()
    """The fields of the server, other than its name, by which the fleet chose it, and their values."""
    ignore: tuple[str, ...] = ()
    """Globs on the descriptions of undeclared backups that belong to people, with those of the settings."""
    pauses: tuple[PauseTable, ...] = ()
    """The innermost first: its own or that of its fleet, then that of the settings."""

    def descriptions_of(self, series: DeclaredSeries) -> Descriptions:
        """Return which descriptions the backups of one of its series have: a glob takes none that is declared."""
        if not series.renamed_from:
            return Descriptions(series.description)
        own = (series.description, *series.former)
        matched = {name for glob in series.globs for name in self._index.matching(glob)}
        return Descriptions(series.description, series.former, series.globs, tuple(sorted(matched.difference(own))))

    @cached_property
    def _index(self) -> TextIndex:
        return TextIndex({name for series in self.series for name in (series.description, *series.former)})

    def undeclared(self, descriptions: Iterable[str | None]) -> list[str | None]:
        """Return those of `descriptions` that belong to none of its series."""
        exact = {name for series in self.series for name in (series.description, *series.former)}
        others = [each for each in descriptions if each not in exact]
        globs = [glob for series in self.series for glob in series.globs] if others else []
        index = TextIndex(each for each in others if globs and each is not None)
        former = {text for glob in globs for text in index.matching(glob)}
        return [each for each in others if each not in former]

    def ignores(self, description: str | None) -> bool:
        """Return whether an undeclared backup with this description belongs to people."""
        return bool(self.ignore) and description is not None and bool(compiled(self.ignore).match(description))


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredFleet:
    """One `[fleets.NAME]` table: it declares every server of the account that it chooses, now and later."""

    name: str
    match: tuple[str, ...]
    """Globs on the account's names of its servers; at least one."""
    exclude: tuple[str, ...]
    location: frozenset[str] | None
    """The locations that it chooses from; None is any. `status` likewise."""
    status: frozenset[str] | None
    prune: Prune
    """False or an age, never True: nobody read the list of its servers."""
    series: tuple[DeclaredSeries, ...]
    place: Place
    """The table itself; `place.at("match")` is a key in it."""
    ignore: tuple[str, ...] = ()
    """As in `DeclaredServer`; so are the pauses."""
    pauses: tuple[PauseTable, ...] = ()


_NOWHERE = Place(filename="", path=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """All that the files declare together; servers and fleets in the order of the files."""

    settings: Settings = field(default_factory=Settings)
    require: Requirements = field(default_factory=Requirements)
    servers: tuple[DeclaredServer, ...]
    fleets: tuple[DeclaredFleet, ...] = ()
    settings_place: Place = _NOWHERE
    """The table itself; `settings_place.at("account")` is a key in it."""
    require_place: Place = _NOWHERE
    pauses: tuple[tuple[Place, PauseTable], ...] = ()
    """Every pause in the files, and its place."""
    warnings: tuple[Diagnostic, ...] = ()
    """About what is valid, and probably a mistake."""
    sources: tuple[Source, ...] = ()
