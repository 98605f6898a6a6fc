"""What ``make run`` says about a run as it goes."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rich.console import Console

from scripts.airflow_api import Airflow
from scripts.watch import name_of, news, progress_table


def task(task_id: str, state: str | None, index: int = -1, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{task_id} {index}",
        "task_id": task_id,
        "state": state,
        "map_index": index,
        "rendered_map_index": None,
        "try_number": 1,
        "duration": None,
        "start_date": "2026-11-22T02:00:00Z",
        "end_date": "2026-11-22T02:01:00Z",
    } | more


def test_each_ended_task_is_told_once_with_its_map_name_and_time() -> None:
    said: set[str] = set()
    tasks = [
        task("ingest", "success", duration=12.4),
        task("model.validate", "skipped", 0, rendered_map_index="nilm kept: F1 −0.02"),
        task("model.train", "running", 1),
    ]
    lines = news(tasks, said)
    assert [str(line) for line in lines] == ["✓ ingest  12 s", "– validate nilm kept: F1 −0.02"]
    assert [line.spans[0].style for line in lines] == ["green", "yellow"]
    assert news(tasks, said) == []


def test_brackets_in_a_reason_are_shown_as_they_are() -> None:
    broken = task("model.train", "failed", 0, rendered_map_index="nilm failed: shape [1, 2]")
    console = Console(width=80)
    with console.capture() as captured:
        console.print(news([broken], set())[0])
    assert "shape [1, 2]" in captured.get()


def test_what_is_skipped_only_because_an_earlier_step_was_is_not_told() -> None:
    never_ran = task("model.publish", "skipped", 0, rendered_map_index="0")
    assert news([never_ran], set()) == []


def test_every_try_that_failed_is_told() -> None:
    said: set[str] = set()
    named = task("model.publish", "success", 3, rendered_map_index="nilm accepted")
    first = task("model.train", "up_for_retry", 3)
    second = task("model.train", "failed", 3, try_number=2)
    assert "will retry train nilm" in str(news([first, named], said)[0])
    assert "failed train nilm" in str(news([second, named], said)[0])


def test_the_table_has_a_row_for_each_model() -> None:
    tasks = [
        task("model.train", "success", 0, rendered_map_index="nilm"),
        task("model.validate", "running", 0),
        task("model.train", "failed", 1, rendered_map_index="anomaly failed: no"),
        task("report", None),
    ]
    console = Console(width=80, record=True, file=None)
    with console.capture() as captured:
        console.print(progress_table(tasks))
    lines = captured.get().splitlines()
    assert any(line.split()[:3] == ["nilm", "✓", "running"] for line in lines)
    assert any(line.split()[:2] == ["anomaly", "failed"] for line in lines)


def test_files_that_are_ingested_side_by_side_are_no_models() -> None:
    tasks = [
        task("ingest", "success", 0, rendered_map_index="4 files: 900 readings"),
        task("ingest", "running", 1),
        task("model.train", "running", 0),
        task("model.train", "success", 1, rendered_map_index="nilm"),
    ]
    assert [name_of(each, tasks) for each in tasks] == [
        "ingest 4 files: 900 readings",
        "ingest 1",
        "train 0",
        "train nilm",
    ]
    assert [list(map(str, column.cells)) for column in progress_table(tasks).columns[:2]] == [
        ["0", "nilm"],
        ["running", "✓"],
    ]
    assert progress_table(tasks).title == "ingest running"


class ManyTasks(Airflow):
    """Answers as Airflow does, at most a hundred at a time."""

    def __init__(self, count: int) -> None:
        super().__init__(0, "")
        self.count = count
        self.asked = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self.asked += 1
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        begin, limit = int(query["offset"]), min(int(query["limit"]), 100)
        assert query["order_by"] == "id"
        some = [{"id": i} for i in range(begin, min(begin + limit, self.count))]
        return {"task_instances": some, "total_entries": self.count}


@pytest.mark.parametrize("count", [0, 1, 100, 101, 230])
def test_a_run_of_very_many_tasks_is_told_whole(count: int) -> None:
    airflow = ManyTasks(count)
    assert [each["id"] for each in airflow.tasks("dag", "run")] == list(range(count))
    assert airflow.asked == max(1, -(-count // 100))
