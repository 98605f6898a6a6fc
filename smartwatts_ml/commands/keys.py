"""``smartwatts keys``: the key that signs models, and whom this machine trusts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.settings import settings
from smartwatts_ml.store.keys import KeyFolder, public_pem

__all__ = ["list_keys", "new", "retire", "show", "trust"]

_KeysOption = Annotated[
    str | None,
    typer.Option(
        "--keys",
        metavar="DIR",
        help="Key folder. Default: SMARTWATTS_KEYS, then .local/keys here.",
        show_default=False,
    ),
]


def _key_folder(keys: str | None) -> KeyFolder:
    return KeyFolder(Path(settings(keys=keys).keys))


def new(
    rotate: Annotated[
        bool,
        typer.Option("--rotate", help="Beside the key that is here; both sign until `retire`."),
    ] = False,
    keys: _KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a signing key, and trust it here.

    To rotate without a gap: `keys new --rotate`, `models resign --documents`, let every
    gateway trust the new .pub, `keys retire`.

    Example: smartwatts keys new --rotate
    """
    folder = _key_folder(keys)
    keyid = folder.generate(rotate=rotate)
    public = folder.path / "trusted" / f"{keyid}.pub"
    if as_json:
        print_json({"keyid": keyid, "signing_key": str(folder.signing_path), "public": str(public)})
        return
    out.print(f"signing key {folder.signing_path} (keep it secret, keep a copy)", soft_wrap=True)
    out.print(f"public key  {public} (give it to gateways)", soft_wrap=True)


def retire(keys: _KeysOption = None, as_json: JsonOption = False) -> None:
    """End a rotation: the old key is deleted and not trusted any more.

    What only the old key signed does not verify afterwards: `models resign --documents`
    comes before.

    Example: smartwatts keys retire
    """
    keyid = _key_folder(keys).retire()
    if as_json:
        print_json({"keyid": keyid})
    else:
        out.print(f"retired: {keyid}", soft_wrap=True)


def list_keys(keys: _KeysOption = None, as_json: JsonOption = False) -> None:
    """The keys that this machine trusts, and which of them it signs with.

    Example: smartwatts keys list
    """
    folder = _key_folder(keys)
    signing = {key.keyid for key in folder.signing_keys()} if folder.can_sign() else set()
    trusted = sorted(folder.trusted())
    if as_json:
        print_json([{"keyid": keyid, "signs": keyid in signing} for keyid in trusted])
        return
    if not trusted:
        err.print(f"no keys in {folder.path}: `smartwatts keys new` makes one")
        return
    table = Table("keyid", "")
    for keyid in trusted:
        table.add_row(keyid, "signs" if keyid in signing else "trusted")
    out.print(table)


def trust(
    file: Annotated[Path, typer.Argument(metavar="FILE.pub", help="A public key in PEM form.")],
    keys: _KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust models that another machine's key signed.

    To stop trusting a key, remove its file from the folder's trusted/.

    Example: smartwatts keys trust build-server.pub
    """
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {file}: {error.strerror}") from error
    keyid = _key_folder(keys).trust(pem, str(file))
    if as_json:
        print_json({"keyid": keyid})
    else:
        out.print(f"trusted: {keyid}", soft_wrap=True)


def show(keys: _KeysOption = None, as_json: JsonOption = False) -> None:
    """The public half of the signing key, for gateways and for `keys trust`.

    Example: smartwatts keys show > smartwatts.pub
    """
    signing = _key_folder(keys).signing_key()
    pem = public_pem(signing.key.public_key()).decode()
    if as_json:
        print_json({"keyid": signing.keyid, "public_key": pem})
    else:
        typer.echo(pem, nl=False)
