"""``make bench``: starts a cloud and Kingbird, measures, prints, stops all."""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from minicloud import Cloud  # noqa: E402

from benchmarks import records  # noqa: E402
from kingbird.tests.functional import services  # noqa: E402
from kingbird.tests.functional.deployment import Kind, deploy  # noqa: E402
from kingbird.tests.functional.people import Person  # noqa: E402


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--records", type=int, default=200, help="in each round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="(%(default)s)")
    options = parser.parse_args()
    whole = not (services.missing("MariaDB") or services.missing("RabbitMQ"))
    kind = Kind(
        database="MariaDB" if whole else "SQLite",
        broker=whole,
        options={
            "DEFAULT": {"debug": "false"},
            "glance": {"interface": "public"},
            "sync": {"region_concurrency": options.connections},
        },
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cloud").mkdir()
        (folder / "kingbird").mkdir()
        cloud = Cloud(folder / "cloud", regions=["RegionOne", "RegionTwo"], free_ports=True)
        cloud.up()
        try:
            with deploy(kind, cloud, folder / "kingbird") as deployment:
                measured = records.measure(
                    Person(cloud, "demo"),
                    deployment,
                    cloud.glance_urls[records.TARGET],
                    count=options.records,
                    rounds=options.rounds,
                    connections=options.connections,
                    say=print,
                )
        finally:
            cloud.down()
    print(f"Kingbird with {'RabbitMQ and MariaDB' if whole else 'SQLite in one process'}")
    print(records.table(measured, options.records))


if __name__ == "__main__":
    main()
