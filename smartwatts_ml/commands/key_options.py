"""What the verbs of ``smartwatts keys`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smartwatts_ml.commands.common import open_objects
from smartwatts_ml.settings import settings
from smartwatts_ml.store import KeyFolder, Store

__all__ = ["KeysOption", "OfflineOption", "key_folder", "offline_folders", "store_with"]

KeysOption = Annotated[
    str | None,
    typer.Option(
        "--keys",
        metavar="DIR",
        help="Key folder. Default: SMARTWATTS_KEYS, then .local/keys here.",
        show_default=False,
    ),
]
OfflineOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--offline",
        metavar="DIR",
        help="Folder with private keys of root; may be given often. Default: offline/ of the key"
        " folder.",
        show_default=False,
        file_okay=False,
    ),
]


def key_folder(keys: str | None) -> KeyFolder:
    """The key folder in force."""
    return KeyFolder(Path(settings(keys=keys).keys))


def store_with(root: str | None, keys: str | None) -> Store:
    """The store of a root, with a key folder."""
    objects, current = open_objects(root)
    return Store(
        objects,
        Path(settings(keys=keys).keys),
        timestamp_hours=current.timestamp_hours,
    )


def offline_folders(store: Store, offline: list[Path] | None) -> list[Path]:
    """Where the private keys of root are."""
    return offline or [store.keys.offline_path]
