"""The drill of docs/operations.md: each situation is brought about, and its commands are run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartwatts_ml.errors import TrustError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.store import Store
from tests.store.helpers import Clock, content, publish
from tests.store.test_commands import call
from tests.store.test_rotation import Thief

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
SITUATIONS = (
    "ceremony",
    "rotation",
    "theft",
    "root share",
    "key folder",
    "expired",
    "two years",
)
pytestmark = pytest.mark.slow


def commands(situation: str) -> list[str]:
    """What the page says to do."""
    block = re.search(rf"<!-- drill: {situation} -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block, situation
    return [line.partition("#")[0].strip() for line in block[1].splitlines()]


def do(situation: str, **names: str) -> None:
    """Run it, with what stands for names in capitals."""
    for command in commands(situation):
        for name, value in names.items():
            command = command.replace(name, value)
        if command.startswith("smartwatts "):
            line, _, file = command.removeprefix("smartwatts ").partition(">")
            result = call(*shlex.split(line))
            if file:
                Path(file.strip()).write_text(result.stdout)
        else:
            subprocess.run(["bash", "-ec", command], check=True)


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """The root of the drill; after the ceremony, with two versions and a run's copies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMARTWATTS_ROOT", "root")
    monkeypatch.setenv("SMARTWATTS_KEYS", "keys")
    do("ceremony")
    objects = open_root("root")
    for run_id in ("run1", "run2"):
        publish(Store(objects, Path("keys")), "nilm", run_id)
        objects.write(f"runs/{run_id}/nilm/nilm.tflite", content(run_id))
    return objects


@pytest.fixture
def store(objects: Objects) -> Store:
    return Store(objects, Path("keys"))


def check_gateway(objects: Objects, run_id: str) -> None:
    """A gateway that was built after the ceremony pulls this run's file."""
    gateway = Store(objects, Path("gateway"))
    gateway.keys.trust(Path("root.json").read_bytes(), "root.json")
    pulled = gateway.pull("nilm", Path("pulled"))
    assert Path(pulled.path).read_bytes() == content(run_id)


def test_the_page_says_what_to_do_in_each_situation() -> None:
    named = re.findall(r"<!-- drill: (.*?) -->", PAGE.read_text())
    assert sorted(named) == sorted(SITUATIONS)


def test_the_ceremony_leaves_no_key_of_root_on_the_machine(objects: Objects, store: Store) -> None:
    assert [len(list(Path(holder).iterdir())) for holder in ("ann", "bob", "eve")] == [1, 1, 1]
    assert not list(Path("made").iterdir())
    assert not [path for path in Path("keys").rglob("root-*.pem")]
    check_gateway(objects, "run2")


def test_rotation(objects: Objects, store: Store) -> None:
    before = set(store.keys.uris())
    do("rotation")
    assert before and not before & set(store.keys.uris())
    check_gateway(objects, "run2")
    assert publish(Store(objects, Path("keys")), "nilm", "run3").version == 3
    check_gateway(objects, "run3")


@pytest.mark.parametrize("version", [3, 10**9], ids=["next", "far ahead"])
def test_theft_of_the_online_keys(objects: Objects, store: Store, version: int) -> None:
    stolen = Path(shutil.copytree("keys", "stolen"))
    clock = Clock()
    clock.now = datetime.now(UTC)
    Thief(store, objects, clock).plant(version, b"\x1c\0\0\0TFL3 evil")
    do("theft")
    check_gateway(objects, "run2")
    with pytest.raises(TrustError, match="no key here to sign"):
        publish(Store(objects, stolen), "nilm", "evil")
    assert publish(Store(objects, Path("keys")), "nilm", "run3").version == 3
    check_gateway(objects, "run3")


def test_a_lost_online_key(objects: Objects) -> None:
    for path in Path("keys/online").iterdir():
        path.unlink()
    with pytest.raises(TrustError):
        publish(Store(objects, Path("keys")), "nilm", "run3")
    do("theft")
    assert publish(Store(objects, Path("keys")), "nilm", "run3").version == 3
    check_gateway(objects, "run3")


def test_theft_of_one_of_roots_keys(objects: Objects, store: Store) -> None:
    (private,) = Path("eve").iterdir()
    (keyid,) = (keyid for keyid in _root_keys(store) if keyid.startswith(_named(private)))
    private.unlink()
    do("root share", KEYID=keyid)
    after = Store(objects, Path("keys"))
    assert keyid not in _root_keys(after)
    assert len(_root_keys(after)) == 3
    assert after.ceremonies.add_models(["shower"], [Path("ann"), Path("eve-again")]) == ("shower",)
    check_gateway(objects, "run2")


def test_a_key_folder_that_is_restored_from_an_older_copy(objects: Objects, store: Store) -> None:
    shutil.copytree("keys", "keys-copy")
    publish(store, "nilm", "run3")
    shutil.rmtree("keys")
    do("key folder")
    assert publish(Store(objects, Path("keys")), "nilm", "run4").version == 4
    check_gateway(objects, "run4")


def test_a_timestamp_that_expired_over_the_holidays(objects: Objects) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=5)
    Store(objects, Path("keys"), clock=lambda: long_ago).renew()
    with pytest.raises(TrustError, match="expired"):
        check_gateway(objects, "run2")
    do("expired")
    check_gateway(objects, "run2")


def test_root_and_targets_after_two_years(objects: Objects, store: Store) -> None:
    before, _ = store.metadata()
    do("two years")
    after, targets = Store(objects, Path("keys")).metadata()
    assert before is not None and after is not None and targets is not None
    assert (after.version, targets.version) == (2, 2)
    check_gateway(objects, "run2")


def _root_keys(store: Store) -> list[str]:
    root, _ = store.metadata()
    assert root is not None
    return list(root.roles["root"].keyids)


def _named(private: Path) -> str:
    """The part of its key id that a file is called by."""
    return private.stem.rpartition("-")[2]
