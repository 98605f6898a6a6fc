"""What is tried again, and what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException
from botocore.exceptions import EndpointConnectionError
from smartwatts_airflow.retries import RetryWhatCanPass

from smartwatts_ml.errors import (
    BadInputError,
    BusyError,
    ChangedError,
    NotEnoughReadingsError,
    NotFoundError,
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
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_cannot_pass_fails_at_once(error: Exception) -> None:
    assert POLICY.evaluate(error, 1, 5).action is RetryAction.FAIL


def test_airflows_own_errors_follow_airflows_own_rules() -> None:
    assert POLICY.evaluate(AirflowException("API"), 1, 5).action is RetryAction.DEFAULT


def test_another_run_is_waited_for_longer_and_longer_but_an_hour_at_most() -> None:
    delays = [POLICY.evaluate(BusyError("nilm"), n, 10).retry_delay for n in range(1, 11)]
    assert delays[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert delays[-1] == timedelta(hours=1)
    assert sum(delays, timedelta()) > timedelta(hours=3), "shorter than a training may take"
