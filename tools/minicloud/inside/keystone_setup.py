"""Run the keystone-manage commands that create a new Keystone.

Usage: keystone_setup.py CONF PASSWORD URL REGION.  Each command runs in a fork of this process,
because importing Keystone takes longer than most commands.
"""

import grp
import os
import pwd
import sys
import traceback

from keystone.cmd import cli


def run(configuration: str, *arguments: str) -> None:
    """Run one command in a fork, and exit if it fails."""
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1]:
            sys.exit(f"keystone-manage {arguments[0]} failed")
        return
    status = 1
    try:
        cli.main(argv=["keystone-manage", "--config-file", configuration, *arguments])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def main(configuration: str, password: str, url: str, region: str) -> None:
    owner = ["--keystone-user", pwd.getpwuid(os.getuid()).pw_name]
    owner += ["--keystone-group", grp.getgrgid(os.getgid()).gr_name]
    run(configuration, "db_sync")
    run(configuration, "fernet_setup", *owner)
    run(configuration, "credential_setup", *owner)
    bootstrap = ["--bootstrap-password", password, "--bootstrap-region-id", region]
    for interface in ("public", "internal", "admin"):
        bootstrap += [f"--bootstrap-{interface}-url", url]
    run(configuration, "bootstrap", *bootstrap)


if __name__ == "__main__":
    main(*sys.argv[1:])
