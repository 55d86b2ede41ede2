"""The checks of `reconcile doctor`: pure functions of the file, the access and the service's answers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from reconcile.actual.errors import ApiError, RefusedError
from reconcile.actual.facts import AccountFacts, FirstPage, NotAList, ServiceFacts
from reconcile.actual.inventory import LARGEST_SKEW, Inventory
from reconcile.desired.advice import warnings
from reconcile.desired.config import Config, DeclaredFleet, DeclaredServer
from reconcile.desired.desired import Desired, resolve
from reconcile.diagnostics import UserError
from reconcile.plan.refusals import check_all_declared, check_servers

SMALL_SKEW = timedelta(minutes=1)

_PAGING = {True: "has next", False: "next is null", None: "has no next"}
_READS = {"*:*", "servers:*", "servers:read", "backups:*", "backups:read", "*:read"}
_WRITES = {"*:*", "servers:*", "servers:write", "backups:*", "backups:write", "*:write"}


class Verdict(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    """Apply can't work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it. It holds no secret."""

    check: str
    verdict: Verdict
    explanation: str
    advice: str = ""
    servers: tuple[str, ...] = ()
    """The keys of the declared servers that it is about; only here are servers named."""
    private: str = ""
    """What only the user is shown, not whoever reads a bug report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessFacts:
    """Which service is asked, where the token comes from, and the environment's proxies, by variable."""

    base_url: str
    token_from: str
    proxies: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """All findings, and what they were found with."""

    findings: tuple[Finding, ...]
    python: str
    platform: str

    @property
    def errors(self) -> int:
        """How many findings keep apply from working."""
        return sum(finding.verdict is Verdict.ERROR for finding in self.findings)


def findings(
    config: Config | UserError, access: AccessFacts | UserError, service: ServiceFacts | UserError | None
) -> tuple[Finding, ...]:
    """Run all checks. An argument may be the error that occurred instead; `service` is None if it was not asked."""
    found = [_file(config), *_access(access)]
    match service:
        case UserError():
            found.append(_failed("service", service))
        case ServiceFacts():
            found += _service(service)
            if isinstance(config, Config):
                found += _declared(config, service)
        case None:
            pass
    return tuple(found)


def _file(config: Config | UserError) -> Finding:
    if isinstance(config, UserError):
        first = config.diagnostics[0]
        # A mistake may quote the name of a server; that the file is missing or unreadable names none.
        if not first.place and not first.range:
            return Finding("file", Verdict.ERROR, first.summary, first.detail)
        mistakes = _count(len(config.diagnostics), "mistake")
        return Finding("file", Verdict.ERROR, mistakes, "To see each with its line: reconcile validate.")
    parts = [_declared_by(config.servers, "on", "server")] if config.servers or not config.fleets else []
    parts += [_declared_by(config.fleets, "in", "fleet")] if config.fleets else []
    explanation = f"valid, {', '.join(parts)}"
    if warnings((*config.servers, *config.fleets)):
        return Finding(
            "file", Verdict.WARNING, explanation, "Nothing is backed up: add a [[servers.KEY.backups]] table."
        )
    return Finding("file", Verdict.OK, explanation)


def _declared_by(declared: Sequence[DeclaredServer | DeclaredFleet], where: str, thing: str) -> str:
    return f"{sum(len(each.series) for each in declared)} series {where} {_count(len(declared), thing)}"


def _access(access: AccessFacts | UserError) -> Iterator[Finding]:
    if isinstance(access, UserError):
        yield _failed("token", access)
        return
    yield Finding("token", Verdict.OK, f"from {access.token_from}")
    if access.base_url.startswith("http:"):  # allowed to this machine only, and no proxy is used for it
        route = "plain http on this machine"
    else:
        proxies = [f"{name} is {_host(value)}" for name, value in access.proxies.items() if value]
        route = ", ".join(["TLS", *(proxies or ["no proxy"])])
    yield Finding("base URL", Verdict.OK, f"{access.base_url}, {route}")


def _host(proxy: str) -> str:
    """Return the host of a proxy's URL, without the password that may stand before it."""
    try:
        return urlsplit(proxy if "://" in proxy else f"//{proxy}").hostname or "not a URL"
    except ValueError:
        return "not a URL"


def _service(facts: ServiceFacts) -> Iterator[Finding]:
    yield _permissions(facts.account)
    yield from _first_page("backups", facts.backups)
    yield _whole_list(facts.inventory)
    if isinstance(facts.servers, RefusedError):
        yield Finding(
            "servers",
            Verdict.WARNING,
            f"{_problem(facts.servers)}: names are checked against the backups' own",
            "Give the token servers:read.",
        )
    elif isinstance(facts.servers, ApiError):
        yield _failed("servers", facts.servers)
    else:
        yield from _first_page("servers", facts.servers)
    yield _clock(facts)
    limits = "; ".join(f"{name}: {value}" for name, value in facts.rate_limits)
    yield Finding("rate limit", Verdict.OK, limits or "the service announces none")


def _permissions(account: AccountFacts | ApiError) -> Finding:
    advice = "The permissions are unknown; try reconcile plan."
    if isinstance(account, ApiError):
        return Finding("permissions", Verdict.WARNING, _problem(account), advice)
    if account.permissions is None:
        explanation = "GET /account/me/ does not answer as documented"
        return Finding("permissions", Verdict.WARNING, explanation, advice)
    permissions = account.permissions
    token = f"token {account.token!r} has {', '.join(permissions) or 'none'}"
    if _WRITES.intersection(permissions):
        explanation = f"{token}: enough for plan, apply and restore"
        return Finding("permissions", Verdict.OK, explanation)
    if _READS.intersection(permissions):
        explanation = f"{token}: enough for plan, not for apply and restore"
        advice = "For apply, make a token that may write, such as servers:*."
        return Finding("permissions", Verdict.ERROR, explanation, advice)
    explanation = f"{token}: reconcile does not know these"
    return Finding("permissions", Verdict.WARNING, explanation, "Try reconcile plan.")


def _first_page(check: str, page: FirstPage | NotAList) -> Iterator[Finding]:
    if isinstance(page, NotAList):
        explanation = f"the list is not as documented, it is {page.kind}"
        advice = "Check the base URL: it ends in /api/v1."
        yield Finding(check, Verdict.ERROR, explanation, advice)
        return
    counts = page.count is not None
    count = f"count {page.count}" if counts else "no count"
    yield Finding(
        check,
        Verdict.OK if counts else Verdict.ERROR,
        f"{page.entries} on the first page, {count}, {_PAGING[page.has_next]}",
        "" if counts else "Without a count, there is no way to know whether the list is complete.",
    )
    if check == "backups" and page.unknown_statuses:
        explanation = "unknown statuses: " + ", ".join(page.unknown_statuses)
        advice = "Nothing of such a series is deleted. Please report them."
        yield Finding(check, Verdict.WARNING, explanation, advice)
    if page.new_fields or page.missing_fields:
        new, missing = (", ".join(fields) or "none" for fields in (page.new_fields, page.missing_fields))
        yield Finding(check, Verdict.WARNING, f"fields: new {new}; missing {missing}", "New ones are ignored.")


def _whole_list(inventory: Inventory | ApiError) -> Finding:
    if isinstance(inventory, ApiError):
        return _failed("whole list", inventory)
    explanation = f"{_count(len(inventory.manual), 'manual backup')} read, as many as the service counts"
    return Finding("whole list", Verdict.OK, explanation)


def _clock(facts: ServiceFacts) -> Finding:
    if facts.service_time is None:
        explanation = "the service sends no time (no Date header)"
        advice = "Make sure that this machine's clock is right (ntp)."
        return Finding("clock", Verdict.WARNING, explanation, advice)
    skew = abs(facts.our_time - facts.service_time)
    explanation = f"{skew.total_seconds():.0f}s between ours and the service's"
    if skew <= SMALL_SKEW:
        return Finding("clock", Verdict.OK, explanation)
    return Finding(
        "clock",
        Verdict.WARNING if skew <= LARGEST_SKEW else Verdict.ERROR,
        explanation,
        "Set the clock (ntp): ages decide what is due and what is deleted.",
    )


def _declared(config: Config, service: ServiceFacts) -> Iterator[Finding]:
    """Compare what the files say with the account."""
    email = None if isinstance(service.account, ApiError) else service.account.email
    yield _account(config.account.email if config.account else None, email)
    if not isinstance(service.inventory, Inventory):
        return
    try:
        desired = resolve(replace(config, account=None), service.inventory)
    except UserError as error:
        yield _failed("fleets", error)
        return
    yield _fit(desired.servers, service.inventory)
    if desired.fleets:
        yield _fleets(desired)
    if unmet := [error.summary for error in check_all_declared(desired, service.inventory)]:
        yield Finding("require", Verdict.ERROR, "; ".join(unmet), "reconcile status names them.")


def _account(expected: str | None, email: str | None) -> Finding:
    check = "account"
    if email is None:
        verdict = Verdict.OK if expected is None else Verdict.ERROR
        return Finding(check, verdict, "the service does not say whose the token is")
    if expected is None:
        advice = "Name it under [settings], account = …, so that nothing is planned with another one's token."
        return Finding(check, Verdict.OK, "the files do not name it", advice, private=email)
    if expected != email:
        explanation = "the token is for another one than the files name"
        return Finding(
            check, Verdict.ERROR, explanation, "Use a token of the right account.", private=f"{email}, not {expected}"
        )
    return Finding(check, Verdict.OK, "the one that the files name", private=email)


def _fleets(desired: Desired) -> Finding:
    sizes = Counter(server.fleet for server in desired.servers)
    names = ", ".join(f"{fleet.name} {_count(sizes[fleet.name], 'server')}" for fleet in desired.fleets)
    explanation = f"{_count(len(desired.fleets), 'fleet')} with {_count(sizes.total() - sizes[None], 'server')}"
    if empty := len(desired.empty_fleets):
        explanation += f", {empty} without any"
        return Finding("fleets", Verdict.WARNING, explanation, "Fix or remove an empty one.", private=names)
    return Finding("fleets", Verdict.OK, explanation, private=names)


def _fit(servers: tuple[DeclaredServer, ...], inventory: Inventory) -> Finding:
    check = "declared servers"
    checked = check_servers(servers, inventory)
    if checked.errors:
        keys = tuple(dict.fromkeys(error.address for error in checked.errors if error.address))
        explanation = f"{len(keys)} of {len(servers)} do not fit the account"
        advice = "reconcile plan shows what to change."
        return Finding(check, Verdict.ERROR, explanation, advice, servers=keys)
    if inventory.servers is None:
        unseen = tuple(server.key for server in servers if server.id not in inventory.names)
        explanation = checked.warnings[0].summary
        return Finding(check, Verdict.WARNING, explanation, servers=unseen)
    return Finding(check, Verdict.OK, "all fit the account")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _failed(check: str, error: UserError) -> Finding:
    diagnostic = error.diagnostics[0]
    return Finding(check, Verdict.ERROR, diagnostic.summary, diagnostic.detail)


def _problem(error: ApiError) -> str:
    return error.diagnostics[0].summary
