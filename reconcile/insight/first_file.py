"""Works out a first file for `reconcile init`: every server of the account, by tables or a fleet, one series each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.fleets import server_keys
from reconcile.insight.servers import by_name

SERIES = "nightly"

MOST_TABLES = 3
"""Servers. Where there are more, one fleet declares them all, and those to come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where and when the account was read, and how many manual backups it holds, none of which the file declares.

    `account` is its e-mail address; None if the service does not say.
    """

    base_url: str
    account: str | None
    read_at: datetime
    held: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstFile:
    """The servers by their key in the file, and the description of the series of each.

    An example has no origin, and a server that somebody has to replace. With `is_fleet`, one fleet stands in place of
    the servers' tables.
    """

    origin: Origin | None
    servers: Mapping[str, Server]
    series: str
    is_fleet: bool = False


EXAMPLE = FirstFile(origin=None, servers={"web-server-01": Server(id=12345, name="web-server-01")}, series=SERIES)
"""It fits the sandbox's sample account."""


def first_file(inventory: Inventory) -> FirstFile:
    """Declare every server of the account, by name and then by id.

    No backup of the account has the description of the series, so applying the file deletes nothing that exists.
    """
    names = by_name(inventory.names)
    used = {backup.description for backup in inventory.manual}
    candidates = (SERIES if number == 1 else f"{SERIES} {number}" for number in count(1))
    return FirstFile(
        origin=Origin(
            base_url=inventory.base_url,
            account=inventory.account,
            read_at=inventory.observed_at,
            held=len(inventory.manual),
        ),
        servers={key: Server(id=id_, name=names[id_]) for id_, key in server_keys(names, set()).items()},
        series=next(description for description in candidates if description not in used),
        is_fleet=inventory.servers is not None and len(names) > MOST_TABLES,
    )
