"""``smartwatts models pull``: verified models into a folder, for a gateway's build."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from smartwatts_ml.commands.common import JsonOption, RootOption, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.commands.models import VersionOption
from smartwatts_ml.commands.verifying import check_runs
from smartwatts_ml.environment import PULL_TOKEN_VARIABLE
from smartwatts_ml.errors import BadInputError, SmartwattsError, TrustError, UsageError
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.objects.http import open_http_root
from smartwatts_ml.printable import printable
from smartwatts_ml.pulling import DEADLINE_S, Gateway, Pulled, check_trusted_root, pull_models
from smartwatts_ml.settings import settings
from smartwatts_ml.store import KeyFolder

__all__ = ["pull"]

_MOST_ROOT_BYTES = 512_000
_MOST_HEADER_BYTES = 1 << 16
_LONGEST_S = 99_999
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*:\s*([\x20-\x7e]*[\x21-\x7e])\s*")
_NOT_OURS = ("connection", "content-length", "expect", "host", "transfer-encoding", "upgrade")


def pull(
    folder: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Folder to write to.", file_okay=False)
    ],
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Default: all that are published.", show_default=False
        ),
    ] = None,
    trusted_root: Annotated[
        Path | None,
        typer.Option(
            "--trusted-root",
            metavar="FILE",
            help="Root metadata to trust. Default: root.json in the folder of keys.",
            show_default=False,
        ),
    ] = None,
    version: VersionOption = None,
    gateway: Annotated[
        str | None,
        typer.Option(
            "--gateway",
            metavar="ID",
            help="The one gateway that this is for: it may take a candidate. Without it, what is "
            "in force, as for a build that serves all.",
            show_default=False,
        ),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime",
            metavar="VERSION",
            help="Version of LiteRT that the gateway has, for candidates that want one.",
            show_default=False,
        ),
    ] = None,
    header_file: Annotated[
        Path | None,
        typer.Option(
            "--header-file",
            metavar="FILE",
            help="Headers for a web server, a line 'Name: value' each.",
            show_default=False,
        ),
    ] = None,
    deadline: Annotated[
        int,
        typer.Option(
            "--deadline",
            metavar="SECONDS",
            min=1,
            max=_LONGEST_S,
            help="By then all is over.",
        ),
    ] = DEADLINE_S,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Run each file's golden vectors on LiteRT here first."),
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy what is in force into a folder, verified from a trusted root; no going back.

    Writes <model>_v<N>.tflite, its manifest and <model>.tflite, those of a model all or none, and
    keeps what it verified in .smartwatts/ there. Nothing is written where the folder is up to
    date. ROOT may be an https address too.

    Example: smartwatts models pull nilm --trusted-root root.json --to app/src/main/resources/models
    """
    wanted = [check_model(model) for model in models or ()]
    if version is not None and len(wanted) != 1:
        raise UsageError("--version needs exactly one MODEL")
    who = _gateway(gateway, runtime)
    if who and version is not None:
        raise UsageError("--version and --gateway exclude each other")
    current = settings(root=root)
    objects = _open(current.root, header_file)
    pinned = _trusted(trusted_root, KeyFolder(Path(current.keys)))
    outcome = pull_models(
        objects,
        pinned,
        folder,
        wanted,
        version=version,
        gateway=who,
        deadline_s=deadline,
        check=check_runs if verify else None,
    )
    if as_json:
        print_json(outcome.pulled)
    else:
        _tell_pulled(outcome.pulled)
    _raise_troubles(outcome.troubles)


def _gateway(gateway: str | None, runtime: str | None) -> Gateway | None:
    if gateway is None:
        if runtime is not None:
            raise UsageError("--runtime is said of a --gateway")
        return None
    return Gateway(gateway, runtime)


def _tell_pulled(pulled: Iterable[Pulled]) -> None:
    for item in pulled:
        what = "updated" if item.updated else "up to date"
        ring = " (candidate)" if item.ring == "candidate" else ""
        line = f"{item.model} v{item.version}{ring} {what}: {item.path}"
        out.print(printable(line), soft_wrap=True)


def _raise_troubles(troubles: Iterable[SmartwattsError]) -> None:
    """Raise the gravest of what went wrong, and tell the others; nothing where all went well."""
    by_gravity = sorted(troubles, key=lambda trouble: trouble.exit_code)
    for trouble in by_gravity[:-1]:
        err.print(f"error: {printable(str(trouble))}", soft_wrap=True)
    if by_gravity:
        raise by_gravity[-1]


def _open(root: str, header_file: Path | None) -> Objects:
    if re.match(r"https?://", root):
        headers = dict(_headers(header_file))
        return open_http_root(root, writable=False, headers=headers)
    if header_file is not None:
        raise UsageError("--header-file is for http and https")
    return open_root(root, writable=False)


def _trusted(path: Path | None, keys: KeyFolder) -> bytes:
    if path is None and (trusted := keys.trusted_root()):
        return trusted.data
    path = path or keys.root_path
    data = _read(path, _MOST_ROOT_BYTES)
    try:
        check_trusted_root(data, str(path))
    except TrustError as error:
        raise BadInputError(str(error)) from error
    return data


def _headers(path: Path | None) -> Iterator[tuple[str, str]]:
    """Of the environment and of a file. No message has a value: it may be a secret."""
    token = os.environ.get(PULL_TOKEN_VARIABLE)
    if token:
        yield _header(f"Authorization: Bearer {token}", PULL_TOKEN_VARIABLE)
    if path is not None:
        for line in _read(path, _MOST_HEADER_BYTES).decode("utf-8", "replace").splitlines():
            if line.strip():
                yield _header(line, str(path))


def _header(line: str, where: str) -> tuple[str, str]:
    header = _HEADER.fullmatch(line.strip())
    if header is None or header[1].lower() in _NOT_OURS:
        raise BadInputError(f"{where} has a line that is not 'Name: value'")
    return header[1], header[2]


def _read(path: Path, limit: int) -> bytes:
    try:
        if not path.is_file():
            raise BadInputError(f"no file {path}")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > limit:
        raise BadInputError(f"{path} is larger than the {limit} bytes it may have")
    return data
