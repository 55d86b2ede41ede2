"""Counts the servers that satisfy each rule of `[require]`, for an auditor. `reconcile.plan.require` judges them."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from reconcile.actual.inventory import Inventory
from reconcile.desired.desired import Desired
from reconcile.durations import Duration
from reconcile.plan.require import Breaches


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredRule:
    """One rule, the number of servers to which it applies, and how many satisfy it; None if unknown."""

    name: Literal["all_servers", "every", "retention", "min_age"]
    required: Duration | Literal[True]
    servers: int | None
    satisfied: int | None


def rules(desired: Desired, inventory: Inventory, breaches: Breaches) -> tuple[RequiredRule, ...]:
    """Return every rule in the files, in the order of the reference.

    `all_servers` applies to all servers in the account, `every` and `retention` to those with series, and `min_age` to
    all declared servers, which always satisfy it, because plan and apply enforce it.
    """
    require = desired.config.require
    found: list[RequiredRule] = []
    if require.all_servers:
        undeclared = desired.undeclared(inventory)
        servers = None if undeclared is None else len(inventory.servers or ())
        satisfied = None if undeclared is None or servers is None else servers - len(undeclared)
        found.append(RequiredRule(name="all_servers", required=True, servers=servers, satisfied=satisfied))
    members = Counter(server.place for server in desired.servers)  # the members of a fleet share its table
    with_series = sum(bool(server.series) for server in desired.servers)
    broken: Counter[str] = Counter()
    for table, rule in breaches:
        broken[rule] += members[table]
    judged: tuple[tuple[Literal["every", "retention"], Duration | None], ...] = (
        ("every", require.every),
        ("retention", require.retention),
    )
    for name, required in judged:
        if required:
            satisfied = with_series - broken[name]
            found.append(RequiredRule(name=name, required=required, servers=with_series, satisfied=satisfied))
    if require.min_age:
        declared = len(desired.servers)
        found.append(RequiredRule(name="min_age", required=require.min_age, servers=declared, satisfied=declared))
    return tuple(found)
