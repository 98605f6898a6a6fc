"""The file that a report asks people to fill in, as a spreadsheet opens it."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from smartwatts_ml.kinds.questions import Question
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.reports.questions import question_rows, write_questions
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.site_names import SiteNames
from smartwatts_ml.settings import settings

START = np.datetime64("2026-03-01T18:02:10")
NAMES = SiteNames(bytes(32), shown=True)


class _Run(ModelRun):
    """One whose model asks about homes of some names, half a minute of each."""

    mains_only = cast(Any, SimpleNamespace(spans=lambda: (), labels=lambda: ()))

    @property
    def kind(self) -> Any:  # type: ignore[override]
        end = START + np.timedelta64(30, "s")
        asked = [Question(s, "kettle", START, end, "Europe/Paris", 0.5, 9.0, 1.0) for s in SITES]
        return SimpleNamespace(work=SimpleNamespace(questions=lambda *_: asked))


SITES = ("berlin-7", "=1+1", "+49 30", "-7", "@home", "40012345678901234")


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)


def test_no_name_in_it_is_run_or_rounded_and_no_period_is_shortened(objects: Objects) -> None:
    run = _Run(objects, settings(root=objects.url), "run1", "nilm")
    bout = cast(Any, SimpleNamespace(predictors={"challenger": None}))
    write_questions(run, bout, NAMES)
    rows = question_rows(run)
    assert [question.site for question in rows["questions"]] == list(SITES)
    lines = list(csv.DictReader(io.StringIO(rows["answer_file"])))
    assert [line["site"] for line in lines] == ["berlin-7", *map(NAMES.pseudonym, SITES[1:])]
    assert {(line["from"][11:], line["to"][11:]) for line in lines} == {
        ("19:02:10+01:00", "19:02:40+01:00")
    }


def test_a_run_that_asked_before_homes_had_another_name_there_is_shown(objects: Objects) -> None:
    run = _Run(objects, settings(root=objects.url), "run1", "nilm")
    asked = {"site": "b", "appliance": "kettle", "start": "2026-03-01T19:02+01:00"}
    more = {"end": "2026-03-01T19:03+01:00", "probability": 0.5, "mean_w": 1.0, "energy_kwh": 1.0}
    text = json.dumps({"questions": [asked | more], "failure": None})
    objects.write("runs/run1/nilm/questions.json", text.encode())
    assert question_rows(run)["answer_file"].splitlines()[1].startswith("b,kettle,")
