"""The official openai SDK's synchronous client, from any thread, through a router on an event loop of its own."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from actorrouter import BlockingRouter, LimitConfig, RouterStopped, open_router_blocking
from tests.integrations.upstream import WORDS, Upstream, few, fleet
from tests.interrupts import Interrupted, interrupts


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def routed(upstream: Upstream, backend: str, *limits: LimitConfig) -> Iterator[BlockingRouter]:
    with open_router_blocking(fleet(upstream.url, *limits), backend=backend) as router:
        yield router
        assert router.status()["open"] == 0


def sdk(router: BlockingRouter, flavor: str = "httpx2", **options) -> OpenAI:
    return OpenAI(http_client=router.http_client(flavor=flavor), api_key="unused", **options)


def ask(told: str, **options) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": told}], **options}


def said(stream) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


@pytest.mark.parametrize("flavor", ["httpx2", "httpx"])
def test_plain_and_stream(upstream: Upstream, backend: str, flavor: str) -> None:
    """Plain answers, streams and raw responses, with either client."""
    with routed(upstream, backend) as router:
        create = sdk(router, flavor).chat.completions.create
        assert create(**ask("plain")).choices[0].message.content == "".join(WORDS)
        assert said(create(**ask("plain", stream=True))) == "".join(WORDS)
        raw = sdk(router, flavor).chat.completions.with_raw_response.create(**ask("gzip"))
        assert raw.headers["x-actorrouter-key"] == "a"
        assert raw.parse().usage


def test_early_break(upstream: Upstream, backend: str) -> None:
    """Closing a stream settles at once, and the provider sees the caller go."""
    with routed(upstream, backend) as router:
        with sdk(router).chat.completions.create(**ask("stall", stream=True)) as stream:
            assert next(iter(stream)).choices[0].delta.content == WORDS[0]
            assert router.status()["open"] == 1
        assert router.status()["open"] == 0


def test_a_dropped_stream(upstream: Upstream, backend: str) -> None:
    """A stream that nobody closes is settled once it is collected, on whatever thread that happens."""
    with routed(upstream, backend) as router:
        for chunk in sdk(router).chat.completions.create(**ask("stall", stream=True)):
            assert chunk.choices[0].delta.content == WORDS[0]
            break
        until = time.monotonic() + 5
        while router.status()["open"] and time.monotonic() < until:
            gc.collect()
            time.sleep(0.01)
        assert router.status()["open"] == 0
        assert upstream.hung_up.wait(5)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_after_a_fork(upstream: Upstream, backend: str) -> None:
    """A client or router that a fork took along says so at once: the router's thread stayed behind."""
    with routed(upstream, backend) as router:
        client = router.http_client(route="m")
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            told = 0
            for ask_it in (partial(client.get, "/v1/files/f1"), router.status):
                try:
                    ask_it()
                except (httpx2.ConnectError, RouterStopped) as error:
                    told += "open one in each" in str(error)
            os._exit(7 if told == 2 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert upstream.asked == []


def test_an_interrupted_wait(upstream: Upstream, backend: str) -> None:
    """A wait that a signal ends is the end of its call: settled at once, and the provider sees the caller go."""
    with interrupts() as interrupt, routed(upstream, backend) as router:
        thread = threading.Thread(target=interrupt, args=(lambda: upstream.asked,))
        thread.start()
        with pytest.raises(Interrupted):
            sdk(router).chat.completions.create(**ask("stall"))
        thread.join()
        assert upstream.hung_up.wait(5)


def test_errors(upstream: Upstream, backend: str) -> None:
    """Refusals, no room, timeouts and broken streams are the SDK's own errors; nothing is sent a second time."""
    with routed(upstream, backend, few(4)) as router:
        create = sdk(router).chat.completions.create
        with pytest.raises(openai.BadRequestError, match="told 400"):
            create(**ask("fail 400"))
        with pytest.raises(openai.APITimeoutError):
            create(**ask("stall"), timeout=0.1)
        with pytest.raises(openai.APITimeoutError):
            said(create(**ask("stall", stream=True), timeout=0.1))
        with pytest.raises(openai.APIConnectionError):
            said(create(**ask("cut", stream=True)))
        with pytest.raises(openai.APIConnectionError):
            create(**ask("hang-up"))
        assert len(upstream.asked) == 5
        with pytest.raises(openai.RateLimitError) as caught:
            [create(**ask("plain")) for _ in range(4)]
        assert int(caught.value.response.headers["retry-after"]) > 50


def test_a_busy_key_is_passed_over(upstream: Upstream, backend: str) -> None:
    """A 429 on the first key is answered by the second, with two requests."""
    upstream.busy = {"a"}
    with routed(upstream, backend) as router:
        assert sdk(router).chat.completions.create(**ask("plain")).usage
    assert upstream.keys == ["a", "b"]


def test_threads_share_a_client(upstream: Upstream, backend: str) -> None:
    """Sixteen threads stream through one client; closing it leaves the router to others."""
    heard: list[str] = []
    with routed(upstream, backend) as router:
        shared = sdk(router)

        def work() -> None:
            heard.extend(said(shared.chat.completions.create(**ask("slow", stream=True))) for _ in range(4))

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shared.close()
        assert sdk(router).chat.completions.create(**ask("plain")).usage
    assert heard == ["".join(WORDS)] * 64


def test_after_the_router(upstream: Upstream, backend: str) -> None:
    """A client that outlives its router is told so at once, and can still be closed, streams too."""
    with open_router_blocking(fleet(upstream.url), backend=backend) as router:
        mine = sdk(router)
        stream = mine.chat.completions.create(**ask("stall", stream=True))
        next(iter(stream))
    began = time.monotonic()
    stream.close()
    with pytest.raises(openai.APIConnectionError):
        mine.chat.completions.create(**ask("plain"))
    assert time.monotonic() - began < 5
    mine.close()
