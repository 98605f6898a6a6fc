"""Processes that find no table at once: one makes it, and the others use what it made."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Barrier

import pytest

from smartwatts_ml.errors import ChangedError
from smartwatts_ml.fleet.beacons import BEACONS
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.site_clocks import SiteClocks
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.records.table import RecordTable

pytestmark = pytest.mark.slow
ZONES = ("Europe/Berlin", "Asia/Tokyo", "America/New_York")
ROUNDS = 8


def make_readings(objects: Objects, zone: str) -> str:
    """Make the table, and record a file in it."""
    table = open_table(objects, SiteClocks(zone))
    for _ in table.attempts():
        try:
            table.append([], {zone: table.free_arrival(1)}, {})
        except ChangedError:
            continue
        return table.id
    raise AssertionError("unreachable")


def make_beacons(objects: Objects, zone: str) -> str:
    return RecordTable(objects, BEACONS).id


TABLES: dict[str, Callable[[Objects, str], str]] = {
    "readings": make_readings,
    "beacons": make_beacons,
}


def race(start: Barrier, asked: Connection, zone: str) -> None:
    """One process: makes a table in each root that it is told of, when all are ready."""
    while (asking := asked.recv()) is not None:
        url, name = asking
        objects = open_root(url)
        start.wait()
        asked.send(TABLES[name](objects, zone))


@dataclass
class Racers:
    connections: list[Connection]

    def run(self, url: str, name: str) -> list[str]:
        """The ids of the table as each sees it."""
        for connection in self.connections:
            connection.send((url, name))
        for connection in self.connections:
            assert connection.poll(60), "a racer died"
        return [connection.recv() for connection in self.connections]


@pytest.fixture
def racers(root_url: str) -> Iterator[Racers]:
    """Processes with the environment that reaches the root."""
    context = multiprocessing.get_context("spawn")
    start, connections, processes = context.Barrier(len(ZONES)), [], []
    for zone in ZONES:
        ours, theirs = context.Pipe()
        process: SpawnProcess = context.Process(target=race, args=(start, theirs, zone))
        process.start()
        connections.append(ours)
        processes.append(process)
    yield Racers(connections)
    for connection, process in zip(connections, processes, strict=True):
        connection.send(None)
        process.join(10)
        process.kill()


def commits(objects: Objects, name: str) -> list[set[str]]:
    """What kinds of entries each commit of a table has."""
    logged = [info.key for info in objects.list(f"{name}/_delta_log/0") if "json" in info.key]
    lines = [objects.read(key).data.splitlines() for key in logged]
    return [{kind for line in commit for kind in json.loads(line)} for commit in lines]


@pytest.mark.parametrize("name", TABLES)
def test_one_process_makes_the_table_and_nothing_is_made_over_it(
    root_url: str, racers: Racers, name: str
) -> None:
    for number in range(ROUNDS):
        objects = open_root(f"{root_url}/{number}")
        ids = racers.run(objects.url, name)
        made = ["metaData" in commit for commit in commits(objects, name)]
        assert made == [True] + [False] * (len(made) - 1), f"after {number} good rounds"
        assert len(set(ids)) == 1
        if name == "readings":
            table = open_table(objects)
            assert all(table.has(zone) for zone in ZONES)
            assert table.clocks and table.clocks.default in ZONES
