"""Each line about a job names it, in JSON too, and none holds a token."""

import json
import logging

import pytest
from oslo_config import cfg
from oslo_context import context
from oslo_log import formatters, log

from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.engine.thread_context import set_log_context
from kingbird.tests.unit.db.rows import PROJECT, planned_job


@pytest.fixture(autouse=True)
def restored():
    before = context.get_current()
    yield
    (before or RequestContext(overwrite=False)).update_store()


def record():
    return logging.LogRecord("kingbird", logging.INFO, __file__, 1, "Done: %s", ("x",), None)


def test_a_line_of_json_names_the_job(database):
    job = db.jobs.get(PROJECT, planned_job(trust_id="5ec2e7"))
    set_log_context(job)
    line = formatters.JSONFormatter().format(record())
    read = json.loads(line)
    assert read["message"] == "Done: x"
    assert read["context"]["resource_uuid"] == job.id
    assert read["context"]["project_id"] == PROJECT
    assert "5ec2e7" not in line


def test_a_line_of_text_names_the_job(database):
    logged = cfg.ConfigOpts()
    log.register_options(logged)
    logged([], default_config_files=[], default_config_dirs=[])
    job = db.jobs.get(PROJECT, planned_job())
    set_log_context(job)
    line = formatters.ContextFormatter(config=logged).format(record())
    assert f"[job: {job.id}] Done: x" in line
    assert PROJECT in line


def test_a_users_token_is_in_no_line():
    RequestContext(auth_token="5ec2e7", token_info={"token": {"id": "5ec2e7"}}, project_id="p")
    line = formatters.JSONFormatter().format(record())
    assert json.loads(line)["context"]["project_id"] == "p"
    assert "5ec2e7" not in line
