"""What the files declare, with policies resolved and overrides applied.

A `Config` depends only on the files. What one run covers (`reconcile.desired.desired`) also depends on the account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import filterfalse

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
    """Former descriptions, names and globs: backups that still have one belong to the series too."""
    min_size: int | None = None
    """In MiB; None for that of the settings."""
    policy: str | None = field(default=None, compare=False)
    """The name of the policy that gives the values its table does not set."""

    @property
    def former(self) -> tuple[str, ...]:
        """The former descriptions given by name."""
        return tuple(filterfalse(is_glob, self.renamed_from))

    @property
    def globs(self) -> tuple[str, ...]:
        """The former descriptions given by patterns."""
        return tuple(filter(is_glob, self.renamed_from))


_unchanged = cache(Descriptions)  # thousands of servers declare the same few


@dataclass(frozen=True, kw_only=True)
class DeclaredServer:
    """One `[servers.KEY]` table, or a member of a fleet.

    Addresses start with `key`; `name` is its name in the account.
    """

    key: str
    name: str
    id: Id
    prune: Prune
    pinned: tuple[Id, ...]
    series: tuple[DeclaredSeries, ...]
    place: Place = field(compare=False)
    """The server's table, or that of its fleet; `place.at("id")` is a key in it."""
    fleet: str | None = None
    """The fleet that matched the server; None if the server has its own table."""
    matched_fields: tuple[tuple[str, str | None], ...] = ()
    """The fields of the server, other than its name, by which the fleet matched it, and their values."""
    ignore: tuple[str, ...] = ()
    """Globs on the descriptions of undeclared backups to ignore, including those of the settings."""
    pauses: tuple[PauseTable, ...] = ()
    """The innermost first: that of its table or its fleet, then that of the settings."""

    @cached_property
    def descriptions(self) -> Mapping[str, Descriptions]:
        """The descriptions of the backups of each series, by its present one."""
        return {series.description: self._descriptions_of(series) for series in self.series}

    def _descriptions_of(self, series: DeclaredSeries) -> Descriptions:
        """Return the descriptions of a series: a glob matches none that is declared or ignored."""
        if not series.renamed_from:
            return _unchanged(series.description)
        own = (series.description, *series.former)
        matched = {name for glob in series.globs for name in self._index.matching(glob)}
        declared = tuple(sorted(matched.difference(own)))
        return Descriptions(series.description, series.former, series.globs, declared, self.ignore)

    @cached_property
    def _index(self) -> TextIndex:
        return TextIndex({name for series in self.series for name in (series.description, *series.former)})

    def undeclared(self, descriptions: Iterable[str | None]) -> list[str | None]:
        """Return those `descriptions` that belong to no series of the server."""
        exact = {name for each in self.descriptions.values() for name in (each.present, *each.former)}
        others = [each for each in descriptions if each not in exact]
        globs = [glob for series in self.series for glob in series.globs] if others else []
        index = TextIndex(each for each in others if globs and each is not None)
        former = {text for glob in globs for text in index.matching(glob)}
        return [each for each in others if each not in former or self.ignores(each)]

    def ignores(self, description: str | None) -> bool:
        """Return whether `ignore` matches this description of an undeclared backup."""
        return bool(self.ignore) and description is not None and bool(compiled(self.ignore).match(description))


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredFleet:
    """One `[fleets.NAME]` table: it declares every server in the account that it matches, now and later."""

    name: str
    match: tuple[str, ...]
    """Globs on the names of the servers in the account; at least one."""
    exclude: tuple[str, ...]
    location: frozenset[str] | None
    """The locations that it matches; None for any. `status` likewise."""
    status: frozenset[str] | None
    prune: Prune
    """False or an age, never True, because a fleet may match servers that its author did not expect."""
    series: tuple[DeclaredSeries, ...]
    place: Place = field(compare=False)
    """The table itself; `place.at("match")` is a key in it."""
    ignore: tuple[str, ...] = ()
    """As in `DeclaredServer`; so are the pauses."""
    pauses: tuple[PauseTable, ...] = ()


_NOWHERE = Place(filename="", path=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that the files declare, with servers and fleets in the order of the files."""

    settings: Settings = field(default_factory=Settings)
    require: Requirements = field(default_factory=Requirements)
    servers: tuple[DeclaredServer, ...]
    fleets: tuple[DeclaredFleet, ...] = ()
    policies: Mapping[str, DeclaredSeries] = field(default_factory=dict)
    """By name; each as a series whose table sets only the policy."""
    settings_place: Place = _NOWHERE
    """The table itself; `settings_place.at("account")` is a key in it."""
    require_place: Place = _NOWHERE
    pauses: tuple[tuple[Place, PauseTable], ...] = ()
    """Every pause in the files, and its place."""
    warnings: tuple[Diagnostic, ...] = ()
    """Warnings about declarations that are valid but probably a mistake."""
    sources: tuple[Source, ...] = ()

    @property
    def of_any_account(self) -> "Config":
        """The files without `settings.account`, for an account that is simulated, recorded, or not to be compared."""
        return replace(self, settings=self.settings.model_copy(update={"account": None}))
