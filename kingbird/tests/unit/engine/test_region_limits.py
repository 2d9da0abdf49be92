"""An engine makes fewer calls at a time to a region that has too much to do."""

import threading

import pytest

from kingbird import events
from kingbird.db import api as db
from kingbird.engine.region_limits import SLOW, RegionLimits
from kingbird.tests.waiting import PATIENCE, wait_for

MOST = 8


class Answers:
    def __init__(self, most=MOST):
        self.most, self.now = most, 1000.0
        self.limits = RegionLimits(lambda: self.most, lambda: self.now)

    def answer(self, code="200", seconds=0.1, region="R2", times=1):
        for _ in range(times):
            self.limits.note(events.GlanceCall(region, "POST", code, seconds))

    def cut(self, times):
        for _ in range(times):
            self.now += 10
            self.answer("503")


@pytest.fixture
def answers():
    return Answers()


@pytest.mark.parametrize(
    ("code", "seconds"), [("429", 0.1), ("503", 0.1), ("200", SLOW + 1), (events.NO_ANSWER, 15)]
)
def test_the_number_is_halved_by_a_region_that_is_busy(answers, code, seconds):
    for wanted in (4, 2, 1, 1):
        answers.now += 100
        answers.answer(code, seconds)
        assert answers.limits.limit("R2") == wanted
    assert answers.limits.limit("R3") == MOST, "another region"


@pytest.mark.parametrize("code", ["200", "404", "409", "500", events.NO_ANSWER])
def test_other_answers_halve_nothing(answers, code):
    answers.answer(code, times=10)
    assert answers.limits.limit("R2") == MOST


def test_the_answers_to_calls_that_ran_together_count_once(answers):
    answers.answer("503", seconds=1)
    answers.now += 0.5
    answers.answer("503", seconds=1, times=7)
    assert answers.limits.limit("R2") == 4
    answers.now += 2
    answers.answer("503", seconds=1)
    assert answers.limits.limit("R2") == 2


def test_the_number_grows_by_one_a_round(answers):
    answers.cut(3)
    for wanted in range(2, MOST + 1):
        answers.answer(times=wanted - 2)
        assert answers.limits.limit("R2") == wanted - 1
        answers.answer()
        assert answers.limits.limit("R2") == wanted
    answers.answer(times=100)
    assert answers.limits.limit("R2") == MOST


def test_other_events_tell_nothing(answers):
    answers.limits.note(events.RegionCallRetried("R2"))
    assert answers.limits.limit("R2") == MOST


def test_calls_wait_for_each_other(answers):
    answers.cut(2)
    running, most, lock = [0], [0], threading.Lock()
    go_on = threading.Event()

    def call():
        with answers.limits.call("R2"):
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            assert go_on.wait(PATIENCE)
            with lock:
                running[0] -= 1

    threads = [threading.Thread(target=call) for _ in range(MOST)]
    for thread in threads:
        thread.start()
    wait_for(lambda: running[0] == 2)
    with answers.limits.call("R3"):
        go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert (most[0], running[0]) == (2, 0)


def test_a_limit_that_grows_lets_a_call_go_on(answers):
    answers.cut(3)
    begun = threading.Event()

    def call():
        with answers.limits.call("R2"):
            begun.set()

    with answers.limits.call("R2"):
        thread = threading.Thread(target=call)
        thread.start()
        assert not begun.wait(0.1)
        answers.answer()
        assert begun.wait(PATIENCE)
    thread.join(PATIENCE)


def test_a_share_of_all_engines_bounds_it(answers):
    answers.most = 2
    assert answers.limits.limit("R2") == 2
    answers.answer("503")
    assert answers.limits.limit("R2") == 1
    answers.most = 0
    assert answers.limits.limit("R2") == 1


def test_an_engine_has_its_share_of_all_calls(scene):
    scene.conf.set_override("region_concurrency_total", 10, group="sync")
    one = scene.engine(start=False)
    one._renew()
    assert one._limits.limit("R2") == 8, "its own maximum"
    for number, wanted in ((2, 5), (3, 3), (20, 1)):
        for other in range(1, number):
            about = {"host": "h", "pid": other, "version": "1", "rpc_version": "1.0"}
            db.engines.heartbeat(f"e{other}", **about)
        one._renew()
        assert one._limits.limit("R2") == wanted


def test_an_engine_learns_from_its_calls(scene):
    one = scene.engine()
    events.emit(events.GlanceCall("R2", "POST", "503", 0.1))
    assert one._limits.limit("R2") == 4
    one.stop()
    events.emit(events.GlanceCall("R3", "POST", "503", 0.1))
    assert one._limits.limit("R3") == 8, "it listens no more"


def test_a_region_that_was_busy_gets_fewer_calls(scene):
    now, most, lock = [0], [0], threading.Lock()

    def slow(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.02)
        with lock:
            now[0] -= 1

    scene.glances["R2"].fail("create", slow, times=None)
    job_id = scene.job(*(scene.image() for _ in range(20)), targets=("R2",))
    scene.engine()
    events.emit(events.GlanceCall("R2", "POST", "429", 0.1))
    assert scene.ended(job_id) == "SUCCESS"
    assert 1 < most[0] <= 4
