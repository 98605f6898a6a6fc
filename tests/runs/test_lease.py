"""Two runs never hold a model at once; one that died does not hold it for long."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from smartwatts_ml.errors import BusyError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.lease import hold
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


def test_a_lease_is_renewed_while_it_is_held(objects: Objects) -> None:
    with hold(objects, "nilm", "run-a", 3) as lease:
        until = time.monotonic() + 4.5
        while time.monotonic() < until:
            with pytest.raises(BusyError), hold(objects, "nilm", "run-b", 3):
                pass
            threading.Event().wait(0.5)
        lease.check()


def test_a_dead_holders_lease_is_taken_over(root_url: str, objects: Objects) -> None:
    code = (
        "import os, sys; from smartwatts_ml.objects import open_root\n"
        "from smartwatts_ml.runs.lease import hold\n"
        "with hold(open_root(sys.argv[1]), 'nilm', 'dead', 2): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, root_url]).returncode == 9
    deadline = time.monotonic() + 60
    while True:
        try:
            with hold(objects, "nilm", "run-b", 60):
                return
        except BusyError as error:
            assert "dead" in str(error)
            assert time.monotonic() < deadline
            threading.Event().wait(0.2)


def test_a_lease_lost_to_another_is_noticed_and_left_to_it(objects: Objects) -> None:
    with hold(FragileObjects(objects, None), "nilm", "run-a", 0.3) as lease:
        lease._stop.set()  # as if the process had been suspended
        lease._renewer.join()
        threading.Event().wait(0.4)
        with hold(objects, "nilm", "run-b", 60):
            with pytest.raises(BusyError, match="ran out"):
                lease.check()
            lease.release()
            with pytest.raises(BusyError, match="run-b"), hold(objects, "nilm", "run-c", 60):
                pass


def test_an_unreadable_lease_does_not_block(objects: Objects) -> None:
    objects.create("state/nilm.lease.json", b"{")
    with hold(objects, "nilm", "run-a", 60):
        pass
