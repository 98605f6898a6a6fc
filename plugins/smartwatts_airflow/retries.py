"""Which failures a task is tried again after: those that can pass by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError, ErrorType

from smartwatts_ml.errors import (
    AlreadyExistsError,
    BusyError,
    NotFoundError,
    StaleChallengerError,
    StoreError,
    TrustError,
    UnfitServerError,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["PATIENT", "RetryWhatCanPass"]

_FINAL = (
    AlreadyExistsError,
    NotFoundError,
    StaleChallengerError,
    TrustError,
    UnfitServerError,
)
_BUSY_SOON = 5
"""So many times a minute apart, which outlasts the lease of a run that died; then at
doubling distances, up to an hour, which outlasts a run that works."""
_BUSY_LONGEST = timedelta(hours=1)
_NETWORK_LIBRARIES = frozenset({"botocore", "deltalake", "_internal", "urllib3"})
"""Top-level modules of exceptions that a store's client raises on its own account."""


class RetryWhatCanPass(RetryPolicy):
    """Try again after the store, the network or another run; not after bad data."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        kind = type(exception)
        if isinstance(exception, BusyError):
            delay = min(timedelta(minutes=2 ** max(0, try_number - _BUSY_SOON)), _BUSY_LONGEST)
            return RetryDecision.retry(delay, reason=str(exception))
        if isinstance(exception, _FINAL):
            return RetryDecision.fail(reason=f"{kind.__name__} does not pass by itself")
        if isinstance(exception, (StoreError, OSError)) or _is_network(exception):
            return RetryDecision.retry(reason=f"{kind.__name__} may pass")
        if isinstance(exception, AirflowException):
            return RetryDecision.default()
        return RetryDecision.fail(reason=f"{kind.__name__} does not pass by itself")


def _is_network(exception: BaseException) -> bool:
    """Whether somebody could not be reached; of Airflow's API server a task hears no more."""
    if isinstance(exception, AirflowRuntimeError):
        return exception.error.error is ErrorType.API_SERVER_ERROR
    parents = type(exception).__mro__
    return any(parent.__module__.split(".")[0] in _NETWORK_LIBRARIES for parent in parents)


PATIENT: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RetryWhatCanPass(),
}
"""Also for a task that is started before the API server listens, which fails it once."""
