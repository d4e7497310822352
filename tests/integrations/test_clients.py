"""Plain httpx2 and httpx code through a router: what an SDK stands on."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import anyio
import httpx
import httpx2
import pytest

from actorrouter import Call, InvalidCall, InvalidConfig, LimitConfig, Shape, open_router
from tests.integrations.upstream import UNFINISHED, WORDS, Upstream, few, fleet, routed
from tests.router.world import at_once

pytestmark = [pytest.mark.anyio, UNFINISHED]
PATH = "/v1/chat/completions"
CLIENTS = {"httpx2": httpx2, "httpx": httpx}


def ask(told: str, **options) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": told}], **options}


@pytest.fixture(params=CLIENTS)
def flavor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_bare_path(upstream: Upstream, flavor: str):
    """A path is enough for a URL, with or without the version; the client is the library's own class."""
    async with routed(upstream) as router, router.http_client(flavor=flavor) as client:
        assert isinstance(client, CLIENTS[flavor].AsyncClient)
        for path in (PATH, "chat/completions", "https://api.openai.com/v1/chat/completions"):
            answer = await client.post(path, json=ask("plain"))
            assert answer.json()["choices"][0]["message"]["content"] == "".join(WORDS)
    assert [request.path for request in upstream.asked] == [PATH] * 3


async def test_a_transport_in_a_client_of_ones_own(upstream: Upstream, flavor: str):
    """The transport goes into any client, also as the mount of one host; other hosts are reached as before."""
    module = CLIENTS[flavor]
    async with routed(upstream) as router:
        mounts = {"all://api.openai.com": router.transport(flavor=flavor)}
        async with module.AsyncClient(mounts=mounts, trust_env=False) as client:
            through = await client.post(f"https://api.openai.com{PATH}", json=ask("plain"))
            straight = await client.post(f"{upstream.url}/chat/completions", json=ask("plain"))
    assert "x-actorrouter-key" in through.headers
    assert "x-actorrouter-key" not in straight.headers


async def test_a_streamed_upload(upstream: Upstream, flavor: str):
    """A body that comes in pieces is read whole, so that another key can be given it too."""

    async def pieces():
        content = json.dumps(ask("plain")).encode()
        for start in range(0, len(content), 7):
            yield content[start : start + 7]

    upstream.busy = {"a"}
    async with routed(upstream) as router, router.http_client(flavor=flavor) as client:
        assert (await client.post(PATH, content=pieces())).status_code == 200
    assert upstream.keys == ["a", "b"]


async def test_a_stream(upstream: Upstream, flavor: str):
    """Bytes come as the provider sends them, one by one."""
    async with routed(upstream) as router, router.http_client(flavor=flavor) as client:
        async with client.stream("POST", PATH, json=ask("slow", stream=True)) as response:
            assert router.status()["open"] == 1
            got = [piece async for piece in response.aiter_raw()]
        assert len(got) >= len(WORDS)
        assert b"".join(got).endswith(b"data: [DONE]\n\n")


async def test_auth_of_the_client(upstream: Upstream, flavor: str):
    """A client's own Auth, which may look at answers and send again, works as ever; what it sends is not passed on."""

    class Twice(CLIENTS[flavor].Auth):  # type: ignore[misc]
        def auth_flow(self, request):
            request.headers["authorization"] = "Bearer of-the-caller"
            if (yield request).status_code == 400:
                yield request

    async with routed(upstream) as router, router.http_client(flavor=flavor) as client:
        assert (await client.post(PATH, json=ask("fail 400"), auth=Twice())).status_code == 400
    assert upstream.keys == ["a", "a"]
    assert "of-the-caller" not in str(upstream.asked)


@pytest.mark.parametrize(
    ("told", "stream", "kind"),
    [
        ("hang-up", False, "ReadError"),
        ("cut", True, "RemoteProtocolError"),
        ("stall", False, "ReadTimeout"),
        ("stall", True, "ReadTimeout"),
    ],
)
async def test_exceptions(upstream: Upstream, flavor: str, told: str, stream: bool, kind: str):
    """What went wrong is the library's own exception, names its request, and has the router's as its cause."""
    timeout = 0.2 if kind == "ReadTimeout" else None
    async with routed(upstream) as router, router.http_client(flavor=flavor) as client:
        with pytest.raises(getattr(CLIENTS[flavor], kind)) as caught:
            await client.post(PATH, json=ask(told, stream=stream), timeout=timeout)
        assert caught.value.request.url.path == PATH
        assert router.status()["open"] == 0


async def test_nobody_there(flavor: str):
    """A provider that cannot be reached is a connection error: nothing was sent."""
    async with (
        open_router(fleet("http://127.0.0.1:9/v1")) as router,
        router.http_client(flavor=flavor, max_attempts=1) as client,
    ):
        with pytest.raises(CLIENTS[flavor].ConnectError):
            await client.post(PATH, json=ask("plain"))


async def test_a_full_pool(upstream: Upstream, flavor: str):
    """Who waits less than the route allows is told by a timeout of the pool."""
    async with (
        routed(upstream, at_once(1), wait_s=30) as router,
        router.http_client(flavor=flavor) as client,
        client.stream("POST", PATH, json=ask("stall", stream=True)),
        client.stream("POST", PATH, json=ask("stall", stream=True)),
    ):
        with pytest.raises(CLIENTS[flavor].PoolTimeout):
            await client.post(PATH, json=ask("plain"), timeout=CLIENTS[flavor].Timeout(None, pool=0.1))


async def test_a_deadline(upstream: Upstream, flavor: str):
    """`deadline_s` bounds everything, the middle of a stream too, and is told as a timeout."""
    options = {"actorrouter": {"deadline_s": 0.2}}
    async with routed(upstream) as router, router.http_client(flavor=flavor) as client:
        with pytest.raises(CLIENTS[flavor].ReadTimeout):
            await client.post(PATH, json=ask("stall"), extensions=options)
        with pytest.raises(CLIENTS[flavor].ReadTimeout):
            await client.post(PATH, json=ask("stall", stream=True), extensions=options)


async def test_options_reach_the_call(upstream: Upstream, flavor: str):
    """Options of a client and of one request choose keys, tenants and patience."""
    async with routed(upstream) as router, router.http_client(flavor=flavor, keys=frozenset({"b"})) as client:
        await client.post(PATH, json=ask("plain"))
        await client.post(PATH, json=ask("plain"), extensions={"actorrouter": {"keys": ["a"]}})
        wrong = await client.post(PATH, json=ask("plain"), extensions={"actorrouter": {"kees": ["a"]}})
    assert upstream.keys == ["b", "a"]
    assert wrong.status_code == 400


async def test_what_cannot_be_made(upstream: Upstream):
    """An unknown flavour, option or route is told when the client is made."""
    async with routed(upstream) as router:
        with pytest.raises(InvalidConfig, match="choose httpx2 or httpx"):
            router.http_client(flavor="aiohttp")
        with pytest.raises(InvalidCall, match="unknown option 'tenent'"):
            router.http_client(tenent="x")  # type: ignore[call-arg]
        with pytest.raises(InvalidCall, match="unknown route 'n'; routes are: m"):
            router.http_client(route="n")


async def test_patience(upstream: Upstream, flavor: str):
    """No room is 429 with the time after which there is some; a full waiting room is 503."""
    async with routed(upstream, few(1), wait_s=0) as router, router.http_client(flavor=flavor) as client:
        answers = [await client.post(PATH, json=ask("plain")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 50 <= int(answers[2].headers["retry-after"]) <= 61
    limit = LimitConfig("requests", 1, 3, Shape.SLIDING)
    async with routed(upstream, limit, wait_s=10, waiting_max=0) as router, router.http_client(flavor=flavor) as client:
        answers = [await client.post(PATH, json=ask("plain")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 503]


async def test_an_abandoned_stream_is_let_go(upstream: Upstream, flavor: str, monkeypatch: pytest.MonkeyPatch):
    """Nothing of the client's keeps a journey alive whose stream was left unread and unclosed."""
    known: list[weakref.ref[Any]] = []

    async with open_router(fleet(upstream.url)) as router:
        stream = router.stream

        def watched(call: Call) -> Any:
            journey = stream(call)
            known.append(weakref.ref(journey))
            return journey

        monkeypatch.setattr(router, "stream", watched)

        async def abandon() -> None:
            client = router.http_client(flavor=flavor)
            request = client.build_request("POST", PATH, json=ask("stall", stream=True))
            await anext(aiter((await client.send(request, stream=True)).aiter_raw()))

        await abandon()
        for _ in range(3):  # generators of the client's are finished by the event loop, one in the other
            gc.collect()
            await anyio.sleep(0.01)
        assert known[0]() is None


async def test_a_repeat_of_what_was_answered_is_sent(upstream: Upstream, flavor: str):
    """A request that says it is a repeat is told the same only where it raised; after an answer it is a new one."""
    again = {"x-stainless-retry-count": "1"}
    async with routed(upstream) as router, router.http_client(flavor=flavor) as client:
        with pytest.raises(CLIENTS[flavor].ReadError, match="no response"):
            await client.post(PATH, json=ask("hang-up"))
        with pytest.raises(CLIENTS[flavor].ReadError, match="no response"):
            await client.post(PATH, json=ask("hang-up"), headers=again)
        await client.post(PATH, json=ask("plain"))
        await client.post(PATH, json=ask("plain"), headers=again)
    assert len(upstream.asked) == 3
