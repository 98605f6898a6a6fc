"""Pages in headless Chromium: what a person with a phone or a dark screen would run into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.airflow.browser import chromium

__all__ = ["faults_of"]

SIZES = ((1280, 900), (390, 844))
CUT_OFF = """() => {
  const found = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`page ${root.scrollWidth} wide`);
  for (const text of document.querySelectorAll('svg text')) {
    const box = text.getBBox(), view = text.ownerSVGElement.viewBox.baseVal;
    const right = box.x + box.width, bottom = box.y + box.height;
    if (box.x < 0 || box.y < 0 || right > view.width || bottom > view.height)
      found.push(`outside its picture: ${text.textContent}`);
  }
  for (const part of document.querySelectorAll('h1, h2, h3, p, li, figure, .scroll')) {
    if (part.scrollWidth > part.clientWidth + 1) found.push(`cut off: ${part.textContent.trim()}`);
  }
  return found;
}"""


def faults_of(page: Path, pictures: Path | None = None) -> list[str]:
    """What is wrong with a page at 1280 and 390 pixels, light and dark: errors of the
    console, requests, things cut off. ``pictures``: a folder for what was seen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        found = [fault for look in _looks() for fault in _faults(browser, page, look, pictures)]
        browser.close()
    return found


def _looks() -> Iterator[dict[str, Any]]:
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            yield {"viewport": {"width": width, "height": height}, "color_scheme": scheme}


def _faults(browser: Any, page: Path, look: dict[str, Any], pictures: Path | None) -> list[str]:
    name = f"{look['viewport']['width']} {look['color_scheme']}"
    found: list[str] = []
    with browser.new_context(**look) as context:
        opened = context.new_page()
        opened.on("console", lambda said: found.append(f"console: {said.text}"))
        opened.on("pageerror", lambda error: found.append(f"error: {error}"))
        opened.on(
            "request",
            lambda asked: None if asked.url == page.as_uri() else found.append(asked.url),
        )
        opened.goto(page.as_uri())
        found += opened.evaluate(CUT_OFF)
        if pictures:
            opened.screenshot(path=pictures / f"{page.stem} {name}.png", full_page=True)
    return [f"{name}: {fault}" for fault in found]
