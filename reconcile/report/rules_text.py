"""What a rule of `[require]` asks for, and who does not hold it."""

from collections.abc import Iterator

from reconcile.insight.rules import RuleStatus
from reconcile.plan.require import breach_diagnostic
from reconcile.report.trouble_text import UNPROTECTED


def required_text(rule: RuleStatus) -> str:
    """Write what the file says."""
    return "true" if rule.required is True else str(rule.required)


def held_text(rule: RuleStatus) -> str:
    """Say how many servers hold a rule."""
    return "not checked" if rule.held is None else f"{rule.held:,} of {rule.servers:,}"


def breakers(rule: RuleStatus) -> Iterator[tuple[str, str]]:
    """Yield each server, or fleet, that does not hold a rule, and why; no text is escaped."""
    for server in rule.undeclared:
        yield f"{server.name} ({server.id})", UNPROTECTED
    for breach in rule.breaches:
        diagnostic = breach_diagnostic(breach)
        yield breach.name, f"{diagnostic.summary}. {diagnostic.detail}"
