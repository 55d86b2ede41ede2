"""Finds descriptions that resemble that of a series: mistyped, or changed by the service (spec, section 3)."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

SHORTEST_CUT = 16
"""Characters. The service documents no maximum length; a shorter text may be a prefix of another by chance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LookAlike:
    """A description of undeclared backups that is similar to that of a series.

    With `is_cut`, the service may have cut the description we sent, and would cut it again. Otherwise the two differ
    only in case, whitespace or Unicode form.
    """

    held: str
    is_cut: bool


def look_alikes(declared: Iterable[str], held: Iterable[str | None]) -> dict[str, LookAlike]:
    """Find for each text of `declared` a similar text of `held`; no text is in both.

    Linear: each text is looked up, not compared with all others.
    """
    others = sorted(text for text in held if text)
    by_form = {folded(text): text for text in others}
    by_start = {text.strip(): text for text in others if len(text.strip()) >= SHORTEST_CUT}
    lengths = sorted({len(start) for start in by_start}, reverse=True)
    found: dict[str, LookAlike] = {}
    for text in declared:
        starts = (text[:length] for length in lengths if length < len(text))
        if cut := next((start for start in starts if start in by_start), None):
            found[text] = LookAlike(held=by_start[cut], is_cut=True)
        elif alike := by_form.get(folded(text)):
            found[text] = LookAlike(held=alike, is_cut=False)
    return found


def is_variant(sent: str, stored: str | None) -> bool:
    """Return whether the service may have stored `sent` as `stored`: trimmed, folded, or cut to a maximum length.

    Used only for backups that appeared after a lost response. A false positive stops further creates; a false negative
    would send the same create again in every run.
    """
    return stored != sent and bool(look_alikes([sent], [stored]))


def folded(text: str) -> str:
    """Return a form that is equal for texts that differ only in case, whitespace or Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
