"""Runs schemathesis on a deployment."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from kingbird.tests.functional.fuzz import scene
from kingbird.tests.functional.programs import BIN, environment
from kingbird.tests.waiting import LONG_PATIENCE, PATIENCE

#: Checks that do not apply here, with the reason.
LEFT_OUT = {
    # A schema does not know the regions.  `refused_for_a_reason` checks these responses.
    "positive_data_acceptance",
    # A sequence can delete a new job by an id that was replaced.  The verdict reports missing jobs
    # that nobody deleted.
    "ensure_resource_availability",
}
#: Requests of each operation and phase.
CASES = 60


def fuzz(
    url: str,
    where: Path,
    *,
    seconds: int | None,
    seed: int,
    credentials: Mapping[str, str],
) -> tuple[int, str]:
    """Fuzz an API.

    :param url: its base, without ``/v1.0``.
    :param where: the file of the :class:`~kingbird.tests.functional.fuzz.scene.Scene`.
    :param seconds: the time for it; by default it ends after :data:`CASES` of each operation,
        however long they take.
    :param credentials: the environment variables of the user.
    :returns: the exit status of schemathesis, 0 if it found nothing, and its output.
    """
    root = Path(__file__).resolve().parents[4]
    command: list[str | Path] = [BIN / "schemathesis", "run", f"{url}/v1.0/openapi.json"]
    command += ["--url", url, "--seed", str(seed)]
    # Rules make jobs by themselves, and the jobs in the database are compared with the requests.
    command += ["--exclude-path-regex", "os-sync-rules"]
    command += ["--max-time", str(seconds)] if seconds else ["--max-examples", str(CASES)]
    command += ["--checks", "all", "--exclude-checks", ",".join(sorted(LEFT_OUT))]
    # hypothesis generates the requests and sometimes fails with two workers.
    command += ["--workers", "1", "--continue-on-failure", "--request-timeout", str(PATIENCE)]
    # Ignore the findings of an earlier run and the time that generation takes.
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
        timeout=2 * (seconds or 0) + LONG_PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout
