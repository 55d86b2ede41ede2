"""What can go wrong with a request, sorted by the one thing that matters for a create: was it carried out?"""

from reconcile.diagnostics import UserError


class ApiError(UserError):
    """A request that did not give what was asked for. `request` is its method and URL, for messages."""

    def __init__(self, request: str, problem: str, advice: str = "") -> None:
        super().__init__(f"{request}: {problem}", advice)
        self.request = request


class NotSentError(ApiError):
    """The connection was never made: certainly not carried out."""


class BusyError(ApiError):
    """429, 409, 423 or 425: certainly not carried out, worth sending again. `retry_after` is in seconds."""

    def __init__(self, request: str, problem: str, retry_after: float | None) -> None:
        super().__init__(request, problem, "The service is busy; try again later.")
        self.retry_after = retry_after


class RefusedError(ApiError):
    """Any other 3xx or 4xx: not carried out, and sending it again would not help."""

    def __init__(self, request: str, status: int, problem: str, advice: str = "") -> None:
        super().__init__(request, problem, advice)
        self.status = status


class OutcomeUnknownError(ApiError):
    """The request may have arrived, its answer did not, or not whole: it may have been carried out, or not."""


class IncompleteListError(ApiError):
    """The list does not hold as many as it says, also after reading it again: nothing may be planned from it."""
