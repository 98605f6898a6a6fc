"""The crash matrix: a real process is killed at every step of every change to a store.

``python -m tests.store.crashes ROOT KEYS [STRIDE]`` prints one line of JSON. For each kind of
change, a process is forked that makes it and is killed (SIGKILL) at its first step, another
one at its second, and so on until one gets through. Steps are

- on a directory: before every call that changes the file system, and in the middle of the
  bytes of every file;
- on S3: before, in the middle of, and after every piece that a write sends.

After each death the store has to read as before or as after, with nothing wrong but the
pointer's place, and the same change made again has to complete it. STRIDE n tries every
n-th step.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.store import Champion, FirstRing, Store, committing
from tests.store.helpers import content, publish, with_keys

TORN_AFTER = 7
"""So many bytes of a file are written when the process dies in the middle of it."""
CHANGES = ("os.mkdir", "os.link", "os.rename", "os.remove", "os.utime", "fcntl.flock")


class Tripwire:
    """Kills this process at its ``step``-th step, counted from 0."""

    def __init__(self, step: int) -> None:
        self._left = step

    def reached(self) -> bool:
        """Count a step; whether it is the one."""
        self._left -= 1
        return self._left == -1

    def touch(self) -> None:
        if self.reached():
            die()


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def trip_in_directory(tripwire: Tripwire, root: str) -> None:
    flush = os.fsync

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES:
            tripwire.touch()
        if event == "open" and str(arguments[0]).startswith(root) and arguments[1] in ("x", "a"):
            tripwire.touch()
            if arguments[1] == "x" and tripwire.reached():
                resource.setrlimit(resource.RLIMIT_FSIZE, (TORN_AFTER, resource.RLIM_INFINITY))

    def flush_and_touch(fd: Any) -> None:
        tripwire.touch()
        flush(fd)

    signal.signal(signal.SIGXFSZ, die)
    os.fsync = flush_and_touch
    sys.addaudithook(audit)


def trip_in_requests(tripwire: Tripwire) -> None:
    send = http.client.HTTPConnection.send

    def send_and_touch(self: Any, data: Any) -> None:
        if self._method in ("GET", "HEAD"):
            send(self, data)
            return
        data = data if isinstance(data, bytes) else data.read()
        tripwire.touch()
        if tripwire.reached():
            send(self, data[: len(data) // 2])
            die()
        send(self, data)
        tripwire.touch()

    http.client.HTTPConnection.send = send_and_touch  # type: ignore[method-assign]


@dataclass(frozen=True)
class Change:
    """A change to a store with two versions (or none, ``fresh``), and which version is in force
    before and after it. ``shares``: the candidate's then, None for none."""

    make: Callable[[Store, str], object]
    before: int | None
    after: int
    serials: int
    fresh: bool = False
    shares: tuple[int | None, int | None] = (None, None)

    def prepare(self, store: Store, model: str) -> None:
        for run_id in () if self.fresh else ("run1", "run2"):
            publish(store, model, run_id)
        if self.shares[0]:
            offer(store, model)


def prune(store: Store, model: str) -> None:
    store.prune(model, keep=1, older_than=timedelta(0))


def offer(store: Store, model: str) -> None:
    publish(store, model, "run3", ring=FirstRing(500, 4))


def widen(store: Store, model: str) -> None:
    store.rollouts.widen(model, 2_500, 4, "bob", "why", version=3)


def halt(store: Store, model: str) -> None:
    store.rollouts.halt(model, "bob", "why", version=3)


def conclude(store: Store, model: str) -> None:
    store.rollouts.promote(model, "bob", "why", version=3)


CHANGES_TO_STORE = {
    "first publish": Change(lambda s, m: publish(s, m, "run1"), None, 1, 1, fresh=True),
    "publish": Change(lambda s, m: publish(s, m, "run3", judged_against=2), 2, 3, 3),
    "rollback": Change(lambda s, m: s.rollback(m, 1, "bob", "why"), 2, 1, 3),
    "renew": Change(lambda s, m: s.renew(), 2, 2, 2),
    "prune": Change(prune, 2, 2, 2),
    "offer": Change(offer, 2, 2, 3, shares=(None, 500)),
    "widen": Change(widen, 2, 2, 4, shares=(500, 2_500)),
    "halt": Change(halt, 2, 2, 4, shares=(500, 0)),
    "conclude": Change(conclude, 2, 3, 4, shares=(500, None)),
}


def killed_at(step: int, change: Change, store: Store, model: str, url: str) -> bool:
    """Make the change in a process that dies at a step; False where it got through."""
    child = os.fork()
    if child == 0:
        try:
            tripwire = Tripwire(step)
            if url.startswith("s3://"):
                trip_in_requests(tripwire)
            else:
                trip_in_directory(tripwire, url)
            change.make(store, model)
        except BaseException as error:  # noqa: BLE001 - told to the parent by the exit code
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if status:
        raise SystemExit(f"step {step} of a change to {model} ended with status {status}")
    return False


def problems(store: Store, model: str, change: Change) -> Iterator[str]:
    """What is wrong after a death, and after the change is made again."""
    champion = store.champion(model)
    version = champion.version if champion else None
    if version not in (change.before, change.after):
        yield f"v{version} is in force"
    at_once = (change.shares[version == change.after],)  # with the version
    if _share(champion) not in (change.shares if change.before == change.after else at_once):
        yield f"a candidate is out for {_share(champion)}"
    if champion and store.read_file(champion.manifest) != content(champion.manifest.run_id):
        yield "the champion's bytes are of another run"
    for finding in store.verify(model).findings:
        if not finding.repairable and not _half_pruned(finding.key, finding.problem, change):
            yield f"{finding.key} {finding.problem}"
    yield from _wrong_pull(store, model, change)
    change.make(store, model)
    yield from _unfinished(store, model, change)


def _unfinished(store: Store, model: str, change: Change) -> Iterator[str]:
    for finding in store.verify(model).findings:
        yield f"made again: {finding.key} {finding.problem}"
    chain = store.history(model)
    if (len(chain), chain[-1].version) != (change.serials, change.after):
        yield f"made again: {len(chain)} serials, v{chain[-1].version} in force"
    if (share := _share(store.champion(model))) != change.shares[1]:
        yield f"made again: a candidate is out for {share}"
    if store.pointer(model).serial != len(chain):
        yield "made again: the pointer is behind"
    publish(store, model, "next run", action="force")  # past a candidate that is out
    if store.history(model)[-1].serial != len(chain) + 1:
        yield "the next publish did not get the next serial"


def _share(champion: Champion | None) -> int | None:
    candidate = champion.candidate if champion else None
    return candidate.share if candidate else None


def _half_pruned(key: str, problem: str, change: Change) -> bool:
    """Pruning removes a manifest and then its file; making it again removes the file."""
    return change.make is prune and key.endswith("_v1.json") and problem == "is missing"


def _wrong_pull(store: Store, model: str, change: Change) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            pulled = store.pull(model, Path(folder))
        except NotFoundError:
            if not change.fresh:
                yield "nothing can be pulled"
            return
        if pulled.version not in (change.before, change.after):
            yield f"v{pulled.version} is pulled"


def matrix(url: str, keys: Path, stride: int) -> dict[str, dict[str, Any]]:
    """For each change: the number of cases, and what was wrong in which."""
    committing._PATIENCE_S = 0.0  # the dead need not be waited for here
    objects = open_root(url)
    store = with_keys(Store(objects, keys))
    # Within the same second a pointer is signed to the same bytes, which writes nothing.
    later = Store(_untouched(url), keys, clock=lambda: datetime.now(UTC) + timedelta(minutes=1))
    publish(store, "other", "run0")
    results = {}
    for number, (name, change) in enumerate(CHANGES_TO_STORE.items()):
        cases, bad, step = 0, [], 0
        while True:
            model = f"c{number}_{step}"
            change.prepare(store, model)
            if not killed_at(step, change, later, model, objects.url):
                break
            cases += 1
            bad += [f"step {step}: {problem}" for problem in problems(store, model, change)]
            step += stride
        results[name] = {"cases": cases, "bad": bad}
    return results


def _untouched(url: str) -> Objects:
    """A root that only children use, so that no two processes share a connection."""
    return open_root(url, writable=False)


if __name__ == "__main__":
    stride = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    sys.stdout.write(json.dumps(matrix(sys.argv[1], Path(sys.argv[2]), stride)) + "\n")
