"""The command line: python -m tempest_run [ARGUMENTS OF tempest run]."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from minicloud.errors import MinicloudError

from tempest_run import environment, leftovers, settings, stage, totals

#: Timeout of Tempest in seconds.  Alone on two cores it takes two minutes, beside other tests
#: five: what this ends is a test that hangs.
PATIENCE = 900.0
#: Timeout of everything in seconds, including the start.  A first installation takes as long as
#: the network needs.
WHOLE = 1200.0
#: The part of it that is reserved for saving logs.
MARGIN = 10.0
PLUGIN_TESTS = ("--regex", "kingbird_tempest_plugin", "--concurrency", "2")
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] = ()) -> int:
    """Run Tempest's tests of Kingbird.

    :param arguments: arguments of ``tempest run``, instead of those that select the plugin's
        tests.
    :returns: the exit status: Tempest's, 1 if not all tests passed, 130 if interrupted.
    """
    for number in INTERRUPTS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    began = time.monotonic()
    ordinary = signal.signal(signal.SIGALRM, _too_late)
    try:
        environment.install()
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, WHOLE)
        with stage.stage() as (cloud, deployment, folder):
            print(f"[{time.monotonic() - began:3.0f} s] a cloud and Kingbird are up")
            conf = folder / "tempest.conf"
            conf.write_text(
                settings.tempest_conf(
                    folder,
                    cloud.credentials("admin"),
                    cloud.regions,
                    "synchronization",
                    notifies=cloud.broker is not None,
                )
            )
            code = _tempest(arguments or PLUGIN_TESTS, conf)
            for sentence in leftovers.leftovers(cloud, deployment):
                print(f"tempest_run: {sentence}", file=sys.stderr)
                code = code or 1
            if code:
                _keep([folder / "tempest.log", *deployment.logs])
            # The clean-up must not be interrupted.
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(f"[{time.monotonic() - began:3.0f} s] everything is stopped")
        return code
    except (
        stage.ServicesMissing,
        MinicloudError,
        subprocess.SubprocessError,
        TimeoutError,
    ) as error:
        print(f"tempest_run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tempest_run: interrupted", file=sys.stderr)
        return 130
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, ordinary)


def _tempest(arguments: Sequence[str], conf: Path) -> int:
    """Run Tempest in the folder of its configuration, and check its output."""
    command = [str(environment.BIN / "tempest"), "run", "--config-file", str(conf), *arguments]
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TZ") if name in os.environ}
    path = f"{environment.BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    process = subprocess.Popen(
        command,
        cwd=conf.parent,
        env={**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Its workers share its session, so that they can be killed together.
        start_new_session=True,
    )
    late = False

    def give_up(*_: object) -> None:
        nonlocal late
        late = True
        _end(process)

    output = []
    began = time.monotonic()
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    patience = max(1.0, min(PATIENCE, left - MARGIN))
    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, patience)
    try:
        for line in process.stdout or ():
            print(line, end="")
            output.append(line)
        code = process.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _end(process)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, max(1.0, left - (time.monotonic() - began)))
    may_skip = os.environ.get("KINGBIRD_REQUIRE_SERVICES", "") in ("", "0")
    wrong = totals.complaints("".join(output), may_skip)
    if late:
        wrong.append(f"Tempest has not ended within {patience:.0f} seconds")
    for sentence in wrong:
        print(f"tempest_run: {sentence}", file=sys.stderr)
    return code or bool(wrong)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _keep(logs: Sequence[Path]) -> None:
    """Copy the logs of a failed run out of the temporary folder."""
    kept = environment.ROOT / ".run" / "tempest-logs"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in logs:
        if log.exists():
            shutil.copy(log, kept)
    print(f"tempest_run: the logs are in {kept}", file=sys.stderr)


def _too_late(*_: object) -> None:
    raise TimeoutError(f"this has not ended within {WHOLE:.0f} seconds")


def _interrupt(*_: object) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    # Only once: a second signal could interrupt the clean-up between two processes.
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
