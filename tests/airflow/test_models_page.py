"""The Models page below a real Airflow API server: who may see it, what it shows."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.kinds import find_model, model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.table.table import Snapshot
from smartwatts_ml.runs.state import record_decision
from smartwatts_ml.stages import order
from smartwatts_ml.store import FirstRing, Store
from tests.airflow.versions import fields, fill

pytestmark = pytest.mark.slow

VERSIONS = 200
SECONDS = 1.0
"""CPU seconds for a page of 200 versions, read for the first time."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("page")
    patch = pytest.MonkeyPatch()
    patch.setenv("SMARTWATTS_ROOT", str(folder / "root"))
    patch.setenv("SMARTWATTS_KEYS", str(folder / "keys"))
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def store(root: Path) -> Store:
    """nilm with 200 versions: the last but one forced, the last rolled back from."""
    made = Store(open_root(str(root / "root")), root / "keys")
    fill(made, VERSIONS)
    return made


@pytest.fixture(scope="module")
def clients(root: Path) -> Iterator[dict[str, Any]]:
    """Clients of Airflow's own API application, by the user's role."""
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils import db
    from starlette.testclient import TestClient

    db.initdb()
    app = create_app("core")
    made = {"anonymous": TestClient(app)}
    for role in ("admin", "user", "viewer", ""):
        user = SimpleAuthManagerUser(username=role or "nobody", role=role.upper() or None)
        token = get_auth_manager().generate_jwt(user)
        made[role or "nobody"] = TestClient(app, cookies={"_token": token})
    yield made
    for client in made.values():
        client.close()


ROUTES = [
    "/",
    "/fleet",
    "/models/nilm",
    "/models/nilm/compare",
    "/models/nilm/versions/1",
    "/models/nilm/versions/1/card",
    "/runs/run-1/nilm/report.html",
    "/runs/run-1/data_quality.html",
]
STATIC = "/static/page.js"


def test_the_routes_tried_here_are_all_that_there_are() -> None:
    from smartwatts_airflow.page.app import application
    from starlette.routing import Route

    routes = application().routes
    paths = [route.path for route in routes if isinstance(route, Route)]
    assert len(paths) == len(routes)
    patterns = [re.sub(r"\{\w+\}", "[^/]+", path) for path in paths]
    for pattern in patterns:
        assert any(re.fullmatch(pattern, route) for route in (*ROUTES, STATIC)), pattern
    assert len(patterns) == len(ROUTES) + 1


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "user, status, says", [("anonymous", 401, "not logged in"), ("nobody", 403, "may not see")]
)
def test_a_stranger_sees_nothing(
    clients: dict[str, Any], store: Store, route: str, user: str, status: int, says: str
) -> None:
    answer = clients[user].get(f"/smartwatts{route}")
    assert answer.status_code == status
    assert says in answer.text
    assert "nilm" not in answer.text


def test_who_has_to_log_in_sees_a_page_with_its_style_and_where_to(
    clients: dict[str, Any], store: Store
) -> None:
    answer = clients["anonymous"].get("/smartwatts/")
    style = re.search(r'<link rel="stylesheet" href="(.*?)"', answer.text)
    assert style and clients["anonymous"].get(style[1]).status_code == 200
    assert "/auth/login" in answer.text


@pytest.mark.parametrize("user", ["admin", "viewer"])
def test_the_overview_shows_every_model_and_its_champion(
    clients: dict[str, Any], store: Store, user: str
) -> None:
    text = clients[user].get("/smartwatts/").text
    for model in model_names():
        assert f'id="{model}"' in text
    champion = store.champion("nilm")
    assert champion is not None and f"v{champion.version}</b>" in text
    assert "rolled back" in text
    assert "40 W</span>" in text, "the baseline, with its unit"


def test_nothing_is_fetched_from_elsewhere(clients: dict[str, Any], store: Store) -> None:
    for route in ("/", "/models/nilm"):
        answer = clients["admin"].get(f"/smartwatts{route}")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"(src|href|action)=\"(https?:)?//", answer.text)
        assert " style=" not in answer.text and "<style" not in answer.text


def test_a_models_page_has_chart_history_and_decisions(
    clients: dict[str, Any], store: Store
) -> None:
    text = clients["admin"].get("/smartwatts/models/nilm?every=true").text
    assert text.count("<circle") == VERSIONS
    assert text.count("<title>v") == VERSIONS
    assert text.count('class="forced"') == 1, "the forced entry stands out"
    assert f"v{VERSIONS - 1}: MAE" in text
    assert "because the dashboards were wrong" in text
    short = clients["admin"].get("/smartwatts/models/nilm").text
    assert f"Show all {VERSIONS + 1} entries" in short
    assert short.count("<circle") == VERSIONS


def test_two_hundred_versions_are_quick(clients: dict[str, Any], store: Store) -> None:
    from smartwatts_airflow.page import documents

    documents._read.cache_clear()
    clients["admin"].get("/smartwatts/static/page.js")
    started = time.process_time()
    clients["admin"].get("/smartwatts/models/nilm")
    assert time.process_time() - started < SECONDS


def test_both_pages_offer_the_same_version_to_roll_back_to(
    clients: dict[str, Any], store: Store
) -> None:
    before = VERSIONS - 2  # the last one is what was rolled back from
    assert f"Roll back to v{before}…" in clients["admin"].get("/smartwatts/").text
    page = clients["admin"].get("/smartwatts/models/nilm").text
    assert f'id="open-rollback" data-version="{before}"' in page
    assert f"Compare v{before} with v{VERSIONS - 1}" in page


def test_only_who_may_trigger_the_dag_is_offered_a_rollback(
    clients: dict[str, Any], store: Store
) -> None:
    admin = clients["admin"].get("/smartwatts/models/nilm").text
    assert "<dialog" in admin and 'id="may-not"' not in admin
    viewer = clients["viewer"].get("/smartwatts/models/nilm").text
    assert "<dialog" not in viewer and 'id="may-not"' in viewer
    refused = clients["viewer"].post(
        "/api/v2/dags/rollback_model/dagRuns", json={"conf": {}, "logical_date": None}
    )
    assert refused.status_code == 403


def test_curves_of_homes_are_for_those_who_may_do_more_than_look(
    clients: dict[str, Any], store: Store, root: Path
) -> None:
    report = b'<p>why</p><div class="panels"><figure><h3>home x</h3><svg/></figure></div><p>end</p>'
    open_root(str(root / "root")).write("runs/run-8/nilm/report.html", report)
    at = "/smartwatts/runs/run-8/nilm/report.html"
    assert clients["user"].get(at).content == report
    shown = clients["viewer"].get(at).text
    assert shown.startswith("<p>why</p>") and shown.endswith("<p>end</p>")
    assert "home x" not in shown and "right of their own" in shown


def test_two_versions_are_compared_with_units_and_what_is_better(
    clients: dict[str, Any], store: Store
) -> None:
    answer = clients["viewer"].get("/smartwatts/models/nilm/compare?this=1&other=199")
    assert answer.status_code == 200
    row = answer.text.split("<b>MAE</b>")[1].split("</tr>")[0]
    assert row.count(" W</td>") == 2 and 'class="good">▼' in row
    missing = clients["viewer"].get("/smartwatts/models/nilm/compare?this=1&other=9999")
    assert missing.status_code == 404 and "never in force" in missing.text


def test_a_card_says_what_a_version_is_for_and_that_it_was_forced(
    clients: dict[str, Any], store: Store
) -> None:
    text = clients["viewer"].get(f"/smartwatts/models/nilm/versions/{VERSIONS}/card").text
    assert find_model("nilm")[0].intended_use in unescape(text)
    assert "against the gate" in text and "2026-01-01 to 2026-03-01" in text


@pytest.mark.parametrize("lost", ["file", "timestamp"])
def test_what_gateways_cannot_pull_is_said_on_both_pages(
    clients: dict[str, Any], store: Store, root: Path, lost: str
) -> None:
    champion = store.champion("nilm")
    assert champion is not None
    name = f"nilm/{champion.file}" if lost == "file" else "metadata/timestamp.json"
    path = root / "root" / "models" / name
    before = path.read_bytes()
    path.unlink()
    try:
        pages = [clients["viewer"].get(f"/smartwatts{at}").text for at in ("/", "/models/nilm")]
    finally:
        path.write_bytes(before)
    assert all("gateways cannot pull it" in page for page in pages)


def test_a_claim_says_whose_it_is_and_how_it_is_released(
    clients: dict[str, Any], store: Store, root: Path
) -> None:
    from smartwatts_airflow.runs import run_key

    from smartwatts_ml.runs.claims import drop_claim, take_claim

    add_run("retrain_weekly", "marked", "failed")
    objects, key = open_root(str(root / "root")), run_key("retrain_weekly", "marked")
    take_claim(objects, "anomaly", key, heed=True)
    text = clients["viewer"].get("/smartwatts/").text
    drop_claim(objects, "anomaly", key)
    card = text.split('id="now-anomaly"')[1].split("</div>")[0]
    assert "/dags/retrain_weekly/runs/marked" in card and "is failed" in card
    assert "smartwatts models release anomaly" in card
    assert 'id="now-anomaly"' not in clients["viewer"].get("/smartwatts/").text


def test_readings_that_want_a_look_are_on_the_first_page(
    clients: dict[str, Any], store: Store, root: Path
) -> None:
    from smartwatts_ml.runs.doubtful import keep_doubtful

    objects = open_root(str(root / "root"))
    snapshot = Snapshot(version=1, digest="d", rows=1, start=None, end=None, sites=1)
    record_decision(objects, "nilm", snapshot, run_id="cli-9", outcome="kept")
    keep_doubtful(objects, "cli-9", ["left: landing/x.csv: it is <no> CSV"])
    text = clients["viewer"].get("/smartwatts/").text
    objects.delete("state/nilm.json")
    section = text.split('id="doubtful"')[1].split("</section>")[0]
    assert "it is &lt;no&gt; CSV" in section
    assert "/runs/cli-9/data_quality.html" in section


def test_a_download_is_the_signed_file(clients: dict[str, Any], store: Store) -> None:
    answer = clients["viewer"].get("/smartwatts/models/nilm/versions/3")
    assert answer.content == store.read_file(store.manifest("nilm", 3))
    assert 'filename="nilm_v3.tflite"' in answer.headers["content-disposition"]


def test_a_file_that_was_changed_is_not_handed_out(
    clients: dict[str, Any], store: Store, root: Path
) -> None:
    path = root / "root" / "models" / "nilm" / "nilm_v2.tflite"
    before = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(before[:-1] + b"?")
    answer = clients["admin"].get("/smartwatts/models/nilm/versions/2")
    path.write_bytes(before)
    assert answer.status_code == 503
    assert "is not the one that was signed" in answer.text


def test_a_report_runs_no_script(clients: dict[str, Any], store: Store) -> None:
    objects = open_root(str(Path(store.keys.path).parent / "root"))
    objects.write("runs/run-7/nilm/report.html", b"<p>why</p><script>alert(1)</script>")
    answer = clients["viewer"].get("/smartwatts/runs/run-7/nilm/report.html")
    assert answer.text.startswith("<p>why")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy


@pytest.mark.parametrize(
    "route, status",
    [
        ("/models/unknown", 404),
        ("/models/nilm/versions/9999", 404),
        ("/runs/..%2f..%2fkeys/nilm/report.html", 404),
        ("/runs/run%20x/nilm/report.html", 404),
        ("/runs/none/nilm/report.html", 404),
        ("/static/..%2fapp.py", 404),
        ("/models/nilm/versions/x", 422),
    ],
)
def test_what_is_not_there_is_said_to_be_missing(
    clients: dict[str, Any], store: Store, route: str, status: int
) -> None:
    answer = clients["admin"].get(f"/smartwatts{route}")
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_an_empty_root_says_what_to_do(
    clients: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_ROOT", str(tmp_path / "new"))
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    text = clients["viewer"].get("/smartwatts/").text
    assert 'id="empty"' in text and "landing/" in text
    assert str(tmp_path) not in text, "where the root lies on the server is told nobody"
    assert 'id="empty"' in clients["viewer"].get("/smartwatts/models/nilm").text


def test_an_empty_root_shows_the_steps_of_a_model_in_their_order(
    clients: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_ROOT", str(tmp_path / "new"))
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    monkeypatch.setattr(order, "STAGES", order.STAGES[::-1])
    text = clients["viewer"].get("/smartwatts/").text
    steps = text.split('id="stages"')[1].split("</ol>")[0]
    assert re.findall("<b>(.*?)</b>", steps) == [
        "publish",
        "approve",
        "refit",
        "convert",
        "validate",
        "train",
    ]


def test_a_root_that_cannot_be_read_is_explained(
    clients: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_ROOT", "s3://")
    answer = clients["viewer"].get("/smartwatts/")
    assert answer.status_code == 503
    assert 'id="trouble"' in answer.text and "no bucket in root s3://" in answer.text


def test_a_misspelt_setting_is_named_as_what_it_is(
    clients: dict[str, Any], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_NEW_READING", "5")
    answer = clients["viewer"].get("/smartwatts/models/nilm")
    assert answer.status_code == 503
    assert "A setting is wrong" in answer.text and "SMARTWATTS_NEW_READINGS?" in answer.text


def test_without_the_public_key_the_page_says_so_and_shows_no_version(
    clients: dict[str, Any], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "none"))
    text = clients["viewer"].get("/smartwatts/").text
    assert "Something is broken" in text and str(tmp_path) not in text
    assert "problem" in text and 'class="version"' not in text
    assert clients["viewer"].get("/smartwatts/models/nilm").status_code == 503


def add_run(dag: str, run_id: str, state: str) -> None:
    """A run that Airflow knows, the newest one."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType

    run = DagRun(dag_id=dag, run_id=run_id, run_type=DagRunType.MANUAL, state=DagRunState(state))
    with create_session() as session:
        session.add(run)


def test_the_last_run_is_the_one_that_decided_last_not_the_one_that_is_at_work(
    clients: dict[str, Any], store: Store, root: Path
) -> None:
    from smartwatts_airflow.runs import run_key

    def last_run() -> str:
        text = clients["viewer"].get("/smartwatts/").text
        return text.split('id="last-run">')[1].split("</b>")[0]

    add_run("retrain_weekly", "decided", "success")
    add_run("retrain_on_new_readings", "at-work", "running")
    assert "none yet" in last_run()
    objects, key = open_root(str(root / "root")), run_key("retrain_weekly", "decided")
    snapshot = Snapshot(version=1, digest="d", rows=1, start=None, end=None, sites=1)
    record_decision(objects, "nilm", snapshot, run_id=key, outcome="kept")
    assert "/dags/retrain_weekly/runs/decided" in last_run()
    assert "success, just now" in last_run()
    soon = datetime.now(UTC) + timedelta(minutes=5)
    record_decision(objects, "anomaly", snapshot, run_id="cli-1", outcome="kept", now=soon)
    assert last_run().startswith("cli-1,"), "a run of the command line has no page in Airflow"


def test_a_triggerer_that_died_looks_for_nothing(clients: dict[str, Any]) -> None:
    from airflow.jobs.job import Job
    from airflow.models.asset import AssetModel
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from airflow.utils.state import JobState
    from smartwatts_airflow.assets import NEW_READINGS, new_readings_for
    from smartwatts_airflow.page.airflow import watched
    from sqlalchemy import select

    (watcher,) = new_readings_for("retrain_on_new_readings").watchers
    now = datetime.now(UTC)
    with create_session() as session:
        assert not watched(session, NEW_READINGS)
        job = Job(job_type="TriggererJob", state=JobState.RUNNING, latest_heartbeat=now)
        trigger = Trigger.from_object(watcher.trigger)
        known = session.scalar(select(AssetModel).where(AssetModel.name == NEW_READINGS))
        asset = known or AssetModel(name=NEW_READINGS, uri=NEW_READINGS)
        session.add_all((job, trigger, asset))
        session.flush()
        asset.add_trigger(trigger, watcher.name)
        session.flush()
        assert not watched(session, NEW_READINGS), "nobody has taken it up"
        trigger.triggerer_id = job.id
        session.flush()
        assert watched(session, NEW_READINGS)
        job.latest_heartbeat = now - timedelta(minutes=5)
        session.flush()
        assert not watched(session, NEW_READINGS)


def test_a_run_of_airflow_is_linked_and_its_decision_shown(
    clients: dict[str, Any], store: Store, root: Path
) -> None:
    from smartwatts_airflow.runs import run_key

    run_id = "manual__2026-11-22T02:00:00+00:00"
    add_run("retrain_weekly", run_id, "success")
    key = run_key("retrain_weekly", run_id)
    decision = {
        "accepted": False,
        "summary": "nilm kept: MAE +3",
        "reasons": ["worse <b>"],
        "metrics": {},
    }
    open_root(str(root / "root")).write(
        f"runs/{key}/nilm/decision.json", json.dumps(decision).encode()
    )
    text = clients["viewer"].get("/smartwatts/models/nilm").text
    assert "nilm kept: MAE +3" in text
    assert "worse &lt;b&gt;" in text
    assert "/dags/retrain_weekly/runs/manual__2026-11-22T02%3A00%3A00%2B00%3A00" in text
    assert f"/smartwatts/runs/{key}/nilm/report.html" in text


def test_a_candidate_stands_beside_the_champion_on_both_pages(
    clients: dict[str, Any], store: Store
) -> None:
    before = store.champion("nilm")
    assert before is not None
    content = b"\x1c\0\0\0TFL3" + b"c" * 200
    said: dict[str, Any] = {"run_id": "run-c", "actor": "retrain_weekly", "reason": "better"}
    made = store.publish("nilm", content, fields(12.5), ring=FirstRing(500, 4), **said)
    text = clients["admin"].get("/smartwatts/").text
    assert f"v{before.version}</b>" in text and f"candidate v{made.version} at 5 %" in text
    page = clients["admin"].get("/smartwatts/models/nilm").text
    assert f"v{made.version} <small>5 %</small>" in page
    assert page.count('<span class="tag good">champion</span>') == 1
    store.rollouts.halt("nilm", "ann", "alerts at night")
    assert f"candidate v{made.version}" not in clients["admin"].get("/smartwatts/").text
