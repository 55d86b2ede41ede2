"""Finds keys and values in the text of a TOML file; the TOML reader does not keep their positions.

Imported only when there is a place to show, so that a valid file does not wait for tree-sitter to load.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import tomli
import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from reconcile.desired.config import Source
from reconcile.desired.lines import LineIndex
from reconcile.diagnostics import Range, Snippet

KeyPath = tuple[str | int, ...]
_TABLES = {"table", "table_array_element"}
_NOISE = {"comment", "ERROR"}
"""ERROR is syntax that is newer than tree-sitter's grammar, which may then misread what follows. No node is assumed to
be well-formed: showing the table around a value is better than failing."""


@dataclass(frozen=True, slots=True)
class _Entry:
    key: Node
    value: Node


class Positions:
    """Every key and value of one file, by its path: `("servers", "web", "pinned", 0)`."""

    def __init__(self, source: Source) -> None:
        self._lines = LineIndex(source)
        root = Parser(Language(tree_sitter_toml.language())).parse(self._lines.content).root_node
        self._entries: dict[KeyPath, _Entry] = {}
        for path, entry in _entries(root):
            self._entries.setdefault(path, entry)
        self._add_implicit_tables()

    def of(self, path: KeyPath, *, at_key: bool) -> tuple[Range, Snippet]:
        """Return the position of the value at `path`, or of its key.

        For a path that the text does not have, return the key of the nearest table or list around it, or the
        beginning of the text.
        """
        entry = self._entries.get(path)
        while path and not entry:
            at_key, path = True, path[:-1]
            entry = self._entries.get(path)
        if not entry:
            return self._lines.at(1, 1)
        node = entry.key if at_key else entry.value
        return self._lines.between(node.start_byte, node.end_byte)

    def _add_implicit_tables(self) -> None:
        """Let `[a.b]` and `a.b = 1` stand for the table `a`, unless it has a header of its own."""
        for path, entry in list(self._entries.items()):
            while (path := path[:-1]) and path not in self._entries:
                self._entries[path] = _Entry(entry.key, entry.key)


def _entries(root: Node) -> Iterator[tuple[KeyPath, _Entry]]:
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
                yield table, _Entry(header, header)
                for pair in pairs:
                    yield from _below(pair, table)
            case _:
                pass


def _below(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, _Entry]]:
    """Yield the node and everything in its value. An explicit stack, because values may be nested deeply."""
    pending = [(node, path)]
    while pending:
        node, path = pending.pop()
        match node.type, _children(node):
            case "pair", [key, value]:
                path = (*path, *_key(key))
            case _:
                key = value = node
        yield path, _Entry(key, value)
        if value.type == "inline_table":
            pending += [(child, path) for child in _children(value)]
        elif value.type == "array":
            pending += [(child, (*path, index)) for index, child in enumerate(_children(value))]
        elif value.type == "string":
            yield (*path, 0), _Entry(value, value)  # the only entry, where the key also takes a list


def _children(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type not in _NOISE]


def _key(node: Node) -> KeyPath:
    """Return the parts of a key, which may be dotted or quoted."""
    parts: list[str] = []
    pending = [node]
    while pending:
        part = pending.pop()
        text = (part.text or b"").decode()
        match part.type:
            case "bare_key":
                parts.append(text)
            case "quoted_key":
                with suppress(tomli.TOMLDecodeError):
                    parts.append(tomli.loads(f"key = {text}")["key"])
            case "dotted_key":
                pending.extend(reversed(_children(part)))
            case _:
                pass
    return tuple(parts)


def _in_lists(keys: KeyPath, lengths: dict[KeyPath, int]) -> KeyPath:
    """Return the path of a header's table: after each list of tables on the way, the index of its last one."""
    path: KeyPath = ()
    for key in keys[:-1]:
        path = (*path, key)
        if path in lengths:
            path = (*path, lengths[path] - 1)
    return (*path, *keys[-1:])
