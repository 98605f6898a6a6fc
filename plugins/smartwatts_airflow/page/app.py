"""Routes of the Models page. Every one of them that shows anything is for users of Airflow who may
see the retraining DAG; nothing here changes anything: a rollback is a run of Airflow's own DAG,
started through Airflow's own API with the user's own rights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException

from smartwatts_airflow.page import kept, trouble, views
from smartwatts_airflow.page.airflow import WEEKLY
from smartwatts_ml.errors import SmartwattsError

__all__ = ["application"]

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


@cache
def application() -> FastAPI:
    """The page's application, for mounting below Airflow's."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.get("/static/{name}")(kept.static)
    app.include_router(_for_users())
    app.exception_handler(StarletteHTTPException)(trouble.refused)
    app.exception_handler(RequestValidationError)(trouble.misunderstood)
    app.exception_handler(SmartwattsError)(trouble.failed)
    app.exception_handler(SQLAlchemyError)(trouble.failed)
    app.exception_handler(Exception)(_broken)
    app.middleware("http")(_protect)
    return app


def _for_users() -> APIRouter:
    """All that shows anything of models or readings."""
    router = APIRouter(dependencies=[Depends(requires_access_dag("GET", param_dag_id=WEEKLY))])
    router.get("/")(views.show_models)
    router.get("/fleet")(views.show_fleet)
    router.get("/models/{model}")(views.show_model)
    router.get("/models/{model}/compare")(views.show_comparison)
    router.get("/models/{model}/versions/{version}")(kept.download)
    router.get("/models/{model}/versions/{version}/card")(views.show_card)
    router.get("/runs/{run_id}/data_quality.html")(kept.quality_page)
    router.get("/runs/{run_id}/{model}/report.html")(kept.report)
    return router


async def _protect(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    for name, value in _headers(response.headers).items():
        response.headers[name] = value
    return response


def _broken(request: Request, error: Exception) -> Response:
    """What nothing else answered, not even what protects all other answers."""
    response = trouble.broken(request, error)
    response.headers.update(_headers(response.headers))
    return response


def _headers(own: Mapping[str, str]) -> dict[str, str]:
    return {
        "Content-Security-Policy": own.get("Content-Security-Policy", _POLICY),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": own.get("Cache-Control", "no-store"),
    }
