"""Who holds the rules of `[require]`, and who does not: what an auditor asks. It judges nothing itself."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import DeclaredFleet
from reconcile.desired.desired import Desired
from reconcile.durations import Duration
from reconcile.plan.require import Breach


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleStatus:
    """One rule, how many servers it is about, and those that do not hold it."""

    name: Literal["all_servers", "every", "retention", "min_age"]
    required: Duration | Literal[True]
    servers: int | None
    """How many servers it is about; None if that can't be known."""
    undeclared: tuple[Server, ...] = ()
    """Those that break `all_servers`."""
    breaches: tuple[Breach, ...] = ()
    """Those that break `every` or `retention`; one of a fleet is by all of its members."""
    broken: int = 0
    """How many servers break it."""

    @property
    def held(self) -> int | None:
        """How many servers hold it."""
        return None if self.servers is None else self.servers - self.broken


def rules(desired: Desired, inventory: Inventory, breaches: tuple[Breach, ...]) -> tuple[RuleStatus, ...]:
    """Return every rule that the files have, in the order of the reference.

    `all_servers` is about all servers of the account, `every` and `retention` about those that have series, and
    `min_age` about all that are declared: plan and apply hold it themselves.
    """
    require = desired.require
    found: list[RuleStatus] = []
    if require.all_servers:
        undeclared = desired.undeclared(inventory)
        found.append(
            RuleStatus(
                name="all_servers",
                required=True,
                servers=None if undeclared is None else len(inventory.servers or ()),
                undeclared=undeclared or (),
                broken=len(undeclared or ()),
            )
        )
    members = Counter(server.fleet for server in desired.servers)
    with_series = sum(bool(server.series) for server in desired.servers)
    judged: tuple[tuple[Literal["every", "retention"], Duration | None], ...] = (
        ("every", require.every),
        ("retention", require.retention),
    )
    for name, required in judged:
        if required:
            of_rule = tuple(breach for breach in breaches if breach.rule == name)
            broken = sum(
                members[each.subject.name] if isinstance(each.subject, DeclaredFleet) else 1 for each in of_rule
            )
            found.append(RuleStatus(name=name, required=required, servers=with_series, breaches=of_rule, broken=broken))
    if require.min_age:
        found.append(RuleStatus(name="min_age", required=require.min_age, servers=len(desired.servers)))
    return tuple(found)
