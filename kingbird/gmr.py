"""Guru Meditation Reports: what a process does right now, when an operator asks for it.

SIGUSR2 asks a program's processes, each for itself.  A change to the file that ``[oslo_reports]
file_event_handler`` names asks as well, and is the only way for WSGI servers, as they have uses
of their own for signals.
"""

import contextlib
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, ClassVar

from oslo_config import cfg
from oslo_reports import guru_meditation_report as gmr
from oslo_reports import opts
from oslo_reports.generators.threading import GreenThreadReportGenerator
from oslo_reports.models.threading import GreenThreadModel
from oslo_reports.models.with_default_views import ModelWithDefaultViews
from oslo_reports.report import ReportSection
from oslo_reports.views.text.generic import MultiView

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


def _list_greenlets() -> ModelWithDefaultViews:
    """Find green threads among all objects, and ask no object what it is.

    oslo.reports does, and there one weak reference to what is gone is an error.
    """
    kind = gmr.greenlet.greenlet
    found = [each for each in gc.get_objects() if issubclass(type(each), kind)]
    models = [GreenThreadModel(each.gr_frame) for each in found]
    return ModelWithDefaultViews(models, text_view=MultiView())


def _text(section: ReportSection) -> str:
    """Return what a section shows, or under its title what kept it from that."""
    try:
        return str(section)
    except Exception as error:
        # Its message may quote what the section would have masked.
        why = f"Failed: {type(error).__name__}"
        return section.view(why) if callable(section.view) else f"{section.view}\n{why}"


class _Report(gmr.TextGuruMeditation):
    persistent_sections: ClassVar[list[tuple[str, Callable[[], Any]]]] = []

    def add_section(self, heading: Any, generator: Any, index: int | None = None) -> None:
        if isinstance(generator, GreenThreadReportGenerator):
            generator = _list_greenlets
        super().add_section(heading, generator, index)

    def run(self) -> str:
        # Other threads go on meanwhile, and may change what a section looks at.
        self._readd_sections()
        return "\n".join(_text(section) for section in self.sections)

    @classmethod
    def handle_signal(
        cls,
        version: Any,
        service_name: str | None,
        log_dir: str | None,
        frame: FrameType | None,
    ) -> None:
        # Workers are asked at the same time, and write a file each.
        # Whoever read standard error may have gone, which is no reason to end.
        with contextlib.suppress(OSError):
            super().handle_signal(version, f"{service_name}_{os.getpid()}", log_dir, frame)


class _TriggerFile:
    """The file that asks by its changes.  It may go, and come back."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._there = True
        self._seen: int | None = None
        # What it is now asks for nothing.
        self.changed()

    def changed(self) -> bool:
        """Look once, and return whether it was changed or made since the last look."""
        try:
            now = os.stat(self._path).st_mtime_ns
        except OSError as error:
            if self._there:
                LOG.error("Unable to watch the report trigger file: %s", error)
            self._there = False
            return False
        if not self._there:
            LOG.info("Watching the report trigger file %s", self._path)
            self._there = True
        changed, self._seen = now != self._seen, now
        return changed


def install_signal_handler(conf: cfg.ConfigOpts) -> None:
    """Let SIGUSR2 ask for a report, also where a file does: without a handler it would kill.

    Call it in a program's main thread before it forks: its children inherit it.
    """
    opts.set_defaults(conf)
    # oslo.reports leaves the signal alone where a file is named, but not a signal that is named.
    _Report.setup_autorun(_Version(), service_name=conf.prog, conf=conf, signum=signal.SIGUSR2)


def watch_trigger_file(conf: cfg.ConfigOpts) -> None:
    """Let a change to a file ask for a report, if the configuration names one.

    Call it in the process that works: a thread looks at the file.
    """
    global _watching  # noqa: PLW0603  one thread for each process
    opts.set_defaults(conf)
    if not conf.oslo_reports.file_event_handler or _watching == os.getpid():
        return
    _watching = os.getpid()
    file = _TriggerFile(conf.oslo_reports.file_event_handler)
    interval = conf.oslo_reports.file_event_handler_interval
    name, folder = conf.prog, conf.oslo_reports.log_dir

    # oslo.reports looks for the last time when the file is away for a moment.
    def look() -> None:
        while True:
            time.sleep(interval)
            if file.changed():
                _Report.handle_signal(_Version(), name, folder, None)

    threading.Thread(target=look, name="kingbird-reports", daemon=True).start()


def register_section(title: str, look: Callable[[], Mapping[str, Any]]) -> None:
    """Add a section to this process's reports.

    :param look: returns what it shows.  It must not wait: the process may hang.
    """
    _Report.register_section(title, lambda: ModelWithDefaultViews(data=dict(look())))
