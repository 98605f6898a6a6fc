"""What publishing and pulling one model costs, however many versions there are.

Starts ministack on loopback, fills a history with versions, and then publishes and pulls
with the code that ships: median seconds of both, and the requests that the server saw.

    make ministack
    .venv/bin/python -m benchmarks.store --versions 1 100 10000
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from smartwatts_ml.objects import open_root
from smartwatts_ml.objects.base import Objects
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Store, open_store
from tests.ministack import Ministack, why_missing

FIELDS: dict[str, Any] = {
    "code": "benchmark",
    "snapshot": {},
    "inputs": [],
    "outputs": [],
    "metrics": {},
    "decision": {},
    "quantization": "dynamic",
}
FILE_BYTES = 64 * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", type=int, nargs="+", default=[1, 100, 10_000])
    parser.add_argument("--repeat", type=int, default=15)
    given = parser.parse_args()
    missing = why_missing()
    if missing:
        sys.exit(missing)
    server = Ministack()
    try:
        print(
            "| versions in the store | publish, s | requests | pull, s | requests "
            "| pull of nothing new, s | requests |"
        )
        print("|---|---|---|---|---|---|---|")
        for versions in given.versions:
            print(row(server, versions, given.repeat), flush=True)
    finally:
        server.stop()
    return 0


def row(server: Ministack, versions: int, repeat: int) -> str:
    """One line of the table."""
    os.environ.update(server.environment())
    with tempfile.TemporaryDirectory() as folder:
        objects = open_root(f"s3://{server.new_bucket()}/smartwatts")
        store = open_store(objects, Settings(keys=f"{folder}/keys"))
        store.ceremonies.init(["nilm"])
        fill(store, versions)
        target = Path(folder) / "models"
        published, pulled, idle = [], [], []
        for number in range(repeat):
            new = versions + number + 1
            published.append(measured(server, partial(publish, store, new)))
            pulled.append(measured(server, lambda: store.pull("nilm", target)))
            idle.append(measured(server, lambda: store.pull("nilm", target)))
        check(objects, store, versions + repeat)
    cells = (cell for measures in (published, pulled, idle) for cell in medians(measures))
    return f"| {versions} | {' | '.join(cells)} |"


def fill(store: Store, versions: int) -> None:
    for number in range(1, versions + 1):
        publish(store, number)


def publish(store: Store, number: int) -> None:
    """One accepted challenger, judged against the champion in force."""
    data = b"\x1c\0\0\0TFL3" + number.to_bytes(8, "big") * (FILE_BYTES // 8 - 1)
    store.publish(
        "nilm",
        data,
        FIELDS,
        run_id=f"run{number}",
        actor="benchmark",
        reason="",
        judged_against=number - 1 or None,
    )


def check(objects: Objects, store: Store, versions: int) -> None:
    """What was measured did happen."""
    serials = [i.key for i in objects.list("models/metadata/") if i.key.endswith(".nilm.json")]
    pointer = store.pointer("nilm")
    if (len(serials), pointer.serial, pointer.version) != (versions, versions, versions):
        raise SystemExit(f"{len(serials)} serials and {pointer} instead of {versions} versions")


def measured(server: Ministack, work: Callable[[], object]) -> tuple[float, int]:
    """Seconds and requests of some work."""
    before = server.requests()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start, server.requests() - before


def medians(measures: list[tuple[float, int]]) -> tuple[str, str]:
    seconds, requests = zip(*measures, strict=True)
    return f"{statistics.median(seconds):.4f}", f"{statistics.median(requests):.0f}"


if __name__ == "__main__":
    sys.exit(main())
