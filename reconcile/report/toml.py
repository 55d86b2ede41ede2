"""The files that `import` and `init` write.

They show every character that acts or hides as an escape, and read back the same.
"""

from collections.abc import Iterator
from typing import Any, assert_never

import tomli_w

from reconcile.actual.inventory import Server, State
from reconcile.insight.first_file import FirstFile, Origin
from reconcile.insight.importing import Declaration, FailedPinned, LeftUnmanaged, NotDeclared, NotShown
from reconcile.report.document import JsonObject, Raw
from reconcile.report.escape import visible, without_commands_in_strings
from reconcile.report.wording import count_text

_LONGEST = 1000

_POLICY = "standard"

_Table = tuple[tuple[str, str], ...]
"""The lines of a TOML table, each with the comment that explains it."""

_SETTINGS: _Table = (
    ("[settings]", "for all servers"),
    ('timezone = "UTC"', "the calendar that keep's days and weeks follow"),
    ("prune = false", "backups that are not declared here stay as they are"),
)
_FLEET: _Table = (
    ("[fleets.all]", "every server that it chooses, now and later; one with a table of its own is in no fleet"),
    ('match = "*"', "globs on the servers' names in the account; exclude = … leaves some out"),
)
_STANDARD: _Table = (
    (f"[policies.{_POLICY}]", "how often and how many, for every series that names this policy"),
    ('every = "1d"', "a new backup is due when the newest one is this old"),
    ("keep = { last = 3, daily = 7, weekly = 4 }", "these stay, the others of the series are deleted"),
)


def declaration_toml(declaration: Declaration) -> Raw:
    """Return the text of the file that `import` writes: when and from where, what could not be declared, the tables."""
    written = f"{declaration.read_at:%Y-%m-%d %H:%M} UTC"
    lines = [f"Written by reconcile import at {written}, from {declaration.base_url}."]
    if declaration.not_shown:
        lines += [
            "",
            "What this file does not show:",
            *(f"- {_not_shown_text(each)}" for each in declaration.not_shown),
        ]
    elif not declaration.document:
        lines += ["Everything is declared already."]
    header = "\n".join(f"# {visible(line, _LONGEST)}".rstrip() for line in lines)
    fleets = "".join(map(_fleet_text, declaration.fleets))
    return Raw(f"{header}\n\n{_escaped(tomli_w.dumps(declaration.document))}{fleets}")


def first_file_toml(first: FirstFile) -> Raw:
    """Return the text of a first file, in which a comment explains each line, the first time there is one like it."""
    header = _example_header() if first.origin is None else _header(first.origin, len(first.servers))
    tables = [_settings(first.origin), _STANDARD]
    if first.is_fleet:
        tables += [_FLEET, _series_table("fleets.all", first.series)]
    else:
        for key, server in first.servers.items():
            tables += _server_tables(key, server, first.series)
    explained: set[str] = set()
    paragraphs = ["\n".join(f"# {visible(line, 1000)}" for line in header)]
    paragraphs += [_commented(table, explained) for table in tables]
    return Raw("\n\n".join(paragraphs) + "\n")


def _fleet_text(document: JsonObject) -> str:
    """Return a fleet as a comment."""
    lines = [
        "Several servers hold the same series. This fleet would declare them, and each server to come that it matches;",
        "a server's own table wins over it, so remove theirs:",
        "",
        *_escaped(tomli_w.dumps(document)).splitlines(),
    ]
    return "\n" + "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _not_shown_text(entry: NotShown) -> str:
    match entry:
        case FailedPinned(key=key, backup=backup):
            problem = "is undersized" if backup.state is State.UNDERSIZED else "has failed"
            return f"{key}: backup {backup.id} {problem}, and is pinned to keep it"
        case LeftUnmanaged(key=key, backup=backup, unclean=None):
            counts = f"no backup of its series counts; its status is {backup.status!r}"
            return f"{key}: backup {backup.id} ({backup.description!r}) stays unmanaged: {counts}"
        case LeftUnmanaged(key=key, backup=backup, unclean=problem):
            return f"{key}: backup {backup.id} ({backup.description!r}) stays unmanaged: its description {problem}"
        case NotDeclared(key=key, filename=filename, description=description, count=count):
            return f"{key}: {filename} does not declare {description!r} ({count_text(count, 'backup')})"
        case _:
            assert_never(entry)


def _escaped(toml: str) -> str:
    """Escape what is not plainly printable: outside of strings, where TOML has no escapes, the text is ASCII."""
    text = "".join(
        character if character == "\n" or character.isprintable() else _escape_character(character)
        for character in toml
    )
    return without_commands_in_strings(text)


def _escape_character(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - what four digits hold


def _header(origin: Origin, servers: int) -> Iterator[str]:
    yield f"Written by reconcile init at {origin.read_at:%Y-%m-%d %H:%M} UTC, from {origin.base_url}."
    yield "By itself it changes nothing: reconcile plan shows what would be done, and reconcile apply asks first."
    if not servers:
        yield "The account has no servers yet. How to declare one: reconcile help file."
    if origin.held:
        held = count_text(origin.held, "manual backup")
        yield f"Not declared here: {held} that the account has already. To declare them: reconcile import."


def _example_header() -> Iterator[str]:
    yield "An example, written by reconcile init without a token."
    yield "Put the names and ids of your servers here; or set VPS_API_TOKEN, remove this file, and run init again."


def _settings(origin: Origin | None) -> _Table:
    if origin is None or origin.account is None:
        return _SETTINGS
    return (*_SETTINGS, (_toml({"account": origin.account}), "with another account's token, nothing is planned"))


def _server_tables(key: str, server: Server, series: str) -> tuple[_Table, _Table]:
    head = _toml({"servers": {key: {}}})
    name = ((_toml({"name": server.name}), "its name there, where the key is not that name"),)
    return (
        (head, "the key is the server's name in the account"),
        (_toml({"id": server.id}), "its id there"),
        *(name if key != server.name else ()),
    ), _series_table(head[1:-1], series)


def _series_table(parent: str, series: str) -> _Table:
    return (
        (f"[[{parent}.backups]]", "a series: all manual backups of the server with this description"),
        (_toml({"description": series}), "the service can't change the description of a backup"),
        (_toml({"policy": _POLICY}), "the policy above; every and keep here would override it"),
    )


def _toml(document: dict[str, Any]) -> str:
    return _escaped(tomli_w.dumps(document)).strip()


def _commented(table: _Table, explained: set[str]) -> str:
    """Write the lines of a table, those with a comment that was not `explained` before, and add it to those."""
    column = max(len(line) for line, _ in table)
    lines = [line if comment in explained else f"{line:<{column}}  # {comment}" for line, comment in table]
    explained.update(comment for _, comment in table)
    return "\n".join(lines)
