"""A declaration as a TOML file: the header says when and from where, and what could not be declared."""

from typing import assert_never

import tomli_w

from reconcile.insight.importing import Declaration, FailedPinned, LeftUnmanaged, NotDeclared, Note
from reconcile.report.document import JsonObject, Raw
from reconcile.report.escape import visible, without_commands_in_strings
from reconcile.report.wording import count_text

_LONGEST = 1000


def declaration_toml(declaration: Declaration) -> Raw:
    """Return the file's text. It shows every character that acts or hides as an escape, and reads back the same."""
    written = f"{declaration.read_at:%Y-%m-%d %H:%M} UTC"
    lines = [f"Written by reconcile import at {written}, from {declaration.base_url}."]
    if declaration.notes:
        lines += ["", "What this file does not show:", *(f"- {_note_text(note)}" for note in declaration.notes)]
    elif not declaration.document:
        lines += ["Everything is declared already."]
    header = "\n".join(f"# {visible(line, _LONGEST)}".rstrip() for line in lines)
    fleets = "".join(map(_fleet_text, declaration.fleets))
    return Raw(f"{header}\n\n{escaped_toml(tomli_w.dumps(declaration.document))}{fleets}")


def _fleet_text(document: JsonObject) -> str:
    """Return a fleet as a comment."""
    lines = [
        "Several servers hold the same series. This fleet would declare them, and each server to come that it matches;",
        "a server's own table wins over it, so remove theirs:",
        "",
        *escaped_toml(tomli_w.dumps(document)).splitlines(),
    ]
    return "\n" + "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _note_text(note: Note) -> str:
    match note:
        case FailedPinned(key=key, backup=backup):
            return f"{key}: backup {backup.id} has failed, and is pinned to keep it"
        case LeftUnmanaged(key=key, backup=backup, unclean=None):
            counts = f"no backup of its series counts; its status is {backup.status!r}"
            return f"{key}: backup {backup.id} ({backup.description!r}) stays unmanaged: {counts}"
        case LeftUnmanaged(key=key, backup=backup, unclean=problem):
            return f"{key}: backup {backup.id} ({backup.description!r}) stays unmanaged: its description {problem}"
        case NotDeclared(key=key, filename=filename, description=description, count=count):
            return f"{key}: {filename} does not declare {description!r} ({count_text(count, 'backup')})"
        case _:
            assert_never(note)


def escaped_toml(toml: str) -> str:
    """Escape what is not plainly printable: outside of strings, where TOML has no escapes, the text is ASCII."""
    text = "".join(
        character if character == "\n" or character.isprintable() else _escape(character) for character in toml
    )
    return without_commands_in_strings(text)


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - what four digits hold
