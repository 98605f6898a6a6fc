"""The DAGs as Airflow parses them: schedule, shape, patience, forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smartwatts_ml.kinds import model_names

RETRAINING = ("retrain_weekly", "retrain_on_new_readings")
Parsed = dict[str, Any]


def tasks_of(parsed: Parsed, dag: str) -> dict[str, dict[str, Any]]:
    return {task["id"]: task for task in parsed["dags"][dag]["tasks"]}


def test_every_dag_file_parses_and_can_be_stored(parsed: Parsed) -> None:
    assert parsed["errors"] == {}
    assert set(parsed["dags"]) == {
        *RETRAINING,
        "renew_timestamp",
        "rollback_model",
        "watch_champions",
    }


def test_the_weekly_run_is_on_sunday_at_two_and_never_makes_up_for_missed_ones(
    parsed: Parsed,
) -> None:
    weekly = parsed["dags"]["retrain_weekly"]
    assert weekly["schedule"] == "0 2 * * 0"
    assert not weekly["catchup"]
    assert weekly["max_active_runs"] == 1


def test_a_first_start_waits_for_the_next_sunday(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.timetables import trigger
    from airflow.timetables.base import TimeRestriction

    sunday_afternoon = datetime(2026, 11, 22, 15, tzinfo=UTC)
    monkeypatch.setattr(trigger, "utcnow", lambda: sunday_afternoon)
    timetable = trigger.CronTriggerTimetable(
        "0 2 * * 0", timezone="UTC", run_immediately=timedelta(0)
    )
    info = timetable.next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
    )
    assert info is not None
    assert info.run_after == datetime(2026, 11, 29, 2, tzinfo=UTC)


def test_new_readings_start_one_run_at_a_time_by_an_asset_that_is_watched(parsed: Parsed) -> None:
    dag = parsed["dags"]["retrain_on_new_readings"]
    assert dag["timetable"] == "AssetTriggeredTimetable"
    assert dag["scheduled_on"] == {"smartwatts/new-readings": ["root"]}
    assert dag["max_active_runs"] == 1 and not dag["catchup"]


def test_no_task_of_ours_starts_a_retraining_by_what_it_tells(parsed: Parsed) -> None:
    scheduled = set(parsed["dags"]["retrain_on_new_readings"]["scheduled_on"])
    for dag in parsed["dags"].values():
        for task in dag["tasks"]:
            assert not scheduled & set(task["outlets"]), task["id"]


@pytest.mark.parametrize("dag", RETRAINING)
def test_ingest_tells_of_readings_and_publish_of_champions(parsed: Parsed, dag: str) -> None:
    tasks = tasks_of(parsed, dag)
    assert tasks["ingest"]["outlets"] == ["smartwatts/readings"]
    assert tasks["model.train"]["inlets"] == ["smartwatts/readings"]
    assert tasks["model.publish"]["inlets"] == [f"smartwatts/{model}" for model in model_names()]
    assert tasks["model.publish"]["outlets"] == ["smartwatts-champions"]


@pytest.mark.parametrize("dag", RETRAINING)
def test_both_dags_run_the_same_stages_in_the_same_order(parsed: Parsed, dag: str) -> None:
    tasks = tasks_of(parsed, dag)
    assert tasks["find_new_files"]["downstream"] == ["ingest"]
    assert tasks["ingest"]["downstream"] == ["plan"]
    assert tasks["model.train"]["downstream"] == ["model.validate"]
    assert tasks["model.validate"]["downstream"] == ["model.convert"]
    assert tasks["model.convert"]["downstream"] == ["model.publish", "model.refit"]
    assert tasks["model.refit"]["downstream"] == ["model.publish"]
    assert sorted(tasks["model.publish"]["downstream"]) == ["renew", "report"]
    assert tasks["report"]["downstream"] == tasks["renew"]["downstream"] == []
    assert set(tasks) == {
        "find_new_files",
        "ingest",
        "plan",
        "report",
        "renew",
        *(f"model.{step}" for step in ("train", "validate", "convert", "refit", "publish")),
    }


@pytest.mark.parametrize("dag", RETRAINING)
@pytest.mark.parametrize("task", ["renew", "report"])
def test_the_last_tasks_run_whatever_happened_before_them(
    parsed: Parsed, dag: str, task: str
) -> None:
    assert tasks_of(parsed, dag)[task]["rule"].endswith("ALL_DONE")


@pytest.mark.parametrize("dag", RETRAINING)
def test_only_trainings_wait_for_the_training_pool(parsed: Parsed, dag: str) -> None:
    pools = {name: task["pool"] for name, task in tasks_of(parsed, dag).items()}
    assert pools.pop("model.train") == pools.pop("model.refit") == "smartwatts_training"
    assert set(pools.values()) == {"default_pool"}


SIGNING = {
    "retrain_weekly": {"model.publish", "renew"},
    "retrain_on_new_readings": {"model.publish", "renew"},
    "renew_timestamp": {"renew"},
    "rollback_model": {"rollback"},
    "watch_champions": {"take_back"},
}


@pytest.mark.parametrize("dag", SIGNING)
def test_what_signs_and_nothing_else_runs_where_the_keys_are(parsed: Parsed, dag: str) -> None:
    queues = {name: task["queue"] for name, task in tasks_of(parsed, dag).items()}
    assert {name for name, queue in queues.items() if queue == "signing"} == SIGNING[dag]
    trainings = {name for name, queue in queues.items() if queue == "training"}
    assert trainings == ({"model.train", "model.refit"} if dag in RETRAINING else set())


def test_the_timestamp_is_renewed_many_times_before_it_expires(parsed: Parsed) -> None:
    dag = parsed["dags"]["renew_timestamp"]
    assert dag["schedule"] == "30 */6 * * *"
    assert tasks_of(parsed, "renew_timestamp")["renew"]["tells"]
    assert not dag["catchup"]
    assert dag["max_active_runs"] == 1


def test_every_task_is_explained_and_may_try_again(parsed: Parsed) -> None:
    for dag in parsed["dags"].values():
        assert dag["doc"]
        for task in dag["tasks"]:
            assert task["doc"], task["id"]
            assert task["retries"] > 0, task["id"]
            assert task["timeout"], task["id"]


@pytest.mark.parametrize("dag", RETRAINING)
def test_branches_are_named_after_their_model(parsed: Parsed, dag: str) -> None:
    import jinja2

    for name, task in tasks_of(parsed, dag).items():
        if name.startswith("model."):
            template = jinja2.Template(task["template"])
            before = {"task": {"op_kwargs": {"branch": {"model": "nilm"}}}}
            assert template.render(before) == "nilm"
            assert template.render(before | {"label": "nilm kept"}) == "nilm kept"


@pytest.mark.parametrize("dag", RETRAINING)
def test_the_form_offers_every_model_the_epochs_and_a_dry_run(parsed: Parsed, dag: str) -> None:
    form = parsed["dags"][dag]["params"]
    assert form["models"]["items"]["enum"] == list(model_names())
    assert form["models"]["examples"] == list(model_names())
    assert form["epochs"]["type"] == ["null", "integer"]
    assert form["dry_run"]["type"] == "boolean"


def test_the_rollback_form_asks_for_model_version_and_reason(parsed: Parsed) -> None:
    form = parsed["dags"]["rollback_model"]["params"]
    assert form["model"]["enum"] == list(model_names())
    assert form["version"]["type"] == "integer"
    assert set(form) == {"model", "version", "reason"}
