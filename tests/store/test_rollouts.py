"""A version is a candidate for a share of gateways first: widened, halted, promoted by commits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import (
    CandidateOutError,
    NotFoundError,
    StaleChallengerError,
    TrustError,
    UsageError,
)
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling import Gateway
from smartwatts_ml.pulling.rings import ALL, place_of
from smartwatts_ml.store import FirstRing, Published, Store
from smartwatts_ml.store.layout import file_key, manifest_key
from tests.store.helpers import Clock, content, new_store, publish

RING = FirstRing(500, 4)
GATEWAYS = [Gateway(f"gw-{number}") for number in range(60)]


@pytest.fixture
def root_url(tmp_path: Path) -> str:
    """These go through the same commits as every other change: one kind of root is enough."""
    return str(tmp_path / "root")


@pytest.fixture
def store(root_url: str, tmp_path: Path, clock: Clock) -> Store:
    made = new_store(root_url, tmp_path, clock=clock)
    publish(made, "nilm", "run1")
    return made


@pytest.fixture
def offered(store: Store) -> Store:
    publish(store, "nilm", "run2", ring=RING)
    return store


def versions(store: Store, tmp_path: Path) -> dict[str, int]:
    """What each of some gateways pulls into its own folder, which goes on from before."""
    return {
        gateway.id: store.pull("nilm", tmp_path / gateway.id, gateway=gateway).version
        for gateway in GATEWAYS[:6]
    }


def nothing_wrong(store: Store) -> bool:
    return not (*store.verify("nilm").findings, *store.verify_repository().findings)


def test_a_first_version_is_in_force_at_once(root_url: str, tmp_path: Path) -> None:
    store = new_store(root_url, tmp_path)
    done = publish(store, "nilm", "run1", ring=RING)
    assert (done.version, done.candidate) == (1, None)


def test_the_champion_stays_while_a_candidate_is_out(offered: Store, tmp_path: Path) -> None:
    champion = offered.champion("nilm")
    assert champion and champion.version == 1 and champion.entry.action == "promote"
    candidate = champion.candidate
    assert candidate and (candidate.version, candidate.percent) == (2, "5 %")
    assert [entry.action for entry in offered.history("nilm")] == ["promote", "candidate"]
    assert offered.manifest("nilm", 2).run_id == "run2"
    assert [(v.version, v.in_force) for v in offered.versions("nilm")] == [(1, True), (2, False)]
    assert offered.pull("nilm", tmp_path / "all").version == 1
    assert nothing_wrong(offered)


def test_gateways_below_the_share_take_it_and_stay_when_it_is_widened(
    offered: Store, tmp_path: Path
) -> None:
    before = versions(offered, tmp_path)
    offered.rollouts.widen("nilm", 5_000, 4, "ann", "looks well")
    after = versions(offered, tmp_path)
    champion = offered.champion("nilm")
    assert champion and champion.candidate
    salt = champion.candidate.salt
    assert after == {gw: 2 if place_of(salt, "nilm", gw) < 5_000 else 1 for gw in after}
    assert all(after[gateway] == 2 for gateway, version in before.items() if version == 2)


def test_a_halt_takes_it_back_from_everybody(offered: Store, tmp_path: Path) -> None:
    offered.rollouts.widen("nilm", ALL - 1, 4, "ann", "why not")
    assert 2 in versions(offered, tmp_path).values()
    offered.rollouts.halt("nilm", "ann", "alerts at night")
    assert set(versions(offered, tmp_path).values()) == {1}
    serial = offered.rollouts.halt("nilm", "ann", "again").serial
    assert serial == len(offered.history("nilm")) == 4
    assert nothing_wrong(offered)


def test_a_candidate_lapses_by_itself(offered: Store, tmp_path: Path, clock: Clock) -> None:
    offered.rollouts.widen("nilm", ALL - 1, 4, "ann", "why not")
    assert set(versions(offered, tmp_path).values()) == {2}
    clock.advance(days=4, seconds=1)
    offered.renew()
    assert set(versions(offered, tmp_path).values()) == {1}


def test_a_promotion_puts_it_in_force(offered: Store, tmp_path: Path) -> None:
    entry = offered.rollouts.promote("nilm", "ann", "looks well", version=2)
    assert (entry.action, entry.version, entry.previous_version) == ("promote", 2, 1)
    champion = offered.champion("nilm")
    assert champion and (champion.version, champion.candidate) == (2, None)
    assert offered.pull("nilm", tmp_path / "all").version == 2
    assert offered.rollouts.promote("nilm", "ann", "again", version=2) == entry
    assert publish(offered, "nilm", "run3").version == 3
    assert offered.rollback("nilm", 1, "bob", "why").version == 1
    assert nothing_wrong(offered)


def test_a_candidate_whose_file_is_damaged_is_not_promoted(
    offered: Store, objects: Objects
) -> None:
    objects.write(file_key("nilm", 2), content("another"))
    with pytest.raises(TrustError, match="not the one that was signed"):
        offered.rollouts.promote("nilm", "ann", "looks well")
    assert [f.key for f in offered.verify("nilm").findings] == [file_key("nilm", 2)]
    repaired = offered.verify("nilm", repair=True, run_file=lambda entry: content(entry.run_id))
    assert repaired.repaired and not repaired.findings


def test_another_version_waits_while_a_candidate_is_out(offered: Store) -> None:
    with pytest.raises(CandidateOutError, match="v2 is a candidate for 5 %"):
        publish(offered, "nilm", "run3", ring=RING)
    with pytest.raises(CandidateOutError):
        publish(offered, "nilm", "run3")
    again = publish(offered, "nilm", "run2", ring=RING)
    assert (again.version, again.serial) == (2, 2)


@pytest.mark.parametrize("over", ["halted", "lapsed"])
def test_the_next_candidate_takes_the_place_of_one_that_is_over(
    offered: Store, clock: Clock, over: str
) -> None:
    if over == "halted":
        offered.rollouts.halt("nilm", "ann", "worse")
    else:
        clock.advance(days=5)
    assert publish(offered, "nilm", "run3", ring=RING).version == 3
    champion = offered.champion("nilm")
    assert champion and champion.candidate and champion.candidate.version == 3
    assert nothing_wrong(offered)


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.rollback("nilm", 1, "bob", "why"),
        lambda store: publish(store, "nilm", "run3", action="force"),
    ],
)
def test_what_a_person_puts_in_force_takes_a_candidate_back(
    offered: Store, change: Callable[[Store], Published]
) -> None:
    change(offered)
    champion = offered.champion("nilm")
    assert champion and champion.candidate is None
    assert nothing_wrong(offered)


def test_nobody_widens_another_candidate_than_the_one_meant(offered: Store) -> None:
    for change in (
        lambda: offered.rollouts.widen("nilm", 5_000, 4, "ann", "why", version=1),
        lambda: offered.rollouts.halt("nilm", "ann", "why", version=3),
    ):
        with pytest.raises(StaleChallengerError, match="is v2, not"):
            change()
    with pytest.raises(UsageError, match="for 5 % already"):
        offered.rollouts.widen("nilm", 100, 4, "ann", "why")
    with pytest.raises(UsageError, match="cannot widen to 100 %"):
        offered.rollouts.widen("nilm", ALL, 4, "ann", "why")
    offered.rollouts.promote("nilm", "ann", "why")
    with pytest.raises(NotFoundError, match="nilm has no candidate"):
        offered.rollouts.halt("nilm", "ann", "why")


def test_a_candidate_is_not_pruned_and_one_that_is_over_is(
    offered: Store, objects: Objects, clock: Clock
) -> None:
    everything: dict[str, Any] = {"keep": 1, "older_than": timedelta(0)}
    assert offered.prune("nilm", **everything).versions == ()
    offered.rollouts.halt("nilm", "ann", "worse")
    clock.advance(days=1)
    publish(offered, "nilm", "run3")
    clock.advance(days=1)
    publish(offered, "nilm", "run4")
    clock.advance(days=1)
    assert offered.prune("nilm", **everything).versions == (1, 2, 3)
    assert not objects.exists(manifest_key("nilm", 2))
    audit = offered.verify("nilm")
    assert (audit.findings, audit.pruned) == ((), (1, 2, 3))
    assert {v: bool(m) for v, m in offered.manifests("nilm").items()} == {
        1: False, 2: False, 3: False, 4: True
    }  # fmt: skip


def test_a_candidate_outlasts_a_renewal_of_the_models_role(offered: Store, clock: Clock) -> None:
    offered.rollouts.widen("nilm", 5_000, 400, "ann", "slowly")
    clock.advance(days=300)
    offered.renew()
    champion = offered.champion("nilm")
    assert champion and champion.candidate and champion.candidate.share == 5_000
    assert len(offered.history("nilm")) == 3
    assert nothing_wrong(offered)


def test_the_first_gateways_are_others_each_time(offered: Store) -> None:
    def first() -> set[str]:
        champion = offered.champion("nilm")
        assert champion and champion.candidate
        salt = champion.candidate.salt
        return {gw.id for gw in GATEWAYS if place_of(salt, "nilm", gw.id) < 5_000}

    before = first()
    offered.rollouts.halt("nilm", "ann", "worse")
    publish(offered, "nilm", "run3", ring=RING)
    assert first() != before


def test_a_runtime_that_is_too_old_gets_the_champion(store: Store, tmp_path: Path) -> None:
    publish(store, "nilm", "run2", ring=FirstRing(ALL - 1, 4, "2.3.0"))
    salt = (store.history("nilm")[-1].candidate or pytest.fail()).salt
    name = next(gw.id for gw in GATEWAYS if place_of(salt, "nilm", gw.id) < ALL - 1)
    got = [
        store.pull("nilm", tmp_path / "gateway", gateway=Gateway(name, runtime)).version
        for runtime in ("2.2.9", "2.10.0", None)
    ]
    assert got == [1, 2, 1]
