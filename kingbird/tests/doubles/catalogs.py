"""Catalogs from hypothesis: sound regions among invalid entries."""

from typing import Any

from hypothesis import strategies as st

#: Regions of each catalog.  They have to work whatever other entries exist.
SOUND = ("RegionOne", "RegionTwo", "RegionThree")

BAD_URLS: list[Any] = [
    None,
    "",
    5,
    "http://",
    "http:///v2",
    "/image",
    "ftp://glance.test",
    "http://glance.test:port",
    "http://glance.test:99999",
    "http://[::1",
    "http://[glance]/",
    "http://glance.test/a b",
    " http://glance.test",
    "http://glance.test\n",
    "http://glance.test/\0",
    "http://glance.test/image?x=y",
    "http://glance.test/#image",
    "http://*.test",
    "http://glance..test",
    f"http://{'g' * 64}.test",
    "http://glance.test/\ud800",
]
BAD_REGIONS: list[Any] = [
    None,
    "",
    5,
    ["R"],
    {"R": 1},
    "*",
    "R" * 256,
    "R\n9",
    "R\x1b[31m",
    "\ud800",
    "RegionOne ",
    "RegionOne\u3000",
    " ",
]
#: Odd names that are valid all the same.
ODD_REGIONS = ["a/b", "regionone", " RegionOne", "Région 9", "区域", "R" * 255, "../..", "R%2F"]
GOOD_URLS = [
    "http://glance.test",
    "HTTPS://glance.test/image/v2/",
    "http://[::1]:9292/v2",
    "http://v2",
    "http://user:secret@glance.test",
    "http://bücher.test",
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def endpoint(
    region: Any = "R1", url: Any = "http://glance.test", interface: Any = "public"
) -> dict[str, Any]:
    """Return an endpoint as Keystone writes it."""
    return {
        "id": f"endpoint of {region!r}"[:64],
        "region": region,
        "region_id": region,
        "interface": interface,
        "url": url,
    }


def service(*endpoints: Any, kind: Any = "image") -> dict[str, Any]:
    """Return a service as Keystone writes it."""
    return {"id": "s", "type": kind, "name": "glance", "endpoints": list(endpoints)}


def _without(fields: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


_REGION = st.sampled_from(BAD_REGIONS + ODD_REGIONS) | st.text(max_size=12)
_ENDPOINT = st.builds(
    _without,
    st.builds(
        endpoint,
        # A sound region may have a second, invalid endpoint.
        _REGION,
        st.sampled_from(BAD_URLS + GOOD_URLS) | st.text(max_size=20).map("http://{}".format),
        st.sampled_from(["public", "internal", None, 5]),
    )
    | st.builds(endpoint, st.sampled_from(SOUND), st.sampled_from(BAD_URLS)),
    st.lists(st.sampled_from(["id", "region", "region_id", "interface", "url"]), max_size=2),
)
_ENDPOINTS = st.lists(_ENDPOINT | JSON, max_size=6)
_SERVICE = st.builds(
    _without,
    st.builds(
        lambda kind, endpoints: {**service(kind=kind), "endpoints": endpoints},
        st.sampled_from(["image", "image", "image", "compute", None, 5]),
        _ENDPOINTS | JSON,
    ),
    st.lists(st.sampled_from(["id", "type", "name", "endpoints"]), max_size=1),
)


@st.composite
def catalogs(draw: st.DrawFn) -> list[Any]:
    """Return a catalog in which each region of :data:`SOUND` has a usable endpoint."""
    sound = [endpoint(region, f"http://{region.lower()}.test") for region in SOUND]
    mixed = draw(st.permutations([*sound, *draw(_ENDPOINTS)]))
    cut = draw(st.integers(0, len(mixed)))
    services = [service(*mixed[:cut]), service(*mixed[cut:])]
    repeated = draw(st.sampled_from([1, 1, 1, 1, 300]))
    odd = draw(st.lists(_SERVICE | JSON, max_size=4)) * repeated
    if repeated == 1:
        return list(draw(st.permutations([*services, *odd])))
    return [*odd, *services]
