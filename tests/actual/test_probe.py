"""The probe reads what may be read, once, and judges nothing."""

from dataclasses import replace
from datetime import datetime

import anyio
import httpx
import pytest
from support.build import NOW, backup

from reconcile.actual.credentials import Access
from reconcile.actual.errors import ApiError, RefusedError
from reconcile.actual.facts import SERVER_FIELDS, AccountFacts, FirstPage, ServiceFacts
from reconcile.actual.http import Http
from reconcile.actual.inventory import Inventory
from reconcile.actual.probe import Probe
from reconcile.clock import StoppableClock

BACKUP = {
    "id": 1,
    "server": {"id": 1, "name": "web"},
    "backup_type": "manual",
    "status": "completed",
    "size_mb": 1024,
    "created_at": NOW.isoformat(),
    "expires_at": None,
    "description": "nightly",
}
ANSWERS: dict[str, object] = {
    "/api/v1/backups/": {"count": 1, "next": None, "results": [BACKUP]},
    "/api/v1/servers/": {"count": 1, "next": None, "results": [{"id": 1, "name": "web"}]},
    "/api/v1/account/me/": {"token": {"name": "ci", "permissions": ["*:*"]}},
}


class FakeClock:
    """A clock that stands still, and on which nobody waits."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(3600 if seconds > 60 else 0)


def facts(**refused: int) -> tuple[ServiceFacts, list[str]]:
    """Probe a service that refuses the paths that end in the given names."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        for name, status in refused.items():
            if f"/{name}/" in request.url.path:
                return httpx.Response(status, json={"detail": "no"})
        headers = {"Date": "Tue, 10 Mar 2026 12:00:00 GMT", "X-RateLimit-Limit": "60"}
        return httpx.Response(200, json=ANSWERS[request.url.path], headers=headers)

    async def probe() -> ServiceFacts:
        access = Access(base_url="https://vps.example/api/v1", token="vps_x", token_from="a test")
        clock = StoppableClock(FakeClock(), seconds=600)
        async with clock, Http(access, clock, transport=httpx.MockTransport(answer)) as http:
            return await Probe(http).facts()

    return anyio.run(probe), asked


def test_it_only_reads_and_the_whole_list_once() -> None:
    found, asked = facts()

    assert asked == [
        "GET /api/v1/backups/",
        "GET /api/v1/servers/",
        "GET /api/v1/account/me/",
        "GET /api/v1/backups/",
        "GET /api/v1/servers/",
    ]
    first = FirstPage(entries=1, count=1, has_next=False, unknown_statuses=(), new_fields=(), missing_fields=())
    assert found.backups == first
    assert found.servers == replace(first, missing_fields=tuple(sorted(SERVER_FIELDS - {"id", "name"})))
    assert found.account == AccountFacts(email=None, token="ci", permissions=("*:*",))
    assert isinstance(found.inventory, Inventory)
    assert found.inventory.backups == (backup(1),)
    assert (found.service_time, found.our_time) == (NOW, NOW)
    assert found.rate_limits == (("x-ratelimit-limit", "60"),)


def test_what_is_refused_is_a_fact_too() -> None:
    found, _ = facts(servers=403, me=404)

    assert isinstance(found.servers, RefusedError)
    assert isinstance(found.account, RefusedError)
    assert isinstance(found.inventory, Inventory)
    assert found.inventory.servers is None


def test_a_service_that_refuses_its_backups_says_nothing_else() -> None:
    with pytest.raises(ApiError, match="401"):
        facts(backups=401)
