"""The test that runs the commands of each page, or the reason why none does.

A test runs *all* commands of its pages except those of :data:`NOT_RUN`, so it runs a new command
without a change.  A command on another page fails a unit test.
"""

from kingbird.tests.guide.pages import Command, commands

INSTALL = "test_install_guide.py::test_a_stranger_installs_kingbird_and_syncs_a_region"
USER = "test_user_guide.py::test_the_commands_of_a_page"
ROTATION = "test_rotation.py::test_a_line_of_images_is_rotated"
PURGE = "test_purged_ids.py::test_an_id_is_free_after_the_guides_purge"

#: Pages, and the functional test that runs their commands.
RUN_BY = {
    "doc/source/install/service.rst": INSTALL,
    "doc/source/install/api.rst": INSTALL,
    "doc/source/user/tasks.rst": USER,
    "doc/source/user/wildcard.rst": USER,
    "doc/source/user/outcomes.rst": USER,
    "doc/source/user/openstackclient.rst": USER,
    "doc/source/user/rules.rst": ROTATION,
    "doc/source/api/create.rst": USER,
    "doc/source/admin/glance.rst": PURGE,
    "doc/source/admin/health.rst": USER,
    "doc/source/admin/housekeeping.rst": USER,
    "doc/source/admin/outcomes.rst": USER,
    "doc/source/admin/upgrades.rst": USER,
}

ROOT_ONLY = "changes the host, as root"
DEVELOPER = "is a way to run the tests, the benchmark or the documentation's own build"
DEVSTACK = "needs a devstack"
RULES = "unit/osc/test_rules.py runs these commands, as rules run at times of their own"
STATE = "test_osc.py and unit/osc/test_state.py run these commands: ages differ from run to run"
PARTS = "test_osc.py and unit/osc/test_commands.py run these commands, about jobs that fit"
DATA = "test_data.py and unit/osc/test_create.py let Glance import data"
METADEFS = "test_metadefs.py and unit/osc/test_metadefs.py sync definitions"
REGIONS = "unit/cmd/test_data_sources.py runs it, and Glances differ"
CREDENTIALS = "the tests give their own credentials to the clients in these variables"

#: Beginnings of commands that no test runs, with the reason.
NOT_RUN = {
    "useradd ": ROOT_ONLY,
    "install -d -o root ": ROOT_ONLY,
    "chown ": ROOT_ONLY,
    "systemctl ": ROOT_ONLY,
    "cp /opt/kingbird/share/kingbird/systemd": ROOT_ONLY,
    "make ": DEVELOPER,
    "export PYTHONPATH=tools": DEVELOPER,
    ".venv/bin/": DEVELOPER,
    "PYTHONPATH=tools .venv/bin/": DEVELOPER,
    ". openrc ": DEVSTACK,
    "openstack endpoint list --service synchronization": DEVSTACK,
    "cd /opt/stack/": DEVSTACK,
    "tempest run ": DEVSTACK,
    "export OS_": CREDENTIALS,
    "pip install ": "test-requirements.txt has the same requirements, which a unit test compares",
    "openstack image sync rule ": RULES,
    "openstack image sync list --rule ": RULES,
    "openstack image sync state": STATE,
    "openstack image sync image show ": STATE,
    "openstack image sync apply ": PARTS,
    "openstack image sync create --resource-type metadef": METADEFS,
    "openstack image sync undo ": PARTS,
    'openstack image sync create --all --source RegionOne --target "*" --data import ': DATA,
    "openstack image sync create web-server --source RegionOne --target RegionTwo --data ": DATA,
    'openstack image sync create NEW --target "*" --data import': DATA,
    "openstack image set --hidden OLD": "test_rotation.py hides an image so",
    "rm /var/lib/glance/staging/": ROOT_ONLY,
    "kingbird-manage regions": REGIONS,
    "openstack image sync cancel ef67753a-cca5-45c8-9a95-4d9a4c657455 --region ": PARTS,
    "openstack image sync retry ef67753a-cca5-45c8-9a95-4d9a4c657455 --image ": PARTS,
    "openstack image sync show ef67753a-cca5-45c8-9a95-4d9a4c657455 --image ": PARTS,
    "kingbird-standalone ": "test_packaging.py starts it so, from a wheel",
}


def reason_not_to_run(command: Command) -> str | None:
    """Return the reason why no test runs a command, or ``None`` if a test has to."""
    found = [why for start, why in NOT_RUN.items() if command.words.startswith(start)]
    return found[0] if found else None


def to_run(page: str) -> list[Command]:
    """Return the commands of a page that its test runs."""
    return [each for each in commands(page) if reason_not_to_run(each) is None]


def pages_of(test: str) -> list[str]:
    """Return the pages whose commands a test runs."""
    return [page for page, runs in RUN_BY.items() if runs == test]
