"""Finds what `--target` matches: the addresses of series, and of whole servers and fleets."""

from collections.abc import Iterator, Sequence
from itertools import chain

from reconcile.addresses import FLEET, TextIndex
from reconcile.desired.config import DeclaredServer

_Addressed = dict[str, list[tuple[DeclaredServer, str | None]]]
"""The series that each address selects."""


class Targets:
    """Addresses that targets may match: of series, and of whole servers or fleets."""

    def __init__(self, addresses: Sequence[tuple[DeclaredServer, str | None]]) -> None:
        # By whether a target starts with `fleet:`, and whether it has a description.
        found: dict[tuple[bool, bool], _Addressed] = {}
        for server, description in addresses:
            for is_fleet, table in ((False, server.key), (True, server.fleet and f"{FLEET}{server.fleet}")):
                if table:
                    for has_description, address in ((False, table), (True, f"{table}/{description or ''}")):
                        of_kind = found.setdefault((is_fleet, has_description), {})
                        of_kind.setdefault(address, []).append((server, description))
        self._kinds = {kind: (addressed, TextIndex(addressed)) for kind, addressed in found.items()}

    def matching(self, target: str) -> Iterator[tuple[DeclaredServer, str | None]]:
        """Yield what a glob on `SERVER/DESCRIPTION` matches; a glob without a slash matches all of a server."""
        for is_fleet in (False, True) if target.startswith(FLEET) else (False,):
            addressed, index = self._kinds.get((is_fleet, "/" in target), ({}, TextIndex(())))
            yield from chain.from_iterable(map(addressed.__getitem__, index.matching(target)))
