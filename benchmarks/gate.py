"""Trials of the gate: what it accepts where the truth is known.

python -m benchmarks.gate tables --runs 1000
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Any

from smartwatts_ml.gate.case import Rules
from smartwatts_ml.gate.trial import SCENARIOS, Scenario, Tables, proportion_interval, try_gate
from smartwatts_ml.settings import Settings


def tables(runs: int, sites: int, seed: int) -> list[dict[str, Any]]:
    """How often each kind of challenger is accepted, on simulated tables of losses."""
    rules = Rules.of(Settings())
    return [_one(scenario, Tables(sites=sites), rules, runs, seed) for scenario in SCENARIOS]


def _one(scenario: Scenario, made: Tables, rules: Rules, runs: int, seed: int) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    for run in range(runs):
        outcomes[str(try_gate(scenario, made, rules, seed + run).outcome)] += 1
        if sys.stderr.isatty():
            print(f"\r{scenario.name}: {run + 1}/{runs}", end="", file=sys.stderr)
    accepted = outcomes["better"] + outcomes["repairs"]
    low, high = proportion_interval(accepted, runs)
    share = accepted / runs
    wanted = [
        *([f"at most {scenario.at_most:.0%}"] if scenario.at_most is not None else []),
        *([f"at least {scenario.at_least:.0%}"] if scenario.at_least is not None else []),
    ]
    holds = (scenario.at_most is None or share <= scenario.at_most) and (
        scenario.at_least is None or share >= scenario.at_least
    )
    return {
        "challenger": scenario.name,
        "runs": runs,
        "accepted": share,
        "interval": [low, high],
        "wanted": " ".join(wanted),
        "holds": holds,
        "outcomes": dict(outcomes),
    }


def print_tables(rows: list[dict[str, Any]]) -> None:
    print("| challenger | runs | accepted | 95 % interval | wanted | kept because |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        low, high = row["interval"]
        kept = ", ".join(
            f"{name} {count}"
            for name, count in sorted(row["outcomes"].items(), key=lambda item: -item[1])
            if name not in ("better", "repairs")
        )
        wanted = f"{row['wanted']}{'' if row['holds'] else ' ✗'}"
        print(
            f"| {row['challenger']} | {row['runs']:,} | {row['accepted']:.1%} | "
            f"{low:.1%} to {high:.1%} | {wanted} | {kept or '–'} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("tables", help="simulated tables of losses")
    one.add_argument("--runs", type=int, default=1000)
    one.add_argument("--sites", type=int, default=30)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = tables(arguments.runs, arguments.sites, arguments.seed)
    if arguments.json:
        print(json.dumps(rows, indent=1))
    else:
        print_tables(rows)


if __name__ == "__main__":
    main()
