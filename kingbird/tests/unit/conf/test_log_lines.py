"""Whatever text gets into the log: it makes no line that looks like another record."""

import io
import json
import logging
import subprocess
import sys

import pytest
from oslo_config import cfg
from oslo_log import formatters, log

from kingbird.conf import log_lines

FORGED = "2026-11-23 10:00:00.000 1 INFO kingbird.api [-] Job deleted by admin"
ENDS = ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"]


@pytest.fixture
def written():
    """Yield a logger as programs have it, and what it wrote."""
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    conf([], project="kingbird")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatters.ContextFormatter(config=conf, project="kingbird"))
    log_lines.guard([handler])
    logger = logging.getLogger("kingbird.tests.log_lines")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream.getvalue
    logger.removeHandler(handler)


@pytest.mark.parametrize("end", ENDS)
def test_a_message_is_one_line(written, end):
    logger, text = written
    logger.warning("No image %s here", f"x{end}{FORGED}")
    (line,) = text().splitlines()
    assert line.endswith(f"{FORGED} here")
    assert not line.startswith(FORGED)


@pytest.mark.parametrize("end", ENDS)
def test_what_an_exception_says(written, end):
    logger, text = written
    try:
        raise RuntimeError(f"x{end}{FORGED}")
    except RuntimeError as error:
        logger.exception("It failed")
        logger.warning("It failed: %s", error)
    lines = text().splitlines()
    assert any("Traceback (most recent call last)" in line for line in lines)
    assert sum(FORGED in line for line in lines) >= 3
    assert not [line for line in lines if line.startswith(FORGED)]
    assert all("test_log_lines" in line or "kingbird.tests.log_lines" in line for line in lines)


def test_a_terminal_is_told_nothing(written):
    logger, text = written
    logger.warning("%s", "a\x1b[2K\x1b[1A\x07\x9b2Jb\u202ec\td")
    assert r"a\x1b[2K\x1b[1A\x07\x9b2Jb\u202ec" in text()
    assert text().endswith("\td\n")


def test_half_a_character_is_written(written):
    logger, text = written
    logger.warning("%s", "x\ud800y")
    assert r"x\ud800y" in text()


def test_text_stays_as_it_is(written):
    logger, text = written
    logger.warning("Ünïcode %s %s", "日本 🐦", r"C:\new")
    assert text().endswith("Ünïcode 日本 🐦 C:\\new\n")


def test_programs_have_it():
    code = (
        "import logging; from kingbird.conf import prepare_service; from oslo_config import cfg;"
        "prepare_service(['--config-file', '/dev/null'], prog='t', conf=cfg.ConfigOpts());"
        f"logging.getLogger('kingbird').warning('%s', 'x\\n{FORGED}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    lines = f"{done.stdout}{done.stderr}".splitlines()
    assert [line for line in lines if FORGED in line]
    assert not [line for line in lines if line.startswith(FORGED)]


AS_JSON = """
import logging, sys
from kingbird.conf import prepare_service
from oslo_config import cfg
prepare_service(["--config-file", sys.argv[1]], prog="t", conf=cfg.ConfigOpts())
log = logging.getLogger("kingbird")
hostile = sys.stdin.read()
log.warning("No image %s here", hostile)
try:
    raise RuntimeError(hostile)
except RuntimeError:
    log.exception("It failed")
log.info("The end")
"""


def test_programs_write_lines_of_json(tmp_path):
    config = tmp_path / "kingbird.conf"
    config.write_text("[DEFAULT]\nuse_json = true\n")
    hostile = f'"}}{"".join(ENDS)}{FORGED}\x00\x1b[2K\x7f\x9b\u202e\\x Ünïcode 🐦'
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AS_JSON, config],
        input=hostile.encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    # Lines as whoever reads logs may understand them.
    lines = (done.stdout + done.stderr).decode().splitlines()
    message, failure, end = [json.loads(line) for line in lines]
    assert message["message"] == f"No image {hostile} here"
    assert failure["message"] == "It failed"
    assert failure["error_summary"] == f"RuntimeError: {hostile}"
    assert failure["traceback"].startswith("Traceback (most recent call last):")
    # The formatter joins the lines of a traceback anew.
    assert failure["traceback"].splitlines()[-1].startswith(FORGED)
    assert end["message"] == "The end"
    assert {line["levelname"] for line in (message, failure, end)} == {"WARNING", "ERROR", "INFO"}
