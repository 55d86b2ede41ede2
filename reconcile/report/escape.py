"""Escapes text from the file and the service, so that it can't act on a terminal, in a log or in Markdown."""

import re

LONGEST = 200
"""Characters. Longer text is cut, with a note of how much."""

LONGEST_LINE = 2000
"""The same for a text on a terminal or in a log; a line contains several."""

_COMMAND = re.compile(r"##(?=\[)|(?<!\S):(?=:)|:(?=:[A-Za-z][^:]*::)")
"""Matches what GitHub's log reads as a command: `##[group]` anywhere in a line, `::error::` at its start. Wrapping can
move any text to the start of a line.
"""

_BEFORE_A_UNIT = re.compile(r"(?<=\d) (?=[GM]iB\b)")
_AT_THE_START = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
_LONGEST_NAME = 80
_MARKUP = re.compile(r"[^\w \-/=,;()%?…]|_")
"""Characters that can have a meaning within Markdown. A full stop does: it makes a link of www.example.org."""


def visible(text: str, longest: int = LONGEST) -> str:
    r"""Return `text` with everything that is not plainly printable written out, as `\x1b` or `\u202e`.

    This disarms terminal escapes, line breaks, marks that change the writing direction, and GitHub's log commands.
    """
    cut = f"… ({len(text) - longest:,} more characters)" if len(text) > longest else ""
    shown = text[:longest]
    if not shown.isprintable():
        shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in shown)
    if "::" in shown or "##[" in shown:
        shown = _COMMAND.sub(lambda found: "#" + r"\x23" if found[0] == "##" else r"\x3a", shown)
    return shown + cut


def without_commands(text: str) -> str:
    """Return text for a log on GitHub in which no line is a workflow command, wherever it is wrapped."""
    text = text.replace("\r", "")  # GitHub drops carriage returns, and what is beside them meets
    return _AT_THE_START.sub(r"\1\\x3a", text).replace("##[", r"#\x23[")


def without_commands_in_strings(text: str) -> str:
    """Return JSON or TOML, no line of which starts with a string, without workflow commands; the values stay equal."""
    return text.replace("##[", r"#\u0023[")


def code(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return a name as code in Markdown; it can't become a mention, a link or markup."""
    return f"<code>{plain(text, longest)}</code>"


def plain(text: str, longest: int = 500) -> str:
    """Return text for Markdown, with every character that could be Markdown or HTML as a numeric reference."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", visible(text, longest))


def with_units_unbroken(text: str) -> str:
    """Return text for Markdown or HTML, where no line is broken between a number and its unit."""
    return _BEFORE_A_UNIT.sub("\N{NO-BREAK SPACE}", text)
