"""Pseudonyms of sites: the same for ever, and only for who has the root's key."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import NotFoundError, StoreError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import land, minutes

KEY = "state/site_names.key"


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)


def test_a_site_has_one_pseudonym_in_a_root_and_another_in_any_other(
    objects: Objects, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = site_names(objects, Settings())
    assert first("home1") == site_names(open_root(objects.url), Settings())("home1")
    assert first("home1") != first("home2")
    other = site_names(open_root(str(tmp_path_factory.mktemp("other"))), Settings())
    assert other("home1") != first("home1")
    assert len({first(f"house-{n}") for n in range(1000)}) > 990


def test_the_setting_shows_names(objects: Objects) -> None:
    shown = site_names(objects, Settings(show_site_names=True))
    assert shown("home1") == "home1"
    assert shown.pseudonym("home1") == site_names(objects, Settings())("home1")


def test_of_those_who_make_the_key_at_once_one_does(objects: Objects) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda _: site_names(objects, Settings())("home1"), range(8))
        assert len(set(made)) == 1


@pytest.mark.parametrize("damage", [b"", b"0" * 63, b"0" * 65, b"x" * 64])
def test_a_damaged_key_is_refused(objects: Objects, damage: bytes) -> None:
    objects.write(KEY, damage)
    with pytest.raises(StoreError, match=r"site_names\.key is damaged"):
        site_names(objects, Settings())


def sites(objects: Objects, *wanted: str) -> list[list[str]]:
    command = ["readings", "sites", *wanted, "--root", objects.url, "--json"]
    result = CliRunner().invoke(app, command)
    if result.exit_code:
        raise result.exception or AssertionError(result.output)
    return [[row["site"], row["pseudonym"]] for row in json.loads(result.stdout)]


def test_an_operator_finds_the_home_behind_a_pseudonym(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 300), *minutes("home2", 300))
    ingest(objects, Settings())
    names = site_names(objects, Settings())
    both = [[name, names(name)] for name in ("home1", "home2")]
    assert sites(objects) == both
    assert sites(objects, names("home2")) == sites(objects, "home2") == both[1:]
    assert sites(objects, names("home2").removeprefix("home ")) == both[1:]
    with pytest.raises(NotFoundError, match="no site has the name or the pseudonym 'home 1'"):
        sites(objects, "home 1")


def test_a_root_without_readings_gets_no_key(objects: Objects) -> None:
    assert sites(objects) == []
    assert not objects.exists(KEY)
