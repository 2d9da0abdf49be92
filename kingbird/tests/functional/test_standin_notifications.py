"""The stand-in of the benchmarks sends the notifications that a real Glance sends."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from keystoneauth1 import token_endpoint
from keystoneauth1.session import Session

from kingbird.clients.glance import ImageClient
from kingbird.tests.functional import services
from kingbird.tests.functional.listening import Consumer
from kingbird.tests.functional.people import RAW, Person, unique
from kingbird.tests.functional.programs import eventually

REGION = "RegionOne"
FIELDS = {"tags": ["golden"], "os_distro": "debian", **RAW}
#: One for each call but the upload, which has five.
MESSAGES = 9

#: For each message its type and its image's status, the types of all fields, and the properties.
Heard = list[tuple[str, str, str]]


def told(messages: list[tuple[str, str, dict[str, Any]]], image_id: str) -> Heard:
    """Return what messages about an image say, without what differs from image to image."""
    return [
        (
            f"{event_type} [{payload['status']}]",
            " ".join(sorted(f"{name}:{type(payload[name]).__name__}" for name in payload)),
            str(sorted(payload["properties"].items())),
        )
        for _, event_type, payload in messages
        if payload.get("id") == image_id
    ]


def life(heard: Consumer, images: ImageClient, scene: dict[str, Callable[[str], Any]]) -> Heard:
    """Make, upload, change, deactivate and delete an image, and return what is sent."""
    made = images.create({"name": unique(), **FIELDS})["id"]
    scene["upload"](made)
    images.update(made, [{"op": "add", "path": "/os_version", "value": "13"}])
    scene["deactivate"](made)
    scene["delete"](made)
    eventually("all messages came", lambda: len(told(heard.messages, made)) >= MESSAGES)
    return told(heard.messages, made)


@pytest.fixture
def by_standin() -> Iterator[Heard]:
    services.require("RabbitMQ")
    from standin import Standin

    with (
        services.broker() as url,
        Consumer(url, "notifications") as heard,
        Standin([REGION], notify=url) as standin,
    ):
        auth = token_endpoint.Token(standin.urls[REGION], "project:member,reader")
        images = ImageClient(REGION, standin.urls[REGION], Session(), auth)
        yield life(
            heard,
            images,
            {
                "upload": lambda image_id: standin.upload(REGION, image_id, b"data"),
                "deactivate": lambda image_id: standin.deactivate(REGION, image_id),
                "delete": lambda image_id: standin.delete(REGION, image_id),
            },
        )


@pytest.fixture
def by_glance(cloud: Any, demo: Person, admin: Person) -> Iterator[Heard]:
    if cloud.broker is None:
        pytest.skip("RabbitMQ does not answer")
    with Consumer(cloud.broker.transport_url, cloud.broker.topic) as heard:
        yield life(
            heard,
            demo.images(REGION),
            {
                "upload": lambda image_id: demo.upload(REGION, image_id, b"data"),
                "deactivate": lambda image_id: admin.deactivate(REGION, image_id),
                "delete": lambda image_id: demo.delete(REGION, image_id),
            },
        )


def test_the_same_messages(by_standin: Heard, by_glance: Heard) -> None:
    assert by_standin == by_glance
