"""Reports the start and the end of a run to a heartbeat service, by the protocol of healthchecks.io (spec, 4.11).

Such a service alerts if no success arrives in time, which detects a schedule that has stopped. Its URL is a secret,
because everyone who has it can report a success.
"""

from signal import SIGINT, raise_signal

import anyio
import httpx

from reconcile.actual.credentials import LARGEST_PORT
from reconcile.actual.transport import transport_to
from reconcile.cli.connection import EventLoop
from reconcile.cli.output import Output
from reconcile.cli.process import INTERRUPTS, handled
from reconcile.diagnostics import Diagnostic, UserError

_LONGEST = 5.0
"""Time limit of a report, in seconds. A run has two of them, and must not lose more than ten seconds."""

_ATTEMPTS = 3
_PAUSE = 1.0
"""Seconds between two attempts."""


class Heartbeat:
    """Reports to one URL. All failures together cause one warning, which does not show the URL, and nothing else."""

    def __init__(self, url: str, output: Output, *, seconds: float = _LONGEST, pause: float = _PAUSE) -> None:
        self._url = url
        self._output = output
        self._seconds = seconds
        self._pause = pause
        self._has_warned = False

    def report(self, signal: str, summary: str = "") -> None:
        """Send a signal (`start`, or an exit code) with a line that goes to the service's log: counts, no names."""
        try:
            url = httpx.URL(self._url)
            url = url.copy_with(path=f"{url.path.rstrip('/')}/{signal}")
            # httpx itself does not check the port, and would refuse another scheme in each attempt.
            port = 443 if url.port is None else url.port
            if url.scheme not in {"http", "https"} or not 0 < port <= LARGEST_PORT:
                raise httpx.InvalidURL("the scheme or the port")  # noqa: TRY301 - as httpx does of what it checks
            # As Ctrl-C, which the event loop waits for: raised at any line, an interrupt breaks the code that waits.
            with handled(lambda *_: raise_signal(SIGINT), *{*INTERRUPTS} - {SIGINT}):
                problem = anyio.run(self._send, url, summary, backend_options={"loop_factory": EventLoop})
        except (httpx.InvalidURL, UnicodeError):  # a UnicodeError for a host that no name can have
            problem = "RECONCILE_HEARTBEAT_URL is not an http or https URL"
        except UserError as error:  # a setting for proxies or certificates
            problem = str(error)
        if problem and not self._has_warned:
            self._has_warned = True
            summary = f"the heartbeat was not reported: {problem}"
            self._output.diagnostics([Diagnostic(summary=summary, severity="warning")])

    async def _send(self, url: httpx.URL, summary: str) -> str | None:
        """Send the report, and retry if that fails; return why it did not arrive, None if it did."""
        headers = {"User-Agent": "vps-reconcile", "Content-Type": "text/plain; charset=utf-8"}
        problem = f"no response within {self._seconds:.0f} seconds"
        with anyio.move_on_after(self._seconds):
            async with httpx.AsyncClient(transport=transport_to(url), trust_env=False, timeout=self._seconds) as client:
                for attempt in range(_ATTEMPTS):
                    await anyio.sleep(self._pause if attempt else 0)
                    request = client.build_request("POST", url, content=f"{summary}\n", headers=headers)
                    try:
                        response = await client.send(request, stream=True)  # its body is of no use, however long it is
                    except Exception as error:  # noqa: BLE001 - also what TLS or a SOCKS proxy raises: the run continues
                        # The error's own text may contain the URL.
                        problem = f"the service can't be reached ({type(error).__name__})"
                    else:
                        await response.aclose()
                        if response.is_success:
                            return None
                        problem = f"the service responded {response.status_code}"
        return problem
