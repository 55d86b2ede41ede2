"""Escapes text from the file and the service, so that it can't act on a terminal or in a log."""

import re

LONGEST = 200
"""Characters. Longer text is cut, with a note of how much."""

_COMMAND = re.compile(r"##(?=\[)|(?<!\S):(?=:)|:(?=:[A-Za-z][^:]*::)")
"""What GitHub's log takes for a command: `##[group]` anywhere in a line, `::error::` at the start of one, which may be
anywhere once a line is wrapped.
"""


def visible(text: str, longest: int = LONGEST) -> str:
    r"""Return `text` with everything that is not plainly printable written out, as `\x1b` or `\u202e`.

    That disarms terminal escapes, line breaks, marks that turn the direction of writing, and GitHub's log commands.
    """
    cut = f"… ({len(text) - longest:,} more characters)" if len(text) > longest else ""
    shown = text[:longest]
    if not shown.isprintable():
        shown = "".join(map(_visible, shown))
    return _COMMAND.sub(lambda found: "#" + r"\x23" if found[0] == "##" else r"\x3a", shown) + cut


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
