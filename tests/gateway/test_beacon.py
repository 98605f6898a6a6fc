"""What a gateway's library says of a model is what is read here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from smartwatts_ml.fleet.beacon import NEEDED, read_beacon
from smartwatts_ml.records.lines import fields_of_json
from tests.gateway.files import JVM, compile_java

pytestmark = pytest.mark.slow  # it compiles the library

SAYS = r"""
import smartwatts.Beacon;

public class Says {
    public static void main(String[] none) {
        String time = "2026-11-02T06:00:00Z";
        System.out.println(new Beacon("g-1", "forecasting_24h", 12, time).serial(17)
            .runtime("android \"14\"").calls(24, 1, 3.25).scored(24, 812.5, 1.044e7)
            .alerts(2).line());
        StringBuilder letters = new StringBuilder();
        for (int n = 0; n < 150; n++) letters.append("\n\u20ac\\");
        System.out.println(new Beacon("g-2", "nilm", 3, time).notLoaded(letters.toString()).line());
        System.out.println(new Beacon("g-3", "nilm", 3, time).calls(0, 0, Double.NaN).line());
    }
}
"""


def test_a_line_of_the_library_is_a_beacon(library: Path, tmp_path: Path) -> None:
    (tmp_path / "Says.java").write_text(SAYS)
    compile_java(tmp_path, tmp_path / "Says.java", classes=library)
    command = [*JVM, "-cp", f"{tmp_path}:{library}", "Says"]
    lines = subprocess.run(command, capture_output=True, check=True).stdout.splitlines()
    scored, broken, idle = (read_beacon(fields_of_json(line, NEEDED)) for line in lines)
    assert (scored.serial, scored.runs, scored.failures, scored.alerts) == (17, 24, 1, 2)
    assert (scored.error, scored.scale, scored.latency_ms) == (812.5, 1.044e7, 3.25)
    assert scored.runtime == 'android "14"' and scored.time.isoformat().startswith("2026-11-02T06")
    assert (
        not broken.loaded and broken.trouble.startswith(" €\\ €\\") and len(broken.trouble) == 200
    )
    assert idle.latency_ms != idle.latency_ms
