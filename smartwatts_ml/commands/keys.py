"""``smartwatts keys``: the ceremony, whom this machine trusts, and what to do about a key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, RootOption, open_objects, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.errors import BadInputError, NotFoundError, TrustError, UsageError
from smartwatts_ml.kinds import model_names
from smartwatts_ml.settings import settings
from smartwatts_ml.store import KeyFolder, Store
from smartwatts_ml.store.keys import public_key
from smartwatts_ml.store.layout import MAX_METADATA_BYTES
from smartwatts_ml.store.roles import full_keyid, role_keys
from smartwatts_ml.terminal import printable

__all__ = ["add_model", "init", "list_keys", "recover", "revoke", "rotate", "show", "trust"]

_KeysOption = Annotated[
    str | None,
    typer.Option(
        "--keys",
        metavar="DIR",
        help="Key folder. Default: SMARTWATTS_KEYS, then .local/keys here.",
        show_default=False,
    ),
]
_OfflineOption = Annotated[
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


def _key_folder(keys: str | None) -> KeyFolder:
    return KeyFolder(Path(settings(keys=keys).keys))


def _store(root: str | None, keys: str | None) -> Store:
    objects, current = open_objects(root)
    return Store(
        objects,
        Path(settings(keys=keys).keys),
        timestamp_hours=current.timestamp_hours,
    )


def _offline(store: Store, offline: list[Path] | None) -> list[Path]:
    return offline or [store.keys.offline_path]


def init(
    threshold: Annotated[
        int, typer.Option(min=1, help="So many keys of root have to sign whatever root signs.")
    ] = 1,
    of: Annotated[int, typer.Option("--of", min=1, help="So many keys of root are made.")] = 1,
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
    keys: _KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """The ceremony of a new store: its keys, its first root, and who may sign which model.

    Root's keys are needed again to add a model, to replace a key, and before two years are
    over. The others stay here and sign what is published.

    Example: smartwatts keys init --threshold 2 --of 3 --offline /media/usb
    """
    store = _store(root, keys)
    made = store.ceremonies.init(
        models or model_names(), threshold=threshold, of=of, offline=offline
    )
    if as_json:
        print_json(made)
        return
    out.print(f"root: {made.threshold} of {len(made.keyids)} keys", soft_wrap=True)
    out.print(f"    {made.root} is public: give it to whoever pulls", soft_wrap=True)
    for path in made.offline:
        out.print(f"    {path}: private", soft_wrap=True)
    if len(made.offline) == 1:
        out.print("    one key for root, on this machine: fit for trying things out, no more")
    out.print(
        "Take each private key of root to a place of its own, keep a copy of each, and remove"
        " them here. Keep a copy of the key folder: it remembers what was signed."
    )


def add_model(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="E.g. water.")],
    offline: _OfflineOption = None,
    root: RootOption = None,
    keys: _KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let more models be published. Needs the private keys of root.

    Example: smartwatts keys add-model water --offline /media/usb
    """
    store = _store(root, keys)
    added = store.ceremonies.add_models(models, _offline(store, offline))
    if as_json:
        print_json({"added": added})
    else:
        out.print(f"added: {', '.join(added) or 'none, all were there'}")


def rotate(
    role: Annotated[
        str, typer.Argument(metavar="ROLE", help="snapshot, timestamp, or models: of all of them.")
    ],
    uri: Annotated[
        str | None,
        typer.Option(
            "--uri",
            help="A key that is there already, e.g. awskms:KEYID or file2:/path. Default: a new"
            " one in the key folder.",
            show_default=False,
        ),
    ] = None,
    public: Annotated[
        Path | None,
        typer.Option(
            "--public", metavar="FILE.pem", help="The public half of that key.", show_default=False
        ),
    ] = None,
    offline: _OfflineOption = None,
    root: RootOption = None,
    keys: _KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace an online key without a gap: gateways verify what they meet at any moment.

    Needs the private keys of root. Other machines that sign need the key folder anew.

    Example: smartwatts keys rotate timestamp --offline /media/usb
    """
    store = _store(root, keys)
    if (uri is None) != (public is None):
        raise UsageError("--uri needs --public, and --public is for --uri alone")
    new = (uri, public_key(public)) if uri and public else None
    keyid = store.rotation.rotate(role, _offline(store, offline), new)
    _print_new(keyid, as_json)


def revoke(
    keyid: Annotated[str, typer.Argument(metavar="KEYID", help="As `keys list` shows it.")],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Folder for a new private key of root. Default: offline/ of the key folder.",
            show_default=False,
            file_okay=False,
        ),
    ] = None,
    offline: _OfflineOption = None,
    root: RootOption = None,
    keys: _KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust a key no more that is lost or known to others; a new one takes its place.

    Of root's keys a threshold of the others has to be here.

    Example: smartwatts keys revoke 4f2a… --offline /media/usb --to /media/usb
    """
    store = _store(root, keys)
    places = _offline(store, offline)
    new = store.rotation.revoke(full_keyid(store, keyid), places, to or store.keys.offline_path)
    _print_new(new, as_json)


def recover(
    offline: _OfflineOption = None,
    root: RootOption = None,
    keys: _KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """After a theft of online keys: new ones, and what was signed here last is in force again.

    What a thief planted is removed, however far he counted ahead; gateways that took it take
    the true version at their next pull. Needs the private keys of root and an operator's
    permissions. Replace the S3 credentials first.

    Example: smartwatts keys recover --offline /media/usb
    """
    store = _store(root, keys)
    done = store.rotation.recover(_offline(store, offline))
    if as_json:
        print_json(done)
        return
    for key in done.removed:
        out.print(f"removed: {printable(key)}", soft_wrap=True, markup=False)
    out.print(f"in force as signed here last: {', '.join(done.models) or 'nothing'}")
    out.print("check what serves them: `smartwatts models verify --repair`")


def _print_new(keyid: str, as_json: bool) -> None:
    if as_json:
        print_json({"keyid": keyid})
    else:
        out.print(f"new key: {keyid}", soft_wrap=True)


def list_keys(
    root: RootOption = None, keys: _KeysOption = None, as_json: JsonOption = False
) -> None:
    """The keys of each role, how many have to sign, and which are here.

    Example: smartwatts keys list
    """
    store = _store(root, keys)
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
    keys: _KeysOption = None,
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
        root = _key_folder(keys).trust(data, str(file))
    except TrustError as error:
        raise BadInputError(str(error)) from error
    if as_json:
        print_json({"version": root.version, "sha256": root.sha256})
    else:
        out.print(f"trusted: root version {root.version}, sha256 {root.sha256}", soft_wrap=True)


def show(keys: _KeysOption = None) -> None:
    """The root that this machine trusts, for gateways and for `keys trust`.

    Example: smartwatts keys show > root.json
    """
    folder = _key_folder(keys)
    root = folder.trusted_root()
    if root is None:
        raise NotFoundError(f"no root in {folder.path}", fix="`smartwatts keys init` makes one")
    typer.echo(root.data.decode())
