"""What a series and a backup are called (spec, section 1): `SERVER/DESCRIPTION`, `SERVER/DESCRIPTION#ID`."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from reconcile.diagnostics import Diagnostic, UserError
from reconcile.ids import Id


@dataclass(frozen=True, slots=True)
class SeriesAddress:
    """A series: the server's key in the file, and the description; None where the service holds none."""

    server: str
    description: str | None

    def __str__(self) -> str:
        return f"{self.server}/{self.description or ''}"

    def matches(self, target: str) -> bool:
        """Tell whether the glob `target` means this; one without a slash means all of the servers it matches."""
        return fnmatchcase(str(self) if "/" in target else self.server, target)


@dataclass(frozen=True, slots=True)
class BackupAddress:
    """One backup in a series."""

    series: SeriesAddress
    id: Id

    def __str__(self) -> str:
        return f"{self.series}#{self.id}"


Address = SeriesAddress | BackupAddress
"""Told apart by type, never by text: a description may end in what looks like an id."""


def check_targets(targets: tuple[str, ...], addresses: list[SeriesAddress]) -> None:
    """Refuse targets that match none of the addresses: a mistyped one must not look like "No changes".

    Raises:
        UserError: with one diagnostic a target.
    """
    lost = [target for target in targets if not any(address.matches(target) for address in addresses)]
    if lost:
        advice = "A target is a glob on SERVER/DESCRIPTION; a bare SERVER takes all of it. Quote it for the shell."
        raise UserError(
            "a target matches nothing",
            diagnostics=[Diagnostic(summary=f"--target {it!r} matches nothing", detail=advice) for it in lost],
        )
