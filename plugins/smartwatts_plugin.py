"""The plugin that puts the Models page into Airflow's navigation."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

PREFIX = "/smartwatts"


class ModelsPage:
    """The page's application, made at its first request: every process of Airflow loads
    plugins, and only the API server answers requests."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """An ASGI application."""
        from smartwatts_airflow.page.app import application

        await application()(scope, receive, send)


BASE = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
APPS = [{"app": ModelsPage(), "url_prefix": PREFIX, "name": "SmartWatts models"}]
VIEWS = [
    {
        "name": "Models",
        "href": f"{BASE}{PREFIX}/",
        "icon": f"{BASE}{PREFIX}/static/icon.svg",
        "destination": "nav",
        "url_route": "models",
    }
]


class SmartwattsPlugin(AirflowPlugin):
    """What Airflow finds."""

    name = "smartwatts"
    fastapi_apps = APPS
    external_views = VIEWS
