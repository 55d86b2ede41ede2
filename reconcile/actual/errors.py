"""The errors of a request, classified by the one question that matters for a create: was it carried out?"""

from reconcile.diagnostics import UserError

TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE = 429, 503


class ApiError(UserError):
    """A failed request. `request` is its method and URL, for messages."""

    def __init__(self, request: str, problem: str, advice: str = "") -> None:
        super().__init__(f"{request}: {problem}", advice)
        self.request = request
        problem = problem.removesuffix(".")  # it may be the service's own sentence
        self.explanation = f"{request}: {problem}" + (f". {advice}" if advice else "")
        """What is wrong and what to do, on one line."""

    @property
    def is_pushback(self) -> bool:
        """Whether the service asks for fewer requests."""
        return False


class NotSentError(ApiError):
    """The connection was never made: the request was certainly not carried out, and may be sent again."""


class OutdatedError(ApiError):
    """Not sent: the request waited so long for its turn that the list it rests on is no longer fresh."""


class BusyError(ApiError):
    """429, 409, 423 or 425: certainly not carried out, and may be sent again. `retry_after` is in seconds."""

    def __init__(self, request: str, status: int, problem: str, retry_after: float | None) -> None:
        super().__init__(request, problem, "The service is busy; try again later.")
        self.status = status
        self.retry_after = retry_after

    @property
    def is_pushback(self) -> bool:
        """Whether the service asks for fewer requests; one busy server (409, 423) says nothing about the others."""
        return self.status == TOO_MANY_REQUESTS


class RefusedError(ApiError):
    """Not carried out, and sending it again would not help.

    `status` is that of the response, any other 3xx or 4xx; None if it was refused before it was sent.
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

    `status` is that of the response where there was one.
    """

    def __init__(self, request: str, problem: str, advice: str = "", *, status: int | None = None) -> None:
        super().__init__(request, problem, advice)
        self.status = status

    @property
    def is_pushback(self) -> bool:
        """Whether the service says that it is overloaded."""
        return self.status == SERVICE_UNAVAILABLE


class IncompleteListError(ApiError):
    """The list still does not hold as many entries as it counts after reading it again; never plan from it."""
