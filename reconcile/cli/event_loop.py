"""The event loop, whose look-ups of host names end with the run."""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any


class EventLoop(asyncio.SelectorEventLoop):
    """Looks names up in threads that nothing waits for.

    asyncio looks them up in its pool of threads, and ends only after them. A resolver that does not respond held up
    --timeout and Ctrl-C by half a minute, because no thread can be interrupted.
    """

    async def getaddrinfo(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as asyncio's own
        """Look a name up; raises OSError."""
        found = self.create_future()

        def look_up() -> None:
            result, error = None, None
            try:
                result = socket.getaddrinfo(*arguments, **options)
            except OSError as problem:
                error = problem
            with suppress(RuntimeError):  # the loop has ended
                self.call_soon_threadsafe(settle, result, error)

        def settle(result: Any, error: OSError | None) -> None:  # noqa: ANN401 - as above
            if found.cancelled():
                return
            if error:
                found.set_exception(error)
            else:
                found.set_result(result)

        threading.Thread(target=look_up, daemon=True).start()
        return await found
