"""Counts the servers that satisfy each rule of `[require]`, for an auditor. `reconcile.plan.require` judges them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reconcile.actual.inventory import Inventory
from reconcile.desired.desired import Desired
from reconcile.durations import Duration
from reconcile.plan.pauses import is_too_long
from reconcile.plan.require import Breaches


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredRule:
    """One rule, the number of servers to which it applies, and how many satisfy it; None if unknown."""

    name: str
    required: Duration | Literal[True]
    servers: int | None
    satisfied: int | None


def rules(desired: Desired, inventory: Inventory, breaches: Breaches, now: datetime) -> tuple[RequiredRule, ...]:
    """Return every rule in the files, in the order of the reference.

    `all_servers` applies to all servers in the account, `every` and `retention` to those with series, and the others to
    all declared servers. They always satisfy `min_age`, because plan and apply enforce it.
    """
    require = desired.config.require
    unprotected = desired.undeclared(inventory)
    listed = None if unprotected is None else len(inventory.servers or ())
    members = Counter(server.place for server in desired.servers)  # the members of a fleet share its table
    with_series = sum(bool(server.series) for server in desired.servers)
    broken: Counter[str] = Counter()
    for table, rule in breaches:
        broken[rule] += members[table]
    too_long = sum(any(is_too_long(each, desired.config, now) for each in server.pauses) for server in desired.servers)
    counted = {
        "all_servers": (listed, len(unprotected or ())),
        "every": (with_series, broken["every"]),
        "retention": (with_series, broken["retention"]),
        "min_age": (len(desired.servers), 0),
        "max_pause": (len(desired.servers), too_long),
    }
    return tuple(
        RequiredRule(
            name=rule, required=required, servers=number, satisfied=None if number is None else number - others
        )
        for rule, (number, others) in counted.items()
        if (required := getattr(require, rule))
    )
