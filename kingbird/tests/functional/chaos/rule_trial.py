"""Injects one fault while images of a rule are uploaded, and checks everything afterwards.

Every record has to be there once, no job in progress, no trust but the rule's own, and none at
all after the rule was deleted.  A rule that does not work has to say why.
"""

import contextlib
import random
import time

from kingbird.tests.functional import accounts, listening
from kingbird.tests.functional.chaos.logs import Logs, complaints, tokens
from kingbird.tests.functional.chaos.result import Result, some
from kingbird.tests.functional.chaos.rule_stage import RuleFault, RuleStage
from kingbird.tests.functional.chaos.settings import PATIENCE
from kingbird.tests.functional.chaos.stage import restore
from kingbird.tests.functional.chaos.uploads import Uploads
from kingbird.tests.functional.chaos.world import REAL, World
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import KingbirdAPI
from kingbird.tests.functional.people import unique
from kingbird.tests.functional.programs import eventually

#: Images that are uploaded before the fault at least and at most, and after it.
BEFORE, AFTER = (2, 5), 2


class RuleTrials:
    """Injects faults into one running Kingbird, one after another.

    :param logs: where the logs were read to.
    """

    def __init__(self, world: World, kingbird: Deployment, logs: Logs) -> None:
        self._world = world
        self._kingbird = kingbird
        self._logs = logs

    def run(self, fault: RuleFault, seed: int) -> Result:
        """Inject a fault.

        :param seed: the seed of all random choices.
        """
        rng = random.Random(f"{seed} {fault.name}")
        stage = self._prepare(fault, rng)
        with stage.uploads:
            for step in (lambda: self._throw(stage, fault), lambda: restore(self._kingbird)):
                try:
                    step()
                except Exception as error:
                    stage.problems.append(f"{type(error).__name__}: {error}")
        self._settle(stage)
        return self._judge(stage, fault, seed, time.monotonic() - stage.since)

    def _prepare(self, fault: RuleFault, rng: random.Random) -> RuleStage:
        """Let a listener run, and make a rule that has ended its first run."""
        world, kingbird = self._world, self._kingbird
        for proxy in (kingbird.keystone, *world.proxies.values()):
            proxy.forget()
        uploader = world.admin.with_new_project("demo")
        user = accounts.new_member(world.cloud, world.admin, uploader)
        api = KingbirdAPI(kingbird.url, user)
        rule = {
            "name": unique("rule"),
            "resource_type": "image",
            "resources": ["*"],
            "source": list(REAL),
            "target": list(REAL),
            "interval": fault.interval,
        }
        answer = api.call("POST", "-rules", json={"rule": rule})
        assert answer.status_code == 201, answer.text
        made = answer.json()["rule"]
        uploads = Uploads(uploader, fault.images)
        stage = RuleStage(world, kingbird, rng, user, uploader, made, uploads)
        if not any(listener.is_running for listener in kingbird.listeners):
            listening.configure(kingbird, world.cloud, REAL, world.heard_at, pool="")
            kingbird.start_listener()
        stage.wait_until_heard()
        api.wait(made["last_job"])
        return stage

    def _throw(self, stage: RuleStage, fault: RuleFault) -> None:
        number = stage.rng.randint(*BEFORE)
        stage.uploads.wait_for(number)
        stage.note(f"after {number} of at most {fault.images} uploads")
        fault.act(stage)
        stage.uploads.wait_for(AFTER)

    def _settle(self, stage: RuleStage) -> None:
        """Wait until all is done, and report what is not."""
        until = time.monotonic() + PATIENCE
        while not self._is_settled(stage):
            if time.monotonic() > until:
                stage.problems.append(f"not done after {PATIENCE:.0f} s: {stage.open_jobs()}")
                return
            time.sleep(0.1)

    def _is_settled(self, stage: RuleStage) -> bool:
        if stage.open_jobs():
            return False
        if stage.is_deleted:
            return not stage.trusts()
        rule = stage.show()
        if (rule["state"], rule["waiting"]) != ("OK", 0) or len(stage.trusts()) != 1:
            return False
        findings = stage.records()
        return not findings.lost and not stage.open_jobs()

    def _judge(self, stage: RuleStage, fault: RuleFault, seed: int, seconds: float) -> Result:
        problems = stage.problems
        findings = stage.records()
        problems += [*some(findings.lost), *some(findings.doubled)]
        if not stage.is_deleted:
            problems += silence(stage)
            stage.call("DELETE")
            stage.is_deleted = True
        stuck = self._stuck(stage)
        problems += [f"job {job_id} is stuck" for job_id in stuck]
        problems += self._left(stage)
        accounts.delete_user(self._world.admin, stage.user)
        problems += self._complaints(stage)
        return Result(
            fault.name,
            seed,
            len(findings.lost),
            len(findings.doubled),
            len(stuck),
            seconds,
            tuple(problems),
            tuple(stage.notes),
        )

    def _stuck(self, stage: RuleStage) -> list[str]:
        """Return the jobs that go on though their rule was deleted."""
        with contextlib.suppress(AssertionError):
            eventually("no job is in progress", lambda: not stage.open_jobs(), 30, poll=0.3)
        return stage.open_jobs()

    def _left(self, stage: RuleStage) -> list[str]:
        """Describe what is left of a rule that was deleted."""
        found = []
        try:
            eventually("no trust is left", lambda: not stage.trusts(), 180, poll=0.3)
        except AssertionError as error:
            found.append(str(error))
        rows = self._kingbird.rows()
        rules = {row["pk"] for row in rows["rules"]}
        if any(row["rule_pk"] not in rules for row in rows["marks"]):
            found.append("marks are left of a rule that was deleted")
        if stage.rule["id"] in {row["id"] for row in rows["rules"]}:
            found.append("the rule is left, though it was deleted")
        return found

    def _complaints(self, stage: RuleStage) -> list[str]:
        proxies = (self._kingbird.keystone, *self._world.proxies.values())
        used = {token for proxy in proxies for token in tokens(proxy.calls)}
        used.add(stage.uploader.token)
        return complaints(self._logs.news(self._kingbird.logs), used)


def silence(stage: RuleStage) -> list[str]:
    """Describe what a rule does not say: why it fails, whom it hears, and how many images wait."""
    rule = stage.show()
    found = []
    told = bool(rule["reason"] and rule["message"])
    if rule["state"] != "OK":
        found.append(f"the rule is {rule['state']}, {rule['reason']}: {rule['message']}")
    if told is (rule["state"] == "OK"):
        found.append(f"the rule is {rule['state']}, and says {rule['reason']}")
    if deaf := [region for region, heard in rule["hears"].items() if heard is None]:
        found.append(f"the rule says that nobody hears {deaf}")
    if rule["waiting"]:
        found.append(f"{rule['waiting']} images wait, the first for {rule['lag']} s")
    if len(trusts := stage.trusts()) != 1:
        found.append(f"the rule has {len(trusts)} trusts")
    return found
