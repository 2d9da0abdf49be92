"""Messages only reduce latency: RabbitMQ is away from the start, or goes away later."""

import time
from collections.abc import Callable
from configparser import ConfigParser

import kombu

from kingbird.tests.functional import services
from kingbird.tests.functional.deployment import Deployment, Kind, Options
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.relay import Relay

DeployOwn = Callable[[Kind], Deployment]

#: The interval at which engines poll the database if no message arrives.
POLLING = {"engine": {"poll_interval": 0.5}}
#: Seconds after which the launcher kills an engine whose stop hangs.
HANGING_STOP = 60


def test_no_broker(demo: Person, deploy_own: DeployOwn, application_token: str) -> None:
    url = f"rabbit://guest:guest@127.0.0.1:{services.closed_port()}/"
    lonely = deploy_own(Kind(transport_url=url, options=POLLING))
    api = KingbirdAPI(lonely.url, demo)
    assert api.jobs() == []
    images = [demo.make("RegionOne") for _ in range(3)]
    jobs = [api.accepted(sync(image["id"])) for image in images]
    for job_id in jobs:
        assert api.wait(job_id).status == SUCCESS

    # A token that makes no trust has to travel in a message, so the API answers 503 and stores no
    # row.
    answer = api.post(sync(images[0]["id"], force=True), token=application_token)
    assert answer.status_code == 503
    assert "broker" in answer.json()["error"]["message"]
    assert int(answer.headers["Retry-After"]) > 0
    assert {job["id"] for job in api.jobs()} == set(jobs)
    assert {row["id"] for row in lonely.rows()["jobs"]} == set(jobs)

    # The engine never reached the broker and still stops in time.
    (engine,) = lonely.engines
    began = time.monotonic()
    assert engine.stop() == 0, engine.tail()
    assert time.monotonic() - began < HANGING_STOP


def test_a_broker_that_goes_and_comes_back(
    demo: Person, deploy_own: DeployOwn, application_token: str
) -> None:
    services.require("RabbitMQ")
    with services.broker() as broker_url, Relay(broker_url) as relay:
        options: Options = {**POLLING, "oslo_messaging_rabbit": {"heartbeat_timeout_threshold": 3}}
        running = deploy_own(Kind(transport_url=relay.url, options=options))
        services.wait_for_consumers(broker_url, 1)
        api = KingbirdAPI(running.url, demo)
        image = demo.make("RegionOne")
        assert api.run(sync(image["id"])).status == SUCCESS

        relay.cut()
        job = api.accepted(sync(demo.make("RegionOne")["id"]))
        assert api.wait(job).status == SUCCESS
        answer = api.post(sync(image["id"], force=True), token=application_token)
        assert answer.status_code == 503
        assert len(api.jobs()) == 2

        relay.mend()
        services.wait_for_consumers(broker_url, 1)
        forced = api.run(sync(image["id"], force=True), token=application_token)
        assert forced.status == SUCCESS
        (engine,) = running.engines
        assert engine.stop() == 0, engine.tail()


def test_engines_that_no_message_gets_to(
    demo: Person, deploy_own: DeployOwn, application_token: str
) -> None:
    """By default a broker silently drops messages without a queue."""
    services.require("RabbitMQ")
    with services.broker() as broker_url:
        running = deploy_own(Kind(transport_url=broker_url, options=POLLING))
        services.wait_for_consumers(broker_url, 1)
        api = KingbirdAPI(running.url, demo)
        image = demo.make("RegionOne")
        # From here on the API has a connection.
        assert api.run(sync(image["id"])).status == SUCCESS

        config = ConfigParser(interpolation=None)
        config.read(running.config)
        with kombu.Connection(broker_url.replace("rabbit://", "amqp://", 1)) as connection:
            connection.channel().exchange_delete(config["DEFAULT"]["control_exchange"])
        job = api.accepted(sync(demo.make("RegionOne")["id"]))
        assert api.wait(job).status == SUCCESS
        assert api.post(sync(image["id"], force=True), token=application_token).status_code == 503
        assert len(api.jobs()) == 2

        # This engine declares its queue again.
        running.start_engine()
        services.wait_for_consumers(broker_url, 2)
        forced = api.run(sync(image["id"], force=True), token=application_token)
        assert forced.status == SUCCESS
