"""What `--target` matches: the addresses of series, and of whole servers and fleets."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Generic, TypeVar

from reconcile.addresses import FLEET, compiled, literal_beginning
from reconcile.desired.config import DeclaredServer
from reconcile.ids import Id

Value = TypeVar("Value")


class Targets:
    """Addresses that targets may match, sorted: a target is compared only with those that begin as it does."""

    def __init__(self, addresses: Sequence[tuple[DeclaredServer, str | None]]) -> None:
        self._of_server: dict[Id, list[tuple[DeclaredServer, str | None]]] = {}
        for server, description in addresses:
            self._of_server.setdefault(server.id, []).append((server, description))
        servers = [found[0][0] for found in self._of_server.values()]
        self._servers = _Sorted((server.key, server) for server in servers)
        self._fleets = _Sorted((f"{FLEET}{server.fleet}", server) for server in servers if server.fleet is not None)
        self._series = _Sorted((f"{server.key}/{name or ''}", (server, name)) for server, name in addresses)
        self._in_fleets = _Sorted(
            (f"{FLEET}{server.fleet}/{name or ''}", (server, name))
            for server, name in addresses
            if server.fleet is not None
        )

    def matching(self, target: str) -> Iterator[tuple[DeclaredServer, str | None]]:
        """Yield what a glob on `SERVER/DESCRIPTION` matches; one without a slash matches all of a server."""
        has_fleets = target.startswith(FLEET)
        if "/" in target:
            yield from self._series.matching(target)
            yield from self._in_fleets.matching(target) if has_fleets else ()
        else:
            for server in chain(self._servers.matching(target), self._fleets.matching(target) if has_fleets else ()):
                yield from self._of_server[server.id]


class _Sorted(Generic[Value]):
    """Texts in order, each with a value."""

    def __init__(self, entries: Iterable[tuple[str, Value]]) -> None:
        self._entries = sorted(entries, key=itemgetter(0))
        self._texts = [text for text, _ in self._entries]

    def matching(self, glob: str) -> Iterator[Value]:
        beginning, matches = literal_beginning(glob), compiled((glob,)).match
        for place in range(bisect_left(self._texts, beginning), len(self._texts)):
            if not self._texts[place].startswith(beginning):
                return
            if matches(self._texts[place]):
                yield self._entries[place][1]
