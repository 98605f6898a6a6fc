"""The same DAGs past one machine: Celery, Redis, Postgres, a root on S3; a worker dies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from scripts.s3_users import policy
from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.simulate import simulate
from smartwatts_ml.store import KeyFolder, Store
from tests.airflow.distributed import CELERY, LOCAL, Distributed, eventually, why_missing
from tests.ministack import Ministack

pytestmark = [pytest.mark.full, pytest.mark.timeout(4000)]

WEEKLY = "retrain_weekly"
FORM = {"epochs": 1}
RUN_SECONDS = 1800.0


@pytest.fixture(scope="module")
def stack(
    ministack: Ministack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Distributed, dict[str, str], Path]]:
    missing = why_missing()
    if missing:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("distributed")
    patch = pytest.MonkeyPatch()
    bucket = ministack.new_bucket()
    environment = {
        **ministack.environment(),
        "SMARTWATTS_ROOT": f"s3://{bucket}/fleet",
        "SMARTWATTS_KEYS": str(folder / "keys"),
        "SMARTWATTS_APPROVAL": "all",
        "SMARTWATTS_APPROVAL_USERS": '{"admin": "ann"}',
    }
    for name, value in environment.items():
        patch.setenv(name, value)
    homes = folder / "homes"
    simulate(12, 90, homes, submetered=1)
    objects = open_root(environment["SMARTWATTS_ROOT"])
    for path in sorted(p for p in homes.rglob("*") if p.is_file()):
        objects.upload(f"landing/{path.relative_to(homes).as_posix()}", path)
    # Who trains trusts the root, and has neither the keys nor a way to write below models/.
    store = Store(objects, folder / "keys")
    store.ceremonies.init(model_names())
    KeyFolder(folder / "trust").trust(store.keys.root_path.read_bytes(), "root.json")
    keys = {"SMARTWATTS_KEYS": str(folder / "keys")}
    policies = [policy(role, bucket, "fleet") for role in ("trainer", "signer")]
    both = policies[0] | {"Statement": [s for one in policies for s in one["Statement"]]}
    training, signing, alone = (ministack.new_user(one) for one in (*policies, both))
    training |= environment | training | {"SMARTWATTS_KEYS": str(folder / "trust")}
    made = Distributed(folder, training, signing=signing | keys, alone=alone | keys)
    try:
        made.start_servers()
        yield made, environment, folder
    finally:
        made.stop()
        patch.undo()


def run_weekly(stack: Distributed) -> str:
    """Trigger a run of five models; its id."""
    airflow = stack.airflow
    airflow.set_pool("smartwatts_training", 2, "Trainings at once")
    airflow.pause(WEEKLY, False)
    run_id: str = airflow.trigger(WEEKLY, FORM)["dag_run_id"]
    return run_id


def ended(stack: Distributed, run_id: str) -> str:
    """The run's state, once it has one that lasts; whatever a person is asked is approved."""
    states = ("success", "failed")
    run = f"/dags/{WEEKLY}/dagRuns/{quote(run_id)}"

    def state() -> str | None:
        for asked in stack.airflow.call("GET", f"{run}/hitlDetails?response_received=false")[
            "hitl_details"
        ]:
            task = asked["task_instance"]
            place = f"{run}/taskInstances/{task['task_id']}/{task['map_index']}"
            answer = {"chosen_options": ["Approve"]}
            stack.airflow.call("PATCH", f"{place}/hitlDetails", answer)
        now: str = stack.airflow.run(WEEKLY, run_id)["state"]
        return now if now in states else None

    return str(eventually(state, f"{run_id} ends", RUN_SECONDS))


def check_every_model_was_decided_once(environment: dict[str, str], folder: Path) -> None:
    """And nothing was published of which nobody was asked."""
    objects = open_root(environment["SMARTWATTS_ROOT"])
    store = Store(objects, folder / "keys")
    reasons: list[str] = []
    for model in model_names():
        state = read_state(objects, model)
        assert state is not None and state.failures == 0 and state.outcome != "failed"
        runs = Counter(entry.run_id for entry in store.history(model))
        assert set(runs.values()) <= {1}, f"{model}: {runs}"
        assert not store.verify(model).findings
        reasons += [entry.reason for entry in store.history(model)]
    assert reasons and all("approved by" in reason for reason in reasons)


def test_a_worker_that_dies_in_mid_training_costs_time_and_nothing_else(
    stack: tuple[Distributed, dict[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    made, environment, folder = stack
    made.start_airflow(CELERY, workers=2)
    started = time.monotonic()
    run_id = run_weekly(made)
    names = ("worker0", "worker1")
    dying = eventually(
        lambda: next((n for n in names if made.trains(n)), None), "a worker trains", 600
    )
    made.kill(dying)
    # Components of Airflow itself go away too, in mid-run, and come back.
    for name in ("scheduler", "triggerer"):
        made.kill(name)
        made.start(name, name, "--skip-serve-logs")
    made.kill("api-server")
    made.start("api-server", "api-server")
    assert ended(made, run_id) == "success"
    celery = time.monotonic() - started
    check_every_model_was_decided_once(environment, folder)
    tried = [t["try_number"] for t in made.airflow.tasks(WEEKLY, run_id)]
    assert max(tried) > 1, "the attempt that died was made again"
    made.stop_airflow()

    made.start_airflow(LOCAL)
    started = time.monotonic()
    assert ended(made, run_weekly(made)) == "success"
    local = time.monotonic() - started
    check_every_model_was_decided_once(environment, folder)
    with capsys.disabled():
        print(  # noqa: T201
            f"\nfive models, one epoch: CeleryExecutor, one of two workers killed {celery:.0f} s,"
            f" LocalExecutor {local:.0f} s"
        )
