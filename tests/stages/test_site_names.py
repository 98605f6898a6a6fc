"""Who reads what a run says of sites: pseudonyms, unless names are to be shown."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace

import pytest

from smartwatts_ml.judging.replay import replay
from smartwatts_ml.kinds.charts import Chart, Line, Panel
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.stages.branch import force_publish, log_progress
from smartwatts_ml.stages.order import stage_named
from tests.stages.service import Service

pytestmark = pytest.mark.slow

HOMES = [f"home{number:02}" for number in range(1, 5)]
PANEL = Panel("best", "hours", "W", [0.0, 1.0], (Line("true", "truth", [1.0, 2.0]),))


def worsened(service: Service) -> None:
    """A run that draws every home, and whose challenger is worse at each."""
    service.light.drawn = (Chart("Drawn", "read it", tuple(replace(PANEL, site=h) for h in HOMES)),)
    service.light.spoil = lambda y: y / 1000
    decision = service.retrain(seed=2)
    broken = {result["name"] for result in decision["slice_results"] if not result["passed"]}
    assert broken >= {f"site {home}" for home in HOMES}


def forced(service: Service, *, shown: bool) -> dict[str, str]:
    """What people read of such a run that is forced, by what it is, and all that ships as one
    text."""
    service.current = service.current.replaced({"show_site_names": shown})
    worsened(service)
    made = force_publish(
        stage_named("publish"), service.run("run2"), log_progress, actor="bob", reason="why not"
    )
    decision, read = service.decision("run2"), service.objects.read
    said = {key: decision[key] for key in ("summary", "reasons", "repairs", "notes", "parts")}
    return {
        "report": service.report("run2"),
        "data quality": read("runs/run2/data_quality.html").data.decode(),
        "decision": json.dumps(said),
        "published": made.summary + read("runs/run2/light/published.json").data.decode(),
        "state": read("state/light.json").data.decode(),
        "ships": "\n".join(map(repr, shipped(service))),
    }


def shipped(service: Service) -> list[bytes]:
    """Every object below models/, with the statements in the envelopes."""
    found = []
    for info in service.objects.list("models/"):
        data = service.objects.read(info.key).data
        found += [info.key.encode(), data]
        if info.key.endswith(".jsonl"):
            found += [b64decode(json.loads(line)["payload"]) for line in data.splitlines()]
    return found


def named(text: str) -> list[str]:
    return [home for home in HOMES if home in text]


def test_no_name_of_a_site_is_read_anywhere(service: Service) -> None:
    texts = forced(service, shown=False)
    assert {what: named(text) for what, text in texts.items()} == {what: [] for what in texts}
    names = site_names(service.objects, service.current)
    pseudonyms = [names(home) for home in HOMES]
    for page in (texts["report"], texts["data quality"]):
        assert [home for home in pseudonyms if home in page] == pseudonyms
    assert [home for home in pseudonyms if home in texts["ships"]] == pseudonyms, "its reasons"
    # Their order tells nothing: it is not that of names.
    for what, text in texts.items():
        for find in (text.find, text.rfind) if what in ("report", "decision") else ():
            assert sorted(pseudonyms, key=find) == sorted(pseudonyms), what


def test_the_setting_shows_names_but_not_in_what_ships(service: Service) -> None:
    texts = forced(service, shown=True)
    assert named(texts.pop("ships")) == []
    assert named(texts["report"]) == named(texts["data quality"]) == HOMES
    assert named(texts["decision"]) == HOMES
    names = site_names(service.objects, service.current)
    assert not any(names.pseudonym(home) in text for home in HOMES for text in texts.values())


def test_a_replay_needs_no_key_and_says_the_same(service: Service) -> None:
    worsened(service)
    service.objects.delete("state/site_names.key")
    for stored_scores in (False, True):
        again = replay(service.run("run2"), stored_scores=stored_scores)
        assert again.same and not again.differences
    assert not service.objects.exists("state/site_names.key")
