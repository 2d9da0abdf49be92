"""``make bench``: start a cloud and Kingbird, measure, write RESULTS.md, and stop all."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from benchmarks import (  # noqa: E402
    answer,
    calls,
    claims,
    doubling,
    endings,
    engines,
    events,
    fair,
    idle,
    imports,
    load,
    machine,
    memory,
    messages,
    mixes,
    nothing,
    one_image,
    quarantine,
    reading,
    records,
    slow,
    storm,
    table,
    unplanned,
    writing,
)
from benchmarks.simulation import rows as simulation  # noqa: E402
from benchmarks.world import world  # noqa: E402

RESULTS = Path(__file__).with_name("RESULTS.md")
#: The rows in the order of the table.
ROWS = {
    "calls": calls.measure,
    "writing": writing.measure,
    "nothing": nothing.measure,
    "doubling": doubling.measure,
    "memory": memory.measure,
    "mixes": mixes.measure,
    "slow": slow.measure,
    "engines": engines.measure,
    "fair": fair.measure,
    "claims": claims.measure,
    "endings": endings.measure,
    "simulation": simulation.measure,
    "answer": answer.measure,
    "one_image": one_image.measure,
    "records": records.measure,
    "load": load.measure,
    "reading": reading.measure,
    "unplanned": unplanned.measure,
    "events": events.measure,
    "quarantine": quarantine.measure,
    "storm": storm.measure,
    "messages": messages.measure,
    "idle": idle.measure,
    "imports": imports.measure,
}

TEXT = """\
# Kingbird, measured

Written by `make bench`: ratios and counts that were taken in one run on one
machine. Seconds are medians, with the least and the most. The rows are
explained in `doc/source/contributor/benchmarks.rst`.

- {date}, in {minutes:.0f} minutes
- {machine}; load {before:.1f} before, {after:.1f} over the last quarter of an hour of the run
{versions}

{table}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the rows that the arguments select."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="smaller numbers, less exact; writes no file"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=[*ROWS],
        metavar="NAME",
        help=f"measure this alone, and write no file; may be repeated: {', '.join(ROWS)}",
    )
    options = parser.parse_args(arguments)
    # The load before the run shows what else keeps the machine busy.
    load = os.getloadavg()[0]
    begin = time.monotonic()
    rows: list[table.Row] = []
    with world() as cloud:
        for name in options.only or ROWS:
            for row in ROWS[name](cloud, quick=options.quick):
                rows.append(row)
                print(table.line(row), flush=True)
        versions = machine.versions(cloud.is_complete)
    minutes = (time.monotonic() - begin) / 60
    print(f"in {minutes:.1f} minutes")
    if options.quick or options.only:
        return
    RESULTS.write_text(
        TEXT.format(
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            minutes=minutes,
            machine=machine.machine(),
            before=load,
            after=os.getloadavg()[2],
            versions="\n".join(f"- {line}" for line in versions),
            table=table.markdown(rows),
        )
    )
    print(f"written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
