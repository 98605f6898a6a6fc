"""``make run``: the local stack up, a weekly retraining through it, and what it decided.

Everything that is already there is used again: environment, database, readings, champions,
a stack that is up, and a weekly run that has not ended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from smartwatts_airflow.runs import run_key

from scripts.airflow_api import Airflow, AirflowError
from scripts.session import Record
from scripts.stack import REPOSITORY, Stack
from scripts.watch import FailedRunError, follow, show_failures
from smartwatts_ml.commands.console import out
from smartwatts_ml.commands.retrain import show_run
from smartwatts_ml.environment import check_environment
from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.simulate import simulate
from smartwatts_ml.stages.tasks import run_report
from smartwatts_ml.store import Store

__all__ = ["hold_ceremony"]

_WEEKLY = "retrain_weekly"
_AT_ONCE = (_WEEKLY, "renew_timestamp", "rollback_model")
_LATER = ("retrain_on_new_readings", "watch_champions")
"""The simulated homes alone would start a second retraining, and there is no champion to watch."""
_POOL = "smartwatts_training"
_START_SECONDS = 300.0
_RUN_SECONDS = 3600.0


class _StartError(Exception):
    """The stack did not come up."""


def _main() -> int:
    """Start, simulate, trigger, follow, show."""
    options = _parse()
    folder = Path(options.folder).resolve()
    stack = Stack(folder, options.root or _absolute(os.environ.get("SMARTWATTS_ROOT"), folder))
    os.environ["SMARTWATTS_ROOT"] = stack.root
    try:
        return _run(stack, options)
    except (_StartError, FailedRunError, AirflowError) as error:
        out.print(error, style="red", soft_wrap=True)
        return 1
    except SmartwattsError as error:
        out.print(error, style="red", soft_wrap=True)
        return error.exit_code
    except KeyboardInterrupt:
        out.print("\nAirflow works on. make run shows the run again, make stop ends it.")
        return 130


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=REPOSITORY / ".local", help="All files of the stack.")
    parser.add_argument("--root", help="Default: SMARTWATTS_ROOT, then smartwatts in the folder.")
    parser.add_argument("--homes", type=int, default=12, help="Simulated homes, if none are there.")
    parser.add_argument("--days", type=int, default=150, help="Days of simulated readings.")
    parser.add_argument("--submetered", type=int, default=4, help="Homes with appliance meters.")
    parser.add_argument(
        "--epochs",
        type=int,
        default=12,
        help="Most epochs of each training: enough to look around.",
    )
    parser.add_argument("--slots", type=int, default=2, help="Trainings at a time.")
    return parser.parse_args()


def _absolute(root: str | None, folder: Path) -> str:
    """The root as every component sees it, wherever it is started."""
    if root is None:
        return str(folder / "smartwatts")
    return root if "://" in root else str((REPOSITORY / root).resolve())


def _run(stack: Stack, options: argparse.Namespace) -> int:
    """One weekly retraining; 0 if the run succeeded, whatever it decided."""
    started = time.monotonic()
    check_environment()  # before anything that runs is started anew
    stack.prepare()
    objects = open_root(stack.root)
    hold_ceremony(objects, stack.keys)
    process = _bring_up(stack)
    _fill_landing(objects, options)
    record = _wait_until_up(stack, process)
    airflow = Airflow(record.port, stack.password())
    airflow.set_pool(_POOL, options.slots, "Trainings that run at once, over all DAGs")
    for dag in _AT_ONCE:
        airflow.pause(dag, False)
    _show_login(stack, record)
    form = {"epochs": options.epochs}
    run_id = (airflow.active_run(_WEEKLY) or airflow.trigger(_WEEKLY, form))["dag_run_id"]
    out.print(f"{_WEEKLY} {run_id}, {record.url}/dags/{_WEEKLY}/runs/{run_id}", soft_wrap=True)
    up = stack.locked
    state = follow(airflow, _WEEKLY, run_id, out, seconds=_RUN_SECONDS, alive=up)
    for dag in _LATER:
        airflow.pause(dag, False)
    _show_decisions(stack.root, run_id)
    if state != "success":
        show_failures(airflow, _WEEKLY, run_id, out)
    out.print(f"\n{_WEEKLY}: {state} after {time.monotonic() - started:.0f} s")
    _show_login(stack, record)
    out.print("make stop ends it; new CSV files go into", f"{stack.root}/landing", soft_wrap=True)
    return 0 if state == "success" else 1


def _show_login(stack: Stack, record: Record) -> None:
    out.print(f"Airflow: {record.url}  user admin  password {stack.password()}")
    if "viewer" in stack.passwords():
        out.print(f"  only to look: user viewer  password {stack.passwords()['viewer']}")


def hold_ceremony(objects: Objects, keys: Path) -> None:
    """One key of each kind, if the store and this machine have none."""
    store = Store(objects, keys)
    if not store.keys.is_empty() or store.ceremonies.is_complete():
        return
    store.ceremonies.init(model_names())
    out.print(
        f"keys: one of each kind in {keys}, root's too. Fit for this machine alone; for a fleet"
        " `smartwatts keys init --help`, on a root of its own",
        soft_wrap=True,
    )


def _bring_up(stack: Stack) -> subprocess.Popen[bytes] | None:
    """Start the stack; None if it is up, or somebody else starts it."""
    record = stack.running()
    if record and record.settings == stack.settings_digest():
        out.print(f"Airflow is up: {record.url}")
        return None
    if record:
        out.print("settings have changed, starting Airflow anew")
    stack.stop()
    out.print(f"starting Airflow; logs in {stack.logs}", soft_wrap=True)
    return stack.start()


def _fill_landing(objects: Objects, options: argparse.Namespace) -> None:
    """Simulated homes, if nothing has ever landed."""
    if next(iter(objects.list("landing/")), None) is not None:
        return
    out.print(f"simulating {options.homes} homes over {options.days} days")
    with tempfile.TemporaryDirectory() as folder:
        simulate(options.homes, options.days, Path(folder), submetered=options.submetered)
        for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
            objects.upload(f"landing/{path.relative_to(folder).as_posix()}", path)


def _wait_until_up(stack: Stack, process: subprocess.Popen[bytes] | None) -> Record:
    """Wait until every component is there and the DAGs are parsed."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        record = stack.running()
        if record:
            airflow = Airflow(record.port, stack.password())
            if airflow.healthy() and all(map(airflow.dag_known, (*_AT_ONCE, *_LATER))):
                return record
        if process and process.poll() is not None:
            break
        time.sleep(0.5)
    tails = [f"{path}:\n{_tail(path)}" for path in sorted(stack.logs.glob("*.log"))]
    raise _StartError("Airflow did not come up\n" + "\n".join(tails))


def _tail(path: Path, lines: int = 8) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _show_decisions(root: str, dag_run_id: str) -> None:
    """The table that ``smartwatts retrain`` shows too."""
    show_run(run_report(root, run_key(_WEEKLY, dag_run_id)))


if __name__ == "__main__":
    sys.exit(_main())
