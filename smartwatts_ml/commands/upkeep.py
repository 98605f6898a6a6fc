"""The verbs of ``smartwatts models`` that look after a store: renew, verify, prune."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

import typer
from rich.text import Text

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    open_objects,
    print_json,
    progress_bar,
)
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.judging.refitted import drop_judged_files
from smartwatts_ml.kinds import find_model
from smartwatts_ml.printable import printable
from smartwatts_ml.runs.copies import run_copy
from smartwatts_ml.store import Audit, Pruned, Store, open_store
from smartwatts_ml.store.advancing import renew_all

__all__ = ["no_version_yet", "prune", "renew", "store_at", "verify"]

_ModelsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODEL]...", help="Default: all.", show_default=False),
]


def store_at(root: str | None, *, writable: bool = False) -> Store:
    """The store of a root, with this machine's keys."""
    return open_store(*open_objects(root, writable=writable))


def no_version_yet(model: str) -> NotFoundError:
    """What to raise for a model that is not in the store. Raises UsageError where there is no
    model of that name."""
    find_model(model)
    return NotFoundError(f"{model} has no version yet", fix="smartwatts models list")


def _chosen(store: Store, models: list[str] | None) -> tuple[str, ...]:
    known = store.models()
    for model in models or ():
        if model not in known:
            raise no_version_yet(model)
    return tuple(dict.fromkeys(models or known))


def renew(root: RootOption = None, as_json: JsonOption = False) -> None:
    """Sign the timestamp again, so that gateways go on to believe the store.

    Every retraining does this; a task of its own does it daily, for a timestamp holds for
    three days at most. Candidates whose step is over are widened before, or taken back.

    Example: smartwatts models renew
    """
    objects, current = open_objects(root, writable=True)
    renewed = renew_all(open_store(objects, current), current)
    if renewed is None:
        raise NotFoundError("the store has no keys yet", fix="`smartwatts keys init`")
    if as_json:
        print_json(renewed)
    else:
        out.print(f"{len(renewed.models)} models, until {renewed.expires}")
    if renewed.problems:
        raise TrustError("; ".join(f"{m}: {why}" for m, why in renewed.problems.items()))


def verify(
    models: _ModelsArgument = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended from what verifies.")
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every digest, signature and serial of the store; exit code 4 if any is wrong.

    Versions that a crash left unfinished, or that were pruned, are counted and not wrong.

    Example: smartwatts models verify --repair
    """
    objects, current = open_objects(root, writable=repair)
    store, copies = open_store(objects, current), partial(run_copy, objects)
    audits = []
    with progress_bar("verify") as report:
        chosen = _chosen(store, models)
        for done, model in enumerate(chosen):
            report(model, done / len(chosen))
            audits.append(store.verify(model, repair=repair, run_file=copies))
        if not models and store.metadata() != (None, None):
            audits.append(store.verify_repository(repair=repair))
    if as_json:
        print_json(audits)
    else:
        if not audits:
            err.print("the store has no versions yet: `smartwatts retrain` makes the first ones")
        for audit in audits:
            _print_audit(audit)
    wrong = sum(len(audit.findings) for audit in audits)
    if wrong:
        mendable = any(finding.repairable for audit in audits for finding in audit.findings)
        raise TrustError(
            f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong in the store",
            fix="--repair mends what it can" if mendable and not repair else None,
        )


def _print_audit(audit: Audit) -> None:
    asides = [
        f"{len(versions)} {name}"
        for name, versions in (("unfinished", audit.unfinished), ("pruned", audit.pruned))
        if versions
    ]
    if audit.repaired:
        asides.append("repaired")
    verdict = Text("✗", "red") if audit.findings else Text("✓", "green")
    text = f"{audit.model}: {audit.entries} serials, {audit.versions} versions"
    out.print(verdict, ", ".join([text, *asides]), soft_wrap=True)
    for finding in audit.findings:
        text = printable(f"    {finding.key}: {finding.problem}")
        out.print(text, soft_wrap=True)


def _days(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})d?", text)
    if not match:
        raise typer.BadParameter(f"{text!r} is not a time such as 365d")
    return timedelta(days=int(match[1]))


def prune(
    keep: Annotated[int, typer.Option("--keep", min=1, help="Newest versions to keep.")],
    models: _ModelsArgument = None,
    older_than: Annotated[
        timedelta,
        typer.Option(
            "--older-than",
            metavar="DAYS",
            parser=_days,
            help="Keep what was in force within this time, so that it can be rolled back to.",
        ),
    ] = "90d",  # type: ignore[assignment]
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove old versions: never the champion, nor what was in force lately, nor any history.

    Example: smartwatts models prune --keep 20 --older-than 365d --dry-run
    """
    objects, current = open_objects(root, writable=not dry_run)
    store = open_store(objects, current)
    pruned = []
    for model in _chosen(store, models):
        pruned.append(store.prune(model, keep=keep, older_than=older_than, dry_run=dry_run))
        if not dry_run:
            drop_judged_files(objects, store, model)
    if as_json:
        print_json(pruned)
        return
    if not pruned:
        err.print("no models yet")
    for item in pruned:
        out.print(_pruned_line(item), soft_wrap=True)


def _pruned_line(item: Pruned) -> str:
    gone: list[Any] = [f"v{version}" for version in (*item.versions, *item.unfinished)]
    shown = ", ".join(gone[:10]) + (f" and {len(gone) - 10} more" if len(gone) > 10 else "")
    verb = "would remove" if item.dry_run else "removed"
    return f"{item.model}: {verb} {shown or 'nothing'}, {item.kept} versions stay"
