"""The part of a run's report that asks people: a table, and a file for their answers."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.gate import CHALLENGER
from smartwatts_ml.judging.opponents import Bout
from smartwatts_ml.kinds.questions import Question
from smartwatts_ml.labels.answer import FIELDS
from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.readings.holdout import SelectedReadings
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.site_names import SiteNames

__all__ = ["question_rows", "write_questions"]

_QUESTIONS = "questions.json"
_MOST = 10


@dataclass(frozen=True)
class _Asked:
    """A question as people read it; ``start`` and ``end`` by the clock of the home, with offset.
    ``in_file``: what the file to fill in calls the home."""

    site: str
    appliance: str
    start: str
    end: str
    probability: float
    mean_w: float
    energy_kwh: float
    in_file: str = ""


@dataclass(frozen=True)
class _Questions:
    questions: tuple[_Asked, ...] = ()
    failure: str | None = None


def write_questions(run: ModelRun, bout: Bout, names: SiteNames) -> None:
    """Leave in the run what the challenger would like to be told. As with charts, no fault in this
    may cost a retraining, nor may it go unseen."""
    ask = run.kind.work.questions
    if ask is None:
        return
    try:
        readings = run.mains_only
        spans = sorted(readings.spans(), key=lambda span: _lot(run, span.site))
        homes = SelectedReadings(readings, spans, labels=readings.labels())
        chosen = ask(bout.predictors[CHALLENGER], homes, _MOST)
        asked = _Questions(tuple(_asked(question, names) for question in chosen))
    except Exception as error:
        logging.getLogger("smartwatts").exception("%s: no questions", run.model)
        asked = _Questions(failure=names.of_error(error))
    run.write_json(_QUESTIONS, asked)


def question_rows(run: ModelRun) -> dict[str, Any]:
    """``questions``, the ``answer_file`` to fill in as text and as a link, and why there are none
    where it went wrong."""
    try:
        asked = run.read_json(_QUESTIONS, _Questions)
    except NotFoundError:
        return {}
    text = _answer_file(asked.questions)
    packed = base64.b64encode(text.encode()).decode()
    return {
        "questions": asked.questions,
        "no_questions": asked.failure,
        "answer_file": text,
        "answer_link": f"data:text/csv;base64,{packed}",
    }


def _lot(run: ModelRun, site: str) -> bytes:
    """With other readings other homes come first, so that each is asked some day."""
    return hashlib.sha256(f"{run.snapshot.digest}/{site}".encode()).digest()


def _asked(question: Question, names: SiteNames) -> _Asked:
    start, end = (_local(time, question.timezone) for time in (question.start, question.end))
    measured = question.probability, question.mean_w, question.energy_kwh
    site = names(question.site)
    in_file = site if site[:1].isalpha() else names.pseudonym(question.site)
    return _Asked(site, question.appliance, start, end, *measured, in_file)


def _local(time: np.datetime64, timezone: str) -> str:
    """As in ``2026-11-02T06:00+01:00``, with seconds where there are some."""
    wall = wall_clock(timezone).to_wall(time)
    minutes = int((wall - time) / np.timedelta64(1, "m"))
    sign, ahead = "-" if minutes < 0 else "+", abs(minutes)
    return f"{str(wall).removesuffix(':00')}{sign}{ahead // 60:02}:{ahead % 60:02}"


def _answer_file(questions: Sequence[_Asked]) -> str:
    """CSV as ``landing/labels/`` takes it, without the answers. A spreadsheet would run a name
    that begins with ``=``, ``+``, ``-`` or ``@``, and round the number of a meter: such homes go by
    their pseudonyms."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows((q.in_file or q.site, q.appliance, q.start, q.end, "") for q in questions)
    return table.getvalue()
