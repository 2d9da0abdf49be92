"""Write the services' configuration files."""

from __future__ import annotations

import configparser
import io
import shutil
from collections.abc import Mapping
from pathlib import Path

from minicloud.accounts import PASSWORD
from minicloud.broker import Broker
from minicloud.layout import Home, State
from minicloud.ports import HOST

Options = dict[str, dict[str, str]]
"""Section -> option -> value."""


def write_keystone(state: State, port: int, extra: Options) -> None:
    keys = state.data("keystone")
    for kind in ("fernet", "credential"):
        (keys / kind).mkdir(parents=True, exist_ok=True)
    options = {
        "DEFAULT": {"public_endpoint": f"http://{HOST}:{port}/"},
        "database": _database(state.database("keystone")),
        "token": {"provider": "fernet", "expiration": "86400"},
        "fernet_tokens": {"key_repository": str(keys / "fernet")},
        "credential": {"key_repository": str(keys / "credential")},
        "cache": {"enabled": "true", "backend": "oslo_cache.dict"},
        # Passwords are hashed at every login.  Speed matters more than strength here.
        "identity": {"password_hash_rounds": "4"},
    }
    _write(state, "keystone", "keystone.conf", options, extra)


def write_glance(
    state: State,
    home: Home,
    region: str,
    ports: Mapping[str, int],
    extra: Options,
    broker: Broker | None = None,
) -> None:
    name = f"glance-{region}"
    etc, data = state.etc(name), state.data(name)
    etc.mkdir(parents=True, exist_ok=True)
    for kind in ("images", "staging", "tasks"):
        (data / kind).mkdir(parents=True, exist_ok=True)
    paste = home.venv("glance") / "etc" / "glance" / "glance-api-paste.ini"
    shutil.copy(paste, etc / "glance-api-paste.ini")
    url = f"http://{HOST}:{ports[name]}"
    keystone = f"http://{HOST}:{ports['keystone']}"
    options = {
        "DEFAULT": {
            "public_endpoint": url,
            "worker_self_reference_url": url,
            "enabled_backends": "files:file, web:http",
            "enabled_import_methods": "[glance-direct,web-download,copy-image,glance-download]",
            "show_image_direct_url": "true",
            "show_multiple_locations": "false",
        },
        "wsgi": {
            "task_pool_threads": "4",
            "python_interpreter": str(home.python("glance")),
        },
        "database": _database(state.database(name)),
        "glance_store": {"default_backend": "files"},
        "files": {
            "filesystem_store_datadir": str(data / "images"),
            "store_description": f"local files of {region}",
        },
        "web": {"store_description": "read-only HTTP"},
        "os_glance_staging_store": {"filesystem_store_datadir": str(data / "staging")},
        "os_glance_tasks_store": {"filesystem_store_datadir": str(data / "tasks")},
        # Glance refuses imports from loopback unless they are allowed by name.
        "import_filtering_opts": {
            "allowed_schemes": "[http]",
            "allowed_hosts": f"[{HOST}]",
            "allowed_ports": "[]",
        },
        "keystone_authtoken": {
            "www_authenticate_uri": keystone,
            "auth_url": f"{keystone}/v3",
            "auth_type": "password",
            "username": "glance",
            "password": PASSWORD,
            "project_name": "service",
            "user_domain_id": "default",
            "project_domain_id": "default",
            "service_type": "image",
        },
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": str(etc / "glance-api-paste.ini"),
        },
        "oslo_concurrency": {"lock_path": str(data / "locks")},
    }
    for section, more in (broker.glance_options(region) if broker else {}).items():
        options.setdefault(section, {}).update(more)
    _write(state, name, "glance-api.conf", options, extra)


def _database(file: Path) -> dict[str, str]:
    return {
        "connection": f"sqlite:///{file}?timeout=30",
        # A temporary cloud need not survive a power failure.
        "sqlite_synchronous": "false",
    }


def _write(state: State, process: str, name: str, options: Options, extra: Options) -> None:
    etc = state.etc(process)
    etc.mkdir(parents=True, exist_ok=True)
    (etc / name).write_text(render(options, extra))


def render(options: Options, extra: Options) -> str:
    """Return options as INI text, with those of `extra` added or replaced."""
    parser = configparser.RawConfigParser(default_section="no section stands for all")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep upper case
    parser.read_dict(options)
    parser.read_dict(extra)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()
