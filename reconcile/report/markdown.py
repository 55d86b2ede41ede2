"""Escapes text for Markdown, so that a name from the service can't become a mention, a link or markup."""

from reconcile.report.escape import visible

_LONGEST_NAME = 80
_HARMLESS = " -/=,;()%?…"
"""Means nothing to Markdown in the middle of a line. A full stop does: it makes a link of www.example.org."""


def code(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return a name as code."""
    return f"<code>{plain(text, longest)}</code>"


def plain(text: str, longest: int = 500) -> str:
    """Return text with every character that could be Markdown or HTML as a numeric reference."""
    return "".join(
        character if character.isalnum() or character in _HARMLESS else f"&#{ord(character)};"
        for character in visible(text, longest)
    )
