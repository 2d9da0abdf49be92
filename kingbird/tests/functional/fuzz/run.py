"""Runs schemathesis on a deployment."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from kingbird.tests.functional.fuzz import scene
from kingbird.tests.functional.programs import BIN, environment

#: Checks that don't hold here, and why.
LEFT_OUT = {
    # A schema can't tell which regions there are; `refused_for_a_reason` looks closer.
    "positive_data_acceptance",
    # A made up id may be given the name of a job that a sequence has just made, and be deleted;
    # the verdict looks whether a job is missed that nobody deleted.
    "ensure_resource_availability",
}


def fuzz(
    url: str,
    where: Path,
    *,
    seconds: int,
    seed: int,
    credentials: Mapping[str, str],
) -> tuple[int, str]:
    """Fuzz an API for a time.

    :param url: its base, without ``/v1.0``.
    :param where: the file of the :class:`~kingbird.tests.functional.fuzz.scene.Scene`.
    :param credentials: the variables that name who asks.
    :returns: schemathesis's exit status, 0 if it found nothing, and what it printed.
    """
    root = Path(__file__).resolve().parents[4]
    command: list[str | Path] = [BIN / "schemathesis", "run", f"{url}/v1.0/openapi.json"]
    command += ["--url", url, "--max-time", str(seconds), "--seed", str(seed)]
    command += ["--checks", "all", "--exclude-checks", ",".join(sorted(LEFT_OUT))]
    # One worker: hypothesis, which makes the requests up, trips over two at times.
    command += ["--workers", "1", "--continue-on-failure", "--request-timeout", "30"]
    # Neither what an earlier run found nor how long it takes to make things up matters.
    command += ["--generation-database", "none", "--suppress-health-check", "all", "--no-color"]
    done = subprocess.run(
        command,
        cwd=where.parent,
        env=environment(
            SCHEMATHESIS_HOOKS="kingbird.tests.functional.fuzz.hooks",
            **{scene.VARIABLE: str(where)},
            **credentials,
        )
        | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds * 2 + 120,
        check=False,
    )
    return done.returncode, done.stdout
