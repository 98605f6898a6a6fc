"""The data quality page: what is on it, what a run does with it."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.gate import not_judged
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.base import MAINS, SiteSpan
from smartwatts_ml.readings.quality.flags import Flag
from smartwatts_ml.readings.quality.record import SiteQuality
from smartwatts_ml.readings.resample import DeviceReadings
from smartwatts_ml.readings.table.table import ReadingsTable
from smartwatts_ml.reports.calendar import CELL, calendar
from smartwatts_ml.reports.data_quality import Survey, choose, render, survey
from smartwatts_ml.reports.run_report import write_report
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest
from smartwatts_ml.stages.start import start_run
from smartwatts_ml.stages.tasks import ingest_stage, run_report
from tests.readings.homes import Home, KeptReadings, home, spoil
from tests.readings.ingest.landing import land, minutes

NASTY = '<script>alert("1")</script>&"'
VOID = {"meta", "rect", "circle", "path", "br", "link"}


class Page(HTMLParser):
    """Tags, attributes and text of a page, with its tags checked for balance."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def hourly(seed: int = 5, stuck: int = 0) -> Home:
    made = home(seed, days=60, period_s=3600, submetered=False)
    return {MAINS: spoil(made[MAINS], lambda v: v.__setitem__(slice(240, 240 + stuck), 1234.5))}


def looked_at(homes: dict[str, Home]) -> Survey:
    return survey(KeptReadings(homes))


def test_the_page_has_totals_a_calendar_and_a_table_for_each_site() -> None:
    found = looked_at({"a": hourly(1), "b": hourly(2, stuck=48)})
    page = Page(render(found, "Data quality", "about"))
    assert [t for t in page.text if t in ("a", "b")] == ["b", "a"], "the worse one first"
    labels = [svg["aria-label"] for svg in page.of("svg") if "aria-label" in svg]
    assert labels == ["2026-03-02 to 2026-04-30"] * 2
    assert "stuck at one value: 48.0 h, 2026-03-12 to 2026-03-13" in page.text
    assert "2026-03-12: 100% covered, stuck at one value" in page.text
    assert "nothing" in page.text
    row = page.text.index("stuck at one value")
    assert [t for t in page.text[row + 1 : row + 20] if t][:4] == ["48", "48", "1", "1"]


def test_the_page_asks_nobody_for_anything() -> None:
    text = render(looked_at({"a": hourly(stuck=48)}), "Data quality", "about")
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?:|url\(|@import", text)
    assert "prefers-color-scheme: dark" in text
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.of("meta")


def test_names_are_text_wherever_they_stand() -> None:
    made = hourly()
    homes = {NASTY: {**made, NASTY: made[MAINS]}}
    page = Page(render(looked_at(homes), NASTY, NASTY))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(NASTY) == 4  # heading, about, site, channel
    failed = Page(render(Survey((), 0), NASTY, NASTY))
    assert "script" not in {tag for tag, _ in failed.tags}


def quality(
    coverage: Sequence[float], doubted: Sequence[float], first: str = "2026-03-04"
) -> SiteQuality:
    doubt = np.array(doubted, np.float32)
    return SiteQuality(
        "a",
        "UTC",
        (),
        np.datetime64(first),
        np.array(coverage, np.float32),
        doubt,
        np.where(doubt > 0, int(Flag.STUCK), 0).astype(np.uint16),
    )


def test_a_calendar_has_weeks_as_columns_and_mondays_on_top() -> None:
    (half,) = calendar(quality([0.2, 0.7, 1, 1, 1, 1, 0], [0, 0, 0.01, 0, 0, 0.5, 0]))
    assert [(c.x // CELL, (c.y - 14) // CELL, c.colour, c.dot) for c in half.cells] == [
        (0, 2, 1, 0),  # Wednesday 4 March
        (0, 3, 2, 0),
        (0, 4, 3, 1),
        (1, 0, 3, 2),  # Monday 9 March
    ]
    assert half.plain == {
        0: f"M{CELL} {14 + CELL}h10v10h-10z",
        3: "".join(f"M0 {14 + row * CELL}h10v10h-10z" for row in (5, 6)),
    }


@pytest.mark.parametrize(
    ("days", "first"), [(1, "2026-03-04"), (800, "2024-02-28"), (9, "2026-06-27")]
)
def test_every_day_is_drawn_once_and_within_the_picture(days: int, first: str) -> None:
    rng = np.random.default_rng(days)
    coverage, doubted = rng.choice([0, 0.3, 1.0], days), rng.choice([0, 0.5], days)
    halves = calendar(quality(coverage.tolist(), doubted.tolist(), first))
    seen = 0
    for half in halves:
        cells = [(c.x, c.y) for c in half.cells]
        for path in half.plain.values():
            cells += [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)", path)]
        assert len(set(cells)) == len(cells)
        assert all(x + 10 <= half.width <= 28 * CELL and y + 10 <= half.height for x, y in cells)
        edges = [x for x, _ in half.months]
        assert all(b - a >= 2 * CELL for a, b in itertools.pairwise(edges))
        seen += len(cells)
    assert seen == days


def spans(count: int, complete: int = 100) -> list[SiteSpan]:
    start, end = np.datetime64("2026-01-01", "s"), np.datetime64("2026-01-11", "s")
    return [
        SiteSpan(f"s{i:03}", (MAINS,), start, end, 240 - (i if i < complete else 0), 3600)
        for i in range(count)
    ]


def test_of_a_large_fleet_the_least_complete_and_a_sample_are_looked_at() -> None:
    chosen = choose(spans(150), 20)
    assert len(set(chosen)) == 20
    assert set(chosen[:10]) == {f"s{i:03}" for i in range(90, 100)}
    assert chosen == choose(spans(150)[::-1], 20), "whatever the order"
    assert len(choose(spans(150), 200)) == 150


def test_a_survey_ends_in_time_and_says_so() -> None:
    readings = KeptReadings({f"s{i}": hourly(i % 3) for i in range(4)})
    assert len(survey(readings).sites) == 4
    short = survey(readings, seconds=0.0)
    assert (len(short.sites), short.total, short.timed_out) == (1, 4, True)
    text = " ".join(Page(render(short, "t", "a")).text)
    assert re.search(r"1 of 4\s+sites were looked at, when time was up", text)


def test_of_many_sites_some_are_drawn_and_all_are_listed() -> None:
    good, bad = looked_at({"x": hourly(1)}).sites[0], looked_at({"x": hourly(1, 96)}).sites[0]
    sites = [
        SiteQuality(f"s{i:02}", "UTC", q.devices, q.first_day, q.coverage, q.doubted, q.flags)
        for i, q in enumerate([good] * 40 + [bad] * 5)
    ]
    found = Survey(tuple(sites), 45)
    assert [site.site for site in found.drawn()][:5] == [f"s{i}" for i in range(40, 45)]
    page = Page(render(found, "t", "a"))
    assert len([svg for svg in page.of("svg") if "aria-label" in svg]) == 24
    assert {f"s{i:02}" for i in range(45)} <= set(page.text)


@pytest.fixture
def objects(root_url: str) -> Objects:
    made = open_root(root_url)
    land(made, "a.csv", *minutes("home1", 3000, 200), *minutes("home1/kettle", 3000))
    ingest(made, Settings())
    return made


@pytest.mark.slow
def test_a_run_gets_its_page_when_it_is_planned_and_keeps_it(objects: Objects) -> None:
    start_run(objects, Settings(), "run1", ["anomaly"])
    key = "runs/run1/data_quality.html"
    page = objects.read(key)
    assert f"<h3>{site_names(objects, Settings())('home1')}</h3>" in page.data.decode()
    assert "home1" not in page.data.decode()
    assert "run run1" in page.data.decode()
    land(objects, "b.csv", *minutes("home2", 100, 200))
    ingest(objects, Settings())
    start_run(objects, Settings(), "run1", ["anomaly"])
    assert objects.read(key).data == page.data
    assert run_report(objects.url, "run1")["data_quality"] == objects.uri(key)


@pytest.mark.slow
def test_the_page_says_what_became_of_each_file_of_the_run(
    objects: Objects, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_SHOW_SITE_NAMES", "true")
    land(objects, f"{NASTY.replace('/', '')}.csv", *minutes("home2", 100, 200))
    land(objects, "bad.csv", header="a,b")
    with caplog.at_level(logging.INFO, "smartwatts"):
        ingest_stage(objects.url, None, "run1")
    page = Page(objects.read(start_page(objects)).data.decode())
    lines = [text for text in page.text if "site, 1 channel, 100 readings" in text]
    assert len(lines) == 1 and "<script>alert" in lines[0]
    assert any(text.startswith("left: landing/bad.csv, line 1: ") for text in page.text)
    assert not page.of("script")
    logged = [record.getMessage() for record in caplog.records]
    assert lines[0] in logged
    assert any(text.startswith("left: landing/bad.csv") for text in logged)
    (doubtful,) = run_report(objects.url, "run1")["doubtful"]
    assert doubtful.startswith("left: landing/bad.csv")


@pytest.mark.slow
def test_a_home_in_kilowatts_among_others_in_watts_is_doubtful(objects: Objects) -> None:
    quarters = [
        (t, i % 96)
        for i, t in enumerate(
            f"2026-03-{1 + n // 96:02d}T{n // 4 % 24:02d}:{n % 4 * 15:02d}:00" for n in range(480)
        )
    ]
    lines = [
        f"{t},{(200 + 13 * i) / unit},{home}/mains"
        for home, unit in (("home2", 1), ("home3", 1000))
        for t, i in quarters
    ]
    land(objects, "both.csv", *lines)
    ingest_stage(objects.url, None, "run1")
    start_page(objects)
    (doubtful,) = run_report(objects.url, "run1")["doubtful"]
    assert doubtful.startswith("home ") and "/mains: too low for a home" in doubtful
    assert "home3" not in doubtful


def test_files_are_counted_where_sites_are_not_named(objects: Objects) -> None:
    land(objects, "berlin.csv", *minutes("home2", 100, 200))
    land(objects, "bad.csv", header="a,b")
    ingest_stage(objects.url, None, "run1")
    page = objects.read(start_page(objects)).data.decode()
    assert "1 read, 1 left." in page and "runs/run1/ingested/ in the root" in page
    assert "berlin" not in page and "bad.csv" not in page
    doubtful = run_report(objects.url, "run1")["doubtful"]
    assert doubtful == ["1 file was left; the log of the ingest names each file"]


def test_reasons_of_rejected_lines_are_counted_over_all_files(objects: Objects) -> None:
    never = "2026-03-01T25:61:00,100,home2/mains"
    land(objects, "berlin.csv", *minutes("home2", 100, 200), never)
    land(objects, "paris.csv", *minutes("home3", 100, 200), never.replace("home2", "home3"), "1,2")
    ingest_stage(objects.url, None, "run1")
    start_page(objects)
    (doubtful,) = run_report(objects.url, "run1")["doubtful"]
    assert doubtful.startswith("3 lines rejected (2 × timestamp ")
    assert "; 1 × " in doubtful and "paris" not in doubtful


def test_what_is_damaged_of_what_files_gave_is_told(objects: Objects) -> None:
    objects.write("runs/run1/ingested/0.json", b"[]")
    assert "0.json is damaged" in objects.read(start_page(objects)).data.decode()


def start_page(objects: Objects) -> str:
    start_run(objects, Settings(), "run1", ["anomaly"])
    return "runs/run1/data_quality.html"


def test_a_run_without_a_model_that_is_due_has_no_page(objects: Objects) -> None:
    rarely = Settings(new_readings=1_000_000)
    assert start_run(objects, rarely, "run1", only_due=True).models == ()
    assert not objects.exists("runs/run1/data_quality.html")
    assert run_report(objects.url, "run1")["data_quality"] is None


def test_each_models_report_links_to_the_page(objects: Objects) -> None:
    start_run(objects, Settings(), "run1", ["anomaly"])
    run = ModelRun(objects, Settings(), "run1", "anomaly")
    run.write_json("decision.json", not_judged("anomaly", "too few", None))
    write_report(run)
    page = Page(run.read("report.html").decode())
    links = [link["href"] for link in page.of("a")]
    assert links == ["../../../models/anomaly", "../data_quality.html"]


def test_a_fault_of_the_page_is_told_on_it_and_in_the_log_and_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = open_root(str(tmp_path))
    land(made, "a.csv", *minutes("home1", 300, 200))
    ingest(made, Settings())

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a <b>fault</b>")

    monkeypatch.setattr(ReadingsTable, "readings", fail)
    with caplog.at_level(logging.ERROR):
        plan = start_run(made, Settings(show_site_names=True), "run1", ["anomaly"])
    assert plan.models == ("anomaly",)
    assert "run1: no data quality page" in caplog.text and "ZeroDivisionError" in caplog.text
    page = Page(made.read("runs/run1/data_quality.html").data.decode())
    assert any("could not be made: a <b>fault</b>" in text for text in page.text)
    start_run(made, Settings(), "run2", ["anomaly"])
    page = Page(made.read("runs/run2/data_quality.html").data.decode())
    assert any(text.endswith("could not be made: ZeroDivisionError") for text in page.text)


def test_json_of_a_site_is_plain_json() -> None:
    site = looked_at({"a": hourly(stuck=48)}).sites[0]
    value = json.loads(json.dumps(site.to_json()))
    assert value["days"]["flagged"] == {"stuck": ["2026-03-12", "2026-03-13"]}
    assert len(value["days"]["coverage"]) == 60


def test_a_site_of_one_reading_has_a_page_too() -> None:
    one = hourly()[MAINS]
    few = DeviceReadings(one.stamps[:1], one.values[:1])
    page = Page(render(looked_at({"a": {MAINS: few}}), "t", "a"))
    assert "a" in page.text
