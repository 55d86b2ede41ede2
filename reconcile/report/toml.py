"""The files that `import` and `init` write.

They write every control or invisible character as an escape, so the value is unchanged. The layout is taplo's, which
formats TOML in several editors.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from textwrap import wrap
from typing import Any, assert_never

import tomli_w
from markupsafe import Markup

from reconcile.actual.inventory import Server, State
from reconcile.addresses import escaped_glob
from reconcile.insight import importing
from reconcile.report.document import rendered
from reconcile.report.escape import visible, without_commands_in_strings
from reconcile.wording import count_text

SCHEMA = "reconcile.schema.json"
"""Where the first file looks for the JSON Schema, beside itself."""

_LONGEST = 1000
_WIDTH = 80
"""The most columns in which taplo leaves an array on one line."""
_MANY = 20
"""If an array has more values than this, each line holds several, where taplo would give each its own.

The list of 200 servers must fit on a screen.
"""
_EXAMPLE = importing.AdoptedServers(
    key="web-server-01",
    servers=(Server(id=12345, name="web-server-01"),),
    series=(importing.Adopted(description=importing.NIGHTLY, is_standard=True),),
)
"""It matches the sandbox's sample account."""

_WHY, _FACT = "\x1e", "\x1f"
"""The marks before a comment in a template: for one that explains the first line of its kind, and for any other."""

_OFTEN = {"1h": "hourly", "1d": "daily", "1w": "weekly", "7d": "weekly", "1mo": "monthly"}


def declaration_toml(declaration: importing.Declaration | None, /, *, verbose: bool = False) -> str:
    """Return the text of a file: when and from where it was written, what it could not declare, the tables.

    A comment explains the first line of each kind. None stands for the example that `init` writes without a token.
    """
    entries = declaration.entries if declaration else (_EXAMPLE,)
    text = rendered(
        "import.toml.jinja",
        _value,
        is_first=declaration is None or declaration.is_first,
        schema=SCHEMA,
        declaration=declaration,
        entries=entries,
        has_standard=any(series.is_standard for entry in entries for series in entry.series),
        kept_by_standard=importing.KEPT_BY_STANDARD,
        key=lambda text: _toml({text: {}})[1:-1],
        why=lambda text: Markup(_WHY + text),  # noqa: S704 - escaped, as below
        fact=lambda text: Markup(_FACT + text),  # noqa: S704
        array=_array,
        globs=lambda servers: [escaped_glob(server.name) for server in servers],
        held_text=_held_text,
        wrapped=_wrapped,
        visible=lambda text: Markup(visible(text, _LONGEST)),  # noqa: S704
    )
    explained: set[str] = set()
    paragraphs = [_commented(paragraph.split("\n"), explained) for paragraph in re.split("\n{2,}", text.strip())]
    return "\n\n".join(paragraphs) + "\n"


def _array(key: str, values: Iterable[object], comment: Markup) -> Markup:
    """Return the lines of a key whose value is an array, the first with a comment."""
    texts = [_value(value) for value in values]
    line = f"{key} = [{', '.join(texts)}]"
    if len(line) <= _WIDTH:
        return Markup(line) + comment  # noqa: S704 - TOML
    lines, width = [""], _WIDTH - 1 if len(texts) > _MANY else 0
    for text in texts:
        if lines[-1] and len(f"{lines[-1]} {text},") > width:
            lines.append("")
        lines[-1] += f" {text},"
    return Markup(f"{key} = [{comment}\n " + "\n ".join(lines) + "\n]")  # noqa: S704 - TOML


def _held_text(series: importing.Adopted) -> str:
    """Describe the backups that a series has today."""
    if not series.most:
        return "new"
    fewest = min(map(len, series.backups))
    held = f"{series.most:,}" if fewest == series.most else f"{fewest:,} to {series.most:,}"
    if not series.every:
        return f"{held} kept, created irregularly" if series.most > 1 else "1 kept"
    at = f" at about {series.at:%H:%M} UTC" if series.at else ""
    often = _OFTEN.get(str(series.every)) or f"every {series.every}"
    return f"created {often}{at}, {held} kept"


def _wrapped(entry: importing.NotShown) -> Markup:
    """Return the lines of a comment on what the file does not show, without the `#` of the first."""
    text = visible(_not_shown_text(entry), _LONGEST)
    lines = wrap(text, _WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return Markup("\n#   ".join(lines))  # noqa: S704 - as above


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
            some = f"{count_text(count, 'backup')}, on only {count_text(servers, 'server')}"
            return f"fleet {fleet}: {description!r} stays unmanaged: {some}"
        case _:
            assert_never(entry)


def _toml(document: dict[str, Any]) -> str:
    """Return TOML in which what is not plainly printable is escaped: outside of strings, the text is ASCII."""
    text = "".join(
        each if each == "\n" or each.isprintable() else each.encode("unicode_escape").decode().replace(r"\x", r"\u00")
        for each in tomli_w.dumps(document)
    )
    return without_commands_in_strings(text).strip()


def _value(value: object) -> str:
    """Return a value as TOML writes it."""
    return _toml({"value": value}).removeprefix("value = ")


def _commented(lines: Iterable[str], explained: set[str]) -> str:
    """Write the comments of a table beside its lines, and add those that explain one to those that are `explained`.

    The comments of keys on adjacent lines share a column.
    """
    parts = [re.split(f"([{_WHY}{_FACT}])", line.rstrip()) for line in lines]
    shown = [(line, comment[1]) if comment and comment[1] not in explained else (line, "") for line, *comment in parts]
    explained.update(comment[1] for _, *comment in parts if comment[:1] == [_WHY])
    written: list[str] = []
    for is_key, adjacent in groupby(shown, lambda each: each[0][:1] not in "#[ ]" and not each[0].endswith("[")):
        run = list(adjacent)
        column = max(len(line) for line, _ in run) if is_key else 0
        written += (f"{line:<{column}} # {comment}" if comment else line for line, comment in run)
    return "\n".join(written)
