"""The verbs of ``smartwatts keys`` that replace keys: all need the offline ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smartwatts_ml.commands.common import JsonOption, RootOption, print_json
from smartwatts_ml.commands.console import out
from smartwatts_ml.commands.key_options import (
    KeysOption,
    OfflineOption,
    offline_folders,
    store_with,
)
from smartwatts_ml.errors import UsageError
from smartwatts_ml.printable import printable
from smartwatts_ml.store.keys import public_key
from smartwatts_ml.store.roles import full_keyid

__all__ = ["recover", "renew_offline", "revoke", "rotate"]


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
    offline: OfflineOption = None,
    root: RootOption = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace an online key without a gap: gateways verify what they meet at any moment.

    Needs the private keys of root. Other machines that sign need the key folder anew.

    Example: smartwatts keys rotate timestamp --offline /media/usb
    """
    store = store_with(root, keys)
    if (uri is None) != (public is None):
        raise UsageError("--uri needs --public, and --public is for --uri alone")
    new = (uri, public_key(public)) if uri and public else None
    keyid = store.rotation.rotate(role, offline_folders(store, offline), new)
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
    offline: OfflineOption = None,
    root: RootOption = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust a key no more that is lost or known to others; a new one takes its place.

    Of root's keys a threshold of the others has to be here.

    Example: smartwatts keys revoke 4f2a… --offline /media/usb --to /media/usb
    """
    store = store_with(root, keys)
    places = offline_folders(store, offline)
    new = store.rotation.revoke(full_keyid(store, keyid), places, to or store.keys.offline_path)
    _print_new(new, as_json)


def renew_offline(
    offline: OfflineOption = None,
    root: RootOption = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign root and targets again before their two years are over. Needs root's private keys.

    Example: smartwatts keys renew-offline --offline /media/usb
    """
    store = store_with(root, keys)
    expires = store.rotation.renew_offline(offline_folders(store, offline))
    if as_json:
        print_json({"expires": expires})
    else:
        out.print(f"until {expires}")


def recover(
    offline: OfflineOption = None,
    root: RootOption = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """After a theft of online keys: new ones, and what was signed here last is in force again.

    What a thief planted is removed, however far he counted ahead; gateways that took it take
    the true version at their next pull. Needs the private keys of root and an operator's
    permissions. Replace the S3 credentials first.

    Example: smartwatts keys recover --offline /media/usb
    """
    store = store_with(root, keys)
    done = store.rotation.recover(offline_folders(store, offline))
    if as_json:
        print_json(done)
        return
    for key in done.removed:
        out.print(f"removed: {printable(key)}", soft_wrap=True)
    out.print(f"in force as signed here last: {', '.join(done.models) or 'nothing'}")
    out.print("check what serves them: `smartwatts models verify --repair`")


def _print_new(keyid: str, as_json: bool) -> None:
    if as_json:
        print_json({"keyid": keyid})
    else:
        out.print(f"new key: {keyid}", soft_wrap=True)
