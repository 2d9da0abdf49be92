"""The controller of ``/v1.0/{project}/os-sync-rules``, a project's rules."""

import functools
from collections.abc import Collection, Iterator
from typing import Any

from oslo_config import cfg

from kingbird.api.controllers.v1.lookups import get_rule_or_404
from kingbird.api.request.operation import RequestPipeline, ValidRequest, operation
from kingbird.api.request.validation import Schema
from kingbird.api.rules.manage import RuleManager
from kingbird.api.schemas import formats
from kingbird.api.schemas import sync_rules as schema
from kingbird.api.schemas.sync_jobs.answers import ACCEPTED
from kingbird.api.schemas.sync_rules import answers, queries
from kingbird.api.views import sync_jobs as job_view
from kingbird.api.views import sync_rules as view
from kingbird.clients import catalog as service_catalog
from kingbird.db import api as db
from kingbird.policies import sync_jobs as job_policy
from kingbird.policies import sync_rules as policy
from kingbird.sync.request import acts_on_orphans

JSON = dict[str, Any]

#: The policies that a rule's options may ask for.
_OPTIONS = (
    job_policy.IMPORT,
    policy.ORPHANS,
    policy.CREATE_ALL_PROJECTS,
    job_policy.CREATE_METADEF,
)


class SyncRulesController:
    """The controller that creates, lists, shows, changes, deletes and runs rules."""

    def __init__(
        self, conf: cfg.ConfigOpts, pipeline: RequestPipeline, rule_manager: RuleManager
    ) -> None:
        self._conf = conf
        self.pipeline = pipeline
        self._rules = rule_manager
        self._complete = Schema(schema.create(pipeline.limits))

    def _check_options(self, request: ValidRequest, stored: schema.StoredRule) -> None:
        """Check that the caller may have a rule with these options.

        :raises kingbird.exception.Forbidden: one is about every project's images, imports data,
            or has orphans hidden or deleted, and a policy does not allow that.
        """
        request.rights.check_set(
            stored["sync_set"], "rule", all_projects=policy.CREATE_ALL_PROJECTS
        )

    def _context(self, request: ValidRequest, rules: Collection[db.Rule]) -> view.RuleContext:
        catalog = request.context.service_catalog
        endpoints = service_catalog.read(catalog, self._conf.glance.interface)
        return view.RuleContext.read(rules, endpoints.urls)

    def _render(self, request: ValidRequest, rule: db.Rule) -> JSON:
        return {"rule": view.render_rule(rule, self._context(request, [rule]))}

    @operation(
        "list_sync_rules",
        "List the project's rules",
        rules=(policy.LIST, job_policy.OTHER_PROJECTS, job_policy.ALL_PROJECTS),
        query=queries.RULES,
        response_schema=answers.LISTED,
    )
    def list_rules(self, request: ValidRequest) -> Iterator[JSON]:
        """``GET /v1.0/{project}/os-sync-rules``"""
        page = request.page(status=request.query.get("state", ()))
        enabled = request.query.get("enabled")
        of_all = request.query.get("all_projects") == "true"
        if of_all:
            request.rights.check_every_project(noun="rules")
        fetch = functools.partial(
            db.rules.list_for_project,
            None if of_all else request.project_id,
            with_all_projects=request.rights.can_see_all_projects(),
            enabled=None if enabled is None else enabled.lower() == "true",
        )
        for rules in page.read(fetch):
            entries, links = page.paginate(rules, lambda rule: rule.id)
            context = self._context(request, entries)
            yield {
                "rules": [view.render_rule(rule, context) for rule in entries],
                "links": links,
            }

    @operation(
        "create_sync_rule",
        "Have images synced again and again",
        rules=(policy.CREATE, *_OPTIONS),
        body=schema.create,
        response_schema=answers.SHOWN,
        status=201,
        errors=(409, 413, 429),
    )
    def create_rule(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync-rules``"""
        stored = schema.normalize_rule(request.body["rule"])
        self._check_options(request, stored)
        rule = self._rules.create(request.context, stored, is_admin=request.rights.is_admin)
        return self._render(request, rule)

    @operation(
        "show_sync_rule",
        "Show a rule",
        rules=(policy.SHOW, job_policy.OTHER_PROJECTS, job_policy.ALL_PROJECTS),
        response_schema=answers.SHOWN,
        errors=(404,),
    )
    def show_rule(self, request: ValidRequest) -> JSON:
        """``GET /v1.0/{project}/os-sync-rules/{rule}``"""
        return self._render(request, get_rule_or_404(request))

    @operation(
        "update_sync_rule",
        "Change a rule",
        rules=(policy.UPDATE, *_OPTIONS, job_policy.ALL_PROJECTS),
        body=schema.update,
        response_schema=answers.SHOWN,
        errors=(404, 409, 413),
    )
    def update_rule(self, request: ValidRequest) -> JSON:
        """``PATCH /v1.0/{project}/os-sync-rules/{rule}``"""
        found = get_rule_or_404(request)
        merged = schema.merge(view.stored_fields(found), request.body["rule"])
        self._complete.validate({"rule": merged})
        stored = schema.normalize_rule(merged)
        self._check_options(request, stored)
        changed = self._rules.update(
            request.context, found, stored, is_admin=request.rights.is_admin
        )
        return self._render(request, changed)

    @operation(
        "delete_sync_rule",
        "Delete a rule",
        rules=(policy.DELETE, job_policy.OTHER_PROJECTS, job_policy.ALL_PROJECTS),
        response_schema=None,
        status=204,
        errors=(404,),
    )
    def delete_rule(self, request: ValidRequest) -> None:
        """``DELETE /v1.0/{project}/os-sync-rules/{rule}``"""
        self._rules.delete(request.context, get_rule_or_404(request))

    @operation(
        "run_sync_rule",
        "Run a rule now",
        rules=(policy.RUN, policy.ORPHANS, job_policy.ALL_PROJECTS),
        body=schema.run,
        body_optional=True,
        response_schema=ACCEPTED,
        status=202,
        errors=(404, 409, 413),
    )
    def run_rule(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync-rules/{rule}/run``"""
        found = get_rule_or_404(request)
        body = request.body or {}
        limit = int(body.get("orphan_limit", 0))
        if limit and acts_on_orphans(found.sync_set):
            request.rights.check(policy.ORPHANS)
        job = self._rules.run(
            request.context,
            found,
            orphan_limit=limit,
            dry_run=body.get("dry_run") in (True, "True"),
            resources=[formats.normalize_uuid(one) for one in body.get("resources", ())],
        )
        return job_view.render_status(job)
