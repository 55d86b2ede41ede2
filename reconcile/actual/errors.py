"""The errors of a request, classified by what matters for a create: whether it was carried out."""

from reconcile.diagnostics import UserError

_OVERLOADED = {429, 503}


class ApiError(UserError):
    """A failed request. `request` is its method and URL, for messages.

    `status` is the status of the response; None without a response, or if its body is the problem.
    `retry_after` is how many seconds the service asks to wait, if it says so.
    """

    def __init__(
        self,
        request: str,
        problem: str,
        advice: str = "",
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{request}: {problem}", advice)
        self.request = request
        self.status = status
        self.retry_after = retry_after
        problem = problem.removesuffix(".")  # the problem may be a sentence from the service
        self.explanation = f"{request}: {problem}" + (f". {advice}" if advice else "")
        """What is wrong and what to do, on one line."""

    @property
    def is_pushback(self) -> bool:
        """Whether the service asks for fewer requests; a busy server (409, 423) does not affect the others."""
        return self.status in _OVERLOADED


class NotSentError(ApiError):
    """No connection was made: the request was certainly not carried out, and may be sent again."""


class OutdatedError(ApiError):
    """Not sent: the request waited so long for its turn that the list it relies on is no longer fresh."""


class BusyError(ApiError):
    """429, 409, 423 or 425: certainly not carried out, and may be sent again."""


class FinalError(ApiError):
    """Not carried out, and sending it again would not help: any other 3xx or 4xx.

    Also a request that reconcile refused to send, and a connection that failed in TLS.
    """


class OutcomeUnknownError(ApiError):
    """No complete response arrived: the request may have been carried out, or not."""


class AcceptedError(OutcomeUnknownError):
    """A 2xx whose body can't be used: a later list will show what was created, so sent again, there would be two."""


class IncompleteListError(ApiError):
    """Even after another reading, the number of entries differs from the list's count; never plan from it."""
