"""Injects one fault into one job and checks everything afterwards."""

import random
import time
from collections.abc import Mapping
from datetime import datetime

from keystoneauth1 import exceptions as ksa_exc

from kingbird.tests.functional.chaos.copies import misnamed
from kingbird.tests.functional.chaos.logs import Logs, complaints, tokens
from kingbird.tests.functional.chaos.result import Result, some
from kingbird.tests.functional.chaos.rows import Rows
from kingbird.tests.functional.chaos.rule_stage import RuleFault
from kingbird.tests.functional.chaos.rule_trial import RuleTrials
from kingbird.tests.functional.chaos.scenes import of_glances, of_standins
from kingbird.tests.functional.chaos.settings import PATIENCE
from kingbird.tests.functional.chaos.stage import FEW, Fault, Stage
from kingbird.tests.functional.chaos.world import World
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI
from kingbird.tests.functional.programs import eventually

#: Outcomes of an image that two jobs make at the same time.
MADE = {"created", "in_sync", "no_data"}


class Trials:
    """Injects faults into one running Kingbird, one after another.

    :param many: the number of images of a job between stand-ins.
    :param real: the number of images of a job between Glances.
    """

    def __init__(
        self, world: World, kingbird: Deployment, *, many: int = 300, real: int = 300
    ) -> None:
        self._world = world
        self._kingbird = kingbird
        self._many = many
        self._real = real
        self._rows = Rows(kingbird.database_url)
        self._logs = Logs()
        self._rules = RuleTrials(world, kingbird, self._logs)

    def run(self, fault: Fault | RuleFault, seed: int) -> Result:
        """Inject a fault.

        :param seed: the seed of the moment and of all other random choices.
        """
        if isinstance(fault, RuleFault):
            return self._rules.run(fault, seed)
        for proxy in (self._kingbird.keystone, *self._world.proxies.values()):
            proxy.forget()
        scene = (
            of_glances(self._world, self._real)
            if fault.real
            else of_standins(self._world, self._many, fault.latency)
        )
        rng = random.Random(f"{seed} {fault.name}")
        job_id = KingbirdAPI(self._kingbird.url, self._world.demo).accepted(*scene.sets())
        stage = Stage(self._world, self._kingbird, self._rows, scene, rng, job_id)
        for step in (lambda: self._throw(stage, fault), stage.restore):
            try:
                step()
            except Exception as error:
                stage.problems.append(f"{type(error).__name__}: {error}")
        stuck = self._wait(stage)
        return self._judge(stage, fault, seed, stuck)

    def _throw(self, stage: Stage, fault: Fault) -> None:
        """Wait for the moment and inject the fault."""
        proxies = [self._world.proxies[region] for region in stage.scene.targets]
        begun = sum(proxy.posts for proxy in proxies)
        part = stage.rng.uniform(*fault.parts)
        wanted = max(0, round(part * stage.scene.copies))
        eventually(
            f"{wanted} records are asked for",
            lambda: sum(proxy.posts for proxy in proxies) - begun >= wanted or stage.has_ended,
            seconds=60,
            poll=0.005,
        )
        when = f"after {wanted} of {stage.scene.copies} records" if wanted else "before the plan"
        stage.note(when)
        if stage.has_ended:
            stage.problems.append("the job ended before the fault came")
        fault.act(stage)

    def _wait(self, stage: Stage) -> list[str]:
        """Wait until all jobs have ended.  Return those that do not end."""
        left = [stage.job_id, *stage.more]
        until = time.monotonic() + PATIENCE
        while left and time.monotonic() < until:
            time.sleep(0.1)
            left = [job_id for job_id in left if not self._rows.has_ended(job_id)]
        return left

    def _judge(self, stage: Stage, fault: Fault, seed: int, stuck: list[str]) -> Result:
        problems = stage.problems
        for job_id in stuck:
            problems.append(f"job {job_id} is stuck: {self._rows.states(job_id)}")
        findings = stage.scene.findings(self._world)
        lost = self._outcomes(stage, findings.copies) if not stuck else []
        # One lost image can have both a wrong record and a wrong outcome, so it counts once.
        count = max(len(lost), len(findings.lost))
        problems += [*some(lost), *some(findings.lost), *some(findings.doubled)]
        problems += self._left(stage) if not stuck else []
        # Check the logs last, because the cleanup writes logs too.
        problems += self._complaints()
        return Result(
            fault.name,
            seed,
            count,
            len(findings.doubled),
            len(stuck),
            self._recovery(stage),
            tuple(problems),
            tuple(stage.notes),
        )

    def _outcomes(self, stage: Stage, copies: Mapping[tuple[str, str], str]) -> list[str]:
        """Describe the wrong outcomes.  The job has made all records.

        :param copies: the ids of the images in the regions.
        """
        found = []
        scene = stage.scene
        wanted = {stage.job_id: scene.copies}
        wanted |= dict.fromkeys(stage.more, len(scene.plain[:FEW]) * len(scene.targets))
        for job_id, count in wanted.items():
            items = stage.api.items(job_id)
            named = {(item["resource"], item["target_region"]) for item in items}
            if not len(items) == len(named) == count:
                found.append(
                    f"a job of {count} records has {len(items)} items, {len(named)} named"
                )
            reasons = MADE if stage.more else {"created"}
            found += [
                f"{item['resource']} in {item['target_region']} is {item['sync_status']}, "
                f"{item['reason']}: {item.get('message')}"
                for item in items
                if item["sync_status"] != SUCCESS or item["reason"] not in reasons
            ]
            found += misnamed(items, copies)
        return found

    def _left(self, stage: Stage) -> list[str]:
        """Describe leftovers of jobs that have ended: leases, counters and trusts."""
        found = []
        for job_id in (stage.job_id, *stage.more):
            held = [row for row in self._rows.leases(job_id) if row.engine_id or row.lease_expires]
            if held:
                found.append(f"leases of job {job_id} are left: {held}")
            counter, undone = self._rows.open_work(job_id)
            if counter or undone:
                found.append(f"job {job_id}: tasks_open is {counter}, {undone} tasks are not done")
        try:
            eventually("no trust is left", self._no_trust, 180, poll=0.3)
        except AssertionError as error:
            found.append(str(error))
        return found

    def _no_trust(self) -> bool:
        try:
            return not self._world.trusts()
        except ksa_exc.Forbidden:
            # A Keystone that has just started refuses some calls that its policy allows.
            return False

    def _complaints(self) -> list[str]:
        proxies = (self._kingbird.keystone, *self._world.proxies.values())
        used = {token for proxy in proxies for token in tokens(proxy.calls)}
        used.add(self._world.demo.token)
        return complaints(self._logs.news(self._kingbird.logs), used)

    def _recovery(self, stage: Stage) -> float:
        """Return the longest time that a region waited for its next outcome after the fault."""

        def waited(moments: list[datetime]) -> float:
            later = [moment for moment in moments if moment >= stage.since]
            return (later[0] - stage.since).total_seconds() if later else 0.0

        return max(map(waited, self._rows.moments(stage.job_id).values()), default=0.0)
