"""A service that asks for a pause: short ones are kept, and one beyond the deadline ends the run at once."""

import httpx
from support.build import config
from support.world import World

from reconcile.clock import Stop
from reconcile.diagnostics import UserError
from reconcile.outcomes import Applied
from reconcile.report.apply import result_text
from reconcile.report.document import Text

FILE = config("[servers.web]\nid = 1\nbackups = [{ description = 'nightly' }, { description = 'weekly' }]\n")


class _Limiting(World):
    """Throttles every create, and asks for an hour."""

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(429, headers={"Retry-After": "3600"}, json={"detail": "Ten a day."})
        return super().handle(request)


def test_a_pause_beyond_the_deadline_ends_an_apply_at_once_and_it_says_why() -> None:
    world = _Limiting(config=FILE, servers=[{"id": 1, "name": "web"}], backups=[])
    before = world.time

    results = world.apply(seconds=600)

    assert not isinstance(results, UserError)
    assert results[-1].stopped is Stop.DEADLINE
    assert (world.time - before).total_seconds() < 10
    assert sum(request.startswith("POST") for request in world.requests) == 1
    shown = "\n".join(line.plain for line in result_text(Applied(result=results[-1])).lines if isinstance(line, Text))
    assert "Ten a day." in shown
    assert "rejected, and must not be sent again for 1h: POST" in shown
