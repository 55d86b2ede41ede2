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
"""Begins the target `fleet:NAME`, and the address that a member has as one of its fleet."""


@dataclass(frozen=True, slots=True)
class SeriesAddress:
    """The address of a series: the server's key in the file, and the description, None if there is none."""

    server: str
    description: str | None

    def __str__(self) -> str:
        return f"{self.server}/{self.description or ''}"

    def member(self, id_: Id, description: str | None) -> "BackupAddress":
        """Return the address of a backup in this series, whose description may be from before a rename."""
        return BackupAddress(self, id_, None if description == self.description else description)


@functools.cache
def compiled(globs: tuple[str, ...], exclude: tuple[str, ...] = ()) -> re.Pattern[str]:
    """Return what matches a text that one of `globs` matches, and none of `exclude`.

    They are those of `fnmatch`, and are compiled here, once for any number of texts.
    """
    unwanted = "|".join(map(translate, exclude)) or _NEVER
    return re.compile(f"(?!{unwanted})(?:{'|'.join(map(translate, globs)) or _NEVER})")


_NEVER = "(?!)"
_WILDCARDS = re.compile(r"[*?[]")


def is_glob(text: str) -> bool:
    """Return whether a text may match others than itself."""
    return bool(_WILDCARDS.search(text))


def escaped_glob(text: str) -> str:
    """Return the glob that matches this text alone."""
    return _WILDCARDS.sub(r"[\g<0>]", text)


class TextIndex:
    """Texts to find by globs. A glob is compared only with the texts that contain its longest literal part.

    Comparing each of many globs with each text takes a second for every three million pairs.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted(texts)
        self._joined = "\n".join(self._texts)
        self._starts = list(accumulate((len(text) + 1 for text in self._texts), initial=0))

    def matching(self, glob: str) -> Iterator[str]:
        """Yield the texts that a glob matches, sorted."""
        literals = _WILDCARDS.split(glob.partition("[")[0])
        beginning, longest, matches = literals[0], max(literals, key=len), compiled((glob,)).match
        number = bisect_left(self._texts, beginning)
        last = bisect_right(self._texts, beginning, lo=number, key=lambda text: text[: len(beginning)])
        while number < last:
            found = self._joined.find(longest, self._starts[number], self._starts[last])
            if found == -1:
                return
            number = bisect_right(self._starts, found)  # the one after the text in which it was found
            if matches(text := self._texts[number - 1]):
                yield text


@dataclass(frozen=True, slots=True)
class Descriptions:
    """Which backups of a server belong to a series: those with a description that is `in` this."""

    present: str
    """The description of the backups that are created."""
    former: tuple[str, ...] = ()
    """The descriptions before it that `renamed_from` gives by name."""
    globs: tuple[str, ...] = ()
    """The patterns in `renamed_from`."""
    declared: tuple[str, ...] = ()
    """What the patterns match and never take, because the file gives it to another series by name."""

    def __contains__(self, description: object) -> bool:
        if description == self.present or description in self.former:
            return True
        if not self.globs or not isinstance(description, str) or description in self.declared:
            return False
        return bool(compiled(self.globs).match(description))


@dataclass(frozen=True, slots=True)
class BackupAddress:
    """The address of one backup in a series."""

    series: SeriesAddress
    id: Id
    renamed_from: str | None = None
    """The description that the backup still has, where that of its series was changed in the file."""

    @property
    def description(self) -> str | None:
        """The description of the backup itself."""
        return self.series.description if self.renamed_from is None else self.renamed_from

    def __str__(self) -> str:
        return f"{self.series.server}/{self.name}"

    @property
    def name(self) -> str:
        """The address without the server."""
        renamed = "" if self.renamed_from is None else " (renamed)"
        return f"{self.description or ''}#{self.id}{renamed}"


Address = SeriesAddress | BackupAddress
"""Distinguish them by type, never by text: a description may end in what looks like an id."""
