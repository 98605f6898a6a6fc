"""``smartwatts keys``: the ceremony, whom this machine trusts, and what to do about a key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, RootOption, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.commands.key_options import (
    KeysOption,
    OfflineOption,
    key_folder,
    offline_folders,
    store_with,
)
from smartwatts_ml.errors import BadInputError, NotFoundError, TrustError
from smartwatts_ml.kinds import model_names
from smartwatts_ml.printable import printable
from smartwatts_ml.pulling.layout import MAX_METADATA_BYTES
from smartwatts_ml.store.roles import role_keys

__all__ = ["add_model", "init", "list_keys", "show", "trust"]


def init(
    threshold: Annotated[
        int, typer.Option(min=1, help="So many keys of root have to sign whatever root signs.")
    ] = 1,
    made_of: Annotated[int, typer.Option("--of", min=1, help="So many keys of root are made.")] = 1,
    offline: Annotated[
        Path | None,
        typer.Option(
            "--offline",
            metavar="DIR",
            help="Folder for the private keys of root, best on a medium that is taken away."
            " Default: offline/ of the key folder.",
            show_default=False,
            file_okay=False,
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Default: all.", show_default=False),
    ] = None,
    root: RootOption = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """The ceremony of a new store: its keys, its first root, and who may sign which model.

    Root's keys are needed again to add a model, to replace a key, and before two years are
    over. The others stay here and sign what is published.

    Example: smartwatts keys init --threshold 2 --of 3 --offline /media/usb
    """
    store = store_with(root, keys)
    made = store.ceremonies.init(
        models or model_names(), threshold=threshold, count=made_of, offline=offline
    )
    if as_json:
        print_json(made)
        return
    out.print(f"root: {made.threshold} of {len(made.keyids)} keys", soft_wrap=True)
    public = f"    {made.root} is public: give it to whoever pulls"
    out.print(printable(public), soft_wrap=True)
    for path in made.offline:
        out.print(printable(f"    {path}: private"), soft_wrap=True)
    if len(made.offline) == 1:
        out.print("    one key for root, on this machine: fit for trying things out, no more")
    out.print(
        "Take each private key of root to a place of its own, keep a copy of each, and remove"
        " them here. Keep a copy of the key folder: it remembers what was signed."
    )


def add_model(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="E.g. water.")],
    offline: OfflineOption = None,
    root: RootOption = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let more models be published. Needs the private keys of root.

    Example: smartwatts keys add-model water --offline /media/usb
    """
    store = store_with(root, keys)
    added = store.ceremonies.add_models(models, offline_folders(store, offline))
    if as_json:
        print_json({"added": added})
    else:
        out.print(f"added: {', '.join(added) or 'none, all were there'}")


def list_keys(
    root: RootOption = None, keys: KeysOption = None, as_json: JsonOption = False
) -> None:
    """The keys of each role, how many have to sign, and which are here.

    Example: smartwatts keys list
    """
    store = store_with(root, keys)
    rows = role_keys(store)
    if as_json:
        print_json(rows)
        return
    if not rows:
        err.print(f"no root in {store.keys.path}: `smartwatts keys init` makes one")
        return
    table = Table("role", "keyid", "sign", "expires", "")
    for row in rows:
        here = "here" if row.here else ""
        table.add_row(row.role, row.keyid[:16], f"{row.threshold}", row.expires, here)
    out.print(table)


def trust(
    file: Annotated[Path, typer.Argument(metavar="root.json", help="Root metadata.")],
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust the store of another machine, by the root of its ceremony or a later one.

    Example: smartwatts keys trust root.json
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_METADATA_BYTES["root"] + 1)
    except OSError as error:
        raise BadInputError(f"cannot read {file}: {error.strerror}") from error
    try:
        root = key_folder(keys).trust(data, str(file))
    except TrustError as error:
        raise BadInputError(str(error)) from error
    if as_json:
        print_json({"version": root.version, "sha256": root.sha256})
    else:
        out.print(f"trusted: root version {root.version}, sha256 {root.sha256}", soft_wrap=True)


def show(keys: KeysOption = None) -> None:
    """The root that this machine trusts, for gateways and for `keys trust`.

    Example: smartwatts keys show > root.json
    """
    folder = key_folder(keys)
    root = folder.trusted_root()
    if root is None:
        raise NotFoundError(f"no root in {folder.path}", fix="`smartwatts keys init` makes one")
    typer.echo(root.data.decode())
