"""The files that `import` and `init` write.

They show every character that acts or hides as an escape, and read back the same.
"""

from collections.abc import Iterable, Iterator
from typing import Any, assert_never

import tomli_w

from reconcile.actual.inventory import Server, State
from reconcile.addresses import escaped_glob
from reconcile.insight import importing
from reconcile.report.document import Raw
from reconcile.report.escape import visible, without_commands_in_strings
from reconcile.report.wording import count_text

SCHEMA = "reconcile.schema.json"
"""Where the first file looks for the JSON Schema, beside itself."""

_LONGEST = 1000
_WIDTH = 110
_POLICY = "standard"
_EXAMPLE = importing.AdoptedServers(
    key="web-server-01",
    servers=(Server(id=12345, name="web-server-01"),),
    series=(importing.Adopted(description=importing.NIGHTLY, is_standard=True),),
)
"""It fits the sandbox's sample account."""

_Table = list[tuple[str, str]]
"""The lines of a TOML table, each with the comment that explains it, or with an empty one."""


class _Fact(str):
    """A comment that is no explanation, and stands there each time."""

    __slots__ = ()


_SETTINGS: _Table = [
    ("[settings]", "for all servers"),
    ('timezone = "UTC"', "the calendar that keep's days and weeks follow"),
    ("prune = false", "backups that are not declared here stay as they are"),
]
_STANDARD: _Table = [
    (f"[policies.{_POLICY}]", "how often and how many, for every series that names this policy"),
    ('every = "1d"', "a new backup is due when the newest one is this old"),
    (
        f"keep = {{ last = {importing.KEPT_BY_STANDARD}, daily = 7, weekly = 4 }}",
        "these stay, the others are deleted",
    ),
]
_OFTEN = {"1h": "hourly", "1d": "daily", "1w": "weekly", "7d": "weekly", "1mo": "monthly"}


def declaration_toml(declaration: importing.Declaration) -> Raw:
    """Return the text of a file: when and from where, what could not be declared, the tables.

    A comment explains each line, the first time there is one like it.
    """
    command = "init" if declaration.is_first else "import"
    header = [
        f"Written by reconcile {command} at {declaration.read_at:%Y-%m-%d %H:%M} UTC, from {declaration.base_url}.",
        *_header(declaration),
    ]
    return _file(header, declaration.entries, declaration.account, is_first=declaration.is_first)


def example_toml() -> Raw:
    """Return the file that `init` writes without a token."""
    header = [
        "An example, written by reconcile init without a token.",
        "Put the names and ids of your servers here; or set VPS_API_TOKEN, remove this file, and run init again.",
    ]
    return _file(header, (_EXAMPLE,), None, is_first=True)


def _file(
    header: Iterable[str], entries: Iterable[importing.AdoptedServers], account: str | None, *, is_first: bool
) -> Raw:
    entries = tuple(entries)
    tables: list[_Table] = []
    named = [(_toml({"account": account}), "with another account's token, nothing is planned")] if account else []
    if is_first:
        tables.append([*_SETTINGS, *named])
    elif account:
        tables.append([("[settings]", ""), *named])
    if any(series.is_standard for entry in entries for series in entry.series):
        tables.append(_STANDARD)
    for entry in entries:
        tables += _entry_tables(entry, is_first=is_first)
    explained = {""}
    paragraphs = [f"#:schema ./{SCHEMA}"] if is_first else []
    paragraphs.append("\n".join(f"# {visible(line, _LONGEST)}".rstrip() for line in header))
    paragraphs += [_commented(table, explained) for table in tables]
    return Raw("\n\n".join(paragraphs) + "\n")


def _header(declaration: importing.Declaration) -> Iterator[str]:
    if declaration.is_first:
        yield "It changes nothing by itself: reconcile plan shows what would be done, and reconcile apply asks first."
        yield f"To check and complete it in an editor: reconcile schema > {SCHEMA}"
    if declaration.is_first and not declaration.entries:
        yield "The account has no servers yet. How to declare one: reconcile help file."
    if declaration.automatic:
        held = count_text(declaration.automatic, "automatic backup")
        yield f"The account also holds {held}. reconcile never creates, deletes or counts those."
    if declaration.not_shown:
        yield ""
        yield "What this file does not show:"
        yield from (f"- {_not_shown_text(each)}" for each in declaration.not_shown)
    elif not declaration.entries and not declaration.is_first:
        yield "Everything is declared already."


def _entry_tables(entry: importing.AdoptedServers, *, is_first: bool) -> Iterator[_Table]:
    kind = "fleets" if entry.is_fleet else "servers"
    head = _toml({kind: {entry.key: {}}})
    if entry.is_fleet:
        yield [(head, "servers that are alike; one with its own table is in no fleet"), *_match(entry)]
    else:
        yield [(head, "the key is the server's name in the account"), *_server(entry)]
    for series in entry.series:
        yield [
            (f"[[{head[1:-1]}.backups]]", "a series: all manual backups of a server with this description"),
            *_series(series, is_first=is_first),
        ]


def _match(entry: importing.AdoptedServers) -> Iterator[tuple[str, str]]:
    """List the servers of a fleet by name, several in a line; a glob that would match later ones is a comment."""
    names = [_value(escaped_glob(server.name)) for server in entry.servers]
    yield "match = [", _Fact(count_text(len(names), "server"))
    line = ""
    for name in names:
        if line and len(line) + len(name) > _WIDTH:
            yield f"  {line}".rstrip(), ""
            line = ""
        line += f"{name}, "
    yield f"  {line}".rstrip(), ""
    yield "]", ""
    if entry.glob:
        yield f"# match = {_value(entry.glob)}", "in place of the list, this would also match servers to come"


def _server(entry: importing.AdoptedServers) -> Iterator[tuple[str, str]]:
    (server,) = entry.servers
    yield _toml({"id": server.id}), "its id there"
    if server.name != entry.key:
        yield _toml({"name": server.name}), "its name there, where the key is not that name"
    if entry.is_unpruned:
        yield "prune = false", "it holds backups that are in no series"
    if entry.pinned:
        yield (
            f"pinned = [{', '.join(map(_value, entry.pinned))}]",
            "failed or undersized backups, which would be deleted",
        )
    if not entry.series:
        yield "backups = []", "declared, with nothing wanted"


def _series(series: importing.Adopted, *, is_first: bool) -> Iterator[tuple[str, str]]:
    yield _toml({"description": series.description}), _Fact(_held_text(series))
    if series.renamed_from is not None:
        yield _toml({"renamed_from": series.renamed_from}), _Fact(f"such as {visible(repr(series.example))}")
    if series.is_standard:
        yield _toml({"policy": _POLICY}), "the policy above; every and keep here would override it"
    elif series.every and is_first:
        yield _toml({"every": str(series.every)}), "a new backup is due when the newest one is this old"
    elif series.every:
        yield f"# {_toml({'every': str(series.every)})}", "remove the # once nothing else creates these backups"
    if series.every and not series.is_standard:
        # A new backup may be due at once, and must not delete the oldest: no plan on a first file deletes anything.
        explanation = "one more than today, then the oldest are deleted" if is_first else "the newest stay"
        yield _toml({"keep": series.most + is_first}), explanation


def _held_text(series: importing.Adopted) -> str:
    """Say what there is of a series today."""
    if not series.most:
        return "new"
    held = f"{series.most:,}" if series.fewest == series.most else f"{series.fewest:,} to {series.most:,}"
    if not series.every:
        return f"{held} kept, created irregularly" if series.most > 1 else "1 kept"
    at = f" at about {series.at:%H:%M} UTC" if series.at else ""
    often = _OFTEN.get(str(series.every)) or f"every {series.every}"
    return f"created {often}{at}, {held} kept"


def _not_shown_text(entry: importing.NotShown) -> str:
    match entry:
        case importing.FailedPinned(key=key, backup=backup):
            problem = "is undersized" if backup.state is State.UNDERSIZED else "has failed"
            return f"{key}: backup {backup.id} {problem}, and is pinned to keep it"
        case importing.LeftUnmanaged(key=key, backup=backup, unclean=None):
            counts = f"no backup of its series counts; its status is {backup.status!r}"
            return f"{key}: backup {backup.id} ({backup.description!r}) stays unmanaged: {counts}"
        case importing.LeftUnmanaged(key=key, backup=backup, unclean=problem):
            return f"{key}: backup {backup.id} ({backup.description!r}) stays unmanaged: its description {problem}"
        case importing.NotDeclared(key=key, filename=filename, description=description, count=count):
            return f"{key}: {filename} does not declare {description!r} ({count_text(count, 'backup')})"
        case importing.NotShared(fleet=fleet, description=description, servers=servers, count=count):
            some = f"{count_text(count, 'backup')} {description!r} on {count_text(servers, 'server')}"
            return f"fleet {fleet}: {some}, created irregularly, stay unmanaged"
        case _:
            assert_never(entry)


def _toml(document: dict[str, Any]) -> str:
    """Return TOML in which what is not plainly printable is escaped: outside of strings, the text is ASCII."""
    text = "".join(each if each == "\n" or each.isprintable() else _escaped(each) for each in tomli_w.dumps(document))
    return without_commands_in_strings(text).strip()


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - what four digits hold


def _value(value: object) -> str:
    """Return a value as TOML writes it."""
    return _toml({"value": value}).removeprefix("value = ")


def _commented(table: _Table, explained: set[str]) -> str:
    """Write the lines of a table, those with a comment that was not `explained` before, and add it to those."""
    column = max((len(line) for line, comment in table if comment not in explained), default=0)
    lines = [line if comment in explained else f"{line:<{column}}  # {comment}" for line, comment in table]
    explained.update(comment for _, comment in table if not isinstance(comment, _Fact))
    return "\n".join(lines)
