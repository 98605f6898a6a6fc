"""The start of a run: what it stands on, and the page on the quality of its readings."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from smartwatts_ml.objects import Objects
from smartwatts_ml.printable import printable
from smartwatts_ml.progress import Progress
from smartwatts_ml.reports.data_quality import write_quality_page
from smartwatts_ml.runs.labels import take_new_labels
from smartwatts_ml.runs.plan import RunPlan, plan_run
from smartwatts_ml.settings import Settings

__all__ = ["start_run"]


def start_run(
    objects: Objects,
    settings: Settings,
    run_id: str,
    models: Sequence[str] | None = None,
    *,
    only_due: bool = False,
    only_new: bool = False,
    claim: bool = True,
    progress: Progress | None = None,
) -> RunPlan:
    """``plan_run``, with what people have answered since; a run that has any models gets a page on
    the quality of its readings."""
    for line in take_new_labels(objects, settings).lines():
        logging.getLogger("smartwatts").info("%s", printable(line))
    plan = plan_run(
        objects, settings, run_id, models, only_due=only_due, only_new=only_new, claim=claim
    )
    if plan.models:
        if progress:
            progress("looking at the quality of the readings", 0.1)
        write_quality_page(objects, settings, run_id)
    return plan
