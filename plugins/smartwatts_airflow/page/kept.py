"""What lies in the root and is handed out as it is: versions, reports of runs; and the page's own
style and script."""

from __future__ import annotations

import mimetypes
import re
from contextlib import suppress
from pathlib import Path

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from smartwatts_airflow.page.airflow import may_see_curves, runs
from smartwatts_airflow.page.asked import Root, check_model, run_folder
from smartwatts_airflow.page.render import part
from smartwatts_ml.errors import StoreError
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES
from smartwatts_ml.runs.model_report import model_report
from smartwatts_ml.store import open_store
from smartwatts_ml.store.layout import file_name

__all__ = ["download", "quality_page", "report", "static"]

_STATIC = {path.name: path.read_bytes() for path in (Path(__file__).parent / "static").iterdir()}
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'self'"
)
"""A report is a page without scripts that needs nothing from anywhere."""
_CURVES = re.compile(rb'<div class="panels">.*?</div>', re.DOTALL)
"""What a report draws of single homes, hour by hour."""
_NO_CURVES = b"<p>Curves of homes are for those with a right of their own.</p>"


def download(opened: Root, model: str, version: int) -> Response:
    """A version's file, verified before it leaves."""
    check_model(model)
    store = open_store(*opened)
    content = store.read_file(store.manifest(model, version))
    headers = {"Content-Disposition": f'attachment; filename="{file_name(model, version)}"'}
    return Response(content, media_type="application/octet-stream", headers=headers)


def report(
    request: Request,
    opened: Root,
    session: SessionDep,
    user: GetUserDep,
    run_id: str,
    model: str,
) -> Response:
    """A run's report on a model, below where one comes from and what became of it; without curves
    of homes for who has no right to see these."""
    check_model(model)
    content = _kept(opened[0], f"{run_folder(run_id)}/{model}/report.html")
    if not may_see_curves(user):
        content = _CURVES.sub(_NO_CURVES, content)
    run = next((run for run in runs(session) if run.key == run_id), None)
    report = None
    with suppress(StoreError):  # damaged: the model's page says so
        report = model_report(opened[0], run_id, model)
    way = part(request, "parts/way.html", model=model, run=run, report=report, run_id=run_id)
    return _page(content.replace(b"<body>", b"<body>" + way.encode(), 1))


def quality_page(opened: Root, run_id: str) -> Response:
    """A run's page on the quality of its readings."""
    return _page(_kept(opened[0], f"{run_folder(run_id)}/data_quality.html"))


def static(name: str) -> Response:
    """Style, script and icon, which hold nothing of anybody's: who has to log in sees them too."""
    if name not in _STATIC:
        raise HTTPException(404)
    kind = mimetypes.guess_type(name)[0]
    return Response(_STATIC[name], media_type=kind, headers={"Cache-Control": "max-age=300"})


def _kept(objects: Objects, key: str) -> bytes:
    return objects.read(key, MAX_RECORD_BYTES).data


def _page(content: bytes) -> Response:
    return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY})
