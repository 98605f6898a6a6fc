"""One of many publishers at once: ``python -m tests.store.racers ROOT KEYS NAME COUNT``.

Its gate compares with the champion in force and accepts; a challenger that became stale is
judged again, and accepted again. Prints the versions that it got.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from smartwatts_ml.errors import StaleChallengerError
from smartwatts_ml.objects import open_root
from smartwatts_ml.store import Store
from tests.store.helpers import publish, with_keys

if __name__ == "__main__":
    url, keys, name, count = sys.argv[1:]
    store = with_keys(Store(open_root(url), Path(keys)))
    versions: list[int] = []
    while len(versions) < int(count):
        champion = store.champion("nilm")
        judged_against = champion.version if champion else None
        try:
            done = publish(store, "nilm", f"{name}-{len(versions)}", judged_against=judged_against)
        except StaleChallengerError:
            continue
        versions.append(done.version)
    sys.stdout.write(json.dumps(versions) + "\n")
