"""The pages: champions, one model, two versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Request, Response

from smartwatts_airflow.assets import NEW_READINGS
from smartwatts_airflow.form import retraining_form, rollback_form
from smartwatts_airflow.page.airflow import (
    RENEWAL,
    RETRAINING,
    ROLLBACK,
    WEEKLY,
    at_work_on,
    may_trigger,
    next_run,
    paused,
    runs,
    watched,
)
from smartwatts_airflow.page.approvals import approvals
from smartwatts_airflow.page.asked import Root, check_model
from smartwatts_airflow.page.compare import compare
from smartwatts_airflow.page.detail import detail, runs_of
from smartwatts_airflow.page.documents import RememberedObjects
from smartwatts_airflow.page.fleet import fleet_page
from smartwatts_airflow.page.health import health
from smartwatts_airflow.page.judged import judged
from smartwatts_airflow.page.now import models_at_work, runs_at_work
from smartwatts_airflow.page.overview import last_decision, overview, work_on
from smartwatts_airflow.page.render import page
from smartwatts_airflow.page.trends import trends
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.meaning import meaning_of
from smartwatts_ml.reports.card import model_card
from smartwatts_ml.runs.arrivals import arrivals
from smartwatts_ml.runs.doubtful import doubtful_lines
from smartwatts_ml.runs.plan import count_new_readings
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.runs.trouble_report import last_troubles
from smartwatts_ml.stages.order import model_stages
from smartwatts_ml.store import open_store
from smartwatts_ml.store.forced import forced

__all__ = ["show_card", "show_comparison", "show_fleet", "show_model", "show_models"]

_CHANGES = 50
_ARRIVALS = 8


def show_models(request: Request, session: SessionDep, user: GetUserDep, opened: Root) -> Response:
    """Every champion, and whether all is well."""
    objects, current = opened
    seen = count_new_readings(objects, current)
    rows = overview(objects, current, seen["rows_by_model"])
    last = last_decision(rows)
    known = runs(session)
    by_key = {run.key: run for run in known}
    active = [run for run in known if run.active and run.dag in RETRAINING]
    at_work = models_at_work(rows, by_key, approvals(session))
    trouble_report = last_troubles(objects)
    doubtful = doubtful_lines(objects, last.run_id) if last else []
    is_paused = paused(session, (*RETRAINING, RENEWAL))
    return page(
        request,
        "models.html",
        rows=rows,
        seen=seen,
        health=health(
            rows,
            at_work,
            seen,
            trouble_report,
            doubtful=len(doubtful),
            paused=is_paused,
            watched=watched(session, NEW_READINGS),
        ),
        at_work=at_work,
        runs_at_work=runs_at_work(active, at_work_on(session, active), at_work),
        next_run=next_run(session),
        runs=by_key,
        last=last,
        last_run=by_key.get(last.run_id) if last else None,
        trouble_report=trouble_report,
        arrivals=arrivals(objects)[:_ARRIVALS],
        doubtful=doubtful,
        may_roll_back=may_trigger(user),
        may_retrain=may_trigger(user, WEEKLY),
        stages=model_stages(),
    )


def show_model(
    request: Request,
    session: SessionDep,
    user: GetUserDep,
    opened: Root,
    model: str,
    every: bool = False,
) -> Response:
    """One model."""
    check_model(model)
    objects, current = opened
    known = runs(session)
    shown = detail(objects, current, model, known, 10**6 if every else _CHANGES)
    state = read_state(objects, model)
    last = (state.run_id, state.time) if state else ("", None)
    decisions = judged(objects, model, runs_of(known, shown.history, last))
    return page(
        request,
        "model.html",
        detail=shown,
        at_work=models_at_work(
            [work_on(objects, model)], {run.key: run for run in known}, approvals(session)
        ),
        judged=decisions,
        trends=trends(decisions),
        next_run=next_run(session),
        may_roll_back=may_trigger(user),
        may_retrain=may_trigger(user, WEEKLY),
        rollback_paused=next_run(session, ROLLBACK).paused,
        rollback_dag=ROLLBACK,
        form=_fields(rollback_form()),
        retraining=_fields(retraining_form()),
    )


def _fields(form: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {**p.schema, "description": p.description} for name, p in form.items()}


def show_comparison(request: Request, opened: Root, model: str, this: int, other: int) -> Response:
    """Two versions of a model."""
    check_model(model)
    return page(request, "compare.html", model=model, compared=compare(*opened, model, this, other))


def show_fleet(request: Request, opened: Root) -> Response:
    """Which version runs where."""
    return page(request, "fleet.html", fleet=fleet_page(*opened))


def show_card(request: Request, opened: Root, model: str, version: int) -> Response:
    """What somebody who is to use a version should know."""
    check_model(model)
    objects, current = opened
    store = open_store(RememberedObjects(objects, model), current)
    history = store.history(model)
    card = model_card(store.manifest(model, version))
    kind, _ = find_model(model)
    return page(
        request,
        "card.html",
        card=card,
        meaning=lambda name: meaning_of(kind, name),
        in_force=bool(history) and history[-1].version == version,
        forced=next((mark for mark in forced(history) if mark.version == version), None),
    )
