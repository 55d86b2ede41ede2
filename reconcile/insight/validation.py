"""The result of `reconcile validate`: a valid declaration and its warnings, or its errors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from reconcile.desired.config import Config
from reconcile.diagnostics import Diagnostic


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """The diagnostics about a `config`, which is None if the files are invalid."""

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]

    @classmethod
    def of(cls, config: Config, now: datetime) -> Self:
        """Return the warnings about the files at `now`, and an error for each broken rule of `[require]`."""
        found = config.warnings
        if config.pauses:
            from reconcile.plan.pauses import pause_diagnostics  # noqa: PLC0415 - as below

            found = (*pause_diagnostics(config, now), *found)
        if config.require.every or config.require.retention:
            from reconcile.plan.require import breaches  # noqa: PLC0415 - importing the planner takes 11 ms

            found = (*breaches(config).values(), *found)
        return cls(config=config, diagnostics=found)

    @property
    def is_valid(self) -> bool:
        """Whether there is no error."""
        return all(diagnostic.severity != "error" for diagnostic in self.diagnostics)
