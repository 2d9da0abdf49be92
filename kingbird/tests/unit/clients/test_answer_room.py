"""Large answers have room one after the other, and a slow server takes no room of others."""

import json
import threading
from concurrent import futures

import pytest

from kingbird import exception
from kingbird.clients import answer_room
from kingbird.clients.answer_room import ROOM, SMALL, SMALL_PAGE, Room, large_answers, make_room
from kingbird.clients.call_limits import deadline, time_left
from kingbird.clients.image_lists import PAGE_BYTES
from kingbird.tests.unit.clients.test_call_limits import open_images, server
from kingbird.tests.waiting import PATIENCE, wait_for

__all__ = ["server"]


def for_ever():
    return PATIENCE


def never():
    raise TimeoutError


def test_no_more_is_taken_than_there_is():
    room, lock = Room(10), threading.Lock()
    used, most = 0, 0

    def use(user, size):
        nonlocal used, most
        taken = room.take(user, size, for_ever)
        with lock:
            used += taken
            most = max(most, used)
        with lock:
            used -= taken
        room.give_back(user, taken)

    with futures.ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(use, n % 7, size) for n, size in enumerate([1, 3, 10, 99, 5] * 40)]
        for call in calls:
            call.result(PATIENCE)
    assert 0 < most <= 10
    assert room.take("all", 99, never) == 10


def test_a_user_has_room_once_at_a_time():
    room = Room(10)
    room.take("slow", 3, never)
    with pytest.raises(TimeoutError):
        room.take("slow", 3, never)
    assert room.take("other", 3, never) == 3
    room.give_back("slow", 3)
    assert room.take("slow", 3, never) == 3


def test_whoever_needs_much_waits_for_nobody_who_came_later():
    room = Room(10)
    room.take("first", 6, never)
    with futures.ThreadPoolExecutor(1) as pool:
        large = pool.submit(room.take, "large", 8, for_ever)
        wait_for(lambda: len(room._waiting) == 1)
        with pytest.raises(TimeoutError):
            room.take("later", 1, never)
        room.give_back("first", 6)
        assert large.result(PATIENCE) == 8
    assert room.take("later", 1, never) == 1


def test_whoever_gives_up_leaves_its_place():
    room = Room(10)
    room.take("first", 10, never)
    with pytest.raises(TimeoutError):
        room.take("second", 10, never)
    room.give_back("first", 10)
    assert room.take("third", 10, never) == 10


def test_only_a_large_answer_takes_room(monkeypatch):
    room = Room(100)
    monkeypatch.setattr(answer_room, "ROOM", room)
    make_room("server", SMALL + 1, 60)
    with large_answers():
        make_room("server", SMALL, 60)
        assert room.take("other", 100, never) == 100
        room.give_back("other", 100)
        for more in (1, 2):
            # It is taken once.
            make_room("server", SMALL + more, 60)
        with pytest.raises(TimeoutError):
            room.take("other", 60, never)
    assert room.take("other", 100, never) == 100


@pytest.fixture
def large(conf, server, monkeypatch):
    """Give the images of a server with a large answer, and the room for it."""
    room = Room(1 << 20)
    monkeypatch.setattr(answer_room, "ROOM", room)
    image = {"id": "aaaaaaaa-0000-4000-8000-000000000001", "p": "x" * (2 * SMALL)}
    server.handler.body = json.dumps({"images": [image]}).encode()
    return open_images(conf, server.url, timeout=60), room


def test_an_answer_waits_for_room_and_gives_it_back(large, monkeypatch):
    images, room = large
    assert len(images.fetch_page("limit=1", limit=1)) < SMALL
    taken = room.take("other", 1 << 20, never)
    monkeypatch.setattr(answer_room, "PATIENCE", 0.2)
    with pytest.raises(exception.RegionUnavailable, match="does not answer"):
        images.fetch_page("limit=1", limit=1)
    room.give_back("other", taken)
    assert len(images.fetch_page("limit=1", limit=1)) < SMALL
    assert room.take("other", 1 << 20, never) == 1 << 20


def test_the_wait_for_room_is_no_delay_of_the_server(large):
    """A region that has to wait for others has all of its time nevertheless."""
    images, room = large
    taken = room.take("other", 1 << 20, never)
    with futures.ThreadPoolExecutor(1) as pool:

        def fetch():
            with deadline(2):
                begin = time_left()
                page = images.fetch_page("limit=1", limit=1)
                return page, begin - time_left()

        call = pool.submit(fetch)
        wait_for(lambda: room._waiting)
        assert not futures.wait([call], 2.5).done
        room.give_back("other", taken)
        page, spent = call.result(PATIENCE)
    assert len(page) < SMALL
    assert spent < 2


def test_a_few_pages_of_the_largest_size_are_read_at_the_same_time():
    """One slow region leaves room to others, and all of them together are bounded."""
    assert SMALL < SMALL_PAGE < PAGE_BYTES
    taken = [(f"R{n}", ROOM.take(f"R{n}", PAGE_BYTES, never)) for n in range(4)]
    try:
        assert [size for _, size in taken] == [PAGE_BYTES] * 4
        with pytest.raises(TimeoutError):
            ROOM.take("one more", 1, never)
    finally:
        for one in taken:
            ROOM.give_back(*one)
