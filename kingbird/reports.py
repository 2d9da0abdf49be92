"""Guru Meditation Reports: what a process does right now, when an operator asks for it.

SIGUSR2 asks a program's processes, each for itself; a change to the file that ``[oslo_reports]
file_event_handler`` names asks instead where it is set, which is the way for WSGI servers, as
they have uses of their own for signals.
"""

import logging
import os
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, ClassVar

from oslo_config import cfg
from oslo_reports import guru_meditation_report as gmr
from oslo_reports import opts
from oslo_reports.models.with_default_views import ModelWithDefaultViews

from kingbird import version

LOG = logging.getLogger(__name__)

#: The process that looks at the file.
_watching: int | None = None


class _Version:
    """What oslo.reports asks of a version."""

    def vendor_string(self) -> str:
        return "OpenStack Foundation"

    def product_string(self) -> str:
        return "Kingbird"

    def version_string_with_package(self) -> str:
        return version.version_string()


class _Report(gmr.TextGuruMeditation):
    persistent_sections: ClassVar[list[tuple[str, Callable[[], Any]]]] = []

    @classmethod
    def handle_signal(
        cls,
        version: Any,
        service_name: str | None,
        log_dir: str | None,
        frame: FrameType | None,
    ) -> None:
        # Workers are asked at the same time, and write a file each.
        super().handle_signal(version, f"{service_name}_{os.getpid()}", log_dir, frame)


def on_signal(conf: cfg.ConfigOpts) -> None:
    """Let SIGUSR2 ask for a report, unless a file is to.

    Call it in a program's main thread before it forks: its children inherit it.
    """
    opts.set_defaults(conf)
    if not conf.oslo_reports.file_event_handler:
        _Report.setup_autorun(_Version(), service_name=conf.prog, conf=conf)


def on_file(conf: cfg.ConfigOpts) -> None:
    """Let a change to a file ask for a report, if the configuration names one.

    Call it in the process that works: a thread looks at the file.
    """
    global _watching  # noqa: PLW0603  one thread for each process
    opts.set_defaults(conf)
    if not conf.oslo_reports.file_event_handler or _watching == os.getpid():
        return
    _watching = os.getpid()
    try:
        _Report.setup_autorun(_Version(), service_name=conf.prog, conf=conf, setup_signal=False)
    except OSError as error:
        LOG.error("No file asks for reports: %s", error)


def section(title: str, look: Callable[[], Mapping[str, Any]]) -> None:
    """Add a section to this process's reports.

    :param look: returns what it shows.  It must not wait: the process may hang.
    """
    _Report.register_section(title, lambda: ModelWithDefaultViews(data=dict(look())))
