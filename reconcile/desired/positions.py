"""Where in a TOML text a key or a value stands; `tomllib` does not say, tree-sitter's grammar does.

Imported only once there is a mistake to point at: a valid file never pays for it.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from reconcile.diagnostics import Position, Range, Snippet

Path = tuple[str | int, ...]
_KEYS = {"bare_key", "quoted_key", "dotted_key"}


@dataclass(frozen=True, slots=True)
class _Spot:
    key: Node
    value: Node


class Positions:
    """The places of all keys and values of one text."""

    def __init__(self, filename: str, text: str) -> None:
        self._filename = filename
        self._lines = text.split("\n")
        self._starts = [0, *accumulate(len(line.encode()) + 1 for line in self._lines)]
        self._spots: dict[Path, _Spot] = {}
        root = Parser(Language(tree_sitter_toml.language())).parse(text.encode()).root_node
        for path, spot in _walk(root):
            self._spots.setdefault(path, spot)

    def of_value(self, path: Path) -> tuple[Range, Snippet]:
        """Return where the value at `path` stands, or the nearest thing around it that the text has."""
        return self._describe(self._nearest(path).value)

    def of_key(self, path: Path) -> tuple[Range, Snippet]:
        """Return where the key at `path` stands, or the nearest one around it."""
        return self._describe(self._nearest(path).key)

    def at(self, line: int, column: int) -> tuple[Range, Snippet]:
        """Return the single character at a line and column, both from 1."""
        line = min(line, len(self._lines))
        start = self._position(line - 1, column - 1)
        end = Position(line=line, column=column + 1, byte=start.byte + 1)
        return Range(filename=self._filename, start=start, end=end), self._snippet(start, end)

    def _nearest(self, path: Path) -> _Spot:
        while path not in self._spots and len(path) > 1:
            path = path[:-1]
        return self._spots[path]

    def _describe(self, node: Node) -> tuple[Range, Snippet]:
        start, end = (
            self._position(point.row, self._characters(point.row, point.column))
            for point in (node.start_point, node.end_point)
        )
        return Range(filename=self._filename, start=start, end=end), self._snippet(start, end)

    def _characters(self, row: int, byte: int) -> int:
        return len(self._lines[row].encode()[:byte].decode(errors="replace"))

    def _position(self, row: int, character: int) -> Position:
        byte = self._starts[row] + len(self._lines[row][:character].encode())
        return Position(line=row + 1, column=character + 1, byte=byte)

    def _snippet(self, start: Position, end: Position) -> Snippet:
        code = self._lines[start.line - 1].rstrip("\r")
        last = end.column - 1 if end.line == start.line else len(code)
        return Snippet(
            code=code,
            start_line=start.line,
            highlight_start=start.column - 1,
            highlight_end=max(last, start.column),
        )


def _walk(root: Node) -> Iterator[tuple[Path, _Spot]]:
    counts: dict[Path, int] = {}
    for node in root.named_children:
        if node.type == "pair":
            yield from _pair(node, ())
        elif node.type in {"table", "table_array_element"}:
            header = node.named_children[0]
            path = _resolve(_key(header), counts)
            if node.type == "table_array_element":
                counts[path] = counts.get(path, -1) + 1
                path = (*path, counts[path])
            yield path, _Spot(header, header)
            for depth in range(1, len(path)):
                yield path[:depth], _Spot(header, header)
            for child in node.named_children[1:]:
                if child.type == "pair":
                    yield from _pair(child, path)


def _pair(node: Node, parent: Path) -> Iterator[tuple[Path, _Spot]]:
    key, value = (child for child in node.named_children if child.type != "comment")
    path = (*parent, *_key(key))
    yield path, _Spot(key, value)
    for depth in range(len(parent) + 1, len(path)):
        yield path[:depth], _Spot(key, value)
    yield from _value(value, path)


def _value(value: Node, path: Path) -> Iterator[tuple[Path, _Spot]]:
    if value.type == "inline_table":
        for child in value.named_children:
            if child.type == "pair":
                yield from _pair(child, path)
    elif value.type == "array":
        items = [child for child in value.named_children if child.type != "comment"]
        for index, item in enumerate(items):
            yield (*path, index), _Spot(item, item)
            yield from _value(item, (*path, index))


def _key(node: Node) -> Path:
    """Return what a possibly dotted, possibly quoted key says, read by the TOML reader itself."""
    parts: list[str | int] = []
    inner: object = tomllib.loads(f"{(node.text or b'').decode()} = 0")
    while isinstance(inner, dict):
        ((part, inner),) = inner.items()
        parts.append(part)
    return tuple(parts)


def _resolve(keys: Path, counts: dict[Path, int]) -> Path:
    """Put into a header's keys the index of each array of tables that it goes through."""
    path: Path = ()
    for number, key in enumerate(keys):
        path = (*path, key)
        if number < len(keys) - 1 and path in counts:
            path = (*path, counts[path])
    return path
