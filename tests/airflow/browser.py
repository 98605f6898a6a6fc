"""A browser that logs in to Airflow and uses the Models page, as an operator does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

__all__ = ["logged_in", "models_frame", "roll_back"]

PATIENCE_MS = 120_000
"""Airflow's UI is slow to appear while a run keeps the machine busy."""


def chromium() -> str:
    """The browser's path; the test is skipped where there is none, but not in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium on PATH")
        pytest.skip("no chromium on PATH")
    return found


@contextmanager
def logged_in(url: str, password: str, **context: Any) -> Iterator[Any]:
    """A page of Airflow's UI, logged in as ``admin``; ``context``: viewport and theme."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        with browser.new_context(**context) as opened:
            opened.set_default_timeout(PATIENCE_MS)
            page = opened.new_page()
            page.goto(f"{url}/auth/login")
            page.locator("input[name=username]").fill("admin")
            page.locator("input[name=password]").fill(password)
            page.locator("button[type=submit]").click()
            page.get_by_test_id("nav-sidebar").wait_for(state="attached")
            yield page
        browser.close()


def models_frame(page: Any) -> Any:
    """The Models page, by a click in Airflow's navigation."""
    page.get_by_role("link", name="Models").first.click()
    frame = page.frame_locator("iframe[title=Models]")
    frame.get_by_role("heading", name="Models", exact=True).wait_for()
    return frame


def roll_back(frame: Any, version: int, reason: str) -> None:
    """Fill in the form of the page of a model, and wait until that version is in force."""
    frame.locator("#open-rollback").click()
    frame.locator("select[name=version]").select_option(str(version))
    frame.locator("input[name=reason]").fill(reason)
    frame.get_by_role("button", name="Roll back", exact=True).click()
    frame.locator(f"h1 .version:text-is('v{version}')").wait_for()
