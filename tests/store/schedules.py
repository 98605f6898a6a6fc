"""Random schedules: processes at once, killed and cut off at random, lose nothing.

``python -m tests.store.schedules ROOT KEYS COUNT SEED`` prints one line of JSON. In each of
COUNT schedules a few processes publish, offer, roll back, renew and prune one model at once. Their
requests fail at random: those to an S3 server at a proxy (tests/proxy.py), those to a directory
before they arrive, after they took effect, or because they were sent twice and met their own
success. Some of the processes are killed (SIGKILL) at a random step. What a process was told to
be committed has to be in the history; serials have no gap; after one more publish nothing is
wrong.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from smartwatts_ml.errors import StoreError, TrustError, UsageError
from smartwatts_ml.objects import Object, Objects, open_root
from smartwatts_ml.store import FirstRing, HistoryEntry, Published, Store, committing
from tests.proxy import COUNTS, Proxy, RandomFaults
from tests.store.crashes import Tripwire, trip_in_directory, trip_in_requests
from tests.store.helpers import FragileObjects, publish

_ACTORS = 3
_STEPS = {"directory": 90, "requests": 24}
"""About as many as a change has on a root of that kind."""
_FAULTS = ("before", "after", "twice")
_RATE = 0.07


class FaultyObjects(FragileObjects):
    """Objects in a directory, whose reads and writes fail at random; ``say`` is told of each
    that does."""

    def __init__(self, objects: Objects, random: Random, say: Callable[[str], None]) -> None:
        super().__init__(objects, None)
        self._random = random
        self._say = say

    def _write(self, write: Any, *args: Any) -> Any:
        if self._random.random() > _RATE:
            return write(*args)
        fault = self._random.choice(_FAULTS)
        self._say(f"fault {fault}")
        if fault == "before":
            raise StoreError("the connection was refused")
        result = write(*args)
        if fault == "after":
            raise StoreError("the connection was reset")
        return write(*args) if fault == "twice" else result

    def read(self, key: str, limit: int | None = None) -> Object:
        if self._random.random() < _RATE / 10:
            self._say("fault read")
            raise StoreError("the connection was reset")
        return super().read(key, limit)


@dataclass
class Tally:
    """What happened in all schedules. ``lost``: acknowledged commits that are not in the
    history; ``gaps``: missing serials; ``red``: findings at the end; ``odd``: errors that no
    fault explains."""

    schedules: int = 0
    kills: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    commits: int = 0
    lost: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    red: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


def _act(store: Store, model: str, name: str, random: Random, say: Callable[[str], None]) -> None:
    for turn in range(random.randint(1, 3)):
        run_id = f"{name}-{turn}"
        changes: tuple[Callable[[], Any], ...] = (
            lambda run_id=run_id: publish(store, model, run_id),  # type: ignore[misc]
            lambda run_id=run_id: publish(store, model, run_id),  # type: ignore[misc]
            lambda run_id=run_id: publish(store, model, run_id, ring=FirstRing(500, 4)),  # type: ignore[misc]
            lambda: store.rollouts.widen(model, 5_000, 4, "bob", "why"),
            lambda: store.rollouts.halt(model, "bob", "why"),
            lambda: store.rollouts.promote(model, "bob", "why"),
            lambda: store.rollback(model, random.randint(1, 3), "bob", "why"),
            store.renew,
            lambda: store.prune(model, keep=2, older_than=timedelta(0)),
        )
        try:
            done = random.choice(changes)()
        except TrustError as error:
            if "is gone" not in str(error):  # what was rolled back to has been pruned
                say(f"odd {name}: {error}")
        except (StoreError, UsageError):
            continue
        else:
            if isinstance(done, Published):
                say(f"ack {done.serial} {done.version}")
            elif isinstance(done, HistoryEntry):
                say(f"ack {done.serial} {done.about}")


@dataclass(frozen=True)
class Alike:
    """The root, opened for the processes alone: no two share a connection. ``proxy``: through
    which they reach an S3 server, or None."""

    objects: Objects
    proxy: str | None

    def settle(self) -> dict[str, int]:
        """Wait until no request of theirs is under way; how many the proxy spoiled so far."""
        if self.proxy is None:
            return {}
        with urllib.request.urlopen(f"{self.proxy}{COUNTS}", timeout=60) as answer:
            counts: dict[str, int] = json.loads(answer.read())
        return counts


@contextmanager
def _alike(url: str, seed: int) -> Iterator[Alike]:
    if not url.startswith("s3://"):
        yield Alike(open_root(url), None)
        return
    faults = RandomFaults(Random(seed), rate=0.08, reading_rate=0.02)
    proxy = Proxy(os.environ["AWS_ENDPOINT_URL_S3"], faults)
    process = multiprocessing.get_context("fork").Process(target=proxy.serve_forever, daemon=True)
    process.start()
    proxy.server_close()  # it is that process's own
    os.environ |= {"AWS_ENDPOINT_URL_S3": proxy.url, "AWS_MAX_ATTEMPTS": "2"}
    try:
        yield Alike(open_root(url, writable=False), proxy.url)
    finally:
        process.terminate()
        process.join()


def _child(objects: Objects, keys: Path, model: str, name: str, random: Random, pipe: int) -> None:
    """Act in this process, which may die at any step."""

    def say(text: str) -> None:
        os.write(pipe, f"{text}\n".encode())

    requests = objects.url.startswith("s3://")
    if random.random() < 0.6:
        tripwire = Tripwire(random.randrange(_STEPS["requests" if requests else "directory"]))
        if requests:
            trip_in_requests(tripwire)
        else:
            trip_in_directory(tripwire, objects.url)
    faulty = objects if requests else FaultyObjects(objects, random, say)
    _act(Store(faulty, keys), model, name, random, say)


def _fork(act: Callable[[int], None]) -> tuple[int, int]:
    """A process that acts, and where it says what it did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    try:
        act(writing)
    except BaseException as error:  # noqa: BLE001 - told to the parent
        os.write(writing, f"odd {type(error).__name__}: {error}\n".encode())
    os._exit(0)


def schedule(store: Store, alike: Alike, model: str, seed: int, tally: Tally) -> None:
    """Play one schedule on a model that has a version, and add up what came of it."""
    publish(store, model, "first")
    children, keys = [], store.keys.path
    for number in range(_ACTORS):
        random = Random(f"{seed} {number}")
        act = partial(_child, alike.objects, keys, model, f"p{number}", random)
        children.append(_fork(act))
    said: list[str] = []
    for child, pipe in children:
        with os.fdopen(pipe) as lines:
            said += lines.read().splitlines()
        status = os.waitpid(child, 0)[1]
        tally.kills += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    alike.settle()
    publish(store, model, "last", action="force")  # past a candidate that is out
    # A rollback to what is in force tells that version, whatever candidate stands beside it.
    chain = {entry.serial: {entry.about, entry.version} for entry in store.history(model)}
    acknowledged = [line.split()[1:] for line in said if line.startswith("ack ")]
    where = f"schedule {seed}"
    tally.schedules += 1
    faults = Counter(line.split()[1] for line in said if line.startswith("fault "))
    tally.faults = dict(Counter(tally.faults) + faults)
    tally.commits += len(acknowledged)
    tally.lost += [
        f"{where}: {serial} {version}"
        for serial, version in acknowledged
        if int(version) not in chain.get(int(serial), ())
    ]
    if sorted(chain) != list(range(1, len(chain) + 1)):
        tally.gaps.append(f"{where}: {sorted(chain)}")
    audits = (store.verify(model), store.verify_repository())
    tally.red += [f"{where}: {f.key} {f.problem}" for audit in audits for f in audit.findings]
    tally.odd += [f"{where}: {line}" for line in said if line.startswith("odd ")]


def play(url: str, keys: Path, count: int, seed: int) -> Tally:
    """So many schedules, each on a model of its own."""
    committing._PATIENCE_S = 0.0  # the dead need not be waited for here
    store = Store(open_root(url), keys)
    models = [f"s{number}" for number in range(count)]
    store.ceremonies.init(models)
    tally = Tally()
    with _alike(url, seed) as alike:
        for number, model in enumerate(models):
            schedule(store, alike, model, seed + number, tally)
        tally.faults |= alike.settle()
    return tally


if __name__ == "__main__":
    url, keys, count, seed = sys.argv[1:]
    sys.stdout.write(json.dumps(asdict(play(url, Path(keys), int(count), int(seed)))) + "\n")
