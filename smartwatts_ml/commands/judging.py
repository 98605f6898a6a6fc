"""``smartwatts models replay``: a decision, made again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from smartwatts_ml.commands.common import (
    JsonOption,
    RootOption,
    open_objects,
    print_json,
    progress_bar,
)
from smartwatts_ml.commands.console import out
from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.judging.replay import replay as replay_run
from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.runs.folders import existing_run, models_of_run
from smartwatts_ml.runs.run import ModelRun

__all__ = ["replay"]


def replay(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as its report says.")],
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Default: all of the run.", show_default=False),
    ] = None,
    stored_scores: Annotated[
        bool,
        typer.Option(
            "--stored-scores",
            help="Judge the scores that the run kept, in seconds, instead of scoring anew.",
        ),
    ] = False,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat the judgement of a run offline: same snapshot, files, settings and seed.

    Everything is scored again, which takes about as long as the judgement did. Exit code 1
    where the verdict is another; the last digits of metrics may differ between machines.

    Example: smartwatts models replay cli-20261122T020000Z-1f3a nilm
    """
    for model in models or ():
        find_model(model)
    objects, current = open_objects(root)
    existing_run(objects, run)
    replays = []
    for model in models or models_of_run(objects, run, model_names()):
        with progress_bar(model) as report:
            report("judging again", 0.1)
            judged = ModelRun(objects, current, run, model)
            replays.append(replay_run(judged, stored_scores=stored_scores))
    if as_json:
        print_json(replays)
    else:
        for again in replays:
            verdict = ("same verdict", "green") if again.same else ("another verdict", "red")
            out.print(Text.assemble(verdict, f": {again.repeated}"), soft_wrap=True)
            for line in (*again.differences, *((f"code {again.code}",) if again.code else ())):
                out.print(f"    {line}", soft_wrap=True)
    other = [again.model for again in replays if not again.same]
    if other:
        raise SmartwattsError(f"another verdict for {', '.join(other)}")
