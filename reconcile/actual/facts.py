"""What a few reads show about the service, for `reconcile doctor`; `reconcile.insight.doctor` judges it."""

from dataclasses import dataclass
from datetime import datetime

from reconcile.actual.errors import ApiError
from reconcile.actual.inventory import Inventory


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFacts:
    """Raw answers; each may be the error that occurred instead.

    `service_time` is the `Date` of the first answer, received at `our_time` by our clock.
    """

    backups: bytes
    """The first page of all backups, of any type."""
    servers: bytes | ApiError
    """The first page of the servers."""
    account: bytes | ApiError
    """What the service returns about the token."""
    inventory: Inventory | ApiError
    """The whole account, as `plan` reads it."""
    service_time: datetime | None
    our_time: datetime
    rate_limits: tuple[tuple[str, str], ...]
    """The headers about limits, by name and value."""
