"""What somebody has to see to although no run failed, and who is told of it how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.claims import Claim
from smartwatts_ml.runs.notified import Notified, Trouble, note_troubles, read_notified
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages import tasks
from smartwatts_ml.stages.ingest import ingest
from smartwatts_ml.stages.troubles import find_troubles
from smartwatts_ml.store import Store, open_store
from tests.store.helpers import publish


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def store(objects: Objects, current: Settings) -> Store:
    made = open_store(objects, current)
    publish(made, "nilm", "run1")
    return made


def test_a_root_in_order_has_none(objects: Objects, current: Settings, store: Store) -> None:
    assert find_troubles(objects, current, now()) == []


def test_an_empty_root_has_none(objects: Objects, current: Settings) -> None:
    assert find_troubles(objects, current, now()) == []


def test_a_champion_whose_file_is_gone_is_critical(
    objects: Objects, current: Settings, store: Store
) -> None:
    objects.delete("models/nilm/nilm_v1.tflite")
    (trouble,) = find_troubles(objects, current, now())
    assert trouble.severity == "critical"
    assert "nilm_v1.tflite" in trouble.what and "--repair" in trouble.fix


def test_a_timestamp_that_nobody_signs_is_told_long_before_it_expires(
    objects: Objects, current: Settings, store: Store
) -> None:
    assert find_troubles(objects, current, now() + timedelta(hours=35)) == []
    (trouble,) = find_troubles(objects, current, now() + timedelta(hours=37))
    assert (trouble.about, trouble.severity) == ("timestamp", "critical")


def test_a_run_that_does_not_decide_is_late(objects: Objects, current: Settings) -> None:
    objects.write("state/claims/nilm.json", Claim("weekly-1", now()).to_bytes())
    assert find_troubles(objects, current, now() + timedelta(hours=11)) == []
    (trouble,) = find_troubles(objects, current, now() + timedelta(hours=13))
    assert trouble.severity == "warning"
    assert "weekly-1" in trouble.what and "models release nilm" in trouble.fix


def land(objects: Objects, site: str, day: datetime) -> None:
    lines = [f"{day + timedelta(hours=i):%Y-%m-%dT%H:%M:%S},400,{site}/mains" for i in range(24)]
    text = "timestamp,consumption,device_id\n" + "\n".join(lines) + "\n"
    objects.write(f"landing/{site}.csv", text.encode())


def test_sites_that_fall_silent_are_named_and_those_that_are_alike_are_not(
    objects: Objects, current: Settings
) -> None:
    for site, days in (("home1", 2), ("home2", 4), ("home3", 20)):
        land(objects, site, now() - timedelta(days=days))
    ingest(objects, current)
    (trouble,) = find_troubles(objects, current, now())
    assert trouble.what.startswith("1 of 3 sites are silent: home ")
    assert "home3" not in trouble.what
    shown = find_troubles(objects, current.replaced({"show_site_names": True}), now())[0]
    assert shown.what.startswith("1 of 3 sites are silent: home3 since ")
    assert find_troubles(objects, current.replaced({"silent_days": 0}), now()) == []
    later = find_troubles(objects, current, now() + timedelta(days=8))
    assert any("nothing has come into landing/" in each.what for each in later)


def test_a_trouble_is_told_once_and_again_while_it_stays(objects: Objects) -> None:
    damaged = Trouble("store x", "critical", "x is gone", "repair")
    silent = Trouble("silent y", "warning", "y is silent", "look")
    assert read_notified(objects).is_due(damaged)
    note_troubles(objects, [damaged.about, silent.about], [damaged.about, silent.about], now())
    told = read_notified(objects)
    later = [now() + timedelta(hours=hours) for hours in (6, 24, 7 * 24 + 1)]
    assert [told.is_due(damaged, when) for when in later] == [False, True, True]
    assert [told.is_due(silent, when) for when in later] == [False, False, True]
    note_troubles(objects, [], [silent.about], now())
    assert read_notified(objects).is_due(damaged, later[0]), "it was mended, and is there anew"


def test_what_was_told_is_only_a_memory(objects: Objects) -> None:
    objects.write("state/told.json", b"{")
    assert read_notified(objects) == Notified()
    note_troubles(objects, ["x"], ["x"], now())
    assert not read_notified(objects).is_due(Trouble("x", "critical", "", ""), now())


def test_a_change_on_the_command_line_is_told_once(
    objects: Objects, current: Settings, store: Store
) -> None:
    root = current.root
    assert tasks.untold_changes(root) == [], "what is there at first is old"
    publish(store, "nilm", "cli-2", action="force")
    publish(store, "anomaly", "cli-3")
    changes = tasks.untold_changes(root)
    assert [(c["model"], c["action"], c["version"]) for c in changes] == [
        ("anomaly", "promote", 1),
        ("nilm", "force", 2),
    ]
    assert changes[1]["metrics"] == {"mae": 12.5}
    publish(store, "nilm", "run4")
    tasks.note_change(root, "nilm", 3)
    assert len(tasks.untold_changes(root)) == 2, "one that is told later tells not of those before"
    for change in changes:
        tasks.note_change(root, change["model"], change["serial"])
    assert tasks.untold_changes(root) == []
    done = tasks.roll_back(root, "nilm", 1, "ann", "v2 misses kettles")
    assert done["changed"]
    assert tasks.change_of_champion(root, "nilm", done["serial"])["action"] == "rollback"
    again = tasks.roll_back(root, "nilm", 1, "ann", "v2 misses kettles")
    assert not again["changed"], "it is in force already"
