"""What is said when there is nothing to show, and what to do about it."""

from __future__ import annotations

import logging

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from smartwatts_airflow.page.airflow import WEEKLY
from smartwatts_airflow.page.render import page
from smartwatts_ml.errors import NotFoundError, UsageError

__all__ = ["broken", "failed", "misunderstood", "refused"]

_log = logging.getLogger(__name__)

_HELP = {
    401: ("You are not logged in", "Log in to Airflow, then open this page again."),
    403: (
        "You may not see this",
        f"Ask an administrator of Airflow for the right to read the DAG {WEEKLY}.",
    ),
    404: (
        "There is no such page",
        "Its address may be of a model that nobody trains any more, or of a run whose folder was"
        " removed.",
    ),
}
_UNREADABLE = (
    "The page reads the root that SMARTWATTS_ROOT names, and verifies it from root.json in"
    " SMARTWATTS_KEYS; both as the API server sees them. Runs and gateways do not depend on this"
    " page. What says more: `smartwatts models verify`, and the log of the API server."
)


def refused(request: Request, error: Exception) -> Response:
    """What Airflow or this application refuses by its status."""
    status = getattr(error, "status_code", 500)
    detail = str(getattr(error, "detail", error))
    title, fix = _HELP.get(status, ("That did not work", detail))
    what = detail if status == 404 and detail != "Not Found" else None
    return page(request, "trouble.html", status, title=title, what=what, fix=fix, status=status)


def misunderstood(request: Request, error: Exception) -> Response:
    """An address with something in it that cannot be, such as a version that is no number."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    what = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults)
    fix = "Go back to where its link was, or to all models."
    title = "That address is not understood"
    return page(request, "trouble.html", 422, title=title, what=what or None, fix=fix, status=422)


def failed(request: Request, error: Exception) -> Response:
    """Trouble with the root or the database, in its own words."""
    _log.warning("%s: %s", request.url.path, error)
    what, status = str(error), 503
    title, fix = "The models cannot be shown", _UNREADABLE
    if isinstance(error, NotFoundError):
        status, title = 404, "That is not there"
        fix = "It may have been pruned, or not be written yet: a report is there once a run judged."
    elif isinstance(error, UsageError):
        title = "A setting is wrong"
        fix = "Correct it where the API server is started, and start that again."
    return page(request, "trouble.html", status, title=title, what=what, fix=fix, status=status)


def broken(request: Request, error: Exception) -> Response:
    """A fault of the page itself, which Airflow logs with its traceback."""
    title, fix = "This page has a fault", "The log of the API server has the details; report it."
    what = type(error).__name__
    return page(request, "trouble.html", 500, title=title, what=what, fix=fix, status=500)
