"""A cloud and a Kingbird that keep running."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from minicloud.errors import PortTaken
from minicloud.layout import locked

from demo.errors import DemoError
from demo.stage import RUN, Stage, alone

USER = "demo"
RC = RUN / "rc"
LOCK = RUN / "up.lock"


def up(free_ports: bool = False) -> int:
    """Start what does not run, create the six images once, and print how to use them.

    :param free_ports: use free ports instead of the usual ones.
    :raises DemoError: a process cannot be started.  Then everything that this call started is
        ended.
    """
    with locked(LOCK):
        stage = Stage(free_ports=free_ports)
        before = stage.running()
        if not before:
            print("Starting a Keystone, three Glances and kingbird-standalone ...")
        try:
            started = stage.start()
            ids = _put_images(stage)
        except BaseException as error:
            if not isinstance(error, PortTaken | KeyboardInterrupt) and stage.service.log.exists():
                print(stage.service.tail(), file=sys.stderr)
            if not before:
                stage.stop()
            elif "kingbird" not in before:
                stage.service.stop()
            if isinstance(error, PortTaken):
                raise DemoError(port_taken(error.port)) from None
            raise
        RC.write_text(rc(stage.cloud.state.openrc(USER), Path(sys.executable).parent))
        print("Kingbird is up." if started else "Kingbird is up already.")
        print(f"  {'kingbird-standalone':<20} {stage.service.url:<27} pid {stage.service.pid}")
        for status in stage.cloud.status():
            print(f"  {status.process:<20} {status.url:<27} pid {status.pid}")
        print(f"\nThe images in {stage.cloud.regions[0]}:")
        for name, image_id in ids.items():
            print(f"  {name:<20} {image_id}")
        print(f"\nPaste this to use them as the user {USER}:\n")
        print(usage(ids, stage.cloud.regions))
        print(f"\nKingbird's log is {stage.service.log}. `make down` stops everything.")
    return 0


def down() -> int:
    """End what `up` started, and what a killed demo left.  The data stay."""
    ended: list[str] = []
    if RUN.exists():
        with locked(LOCK):
            ended += Stage().stop()
        # A running demo holds this lock and ends its processes itself.
        with contextlib.suppress(DemoError), alone("demo", "a demo runs"):
            ended += Stage("demo-").stop()
    print("ended:", ", ".join(ended) or "nothing was running")
    return 0


def _put_images(stage: Stage) -> dict[str, str]:
    # The imports are late because `down` must work without their requirements.
    from demo.glance import Glance
    from demo.scene import put

    cloud = stage.cloud
    glance = Glance(cloud.glance_urls[cloud.regions[0]], cloud.token(USER))
    return put(glance, cloud.projects["demo"], cloud.projects)


def rc(openrc: Path, programs: Path) -> str:
    """Return a shell script that sets a user's environment and the path of the clients.

    :param openrc: the cloud's file for the user.
    :param programs: the folder with the clients.
    """
    return f"""\
# Written by `make up`.
# Other variables of this kind would be mixed with these.
unset OS_CLOUD $(env | sed -n 's/^\\(OS_[A-Z0-9_]*\\)=.*/\\1/p')
. {shlex.quote(str(openrc))}
export PATH={shlex.quote(str(programs))}:"$PATH"
# A proxy can't know what is on loopback.
export no_proxy="127.0.0.1${{no_proxy:+,$no_proxy}}"
export NO_PROXY="$no_proxy"
"""


def usage(ids: Mapping[str, str], regions: list[str]) -> str:
    """Return commands to paste, with existing ids."""
    source, *targets = regions
    target_options = " ".join(f"--target {region}" for region in targets)
    return f"""\
  . {shlex.quote(str(RC))}

  openstack image list --os-region-name {source}
  openstack image list --os-region-name {targets[0]}

  kingbird sync create --resource_type image --source {source} {target_options} \\
      --resources {ids["web-server"]} --resources {ids["legacy-machine"]}
  kingbird sync list
  kingbird sync show JOB

  openstack image list --os-region-name {targets[0]}"""


def port_taken(port: int) -> str:
    """Return the advice for a port that is taken."""
    return (
        f"port {port} on 127.0.0.1 is taken by another process. `make up` uses 5000, 9292 to "
        "9294 and 8118, unless it was told otherwise before. End that process, or use free "
        "ports:\n  PYTHONPATH=tools .venv/bin/python -m demo up --free-ports"
    )
