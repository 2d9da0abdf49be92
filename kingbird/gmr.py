"""Guru Meditation Reports: the state of a process, written at an operator's request.

SIGUSR2 requests a report of each process of a program.  A change to the file in ``[oslo_reports]
file_event_handler`` requests one as well.  Under a WSGI server the file is the only way, because
the server uses the signals itself.
"""

import contextlib
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType, SimpleNamespace
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

#: The version in the form that oslo.reports calls.
_VERSION = SimpleNamespace(
    vendor_string=lambda: "OpenStack Foundation",
    product_string=lambda: "Kingbird",
    version_string_with_package=version.version_string,
)
#: The process whose thread watches the file.
_watcher_pid: int | None = None


def _list_greenlets() -> ModelWithDefaultViews:
    """Return the green threads among all objects.

    oslo.reports calls isinstance() for every object, which raises an error for a dead weak
    reference.
    """
    kind = gmr.greenlet.greenlet
    found = [each for each in gc.get_objects() if issubclass(type(each), kind)]
    models = [GreenThreadModel(each.gr_frame) for each in found]
    return ModelWithDefaultViews(models, text_view=MultiView())


def _text(section: ReportSection) -> str:
    """Return a section's text, or its title and the type of the error."""
    try:
        return str(section)
    except Exception as error:
        # The error's message may quote values that the section would have masked.
        why = f"Failed: {type(error).__name__}"
        return section.view(why) if callable(section.view) else f"{section.view}\n{why}"


class _Report(gmr.TextGuruMeditation):
    persistent_sections: ClassVar[list[tuple[str, Callable[[], Any]]]] = []

    def add_section(self, heading: Any, generator: Any, index: int | None = None) -> None:
        if isinstance(generator, GreenThreadReportGenerator):
            generator = _list_greenlets
        super().add_section(heading, generator, index)

    def run(self) -> str:
        # Other threads keep running, and may change the data of a section.
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
        # Workers report at the same time and need a file each.  If the reader of standard
        # error is gone, the process must not end.
        with contextlib.suppress(OSError):
            super().handle_signal(version, f"{service_name}_{os.getpid()}", log_dir, frame)


class _TriggerFile:
    """The file whose changes request a report.  It may be deleted and created again."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._exists = True
        self._last_change: int | None = None
        # The present state requests no report.
        self.changed()

    def changed(self) -> bool:
        """Return True if the file was changed or created since the last call."""
        try:
            now = os.stat(self._path).st_mtime_ns
        except OSError as error:
            if self._exists:
                LOG.error("Unable to watch the report trigger file: %s", error)
            self._exists = False
            return False
        if not self._exists:
            LOG.info("Watching the report trigger file %s", self._path)
            self._exists = True
        changed, self._last_change = now != self._last_change, now
        return changed


def install_signal_handler(conf: cfg.ConfigOpts) -> None:
    """Make SIGUSR2 request a report.  Without a handler the signal would end the process.

    Call this in a program's main thread before it forks, because children inherit the handler.
    """
    opts.set_defaults(conf)
    # oslo.reports ignores the default signal if a file is configured, so the signal is passed.
    _Report.setup_autorun(_VERSION, service_name=conf.prog, conf=conf, signum=signal.SIGUSR2)


def watch_trigger_file(conf: cfg.ConfigOpts) -> None:
    """Watch the configured file, if there is one, in a thread.

    Call this in the process that does the work, after it was forked.
    """
    global _watcher_pid  # noqa: PLW0603  one thread for each process
    opts.set_defaults(conf)
    if not conf.oslo_reports.file_event_handler or _watcher_pid == os.getpid():
        return
    _watcher_pid = os.getpid()
    file = _TriggerFile(conf.oslo_reports.file_event_handler)
    interval = conf.oslo_reports.file_event_handler_interval
    name, folder = conf.prog, conf.oslo_reports.log_dir

    # oslo.reports stops watching if the file is missing for a moment.
    def watch() -> None:
        while True:
            time.sleep(interval)
            if file.changed():
                _Report.handle_signal(_VERSION, name, folder, None)

    threading.Thread(target=watch, name="kingbird-reports", daemon=True).start()


def register_section(title: str, collect: Callable[[], Mapping[str, Any]]) -> None:
    """Add a section to this process's reports.

    :param collect: returns the section's values.  It must not block, because the process may hang.
    """
    _Report.register_section(title, lambda: ModelWithDefaultViews(data=dict(collect())))
