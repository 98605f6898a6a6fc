"""Routes of the Models page. Every one of them is for users of Airflow who may see the
retraining DAG; nothing here changes anything: a rollback is a run of Airflow's own DAG,
started through Airflow's own API with the user's own rights."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException

from smartwatts_airflow.connection import connect
from smartwatts_airflow.form import rollback_form
from smartwatts_airflow.page.airflow import RETRAINING, ROLLBACK, may_trigger, next_run, runs
from smartwatts_airflow.page.detail import detail, judged
from smartwatts_airflow.page.overview import age, last_decision, overview
from smartwatts_ml.environment import check_environment
from smartwatts_ml.errors import NotFoundError, SmartwattsError, UsageError
from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.table.log import TABLE
from smartwatts_ml.runs.doubtful import doubtful_lines
from smartwatts_ml.runs.due import enough
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES, check_run_id
from smartwatts_ml.runs.plan import count_new_readings
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages.order import model_stages
from smartwatts_ml.store import open_store
from smartwatts_ml.store.layout import file_name

__all__ = ["application"]

_log = logging.getLogger(__name__)

_HERE = Path(__file__).parent
_STATIC = {path.name: path.read_bytes() for path in (_HERE / "static").iterdir()}
_CHANGES = 50
_OWN_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'self'"
)
"""A report is a page without scripts that needs nothing from anywhere."""
_HELP = {
    401: ("You are not logged in", "Log in to Airflow, then open this page again."),
    403: (
        "You may not see this",
        f"Ask an administrator of Airflow for the right to read the DAG {RETRAINING[0]}.",
    ),
    404: ("There is no such page", "Go back to all models."),
}


@cache
def application() -> FastAPI:
    """The page's application, for mounting below Airflow's."""
    guard = Depends(requires_access_dag("GET", param_dag_id=RETRAINING[0]))
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[guard])
    app.get("/")(_show_models)
    app.get("/models/{model}")(_show_model)
    app.get("/models/{model}/versions/{version}")(_download)
    app.get("/runs/{run_id}/data_quality.html")(_quality_page)
    app.get("/runs/{run_id}/{model}/report.html")(_report)
    app.get("/static/{name}")(_static)
    app.exception_handler(StarletteHTTPException)(_refused)
    app.exception_handler(SmartwattsError)(_failed)
    app.exception_handler(SQLAlchemyError)(_failed)
    app.middleware("http")(_protect)
    return app


def _root() -> tuple[Objects, Settings]:
    """The root that the settings name, opened for reading."""
    check_environment()
    current = settings()
    connect(current.root)
    return open_root(current.root, writable=False), current


_Root = Annotated[tuple[Objects, Settings], Depends(_root)]


def _show_models(request: Request, session: SessionDep, opened: _Root) -> Response:
    """Every champion."""
    objects, current = opened
    seen = _waiting(objects, current)
    rows = overview(objects, current, seen["rows_by_model"])
    last = last_decision(rows)
    known = {run.key: run for run in runs(session)}
    return _page(
        request,
        "models.html",
        rows=rows,
        seen=seen,
        next_run=next_run(session),
        last=last,
        last_run=known.get(last.run_id) if last else None,
        runs=known,
        doubtful=doubtful_lines(objects, last.run_id) if last else [],
        root=objects.url,
        stages=model_stages(),
    )


def _waiting(objects: Objects, current: Settings) -> dict[str, Any]:
    """What the sensor sees; nothing where there is no table, which looking would create."""
    if next(objects.list(f"{TABLE}/_delta_log/"), None) is None:
        threshold = enough(current, None)
        seen = f"0 of {threshold:,} new readings"
        return {"rows": 0, "threshold": threshold, "rows_by_model": {}, "exact": True, "seen": seen}
    return count_new_readings(objects, current)


def _show_model(
    request: Request,
    session: SessionDep,
    user: GetUserDep,
    opened: _Root,
    model: str,
    every: bool = False,
) -> Response:
    """One model."""
    _check_model(model)
    objects, current = opened
    known = runs(session)
    retrainings = [run for run in known if run.dag in RETRAINING]
    return _page(
        request,
        "model.html",
        detail=detail(objects, current, model, known, 10**6 if every else _CHANGES),
        judged=judged(objects, model, retrainings),
        next_run=next_run(session),
        may_roll_back=may_trigger(user),
        rollback_paused=next_run(session, ROLLBACK).paused,
        rollback_dag=ROLLBACK,
        form={n: {**p.schema, "description": p.description} for n, p in rollback_form().items()},
    )


def _download(opened: _Root, model: str, version: int) -> Response:
    """A version's file, verified before it leaves."""
    _check_model(model)
    store = open_store(*opened)
    content = store.read_file(store.manifest(model, version))
    headers = {"Content-Disposition": f'attachment; filename="{file_name(model, version)}"'}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _report(opened: _Root, run_id: str, model: str) -> Response:
    """A run's report on a model."""
    _check_model(model)
    return _kept_page(opened[0], f"{_run_folder(run_id)}/{model}/report.html")


def _quality_page(opened: _Root, run_id: str) -> Response:
    """A run's page on the quality of its readings."""
    return _kept_page(opened[0], f"{_run_folder(run_id)}/data_quality.html")


def _static(name: str) -> Response:
    """Style, script and icon."""
    if name not in _STATIC:
        raise HTTPException(404)
    kind = mimetypes.guess_type(name)[0]
    return Response(_STATIC[name], media_type=kind, headers={"Cache-Control": "max-age=300"})


def _kept_page(objects: Objects, key: str) -> Response:
    headers = {"Content-Security-Policy": _REPORT_POLICY}
    return HTMLResponse(objects.read(key, MAX_RECORD_BYTES).data, headers=headers)


def _run_folder(run_id: str) -> str:
    """Of a run that is asked for by its name."""
    try:
        return f"runs/{check_run_id(run_id)}"
    except UsageError as error:
        raise HTTPException(404) from error


def _check_model(model: str) -> None:
    if model not in model_names():
        raise HTTPException(404)


@cache
def _templates() -> Any:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined
    )
    made.filters["age"] = age
    made.filters["minute"] = lambda when: f"{when:%Y-%m-%d %H:%M}"
    made.filters["short"] = lambda value: "–" if value is None else f"{value:.4g}"
    made.filters["count"] = lambda value: f"{value:,}"
    made.filters["about"] = lambda value: f"{int(float(f'{value:.2g}')):,}"
    return made


def _page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    # Where this application is mounted, and Airflow below whatever prefix a proxy gave it.
    base = request.scope.get("root_path", "")
    text = (
        _templates()
        .get_template(template)
        .render(base=base, airflow=base.removesuffix("/smartwatts"), models=model_names(), **values)
    )
    return HTMLResponse(text, status)


def _refused(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    title, fix = _HELP.get(status, ("That did not work", str(getattr(error, "detail", error))))
    return _page(request, "trouble.html", status, title=title, what=None, fix=fix)


def _failed(request: Request, error: Exception) -> Response:
    """Trouble with the root or the database, in its own words."""
    _log.warning("%s: %s", request.url.path, error)
    if isinstance(error, NotFoundError):
        return _page(
            request, "trouble.html", 404, title="That is not there", what=str(error), fix=None
        )
    if isinstance(error, UsageError):
        fix = "Correct it where the API server is started, and start that again."
        return _page(
            request, "trouble.html", 503, title="A setting is wrong", what=str(error), fix=fix
        )
    fix = (
        "The page reads the root that SMARTWATTS_ROOT names, and verifies it from root.json in"
        " SMARTWATTS_KEYS; both as the API server sees them."
    )
    title = "The models cannot be shown"
    return _page(request, "trouble.html", 503, title=title, what=str(error), fix=fix)


async def _protect(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    for name, value in _headers(response.headers).items():
        response.headers[name] = value
    return response


def _headers(own: Mapping[str, str]) -> dict[str, str]:
    return {
        "Content-Security-Policy": own.get("Content-Security-Policy", _OWN_POLICY),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": own.get("Cache-Control", "no-store"),
    }
