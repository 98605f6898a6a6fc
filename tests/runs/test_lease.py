"""Two runs never hold a model at once; one that died does not hold it for long."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from smartwatts_ml.errors import BusyError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.lease import Lease, hold
from tests.runs.helpers import padded
from tests.store.helpers import FragileObjects


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)


def test_a_held_model_is_refused_and_the_holder_named(objects: Objects) -> None:
    with hold(objects, "nilm", "run-a", 60):
        with (
            pytest.raises(BusyError, match=r"run-a is working on nilm.*in \d+ s"),
            hold(objects, "nilm", "run-b", 60),
        ):
            pass
        with hold(objects, "anomaly", "run-b", 60):
            pass


def test_a_released_model_is_free_at_once(objects: Objects) -> None:
    for run in ("run-a", "run-b", "run-a"):
        with hold(objects, "nilm", run, 60):
            pass


def test_a_failure_releases_too(objects: Objects) -> None:
    with pytest.raises(ZeroDivisionError), hold(objects, "nilm", "run-a", 60):
        raise ZeroDivisionError
    with hold(objects, "nilm", "run-b", 60):
        pass


def test_of_many_at_once_one_gets_it(objects: Objects) -> None:
    done = threading.Barrier(4)

    def attempt(number: int) -> bool:
        try:
            with hold(objects, "nilm", f"run-{number}", 60):
                done.wait(60)
        except BusyError:
            done.wait(60)
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


@pytest.mark.slow
def test_a_lease_is_renewed_while_it_is_held(objects: Objects) -> None:
    def expires() -> str:
        text: str = json.loads(objects.read("state/nilm.lease.json").data)["expires"]
        return text

    with hold(objects, "nilm", "run-a", 3) as lease:
        renewals = [expires()]
        while len(renewals) < 3:
            with pytest.raises(BusyError), hold(objects, "nilm", "run-b", 3):
                pass
            if expires() != renewals[-1]:
                renewals.append(expires())
            threading.Event().wait(0.05)
        assert renewals == sorted(renewals)
        lease.check()


@pytest.mark.slow
def test_a_dead_holders_lease_is_taken_over(root_url: str, objects: Objects) -> None:
    code = (
        "import os, sys; from smartwatts_ml.objects import open_root\n"
        "from smartwatts_ml.runs.lease import hold\n"
        "with hold(open_root(sys.argv[1]), 'nilm', 'dead', 1): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, root_url]).returncode == 9
    with hold_soon(objects, "nilm", "run-b", holder="dead"):
        pass


@contextmanager
def hold_soon(objects: Objects, model: str, owner: str, holder: str = "") -> Iterator[Lease]:
    """Hold it once the lease of ``holder`` has run out."""
    deadline = time.monotonic() + 60
    while True:
        try:
            lease = Lease(objects, model, owner, 60)
        except BusyError as error:
            assert holder in str(error)
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)
        else:
            yield lease
            lease.release()
            return


def test_a_lease_lost_to_another_is_noticed_and_left_to_it(objects: Objects) -> None:
    with hold(FragileObjects(objects, None), "nilm", "run-a", 0.3) as lease:
        lease._stop.set()  # as if the process had been suspended
        lease._renewer.join()
        with hold_soon(objects, "nilm", "run-b"):
            with pytest.raises(BusyError, match="ran out"):
                lease.check()
            lease.release()
            with pytest.raises(BusyError, match="run-b"), hold(objects, "nilm", "run-c", 60):
                pass


def test_an_unreadable_lease_does_not_block(objects: Objects) -> None:
    objects.create("state/nilm.lease.json", b"{")
    with hold(objects, "nilm", "run-a", 60):
        pass


@pytest.mark.parametrize("time", ["2126-11-28T20:00:00", "7000000000", 7000000000])
def test_a_lease_whose_end_is_no_time_does_not_block(objects: Objects, time: object) -> None:
    tenure = {"model": "nilm", "owner": "run-a", "claim_id": "1", "expires": time}
    objects.create("state/nilm.lease.json", json.dumps(tenure).encode())
    with hold(objects, "nilm", "run-b", 60):
        pass


def test_a_lease_that_is_too_large_does_not_block(objects: Objects) -> None:
    key = "state/nilm.lease.json"
    with hold(objects, "nilm", "run-a", 60):
        held = objects.read(key).data
        objects.write(key, padded(held))
        with hold(objects, "nilm", "run-b", 60):
            pass
