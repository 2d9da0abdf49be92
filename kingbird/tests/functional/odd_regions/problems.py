"""The ways in which RegionTwo is odd, and what is said about it."""

import contextlib
import dataclasses
import functools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.list_calls import is_walk
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Answer, Call, Cut, Fault, Proxy, error, hold
from kingbird.tests.functional.test_credentials import is_trust_token
from kingbird.tests.functional.test_odd_catalog import endpoints

ODD = "RegionTwo"
#: Seconds between two bytes of an answer that trickles.  No timeout between bytes ends it.
GAP = 0.2
#: Ids of no images.
FIRST, SECOND = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))

Forward = Callable[[Call], Answer]


@dataclass(frozen=True)
class Stage:
    """The parts of the cloud that a problem touches.

    :ivar proxy: the proxy before the Glance of the odd region.
    """

    cloud: Any
    admin: Person
    deployment: Deployment
    proxy: Proxy


#: Breaks the region for a block.  It yields a function that is called once all jobs are posted.
Break = Callable[[Stage], contextlib.AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True)
class Problem:
    """A way to be odd.

    :ivar reason: the reason of what is about the odd region.
    :ivar by_id: the reason for images by id, if it is another one.
    :ivar words: a part of the message.
    :ivar is_endless: True if the region has to be given up.  The jobs are cancelled then.
    :ivar holds_calls: True if a cancelled job waits for its calls until their timeout.
    """

    breaks: Break
    reason: str
    words: str = ""
    by_id: str | None = None
    is_endless: bool = False
    holds_calls: bool = False


def nothing() -> None:
    """Do nothing once the jobs are posted."""


def answers(fault: Fault) -> Break:
    """Apply a fault to all calls of Kingbird to the region."""

    @contextlib.contextmanager
    def breaks(stage: Stage) -> Iterator[Callable[[], None]]:
        with stage.proxy.broken(fault):
            yield nothing

    return breaks


def body(content: bytes, status: int = 200, **headers: str) -> Fault:
    """Answer with a text without forwarding the call."""
    return lambda call, forward: Answer(status, list(headers.items()), content)


def missing(call: Call, forward: Forward) -> Answer:
    """Answer 404 or 405."""
    return error(405 if is_walk(call) else 404)(call, forward)


def elsewhere(call: Call, forward: Forward) -> Answer:
    """Redirect to another host, to which no token may go."""
    return Answer(302, [("Location", f"http://image.example.com{call.url}")], b"")


def versions(call: Call, forward: Forward) -> Answer:
    """Answer as this Glance answers at its root: 300 and a list of versions."""
    answer = forward(dataclasses.replace(call, url="/", method="GET", body=b""))
    assert answer.status == 300, answer
    return answer


def another_keystone(call: Call, forward: Forward) -> Answer:
    """Ask this Glance with a token that its Keystone does not know."""
    headers = {**call.headers, "X-Auth-Token": "of-another-keystone"}
    headers.pop("X-Service-Token", None)
    answer = forward(dataclasses.replace(call, headers=headers))
    assert answer.status == 401, answer
    return answer


def with_holes(call: Call, forward: Forward) -> Answer:
    """Give three pages of a walk, of which the second is shorter than the first."""
    if not is_walk(call):
        return forward(call)
    marker = call.query.get("marker")
    page: dict[str, Any] = {"images": [] if marker else [{"id": FIRST, "status": "queued"}]}
    if marker != SECOND:
        page["next"] = f"/v2/images?marker={SECOND if marker else FIRST}"
    return _page(page)


def repeats(call: Call, forward: Forward) -> Answer:
    """Answer a list with an empty page after which the same one comes."""
    if call.writes:
        return forward(call)
    return _page({"images": [], "next": f"/v2/images?marker={FIRST}"})


def _page(content: dict[str, Any]) -> Answer:
    return Answer(200, [("Content-Type", "application/json")], json.dumps(content).encode())


def answers_late(fault: Callable[[threading.Event, Call, Forward], Answer]) -> Break:
    """Apply a fault that waits for an event, which is set when the block is over."""

    @contextlib.contextmanager
    def breaks(stage: Stage) -> Iterator[Callable[[], None]]:
        over = threading.Event()
        with stage.proxy.broken(functools.partial(fault, over)):
            try:
                yield nothing
            finally:
                over.set()

    return breaks


def hangs(over: threading.Event, call: Call, forward: Forward) -> Answer:
    """Take a call and never answer."""
    over.wait()
    raise Cut


def trickles(over: threading.Event, call: Call, forward: Forward) -> Answer:
    """Answer a byte at a time."""
    return dataclasses.replace(forward(call), gap=lambda: not over.wait(GAP))


@contextlib.contextmanager
def leaves_the_catalog(stage: Stage) -> Iterator[Callable[[], None]]:
    """Remove the region's endpoint between the POSTs and the engine's token."""
    gate = threading.Event()
    query = f"/endpoints?region_id={ODD}&interface=internal"

    def leave() -> None:
        (service,) = stage.admin.keystone("GET", "/services?type=image").json()["services"]
        found = stage.admin.keystone("GET", f"{query}&service_id={service['id']}").json()
        for endpoint in found["endpoints"]:
            stage.admin.keystone("DELETE", f"/endpoints/{endpoint['id']}")
        gate.set()

    with stage.deployment.keystone.broken(hold(gate), is_trust_token):
        try:
            yield leave
        finally:
            gate.set()
            stage.cloud.set_endpoint("image", ODD, "internal", stage.proxy.url)


@contextlib.contextmanager
def endpoint_without_region(stage: Stage) -> Iterator[Callable[[], None]]:
    """Register one more image endpoint, which has no region."""
    with endpoints(stage.admin, (None, "http://127.0.0.1:9")):
        yield nothing


AWAY, WRONG = "region_unavailable", "endpoint_invalid"

PROBLEMS = {
    "403": Problem(answers(error(403)), "forbidden", "get_images in its policy"),
    "404 and 405": Problem(answers(missing), WRONG, "correct the endpoint's URL"),
    "another Keystone": Problem(
        answers(another_keystone), "credentials_rejected", "has another Keystone"
    ),
    "a redirect": Problem(answers(elsewhere), WRONG, "image.example.com"),
    "versions": Problem(answers(versions), WRONG, "(HTTP 300)"),
    "HTML": Problem(answers(body(b"<p>Maintenance</p>")), AWAY, "something else than JSON"),
    "{}": Problem(answers(body(b"{}")), AWAY, "without a list of images"),
    # After some failures the circuit breaker answers.
    "500": Problem(answers(error(500)), AWAY),
    "a list with holes": Problem(
        answers(with_holes), "listing_incomplete", "leaves images out of its list", by_id="created"
    ),
    "left the catalog": Problem(leaves_the_catalog, AWAY, "no image endpoint"),
    "an endpoint without a region": Problem(endpoint_without_region, "created"),
    "repeating next": Problem(answers(repeats), AWAY, is_endless=True),
    "hanging": Problem(answers_late(hangs), AWAY, is_endless=True, holds_calls=True),
    "trickling": Problem(answers_late(trickles), AWAY, is_endless=True, holds_calls=True),
}
