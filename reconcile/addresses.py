"""The addresses of series and backups (spec, section 1): `SERVER/DESCRIPTION` and `SERVER/DESCRIPTION#ID`."""

import functools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from itertools import accumulate

from reconcile.ids import Id

FLEET = "fleet:"
"""Start of the target `fleet:NAME`, and of the address of a fleet's member."""


@dataclass(frozen=True, slots=True)
class SeriesAddress:
    """The address of a series: the server's key in the file, and the description (None for backups without one)."""

    server: str
    description: str | None

    def __str__(self) -> str:
        return f"{self.server}/{self.description or ''}"

    @property
    def series(self) -> "SeriesAddress":
        """The series itself, as that of a backup."""
        return self

    def member(self, id_: Id, description: str | None) -> "BackupAddress":
        """Return the address of a backup in this series; its description may be a former one."""
        return BackupAddress(self, id_, None if description == self.description else description)


@functools.cache
def compiled(globs: tuple[str, ...], exclude: tuple[str, ...] = ()) -> re.Pattern[str]:
    """Return a pattern for the texts that a glob of `globs` matches, and no glob of `exclude`.

    The globs are those of `fnmatch`, compiled once for any number of texts.
    """
    excluded = "|".join(map(translate, exclude)) or _NEVER
    return re.compile(f"(?!{excluded})(?:{'|'.join(map(translate, globs)) or _NEVER})")


_NEVER = "(?!)"
_WILDCARDS = re.compile(r"[*?[]")


def is_glob(text: str) -> bool:
    """Return whether a text is a glob, which may match other texts."""
    return bool(_WILDCARDS.search(text))


def escaped_glob(text: str) -> str:
    """Return a glob that matches only this text."""
    return _WILDCARDS.sub(r"[\g<0>]", text)


class TextIndex:
    """Finds texts by globs. Compares a glob only with the texts that contain its longest literal part.

    To compare each of many globs with each text takes a second for every three million pairs.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted(texts)
        self._joined = "\n".join(self._texts)
        self._starts = list(accumulate((len(text) + 1 for text in self._texts), initial=0))

    def matching(self, glob: str) -> Iterator[str]:
        """Yield the texts that a glob matches, sorted."""
        literals = _WILDCARDS.split(glob.partition("[")[0])
        start, longest, matches = literals[0], max(literals, key=len), compiled((glob,)).match
        number = bisect_left(self._texts, start)
        last = bisect_right(self._texts, start, lo=number, key=lambda text: text[: len(start)])
        while number < last:
            found = self._joined.find(longest, self._starts[number], self._starts[last])
            if found == -1:
                return
            number = bisect_right(self._starts, found)  # of the text after the one that contains it
            if matches(text := self._texts[number - 1]):
                yield text


@dataclass(frozen=True, slots=True)
class Descriptions:
    """The descriptions of a series: a backup belongs to it if its description is `in` this."""

    present: str
    """The description of new backups."""
    former: tuple[str, ...] = ()
    """The former descriptions that `renamed_from` gives by name."""
    globs: tuple[str, ...] = ()
    """The patterns in `renamed_from`."""
    declared: tuple[str, ...] = ()
    """The descriptions that the patterns match but that belong to another series, which the file gives by name."""
    ignored: tuple[str, ...] = ()
    """The patterns in `ignore`: those in `renamed_from` take no backup that a person created and protects."""

    def __contains__(self, description: object) -> bool:
        if description == self.present or description in self.former:
            return True
        if not self.globs or not isinstance(description, str) or description in self.declared:
            return False
        if self.ignored and compiled(self.ignored).match(description):
            return False
        return bool(compiled(self.globs).match(description))


@dataclass(frozen=True, slots=True)
class BackupAddress:
    """The address of one backup in a series."""

    series: SeriesAddress
    id: Id
    renamed_from: str | None = None
    """The backup's own description, if that of its series has changed in the file."""

    @property
    def server(self) -> str:
        """The server's key in the file."""
        return self.series.server

    @property
    def description(self) -> str | None:
        """The description of the backup itself."""
        return self.series.description if self.renamed_from is None else self.renamed_from

    def __str__(self) -> str:
        return f"{self.server}/{self.name}"

    @property
    def name(self) -> str:
        """The address without the server."""
        renamed = "" if self.renamed_from is None else " (renamed)"
        return f"{self.description or ''}#{self.id}{renamed}"


Address = SeriesAddress | BackupAddress
"""Distinguish them by type, never by text: a description may end in what looks like an id."""
