"""Doctor's findings: as text, a line for each check that passed; as JSON for a bug report, without names."""

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from reconcile import __version__
from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired
from reconcile.insight.doctor import AccessFacts, Check, Diagnosis, ServiceFacts, TokenFacts
from reconcile.report.diagnostics import declared_text
from reconcile.report.document import Block, Formats, Formatter, Lines, Marks, Text
from reconcile.wording import count_text

_PAGING = {True: "has next", False: "next is null", None: "has no next"}


def doctor_text(diagnosis: Diagnosis, /, *, verbose: bool) -> Lines:
    """Return the checks that passed and failed, and a last line that sums up; with `verbose`, details of the lists."""
    if diagnosis.errors:
        verdict = Text(f"Not ready to apply: {count_text(diagnosis.errors, 'error')}.", "bold red")
    else:
        verdict = Text("Ready to apply." if diagnosis.config else "Ready for a first file.", "bold green")
    found = {check: ": ".join(filter(None, texts)) for check, *texts in _found(diagnosis)}
    lines: list[Block] = []
    for check in Check:
        diagnostics = diagnosis.checks.get(check)
        if check in found and not diagnostics:
            sign, style = ("-", "dim") if diagnostics is None else ("✓", "green")
            lines.append(Text.assemble((Marks(f"{sign} "), style), (f"{check}: ", "bold"), found[check]))
        lines += diagnostics or ()
    if verbose:
        lines += [Text(f"- {name}: {text}", "dim") for name, text in _details(diagnosis)]
    errors = [each for diagnostics in diagnosis.checks.values() for each in diagnostics if each.severity == "error"]
    return Lines((*lines, verdict), essential=(*errors, verdict))


def doctor_json(diagnosis: Diagnosis, /, *, verbose: bool = False) -> dict[str, object]:
    """Return every check, with what was `found` if all is well.

    A diagnostic about the files may name a server, so only its severity is shown.
    """
    found = {check: text for check, text, _ in _found(diagnosis)}
    return {
        "format_version": "1.0",
        "reconcile": __version__,
        **diagnosis.versions,
        "ok": not diagnosis.errors,
        "checks": [
            {
                "check": check,
                "ok": not diagnostics,
                "found": None if diagnostics else found.get(check),
                "diagnostics": [
                    {"severity": each.severity} if each.address or each.place or each.spot else each
                    for each in diagnostics
                ],
            }
            for check, diagnostics in diagnosis.checks.items()
        ],
        "details": [{"name": name, "found": text} for name, text in _details(diagnosis)],
    }


DOCTOR_FORMATS: Formats[Formatter[Diagnosis]] = Formats(
    doctor_text,
    more="how the lists of the service differ from its documentation",
    json=(doctor_json, "Print JSON for a bug report, without secrets and server names."),
)


def _found(diagnosis: Diagnosis) -> Iterator[tuple[Check, str, str]]:
    """Yield each finding, and beside it the part that names the account or its servers."""
    config, access, service = diagnosis.config, diagnosis.access, diagnosis.service
    if config is None:
        yield Check.FILE, "none yet: reconcile init writes one", ""
    if isinstance(config, Config):
        yield Check.FILE, f"valid, {declared_text(config)}", ""
    if isinstance(access, AccessFacts):
        yield Check.TOKEN, f"from {access.token_from}", ""
        yield Check.SERVICE, f"{access.base_url}, {_route(access)}", ""
    if isinstance(service, ServiceFacts):
        if isinstance(service.token, TokenFacts):
            permissions = ", ".join(service.token.permissions)
            explanation = f"token {service.token.name!r} has {permissions}, enough for plan, apply and restore"
            yield Check.PERMISSIONS, explanation, ""
        if isinstance(service.inventory, Inventory):
            yield from _account(service.inventory)
    if diagnosis.desired:
        yield from _declared(diagnosis.desired)


def _account(inventory: Inventory) -> Iterator[tuple[Check, str, str]]:
    read = [] if inventory.servers is None else [count_text(len(inventory.servers), "server")]
    read.append(count_text(len(inventory.manual), "manual backup"))
    yield Check.LISTS, f"{' and '.join(read)} read, as many as the service counts", ""
    yield Check.ENTRIES, "all are as documented, and reconcile knows each type and status", ""
    if inventory.manual:
        yield Check.FILTER, "the list of manual backups is complete", ""
    if inventory.service_time:
        skew = abs(inventory.observed_at - inventory.service_time).total_seconds()
        yield Check.CLOCK, f"{skew:.0f}s from the service's", ""
    if inventory.account:
        yield Check.ACCOUNT, "the token belongs to", inventory.account


def _declared(desired: Desired) -> Iterator[tuple[Check, str, str]]:
    if desired.fleets:
        sizes = Counter(server.fleet for server in desired.servers)
        names = ", ".join(f"{fleet.name} {sizes[fleet.name]:,}" for fleet in desired.fleets)
        members = count_text(sizes.total() - sizes[None], "server")
        yield Check.FLEETS, f"{count_text(len(desired.fleets), 'fleet')} with {members}", names
    yield Check.SERVERS, "all match the account", ""
    if desired.config.require.all_servers:
        yield Check.REQUIRE, "every server in the account is declared", ""


def _details(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """Yield how the service differs from its documentation, where that needs no action."""
    if isinstance(diagnosis.service, ServiceFacts):
        for facts in diagnosis.service.lists:
            yield facts.path, f"{facts.entries} on the first page, count {facts.count}, {_PAGING[facts.has_next]}"
            if facts.new_fields or facts.missing_fields:
                new, missing = (", ".join(fields) or "none" for fields in (facts.new_fields, facts.missing_fields))
                yield f"fields of {facts.path}", f"new {new}; missing {missing}"
        if isinstance(diagnosis.service.inventory, Inventory):
            number = count_text(len(diagnosis.service.inventory.backups), "backup")
            yield "paging", f"{count_text(diagnosis.service.requests, 'request')} for {number}"
        limits = "; ".join(f"{name}: {value}" for name, value in diagnosis.service.rate_limits.items())
        yield "rate limit", limits or "the service announces none"


def _route(access: AccessFacts) -> str:
    if access.base_url.startswith("http:"):  # allowed to this machine only, and no proxy is used for it
        return "plain http on this machine"
    proxies = [f"{name} is {_host(value)}" for name, value in access.proxies.items() if value]
    return ", ".join(["TLS", *(proxies or ["no proxy"])])


def _host(proxy: str) -> str:
    """Return the host of a proxy's URL, without the password that may stand before it."""
    try:
        return urlsplit(proxy if "://" in proxy else f"//{proxy}").hostname or "not a URL"
    except ValueError:
        return "not a URL"
