"""``smartwatts models rollout``: candidates, which some gateways take before all do."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, RootOption, open_objects, print_json
from smartwatts_ml.commands.console import out
from smartwatts_ml.commands.upkeep import store_at
from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.kinds import find_model
from smartwatts_ml.pulling import Gateway
from smartwatts_ml.pulling.rings import ALL, Candidate
from smartwatts_ml.store import HistoryEntry, Store, open_store
from smartwatts_ml.store.advancing import next_step

__all__ = ["app", "halt", "list_candidates", "promote", "widen"]

app = typer.Typer(
    no_args_is_help=True,
    help="Candidates, which some gateways take first: which are out, to more, back, in force.",
    epilog='Example: smartwatts models rollout halt nilm --reason "alerts at night"',
)

_ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="E.g. nilm.")]
_ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]


@app.command("list")
def list_candidates(
    gateway: Annotated[
        str | None,
        typer.Option(
            "--gateway",
            metavar="ID",
            help="Say which version this gateway takes, whatever runtime it has.",
            show_default=False,
        ),
    ] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """The candidate of each model that has one: for how many gateways, until when.

    Example: smartwatts models rollout list --gateway home7
    """
    store = store_at(root)
    who = None if gateway is None else Gateway(gateway)
    rows = [row for model in store.models() if (row := _row(store, model, who))]
    if as_json:
        print_json(rows)
        return
    table = Table("model", "candidate", "gateways", "since", "until", *(["takes"] if who else []))
    for row in rows:
        share = f"{row['percent']}" if row["share"] else "halted"
        text = [row["model"], f"v{row['version']}", share, row["since"], row["until"]]
        table.add_row(*text, *([f"v{row['takes']}"] if who else []))
    out.print(table if rows else "no candidates: gateways have what is in force")


def _row(store: Store, model: str, gateway: Gateway | None) -> dict[str, Any] | None:
    champion = store.champion(model)
    if champion is None or champion.candidate is None:
        return None
    candidate = champion.candidate
    row = {"model": model, **asdict(candidate), "percent": candidate.percent}
    row["champion"] = champion.version
    if gateway:
        takes = _any_runtime(candidate).is_for(model, gateway, datetime.now(UTC))
        row["takes"] = candidate.version if takes else champion.version
    return row


def _any_runtime(candidate: Candidate) -> Candidate:
    return Candidate(**{**asdict(candidate), "runtime": ""})


@app.command()
def widen(
    model: _ModelArgument,
    reason: _ReasonOption,
    share: Annotated[
        float | None,
        typer.Option(
            "--to",
            metavar="PERCENT",
            help="To so many gateways. Default: the next of SMARTWATTS_ROLLOUT_SHARES.",
            show_default=False,
        ),
    ] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let more gateways take a candidate; all of them: it is promoted.

    Example: smartwatts models rollout widen nilm --to 25 --reason "a week without complaints"
    """
    objects, current = open_objects(root)
    store = open_store(objects, current)
    actor, version = getpass.getuser(), _candidate(store, model)
    if share is None:
        entry = next_step(store, current, model, actor, reason, version)
    elif share == 100:
        entry = store.rollouts.promote(model, actor, reason, version)
    else:
        days = current.rollout.patience_days
        of_all = round(share * ALL / 100)
        entry = store.rollouts.widen(model, of_all, days, actor, reason, version)
    _tell(entry, as_json)


@app.command()
def halt(
    model: _ModelArgument,
    reason: _ReasonOption,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a candidate back: gateways go back to the champion at their next pull.

    Example: smartwatts models rollout halt nilm --reason "alerts at night"
    """
    _change(root, model, lambda store, who: store.rollouts.halt(model, who, reason), as_json)


@app.command()
def promote(
    model: _ModelArgument,
    reason: _ReasonOption,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a candidate in force, for every gateway.

    Example: smartwatts models rollout promote nilm --reason "better in every home"
    """
    _change(root, model, lambda store, who: store.rollouts.promote(model, who, reason), as_json)


def _change(
    root: str | None, model: str, change: Callable[[Store, str], HistoryEntry], as_json: bool
) -> None:
    store = store_at(root, writable=True)
    _candidate(store, model)
    _tell(change(store, getpass.getuser()), as_json)


def _candidate(store: Store, model: str) -> int:
    """The version that is a candidate. Raises UsageError where there is no model of that name."""
    champion = store.champion(model)
    if champion is None or champion.candidate is None:
        find_model(model)
        raise NotFoundError(f"{model} has no candidate", fix="`smartwatts models rollout list`")
    return champion.candidate.version


def _tell(entry: HistoryEntry, as_json: bool) -> None:
    if as_json:
        print_json(entry)
        return
    candidate = entry.candidate
    if candidate is None:
        text = f"{entry.model} v{entry.version} is in force, serial {entry.serial}"
    elif candidate.share:
        text = (
            f"{entry.model} v{candidate.version} is a candidate for {candidate.percent} of "
            f"gateways until {candidate.until}, serial {entry.serial}"
        )
    else:
        text = (
            f"{entry.model} v{candidate.version} is taken back, v{entry.version} stays in force, "
            f"serial {entry.serial}"
        )
    out.print(text, soft_wrap=True)
