"""``smartwatts models pull`` as a client under test of tuf-conformance (its CLIENT-CLI.md).

Timestamps may live as long as the suite lets them; all else is as in a pull.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import urllib.parse
from pathlib import Path

from tuf.api.exceptions import RepositoryError

from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.objects import Object
from smartwatts_ml.objects.http import HttpObjects
from smartwatts_ml.pulling.client import Client
from smartwatts_ml.pulling.fetching import Deadline


class _TwoAddresses(HttpObjects):
    """Keys start with ``metadata/`` or with ``targets/``, each of which has its own address."""

    def __init__(self, metadata: str, targets: str) -> None:
        super().__init__(metadata)
        self._at = {"metadata": HttpObjects(metadata), "targets": HttpObjects(targets)}

    def read(self, key: str, limit: int | None = None) -> Object:
        place, _, rest = key.partition("/")
        return self._at[place].read(rest, limit)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("metadata-url", "target-base-url"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--metadata-dir", type=Path, required=True)
    parser.add_argument("--target-dir", type=Path)
    parser.add_argument("--target-name", action="append", default=[])
    parser.add_argument("command", choices=("init", "refresh", "download"))
    parser.add_argument("trusted_root", type=Path, nargs="?")
    return parser.parse_args()


def _main() -> int:
    given = _parse()
    if given.command == "init":
        shutil.copyfile(given.trusted_root, given.metadata_dir / "root.json")
        return 0
    pinned = (given.metadata_dir / "root.json").read_bytes()
    objects = _TwoAddresses(given.metadata_url, given.target_base_url)
    try:
        with Deadline(60) as deadline:
            client = Client(
                given.metadata_dir,
                objects,
                pinned,
                deadline,
                metadata="metadata/",
                targets="targets/",
                longest_timestamp=None,
                hash_first=True,
            )
            with client.opened():
                for path in given.target_name:
                    _download(client, path, given.target_dir / urllib.parse.quote(path, ""))
    except SmartwattsError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _download(client: Client, path: str, file: Path) -> None:
    target = client.target(path)
    with contextlib.suppress(OSError, RepositoryError):
        target.verify_length_and_hashes(file.read_bytes())
        return
    file.write_bytes(client.download(target, 1 << 20))


if __name__ == "__main__":
    sys.exit(_main())
