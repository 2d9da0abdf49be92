"""Horizon's settings, in a folder that comes first on the path of its processes."""

from __future__ import annotations

import secrets
from pathlib import Path

from minicloud.services import clean_environment

_SETTINGS = """\
from openstack_dashboard.settings import HORIZON_CONFIG

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
WEBROOT = "/"
SECRET_KEY = {secret!r}
OPENSTACK_KEYSTONE_URL = {keystone!r}
OPENSTACK_ENDPOINT_TYPE = "publicURL"
# Tokens hold a catalog, which does not fit into a cookie.
SESSION_ENGINE = "django.contrib.sessions.backends.file"
SESSION_FILE_PATH = {sessions!r}
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}}}
COMPRESS_OFFLINE = True
STATIC_ROOT = {static!r}
# Without Nova the overview is refused.
HORIZON_CONFIG["user_home"] = "/project/image_sync/"
# The panel of images that has tabs.
ANGULAR_FEATURES = {{"images_panel": False}}
TIME_ZONE = "UTC"
KINGBIRD_TIMEOUT = 10
LOGGING = {{
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {{"console": {{"class": "logging.StreamHandler"}}}},
    "root": {{"handlers": ["console"], "level": "WARNING"}},
}}
"""


def write(folder: Path, static: Path, keystone: str = "") -> dict[str, str]:
    """Write new settings into a folder.

    :param static: the folder of static files.
    :param keystone: Keystone's URL, for a process that people log in to.
    :returns: the environment of a process that has these settings.
    """
    sessions = folder / "sessions"
    sessions.mkdir(parents=True, exist_ok=True)
    (folder / "local").mkdir(exist_ok=True)
    (folder / "local" / "__init__.py").write_text("")
    (folder / "local" / "local_settings.py").write_text(
        _SETTINGS.format(
            secret=secrets.token_hex(32),
            keystone=keystone,
            sessions=str(sessions),
            static=str(static),
        )
    )
    return {
        **clean_environment(),
        # The folder `local` has the settings.
        "PYTHONPATH": str(folder),
        "DJANGO_SETTINGS_MODULE": "openstack_dashboard.settings",
    }
