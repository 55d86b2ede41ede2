"""Finds line, column and source text for diagnostics: where a key, a value or a byte is in a TOML file.

The TOML reader does not keep positions. tree-sitter finds them, and is loaded only if there is a place to show.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import tomli

from reconcile.diagnostics import KeyPath, Place, Position, Spot

if TYPE_CHECKING:
    from tree_sitter import Node

_TABLES = {"table", "table_array_element"}
_NOISE = {"comment", "ERROR"}
"""ERROR is syntax that is newer than tree-sitter's grammar, which may then misread what follows. So this module assumes
no node to be well-formed: showing the table around a value is better than failing."""
BYTE_ORDER_MARK = "\ufeff"
_MARK = BYTE_ORDER_MARK.encode()
_LONGEST = 2000
"""Maximum characters shown of a line. A file may be one line of a megabyte, with thousands of errors."""

_Entry = tuple["Node", "Node"]
"""A key and its value; for a table, its header twice."""

_TOKEN = re.compile(rb"""(token["']?\s*[=:]\s*)(.+)""", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """The text of one file, with its byte order mark and its line endings."""

    filename: str
    text: str = field(repr=False)

    @property
    def sha256(self) -> str:
        """The digest of the file, as `sha256sum` prints it; it identifies the version that was read."""
        return hashlib.sha256(self.content).hexdigest()

    def place(self, *path: str | int, at_key: bool = False) -> Place:
        """Return the place of a value in this file, or of its key."""
        return Place(filename=self.filename, path=path, at_key=at_key, find=self.find)

    def find(self, path: KeyPath, at_key: bool) -> Spot | None:  # noqa: FBT001 - as `Place` calls it
        """Return where the value at `path`, or its key, is in the text; None if tree-sitter is not installed.

        For a path that is not in the text, return the key of the nearest table or list around it, or the start of the
        text.
        """
        if self._entries is None:
            return None
        while path not in self._entries:
            if not path:
                return self.at(1, 1)
            at_key, path = True, path[:-1]
        key, value = self._entries[path]
        node = key if at_key else value
        return self.between(node.start_byte, node.end_byte)

    def at(self, line: int, column: int) -> Spot:
        """Return the single character at `line` and `column`; an empty spot at the end of a line."""
        text = self._lines[line - 1].decode()
        start = self._starts[line - 1] + len(text[: column - 1].encode())
        return self.between(start, start + len(text[column - 1 : column].encode()))

    def between(self, start: int, end: int) -> Spot:
        """Return the spot from byte `start` up to, not including, byte `end`, and the line it starts on.

        Bytes include the byte order mark and carriage returns.
        """
        first, last = self._position(start), self._position(end)
        code = self._code(first.line - 1)
        hidden = max(0, first.column - 1 - _LONGEST // 2) if len(code) > _LONGEST else 0
        marked_to = last.column - 1 if last.line == first.line else len(code)
        return Spot(
            filename=self.filename,
            start=first,
            end=last,
            code=code[hidden : hidden + _LONGEST],
            highlight_start=first.column - 1 - hidden,
            highlight_end=min(max(marked_to, first.column) - hidden, _LONGEST),
        )

    @cached_property
    def _entries(self) -> dict[KeyPath, _Entry] | None:
        """Every key and value by its path: `("servers", "web", "pinned", 0)`."""
        try:
            import tree_sitter_toml  # noqa: PLC0415 - some platforms have no wheel of it
            from tree_sitter import Language, Parser  # noqa: PLC0415 - as above
        except ImportError:
            return None
        entries: dict[KeyPath, _Entry] = {}
        for path, entry in _found(Parser(Language(tree_sitter_toml.language())).parse(self.content).root_node):
            entries.setdefault(path, entry)
        # `[a.b]` and `a.b = 1` define the table `a` too, unless it has its own header.
        for path, (key, _) in list(entries.items()):
            while (path := path[:-1]) and path not in entries:
                entries[path] = key, key
        return entries

    @cached_property
    def content(self) -> bytes:
        """The text in UTF-8."""
        return self.text.encode()

    @cached_property
    def _lines(self) -> list[bytes]:
        return self.content.removeprefix(_MARK).split(b"\n")

    @cached_property
    def _starts(self) -> list[int]:
        """The byte at which each line starts; the first starts after the byte order mark."""
        before = len(self.content) - len(self.content.removeprefix(_MARK))
        return list(accumulate((len(line) + 1 for line in self._lines[:-1]), initial=before))

    def _position(self, byte: int) -> Position:
        row = bisect_right(self._starts, byte) - 1
        before = self._lines[row][: byte - self._starts[row]]
        return Position(line=row + 1, column=len(before.decode()) + 1, byte=byte)

    @cache  # noqa: B019 - thousands of errors may be in one line; a source lives as long as the run
    def _code(self, row: int) -> str:
        """Return a line; after a token's key, the rest is masked, because diagnostics end up in public logs."""
        line = self._lines[row].removesuffix(b"\r")
        return _TOKEN.sub(lambda found: found[1] + b"*" * len(found[2].decode()), line).decode()


def _found(root: "Node") -> Iterator[tuple[KeyPath, _Entry]]:
    lengths: dict[KeyPath, int] = {}
    for node in _children(root):
        if node.type not in _TABLES:
            yield from _below(node, ())
            continue
        match _children(node):
            case [header, *pairs]:
                table = _in_lists(_key(header), lengths)
                if node.type == "table_array_element":
                    lengths[table] = lengths.get(table, 0) + 1
                    table = (*table, lengths[table] - 1)
                yield table, (header, header)
                for pair in pairs:
                    yield from _below(pair, table)
            case _:
                pass


def _below(node: "Node", path: KeyPath) -> Iterator[tuple[KeyPath, _Entry]]:
    """Yield the node and everything in its value. Uses an explicit stack, because values may be nested deeply."""
    pending = [(node, path)]
    while pending:
        node, path = pending.pop()
        match node.type, _children(node):
            case "pair", [key, value]:
                path = (*path, *_key(key))
            case _:
                key = value = node
        yield path, (key, value)
        if value.type == "inline_table":
            pending += [(child, path) for child in _children(value)]
        elif value.type == "array":
            pending += [(child, (*path, index)) for index, child in enumerate(_children(value))]
        elif value.type == "string":
            yield (*path, 0), (value, value)  # the only entry, if the key also takes a list


def _children(node: "Node") -> "list[Node]":
    return [child for child in node.named_children if child.type not in _NOISE]


def _key(node: "Node") -> KeyPath:
    """Return the parts of a key, which may be dotted or quoted."""
    text = (node.text or b"").decode()
    if node.type == "bare_key":
        return (text,)  # most keys are
    parts: list[str] = []
    with suppress(ValueError):  # a node may not be what its type says
        value = tomli.loads(f"{text} = 0")
        while isinstance(value, dict):
            [(part, value)] = value.items()
            parts.append(part)
    return tuple(parts)


def _in_lists(keys: KeyPath, lengths: dict[KeyPath, int]) -> KeyPath:
    """Return the path of a header's table: after each list of tables in it, the index of the last table."""
    path: KeyPath = ()
    for key in keys[:-1]:
        path = (*path, key)
        if path in lengths:
            path = (*path, lengths[path] - 1)
    return (*path, *keys[-1:])
