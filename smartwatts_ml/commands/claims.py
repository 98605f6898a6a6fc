"""``smartwatts models release``: models that a run which is gone has claimed."""

from __future__ import annotations

from typing import Annotated

import typer

from smartwatts_ml.commands.common import JsonOption, RootOption, open_objects, print_json
from smartwatts_ml.commands.console import out
from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.runs.claims import drop_claim, standing_claim

__all__ = ["release"]


def release(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Default: all.", show_default=False),
    ] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let other runs retrain models that a run which is gone has claimed.

    For one that was deleted, marked failed, or died with its machine. A run that still trains
    a model keeps its lease on it, so that nothing is trained twice at once.

    Example: smartwatts models release nilm
    """
    objects, _ = open_objects(root)
    released = {}
    for model in models or model_names():
        find_model(model)
        claim = standing_claim(objects, model)
        if claim:
            drop_claim(objects, model, claim.run_id)
            released[model] = claim
    if as_json:
        print_json(released)
        return
    for model, claim in released.items():
        out.print(f"{model}: released, {claim}", soft_wrap=True)
    if not released:
        out.print("no run has claimed any of them")
