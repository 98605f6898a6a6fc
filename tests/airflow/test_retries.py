"""What is tried again, and what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from botocore.exceptions import EndpointConnectionError
from smartwatts_airflow.retries import RetryWhatCanPass

from smartwatts_ml.errors import (
    BadInputError,
    BusyError,
    ChangedError,
    NotEnoughReadingsError,
    NotFoundError,
    StaleChallengerError,
    StoreError,
    TrustError,
    UnfitServerError,
    UsageError,
)

POLICY = RetryWhatCanPass()


@pytest.mark.parametrize(
    "error",
    [
        StoreError("gone"),
        ChangedError("somebody else was faster"),
        ConnectionResetError(),
        TimeoutError(),
        EndpointConnectionError(endpoint_url="http://s3"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_store_and_the_network_get_another_chance(error: Exception) -> None:
    assert POLICY.evaluate(error, 1, 5).action is RetryAction.RETRY


@pytest.mark.parametrize(
    "error",
    [
        BadInputError("not a CSV"),
        NotEnoughReadingsError("two days"),
        UsageError("no such setting"),
        TrustError("wrong signature"),
        UnfitServerError("ignores If-Match"),
        NotFoundError("no such version"),
        StaleChallengerError("another champion is in force"),
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_cannot_pass_fails_at_once(error: Exception) -> None:
    assert POLICY.evaluate(error, 1, 5).action is RetryAction.FAIL


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (ErrorType.API_SERVER_ERROR, RetryAction.RETRY),
        (ErrorType.VARIABLE_NOT_FOUND, RetryAction.FAIL),
        (ErrorType.PERMISSION_DENIED, RetryAction.FAIL),
    ],
)
def test_an_api_server_that_does_not_answer_a_task_may_come_back(
    error: ErrorType, action: RetryAction
) -> None:
    answer = ErrorResponse(error=error, detail={"message": "timed out"})
    assert POLICY.evaluate(AirflowRuntimeError(answer), 1, 5).action is action


def test_airflows_own_errors_follow_airflows_own_rules() -> None:
    assert POLICY.evaluate(AirflowException("API"), 1, 5).action is RetryAction.DEFAULT


def test_another_run_is_waited_for_long_but_looked_at_within_the_hour(
    parsed: dict[str, Any],
) -> None:
    (train,) = [t for t in parsed["dags"]["retrain_weekly"]["tasks"] if t["id"] == "model.train"]
    tries = range(1, train["retries"] + 1)
    decisions = [POLICY.evaluate(BusyError("nilm"), n, train["retries"]) for n in tries]
    delays = [decision.retry_delay or timedelta() for decision in decisions]
    assert delays[:5] == [timedelta(minutes=1)] * 5, "a run that died keeps its lease for minutes"
    assert max(delays) == timedelta(hours=1)
    assert sum(delays, timedelta()) > timedelta(hours=3), "shorter than a training may take"
