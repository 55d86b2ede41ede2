"""A scripted service in the same process, for tests of the client: answers given one by one, requests kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from reconcile.actual.credentials import Access
from reconcile.actual.http import Http

URL = "https://vps.example/api/v1"
ACCESS = Access(base_url=URL, token="vps_secret", token_from="test")

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class FakeClock:
    """A clock on which sleeping takes no time; it keeps count of how long was slept."""

    start: datetime = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class Script:
    """Answers in turn, the last one again and again."""

    answers: list[Answer]
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    @property
    def urls(self) -> list[str]:
        return [str(request.url).removeprefix(URL) for request in self.requests]


def http(script: Script, clock: FakeClock | None = None) -> Http:
    return Http(ACCESS, clock or FakeClock(), transport=httpx.MockTransport(script))


def item(id_: object = 1, **changes: object) -> dict[str, Any]:
    """Return a backup as the service lists it."""
    return {
        "id": id_,
        "server": {"id": 1, "name": "web"},
        "backup_type": "manual",
        "status": "completed",
        "size_mb": 4456,
        "created_at": "2025-01-14T10:30:00Z",
        "expires_at": None,
        "description": "nightly",
        **changes,
    }


def page(*items: dict[str, Any], count: int | None = None, following: str | None = None) -> httpx.Response:
    """Return a page of a list."""
    total = len(items) if count is None else count
    return httpx.Response(200, json={"count": total, "next": following, "previous": None, "results": list(items)})
