"""``smartwatts models``: what is in the store, and rolling back."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from smartwatts_ml.commands.card import print_card
from smartwatts_ml.commands.common import JsonOption, RootOption, print_json
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.commands.model_tables import champions_table, history_table, print_manifest
from smartwatts_ml.commands.upkeep import no_version_yet, store_at
from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.kinds import find_model
from smartwatts_ml.reports.bom import BOM_PREDICATE
from smartwatts_ml.reports.card import model_card
from smartwatts_ml.store import Manifest, Store
from smartwatts_ml.store.forced import forced, in_force_by_force
from smartwatts_ml.store.statements import predicate_in

__all__ = ["VersionOption", "history", "list_models", "rollback", "show"]


def _version(text: str) -> int:
    digits = text.removeprefix("v")
    if not digits.isascii() or not digits.isdigit() or int(digits) < 1:
        raise typer.BadParameter(f"{text!r} is not a version such as 3 or v3")
    return int(digits)


_ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="E.g. nilm.")]
_VersionArgument = Annotated[
    int, typer.Argument(metavar="VERSION", parser=_version, help="E.g. 3 or v3.")
]
VersionOption = Annotated[
    int | None,
    typer.Option(
        "--version",
        metavar="VERSION",
        parser=_version,
        help="Default: the champion.",
        show_default=False,
    ),
]


def list_models(root: RootOption = None, as_json: JsonOption = False) -> None:
    """The champion of each model: version, since when, by whom, and its file.

    Example: smartwatts models list --root s3://bucket/smartwatts
    """
    store = store_at(root)
    rows = [_champion_row(store, model) for model in store.models()]
    if as_json:
        print_json(rows)
    elif not rows:
        err.print("no models yet: `smartwatts retrain` makes the first ones")
    else:
        out.print(champions_table(rows))
    problems = [str(row["problem"]) for row in rows if row["problem"]]
    if problems:
        raise TrustError("; ".join(problems))


def _champion_row(store: Store, model: str) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model, "version": None, "problem": None}
    try:
        champion = store.champion(model)
        if champion is None:
            return row
        entry, manifest = champion.entry, champion.manifest
        by_force = in_force_by_force(store.history(model))
        row |= {
            "version": entry.version,
            "serial": entry.serial,
            "action": entry.action,
            "time": entry.time,
            "actor": entry.actor,
            "run_id": entry.run_id,
            "sha256": entry.sha256,
            "size": manifest.size,
            "file": store.file_uri(manifest),
            "expires": None,
            "left_out": manifest.decision.get("left_out", {}),
            "forced": by_force.to_json() if by_force else None,
            "candidate": champion.candidate,
        }
        row["expires"] = store.pointer(model).expires
    except NotFoundError:
        return row  # no pointer yet: the next publish or renewal writes it
    except TrustError as error:
        row["problem"] = str(error)
    return row


def show(
    model: _ModelArgument,
    version: VersionOption = None,
    card: Annotated[
        bool, typer.Option("--card", help="Its model card: use, readings, metrics, limits.")
    ] = False,
    bom: Annotated[
        bool, typer.Option("--bom", help="Its bill of materials, CycloneDX 1.6 as JSON.")
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """One version: what it was trained on, what it takes and gives, why it was accepted.

    Example: smartwatts models show nilm --version 3
    """
    store = store_at(root)
    marks = forced(store.history(model))
    manifest = _manifest(store, model, version)
    if bom:
        print_json(_bill_of_materials(store, manifest))
        return
    if as_json:
        print_json(model_card(manifest) if card else manifest)
        return
    if card:
        print_card(model_card(manifest))
    else:
        print_manifest(manifest, store.file_uri(manifest))
    for mark in marks:
        if mark.version == manifest.version:
            out.print(mark.text, style="bold red", soft_wrap=True)


def _bill_of_materials(store: Store, manifest: Manifest) -> Any:
    name = f"{manifest.model} v{manifest.version}"
    bundle = store.statement(manifest.model, manifest.version)
    bom = predicate_in(bundle, BOM_PREDICATE, f"the statement of {name}")
    if bom is None:
        raise NotFoundError(f"{name} has no bill of materials: an earlier release published it")
    return bom


def _manifest(store: Store, model: str, version: int | None) -> Manifest:
    """Of a version, or of the champion."""
    if version is None:
        champion = store.champion(model)
        if champion is None:
            raise no_version_yet(model)
        return champion.manifest
    try:
        return store.manifest(model, version)
    except NotFoundError:
        find_model(model)
        raise


def history(model: _ModelArgument, root: RootOption = None, as_json: JsonOption = False) -> None:
    """Every change of champion and candidate, oldest first, all signatures verified.

    Example: smartwatts models history nilm
    """
    entries = store_at(root).history(model)
    if as_json:
        print_json(entries)
        return
    if not entries:
        raise no_version_yet(model)
    out.print(history_table(entries))


def rollback(
    model: _ModelArgument,
    version: _VersionArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the history.")],
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a version that was in force before in force again, under a new serial.

    A candidate is taken back.

    Example: smartwatts models rollback nilm 3 --reason "v4 misses kettles"
    """
    store = store_at(root, writable=True)
    try:
        done = store.rollback(model, version, getpass.getuser(), reason)
    except NotFoundError:
        find_model(model)
        raise
    if as_json:
        print_json(done)
    else:
        out.print(f"{model} v{done.version} is in force, serial {done.serial}")
