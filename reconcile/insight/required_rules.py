"""Counts the servers that satisfy each rule of `[require]`, for an auditor. `reconcile.plan.require` judges them."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from reconcile.actual.inventory import Inventory
from reconcile.desired.desired import Desired
from reconcile.durations import Duration
from reconcile.plan.require import Breaches

RuleName = Literal["all_servers", "every", "retention", "min_age"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredRule:
    """One rule, the number of servers to which it applies, and how many satisfy it; None if unknown."""

    name: RuleName
    required: Duration | Literal[True]
    servers: int | None
    satisfied: int | None


def rules(desired: Desired, inventory: Inventory, breaches: Breaches) -> tuple[RequiredRule, ...]:
    """Return every rule in the files, in the order of the reference.

    `all_servers` applies to all servers in the account, `every` and `retention` to those with series, and `min_age` to
    all declared servers, which always satisfy it, because plan and apply enforce it.
    """
    require = desired.config.require
    unprotected = desired.undeclared(inventory)
    listed = None if unprotected is None else len(inventory.servers or ())
    members = Counter(server.place for server in desired.servers)  # the members of a fleet share its table
    with_series = sum(bool(server.series) for server in desired.servers)
    broken: Counter[str] = Counter()
    for table, rule in breaches:
        broken[rule] += members[table]
    rows: tuple[tuple[RuleName, Duration | Literal[True] | None, int | None, int], ...] = (
        ("all_servers", True if require.all_servers else None, listed, len(unprotected or ())),
        ("every", require.every, with_series, broken["every"]),
        ("retention", require.retention, with_series, broken["retention"]),
        ("min_age", require.min_age, len(desired.servers), 0),
    )
    return tuple(
        RequiredRule(name=name, required=rule, servers=servers, satisfied=None if servers is None else servers - others)
        for name, rule, servers, others in rows
        if rule
    )
