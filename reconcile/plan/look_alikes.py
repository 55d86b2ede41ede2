"""Descriptions that are nearly those of a series: mistyped, or what the service made of ours (spec, section 3)."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

SHORTEST_CUT = 16
"""Characters. The service documents no maximum; below this, one text is a prefix of another by chance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LookAlike:
    """The description of a series, and one of undeclared backups that resembles it.

    If `is_cut`, the service may have cut what we sent, and would do so again. If not, the two differ only in case,
    whitespace or Unicode form.
    """

    declared: str
    held: str
    is_cut: bool


def look_alikes(declared: Iterable[str], held: Iterable[str | None]) -> dict[str, LookAlike]:
    """Find for each of `declared` one of `held` that resembles it; none equals it.

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
            found[text] = LookAlike(declared=text, held=by_start[cut], is_cut=True)
        elif alike := by_form.get(folded(text)):
            found[text] = LookAlike(declared=text, held=alike, is_cut=False)
    return found


def is_variant(sent: str, stored: str | None) -> bool:
    """Return whether `stored` may be what the service made of `sent`: trimmed, folded, or cut to a maximum length.

    Asked only of backups that appeared while a response was lost; a wrong yes stops further creates, a wrong no
    would send this one again for ever.
    """
    return stored != sent and bool(look_alikes([sent], [stored]))


def folded(text: str) -> str:
    """Return what is the same for texts that differ only in case, whitespace or Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
