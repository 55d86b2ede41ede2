"""The errors of a request, classified by what matters for a create: whether it was carried out."""

from reconcile.diagnostics import UserError

TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE = 429, 503


class ApiError(UserError):
    """A failed request. `request` is its method and URL, for messages."""

    def __init__(self, request: str, problem: str, advice: str = "") -> None:
        super().__init__(f"{request}: {problem}", advice)
        self.request = request
        problem = problem.removesuffix(".")  # the problem may be a sentence from the service
        self.explanation = f"{request}: {problem}" + (f". {advice}" if advice else "")
        """What is wrong and what to do, on one line."""

    @property
    def is_pushback(self) -> bool:
        """Whether the service asks for fewer requests."""
        return False


class NotSentError(ApiError):
    """No connection was made: the request was certainly not carried out, and may be sent again."""


class OutdatedError(ApiError):
    """Not sent: the request waited so long for its turn that the list it relies on is no longer fresh."""


class BusyError(ApiError):
    """429, 409, 423 or 425: certainly not carried out, and may be sent again. `retry_after` is in seconds."""

    def __init__(self, request: str, status: int, problem: str, retry_after: float | None) -> None:
        super().__init__(request, problem, "The service is busy; try again later.")
        self.status = status
        self.retry_after = retry_after

    @property
    def is_pushback(self) -> bool:
        """Whether the service asks for fewer requests; a busy server (409, 423) does not affect the others."""
        return self.status == TOO_MANY_REQUESTS


class RefusedError(ApiError):
    """Not carried out, and sending it again would not help.

    `status` is that of the response, any other 3xx or 4xx; None if reconcile refused to send the request.
    """

    def __init__(self, request: str, status: int | None, problem: str, advice: str = "") -> None:
        super().__init__(request, problem, advice)
        self.status = status


class UntrustedError(RefusedError):
    """TLS failed: the certificate is not trusted, or the other side does not speak TLS. Nothing was sent."""

    def __init__(self, request: str, problem: str, advice: str) -> None:
        super().__init__(request, None, problem, advice)


class OutcomeUnknownError(ApiError):
    """No complete response arrived: the request may have been carried out, or not.

    `status` is that of the response, if there was one.
    """

    def __init__(self, request: str, problem: str, advice: str = "", *, status: int | None = None) -> None:
        super().__init__(request, problem, advice)
        self.status = status

    @property
    def is_pushback(self) -> bool:
        """Whether the service is overloaded."""
        return self.status == SERVICE_UNAVAILABLE


class IncompleteListError(ApiError):
    """Even after another reading, the number of entries differs from the list's count; never plan from it."""
