"""What `reconcile validate` finds: a valid declaration and its warnings, or its mistakes."""

from dataclasses import dataclass
from typing import Self

from reconcile.desired.advice import warnings
from reconcile.desired.config import Config
from reconcile.diagnostics import Diagnostic


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """`config` is None if there are mistakes."""

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return the warnings about a valid configuration."""
        return cls(config=config, diagnostics=warnings((*config.servers, *config.fleets)))
