"""Trials of the gate: what it accepts where the truth is known.

python -m benchmarks.gate tables --sites 5 30 --runs 100
python -m benchmarks.gate year --seeds 5 --picture benchmarks/results/gate_year.png
python -m benchmarks.gate years --policies fresh careful
python -m benchmarks.gate components --data ../shared/data/load_fontana17 --kept .local/components
python -m benchmarks.gate trainings
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gate_components import Trainings, as_rows, components, losses_of, train_all
from benchmarks.gate_real import POLICIES, live_weekly, print_weekly
from benchmarks.gate_tables import SCENARIOS, Scenario, Tables, proportion_interval, try_gate
from benchmarks.gate_trainings import try_trainings
from benchmarks.gate_ways import WAYS
from benchmarks.gate_year import Year, live
from benchmarks.gate_year_report import draw_year, print_year, read_year, write_year
from benchmarks.gate_years import SIZES, WORLD, as_row, live_years, titles
from smartwatts_ml.gate import Rules
from smartwatts_ml.judging.record import rules_of
from smartwatts_ml.settings import settings
from smartwatts_ml.simulate import simulate

RULES: Mapping[str, Mapping[str, Any]] = {
    "fresh": {},
    "careful": {"gate_policy": "careful"},
    "80 % at any age": {"gate_fresh_weeks": 0},
    "the estimate": {"gate_fresh_weeks": 0, "gate_fresh_confidence": 0.5},
}
"""What may decide once every veto is passed: settings by name."""


def tables(policy: str, runs: int, sites: int, seed: int) -> list[dict[str, Any]]:
    """How often each kind of challenger is accepted, on simulated tables of losses."""
    rules = rules_of(settings(gate_resamples=100, **RULES[policy]))
    simulated = Tables(sites=sites)
    possible = (s for s in SCENARIOS if sites >= s.least_sites)
    return [_tried(scenario, simulated, rules, runs, seed) for scenario in possible]


def _tried(
    scenario: Scenario, simulated: Tables, rules: Rules, runs: int, seed: int
) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    for run in range(runs):
        outcomes[str(try_gate(scenario, simulated, rules, seed + run).outcome)] += 1
    accepted = outcomes["better"] + outcomes["repairs"]
    wanted = [
        *([f"at most {scenario.at_most:.0%}"] if scenario.at_most is not None else []),
        *([f"at least {scenario.at_least:.0%}"] if scenario.at_least is not None else []),
    ]
    return {
        "challenger": scenario.name,
        "sites": simulated.sites,
        "runs": runs,
        "accepted": accepted / runs,
        "interval": proportion_interval(accepted, runs),
        "wanted": " ".join(wanted),
        "outcomes": dict(outcomes),
    }


def _tables(arguments: argparse.Namespace) -> None:
    print("| challenger | sites | accepted | 95 % interval | wanted | kept because |")
    print("|---|---|---|---|---|---|")
    for sites in arguments.sites:
        rows = tables(arguments.policy, arguments.runs, sites, arguments.seed)
        for row in rows:
            low, high = row["interval"]
            kept = ", ".join(
                f"{name} {count}"
                for name, count in sorted(row["outcomes"].items(), key=lambda item: -item[1])
                if name not in ("better", "repairs")
            )
            print(
                f"| {row['challenger']} | {sites:,} | {row['accepted']:.0%} | {low:.0%} to "
                f"{high:.0%} | {row['wanted']} | {kept or '–'} |",
                flush=True,
            )


def _year(arguments: argparse.Namespace) -> None:
    years = []
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        fleet_year = Year({}, {}, {}, {})
        for number in arguments.ways:
            kept = arguments.keep / f"{seed}-{number}.json" if arguments.keep else None
            if kept and kept.exists():
                fleet_year.add(read_year(kept))
                continue
            ways = (arguments.weeks, arguments.sites, [WAYS[number]], arguments.keep)
            (lived,) = live(seed, *ways)
            if kept:
                write_year(lived, kept)
            fleet_year.add(lived)
            print(f"seed {seed}: {WAYS[number].name}", file=sys.stderr)
        years.append(fleet_year)
    print_year(years)
    if arguments.picture:
        draw_year(years, arguments.picture)


def _homes(arguments: argparse.Namespace) -> None:
    chosen = [policy for policy in POLICIES if not arguments.only or policy.name in arguments.only]
    print_weekly(live_weekly(arguments.data, arguments.weeks, chosen))


def _years(arguments: argparse.Namespace) -> None:
    print(f"| policy | {' | '.join(titles())} |\n|---{'|---' * len(titles())}|")
    for policy in arguments.policies:
        rules = rules_of(settings(gate_resamples=100, **RULES[policy]))
        for sites in arguments.sites:
            years, seed, renews = arguments.years, arguments.seed, arguments.renew_weeks
            lived = live_years(WORLD, rules, sites, years, seed, renews)
            print(f"| {policy} | {' | '.join(as_row(lived))} |", flush=True)


def _components(arguments: argparse.Namespace) -> None:
    wanted = Trainings(arguments.seeds, arguments.dates, arguments.every, epochs=arguments.epochs)
    train_all(arguments.data, wanted, arguments.kept)
    print("| of log error | standard deviation |\n|---|---|")
    print("\n".join(as_rows(components(losses_of(arguments.kept)))))


def _trainings(arguments: argparse.Namespace) -> None:
    print(
        "| model | what is wrong with the training | accepted | the gate says |\n|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        root = arguments.root or Path(folder) / "root"
        if arguments.data:
            shutil.copytree(arguments.data, root / "landing", copy_function=shutil.copyfile)
            (root / "landing").chmod(0o755)
        else:
            homes = arguments.homes
            simulate(homes, arguments.days, root / "landing", seed=3, submetered=homes)
        models = {name: arguments.epochs for name in arguments.models}
        for verdict in try_trainings(root, models):
            accepted = "yes" if verdict.accepted else "no"
            row = (verdict.model, verdict.fault, accepted, verdict.summary)
            print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    by_tables = verbs.add_parser("tables", help="simulated tables of losses")
    by_tables.add_argument("--runs", type=int, default=100)
    by_tables.add_argument("--sites", nargs="+", type=int, default=SIZES)
    by_tables.add_argument("--seed", type=int, default=0)
    by_tables.add_argument("--policy", choices=RULES, default="fresh")
    by_tables.set_defaults(run=_tables)
    by_year = verbs.add_parser("year", help="52 weeks of retraining, by way and policy")
    by_year.add_argument("--seeds", type=int, default=5)
    by_year.add_argument("--seed", type=int, default=0)
    by_year.add_argument("--weeks", type=int, default=52)
    by_year.add_argument("--sites", type=int, default=32)
    by_year.add_argument("--picture", type=Path)
    by_year.add_argument("--ways", type=int, nargs="*", default=range(len(WAYS)))
    by_year.add_argument("--keep", type=Path, help="folder: years that are there are not lived")
    by_year.set_defaults(run=_year)
    by_home = verbs.add_parser("homes", help="20 weeks of retraining on 17 real homes")
    by_home.add_argument("--data", type=Path, required=True)
    by_home.add_argument("--weeks", type=int, default=20)
    by_home.add_argument("--only", nargs="*", help="names of policies")
    by_home.set_defaults(run=_homes)
    by_years = verbs.add_parser("years", help="twelve simulated years at several sizes")
    by_years.add_argument("--policies", nargs="+", choices=RULES, default=list(RULES))
    by_years.add_argument("--sites", nargs="+", type=int, default=SIZES)
    by_years.add_argument("--years", type=int, default=12)
    by_years.add_argument("--seed", type=int, default=0)
    by_years.add_argument("--renew-weeks", type=int, default=0, help="0: nothing is renewed")
    by_years.set_defaults(run=_years)
    by_parts = verbs.add_parser("components", help="what varies from training to training")
    by_parts.add_argument("--data", type=Path, required=True)
    by_parts.add_argument("--kept", type=Path, required=True, help="where losses are kept")
    by_parts.add_argument("--seeds", type=int, default=3)
    by_parts.add_argument("--dates", type=int, default=5)
    by_parts.add_argument("--every", type=int, default=4, help="weeks between two dates")
    by_parts.add_argument("--epochs", type=int, default=10)
    by_parts.set_defaults(run=_components)
    by_training = verbs.add_parser("trainings", help="real trainings that went wrong")
    by_training.add_argument("models", nargs="*", default=["nilm", "forecasting_24h", "anomaly"])
    by_training.add_argument("--data", type=Path, help="readings; simulated homes where not given")
    by_training.add_argument("--root", type=Path, help="where the runs and their reports are left")
    by_training.add_argument("--homes", type=int, default=4)
    by_training.add_argument("--days", type=int, default=75)
    by_training.add_argument("--epochs", type=int, default=6)
    by_training.set_defaults(run=_trainings)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
