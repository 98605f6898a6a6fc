"""Answers of people on their way: into a run, out of its report, and back again."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import TrustError
from smartwatts_ml.kinds.questions import Question
from smartwatts_ml.readings.labels import ALERT
from smartwatts_ml.runs.labels import take_new_labels
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.stages.start import start_run
from tests.stages.service import Service

pytestmark = pytest.mark.slow

HEADER = "site,appliance,from,to,answer\n"
HOUR = np.timedelta64(1, "h")


def say(service: Service, name: str, *lines: str) -> None:
    text = HEADER + "".join(f"{line}\n" for line in lines)
    service.objects.write(f"landing/labels/{name}.csv", text.encode())


def at(time: np.datetime64) -> str:
    return f"{time}Z"


def test_labels_of_the_holdout_judge_and_never_train(service: Service) -> None:
    run = service.run("run1")
    spans = {span.site: span for span in run.readings.spans()}
    start = run.split.holdout_start["home01"]
    end = run.split.training_end(spans["home01"])
    periods = {
        "taught": (end - 5 * HOUR, end),
        "between": (end, start),
        "across": (start - HOUR, start + HOUR),
        "judged": (start, start + 5 * HOUR),
    }
    lines = (f"home01,{ALERT},{at(a)},{at(b)},yes" for a, b in periods.values())
    say(service, "a", *lines)
    service.retrain(seed=3)
    run = service.run("run2")
    assert len(run.labels) == 4 == len(run.everything.labels())
    assert [(x.start, x.end) for x in run.training.labels()] == [periods["taught"]]
    assert [(x.start, x.end) for x in run.holdout.labels()] == [periods["judged"]]
    assert run.left is not None and "../labels.json" in run.left
    assert service.run("run1").labels == ()
    say(service, "b", f"home01,{ALERT},{at(start)},{at(start + 5 * HOUR)},no")
    start_run(service.objects, service.current, "other", ["light"], claim=False)
    assert all(label.yes for label in service.run("run2").labels)
    service.objects.write(
        "runs/run2/labels.json", service.objects.read("runs/other/labels.json").data
    )
    with pytest.raises(TrustError):
        _ = service.run("run2").labels


def test_what_the_report_asks_comes_back_as_labels_of_the_homes_themselves(
    service: Service,
) -> None:
    start = np.datetime64("2026-03-01T18:02:00")
    asked = [
        Question("home01", ALERT, start, start + HOUR, "Europe/Paris", 0.44, 1800.0, 1.2),
        Question("home03", ALERT, start + HOUR, start + 2 * HOUR, "UTC", 0.5, 90.0, 0.1),
    ]
    service.light.work = replace(service.light.work, questions=lambda *_: asked)
    service.retrain(seed=3)
    report = service.report("run2")
    names = site_names(service.objects, service.current)
    assert "home01" not in report and names.pseudonym("home01") in report
    assert "2026-03-01 19:02" in report and "1,800" in report
    block = re.search(r"<pre class=\"scroll\">(.*?)</pre>", report, re.DOTALL)
    assert block
    rows = list(csv.reader(io.StringIO(unescape(block[1]))))
    assert [row[4] for row in rows[1:]] == ["", ""]
    rows[1][4] = "no"
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    service.objects.write("landing/labels/answers.csv", text.getvalue().encode())
    taken = take_new_labels(service.objects, service.current)
    assert (taken.accepted, taken.files[0].blank, taken.rejected) == (1, 1, 0)
    start_run(service.objects, service.current, "run3", ["light"], claim=False)
    [label] = service.run("run3").labels
    assert (label.site, label.start, label.end, label.yes) == ("home01", start, start + HOUR, False)


def test_questions_that_fail_cost_no_retraining_and_are_missed_by_name(service: Service) -> None:
    def fails(*_: object) -> list[Question]:
        raise ZeroDivisionError

    service.light.work = replace(service.light.work, questions=fails)
    assert service.retrain(seed=3)["reasons"]
    assert "What people could tell is not known: ZeroDivisionError" in service.report("run2")


def test_the_commands_take_answers_and_count_them(service: Service) -> None:
    root = service.current.root
    none = CliRunner().invoke(app, ["labels", "--root", root])
    assert none.exit_code == 0 and "no answer yet" in none.output
    say(service, "a", f"home01,{ALERT},2026-03-01T00:00,2026-03-01T01:00,yes")
    say(service, "b", f"home01,{ALERT},2026-03-01T00:00,2026-03-01T01:00,no", "x,alert,,,yes")
    taken = CliRunner().invoke(app, ["ingest", "--root", root, "--json"])
    assert taken.exit_code == 0, taken.output
    labels = json.loads(taken.stdout)["labels"]
    assert (labels["accepted"], labels["rejected"]) == (2, 1)
    assert sum(file["changed"] for file in labels["files"]) == 1
    counted = CliRunner().invoke(app, ["labels", "--root", root, "--json"])
    assert json.loads(counted.stdout) == [
        {"appliance": ALERT, "yes": 0, "no": 1, "homes": 1, "changed": 1}
    ]
    assert ALERT in CliRunner().invoke(app, ["labels", "--root", root]).output
