"""A small heartbeat service on this machine: keeps each report, and responds as a test asks."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PING = "/ping/5f0c-secret"


@dataclass
class Heartbeats:
    """The reports that arrived, each as its signal and its body, and how the service responds."""

    status: int = 200
    hangs: bool = False
    on_report: Callable[[], None] = lambda: None
    """Called with each report, before the response."""
    reports: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def signals(self) -> list[str]:
        """What was reported: `start`, or an exit code."""
        return [signal for signal, _ in self.reports]


@contextmanager
def heartbeats(tls: ssl.SSLContext | None = None, **behaviour: Any) -> Iterator[Heartbeats]:  # noqa: ANN401 - the fields
    """Serve for as long as the block lasts."""
    service = Heartbeats(**behaviour)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            service.paths.append(self.path)
            service.reports.append((self.path.partition("?")[0].rpartition("/")[2], body.strip()))
            service.on_report()
            if service.hangs:
                service.released.wait(30)
            self.send_response_only(service.status)
            if service.status // 100 == 3:
                self.send_header("Location", f"{service.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the base class's signature
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:  # noqa: ANN401 - the base class's signature
            """Say nothing: a client that gives up breaks its connection."""

        def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's signature
            with suppress(ssl.SSLError, OSError):
                super().finish_request(tls.wrap_socket(request, server_side=True) if tls else request, client_address)

    with Server(("127.0.0.1", 0), Handler) as server:
        service.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}{PING}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield service
        finally:
            service.released.set()
            server.shutdown()
            thread.join()
