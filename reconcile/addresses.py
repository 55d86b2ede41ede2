"""The addresses of series and backups (spec, section 1): `SERVER/DESCRIPTION` and `SERVER/DESCRIPTION#ID`."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate

from reconcile.ids import Id

FLEET = "fleet:"
"""Begins the target `fleet:NAME`, and the address that a member has as one of its fleet."""


@dataclass(frozen=True, slots=True)
class SeriesAddress:
    """The address of a series: the server's key in the file, and the description, None if there is none."""

    server: str
    description: str | None

    def __str__(self) -> str:
        return f"{self.server}/{self.description or ''}"

    def matches(self, target: str) -> bool:
        """Return whether the glob `target` matches; one without a slash selects whole servers."""
        return fnmatchcase(str(self) if "/" in target else self.server, target)


def any_glob(globs: Iterable[str]) -> Callable[[str], bool]:
    """Return whether a text matches any of the globs, as in `SeriesAddress.matches`; they are compiled once."""
    pattern = re.compile("|".join(map(translate, globs)) or "(?!)")
    return lambda text: pattern.match(text) is not None


@dataclass(frozen=True, slots=True)
class BackupAddress:
    """The address of one backup in a series."""

    series: SeriesAddress
    id: Id

    def __str__(self) -> str:
        return f"{self.series}#{self.id}"


Address = SeriesAddress | BackupAddress
"""Distinguish them by type, never by text: a description may end in what looks like an id."""
