"""A run sees the labels that it pinned, whatever people say later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.labels.answer import Homes
from smartwatts_ml.labels.answers import current_labels, take_labels
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.runs.labels import pin_labels, read_labels
from smartwatts_ml.runs.run import LABELS, SNAPSHOT
from smartwatts_ml.runs.stage_outputs import begin_outputs

SPAN = SiteSpan("home", ("mains",), np.datetime64("2026-01-01"), np.datetime64("2027-01-01"), 1)
HOMES = Homes([SPAN], lambda _: "UTC", str)
HEADER = "site,appliance,from,to,answer\n"


@pytest.fixture
def root(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def say(root: Objects, day: int, said: str) -> None:
    line = f"home,alert,2026-05-{day:02}T00:00,2026-05-{day:02}T05:00,{said}\n"
    root.write(f"landing/labels/{day}-{said}.csv", (HEADER + line).encode())
    take_labels(root, lambda: HOMES)


def test_a_run_keeps_what_it_pinned_and_the_next_one_sees_what_came(root: Objects) -> None:
    say(root, 1, "yes")
    digest = pin_labels(root, "run1")
    first = read_labels(root, "run1", digest)
    assert first == current_labels(root) and len(first) == 1
    say(root, 1, "no")
    say(root, 2, "no")
    assert pin_labels(root, "run1") == digest and read_labels(root, "run1", digest) == first
    assert [label.yes for label in read_labels(root, "run2", pin_labels(root, "run2"))] == [
        False,
        False,
    ]
    assert pin_labels(root, "run3") == pin_labels(root, "run2") != digest


def test_other_labels_than_those_that_were_pinned_are_refused(root: Objects) -> None:
    say(root, 1, "yes")
    digest = pin_labels(root, "run1")
    say(root, 2, "no")
    pin_labels(root, "run2")
    root.write("runs/run1/labels.json", root.read("runs/run2/labels.json").data)
    with pytest.raises(TrustError, match="not what the run pinned"):
        read_labels(root, "run1", digest)
    root.delete("runs/run1/labels.json")
    with pytest.raises(NotFoundError):
        read_labels(root, "run1", digest)


def test_without_answers_nothing_is_pinned_and_nobody_can_slip_any_in(root: Objects) -> None:
    assert pin_labels(root, "run1") == ""
    assert not root.exists("runs/run1/labels.json")
    assert begin_outputs("snap", "") == {SNAPSHOT: "snap"}
    assert begin_outputs("snap", "labs") == {SNAPSHOT: "snap", LABELS: "labs"}
    say(root, 1, "yes")
    pin_labels(root, "run1")
    assert read_labels(root, "run1", "") == ()
    assert read_labels(root, "run0") == () and len(read_labels(root, "run1")) == 1
