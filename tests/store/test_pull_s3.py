"""Both pullers on an S3 server whose network and whose answers fail, or drip."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from smartwatts_ml.objects import s3 as s3_objects
from smartwatts_ml.objects.pace import Pace
from tests.conftest import S3Server
from tests.proxy import FAULTS, Behaviour, Proxy, Spoilt, drips, drips_headers
from tests.store.helpers import opened
from tests.store.pull_runners import Ended
from tests.store.test_pull_servers import PULLERS, Lab, lab, repository

__all__ = ["lab", "repository"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine"),
]
Pull = Callable[..., Ended]


@pytest.fixture
def pull(
    lab: Lab, s3_server: S3Server, use_s3: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pull]:
    """``pull(puller, behaviour, *options)``: from a bucket, by way of a proxy."""
    use_s3(s3_server)
    url = f"s3://{s3_server.new_bucket()}/prefix"
    for path in lab.repository.root.rglob("*.*"):
        opened(url).upload(str(path.relative_to(lab.repository.root)), path)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    monkeypatch.setattr(s3_objects, "Pace", lambda: Pace(grace_s=0.8))

    def through(puller: str, behaviour: Behaviour, *options: str) -> Ended:
        with Proxy(s3_server.url, behaviour).served() as proxy:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
            given = {"AWS_ENDPOINT_URL_S3": proxy.url, "AWS_ACCESS_KEY_ID": "test"}
            return lab.pull(puller, url, *options, **given, AWS_SECRET_ACCESS_KEY="test")

    yield through


@pytest.mark.parametrize("puller", PULLERS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_pull_outlasts_what_fails_once(pull: Pull, fault: Behaviour, puller: str) -> None:
    assert pull(puller, Spoilt(fault)).code == 0


@pytest.mark.full
@pytest.mark.parametrize("puller", PULLERS)
def test_a_pull_does_not_wait_for_a_server_that_drips(pull: Pull, puller: str) -> None:
    ended = pull(puller, Spoilt(drips, math.inf), "--deadline", "60")
    assert ended.code == 4
    assert "too slow" in ended.err


@pytest.mark.parametrize("puller", PULLERS)
def test_a_pull_is_over_by_its_deadline(pull: Pull, puller: str) -> None:
    ended = pull(puller, Spoilt(drips_headers, math.inf), "--deadline", "2")
    assert ended.code == 4
    assert "took too long" in ended.err or "too slow" in ended.err, ended
