"""The official openai SDK, unmodified, through a router: `http_client=router.http_client()`."""

from __future__ import annotations

from typing import Any

import anyio
import openai
import pytest
from openai import AsyncOpenAI

from actorrouter import Router
from tests.integrations.upstream import UNFINISHED, WORDS, Upstream, few, routed
from tests.router.world import at_once

pytestmark = [pytest.mark.anyio, UNFINISHED]

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]


def sdk(router: Router, flavor: str = "httpx2", **options) -> AsyncOpenAI:
    return AsyncOpenAI(http_client=router.http_client(flavor=flavor), api_key="unused", **options)


def ask(told: str, **options) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": told}], **options}


async def said(stream) -> str:
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


@pytest.mark.parametrize("flavor", ["httpx2", "httpx"])
class TestAnswers:
    async def test_plain(self, upstream: Upstream, flavor: str):
        """The answer is parsed as usual; the request carries the key's secret and nothing of the caller's account."""
        async with routed(upstream) as router:
            mine = sdk(router, flavor, organization="org-mine", project="proj-mine")
            answer = await mine.chat.completions.create(**ask("plain"), extra_headers={"x-own": "1", "cookie": "c=1"})
        assert answer.choices[0].message.content == "".join(WORDS)
        assert answer.usage.total_tokens == 7
        (request,) = upstream.asked
        assert (request.key, request.path, request.document["model"]) == ("a", "/v1/chat/completions", "upstream")
        assert not {"openai-organization", "openai-project", "cookie"} & set(request.headers)
        assert "unused" not in str(request)

    async def test_stream(self, upstream: Upstream, flavor: str):
        """A stream's chunks are the provider's; the chunk of usage that nobody asked for is not among them."""
        async with routed(upstream) as router:
            stream = await sdk(router, flavor).chat.completions.create(**ask("plain", stream=True))
            assert await said(stream) == "".join(WORDS)
            assert router.status()["open"] == 0

    async def test_usage(self, upstream: Upstream, flavor: str):
        """Who asks for the chunk of usage has it, last."""
        async with routed(upstream) as router:
            options = {"stream": True, "stream_options": {"include_usage": True}}
            stream = await sdk(router, flavor).chat.completions.create(**ask("plain", **options))
            assert [chunk.usage and chunk.usage.total_tokens async for chunk in stream][-2:] == [None, 7]

    async def test_a_connection_is_used_again(self, upstream: Upstream, flavor: str):
        """The SDK stops reading at [DONE]; the connection to the provider is not lost by that."""
        async with routed(upstream) as router:
            for _ in range(3):
                await said(await sdk(router, flavor).chat.completions.create(**ask("plain", stream=True)))
                assert router.status()["open"] == 0
            assert upstream.connected == 1

    async def test_options_of_the_sdk(self, upstream: Upstream, flavor: str):
        """A copy of the SDK's client with other options goes through the same router."""
        async with routed(upstream) as router:
            patient = sdk(router, flavor).with_options(timeout=30, max_retries=9)
            upstream.busy = {"a", "b"}
            with pytest.raises(openai.RateLimitError):
                await patient.chat.completions.create(**ask("plain"))
        assert upstream.keys == ["a", "b"]

    async def test_tools(self, upstream: Upstream, flavor: str):
        """Tool calls arrive, plain and streamed."""
        async with routed(upstream) as router:
            create = sdk(router, flavor).chat.completions.create
            answer = await create(**ask("tool", tools=TOOLS))
            assert answer.choices[0].message.tool_calls[0].function.name == "weather"
            called = [
                call.function.arguments
                async for chunk in await create(**ask("tool", tools=TOOLS, stream=True))
                for call in chunk.choices[0].delta.tool_calls or []
            ]
            assert called == ['{"city": "Bern"}']

    async def test_raw_response(self, upstream: Upstream, flavor: str):
        """Its status and headers can be seen: which key answered, and the decision that `explain` knows."""
        async with routed(upstream) as router:
            raw = await sdk(router, flavor).chat.completions.with_raw_response.create(**ask("plain"))
            assert raw.parse().choices[0].message.content
            assert raw.headers["x-actorrouter-key"] == "a"
            assert raw.headers["x-request-id"] == "req_7"
            assert "set-cookie" not in raw.headers
            assert "chosen: a" in router.explain(int(raw.headers["x-actorrouter-decision"]))

    async def test_streaming_response(self, upstream: Upstream, flavor: str):
        """The raw lines of a stream can be read as they come."""
        async with routed(upstream) as router:
            streaming = sdk(router, flavor).chat.completions.with_streaming_response
            async with streaming.create(**ask("plain", stream=True)) as response:
                lines = [line async for line in response.iter_lines()]
            assert lines[-2] == "data: [DONE]"

    async def test_big_bodies(self, upstream: Upstream, flavor: str):
        """Five megabytes go up and come down, plain and streamed."""
        async with routed(upstream) as router:
            create = sdk(router, flavor).chat.completions.create
            long = {"role": "user", "content": "y" * 5_000_000}
            request = ask("big 5000000")
            answer = await create(**{**request, "messages": [long, *request["messages"]]})
            assert len(answer.choices[0].message.content) == 5_000_000
            assert len(upstream.asked[0].body) > 5_000_000
            assert len(await said(await create(**ask("big", stream=True)))) == 80 * 65536

    async def test_packed(self, upstream: Upstream, flavor: str):
        """What the provider packed arrives unpacked, and nothing says that it is packed."""
        async with routed(upstream) as router:
            raw = await sdk(router, flavor).chat.completions.with_raw_response.create(**ask("gzip"))
            assert raw.parse().choices[0].message.content == "".join(WORDS)
            assert "content-encoding" not in raw.headers
            assert "br" not in upstream.asked[0].headers.get("accept-encoding", "")


class TestEnds:
    @pytest.mark.parametrize("flavor", ["httpx2", "httpx"])
    async def test_early_break(self, upstream: Upstream, flavor: str):
        """Leaving a stream's context settles at once, and the provider sees the caller go."""
        async with routed(upstream) as router:
            async with await sdk(router, flavor).chat.completions.create(**ask("stall", stream=True)) as stream:
                assert (await anext(aiter(stream))).choices[0].delta.content == WORDS[0]
                assert router.status()["open"] == 1
            assert router.status()["open"] == 0
            assert await anyio.to_thread.run_sync(upstream.hung_up.wait, 5)

    @pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
    async def test_cancel(self, upstream: Upstream, stream: bool):
        """A caller that is cancelled, before the answer or in the middle of it, leaves nothing open."""
        async with routed(upstream) as router:
            with anyio.move_on_after(0.2) as scope:
                answer = await sdk(router).chat.completions.create(**ask("stall", stream=stream))
                await said(answer)
            assert scope.cancelled_caught
            assert router.status()["open"] == 0

    async def test_the_first_word_is_not_kept_back(self, upstream: Upstream):
        """A chunk is handed on when it comes, though the next one never does."""
        async with routed(upstream) as router:
            stream = await sdk(router).chat.completions.create(**ask("stall", stream=True))
            with anyio.fail_after(2):
                assert (await anext(aiter(stream))).choices[0].delta.content == WORDS[0]
            await stream.close()

    async def test_a_cut_stream_never_looks_finished(self, upstream: Upstream):
        """A stream that breaks raises in the middle of the caller's loop."""
        async with routed(upstream) as router:
            stream = await sdk(router).chat.completions.create(**ask("cut", stream=True))
            with pytest.raises(openai.APIConnectionError) as caught:
                await said(stream)
            assert "stream broke after" in str(caught.value.__cause__)

    async def test_closing_the_sdk_leaves_the_router(self, upstream: Upstream):
        """`close` on the SDK's client ends that client alone."""
        async with routed(upstream) as router:
            async with sdk(router) as first:
                await first.chat.completions.create(**ask("plain"))
            assert first.is_closed()
            assert (await sdk(router).chat.completions.create(**ask("plain"))).usage


class TestErrors:
    async def test_a_busy_key_is_passed_over(self, upstream: Upstream):
        """A 429 on the first key is answered by the second: two requests, no error, no retry of the SDK's."""
        upstream.busy = {"a"}
        async with routed(upstream) as router:
            raw = await sdk(router).chat.completions.with_raw_response.create(**ask("plain"))
        assert (upstream.keys, raw.headers["x-actorrouter-key"], raw.retries_taken) == (["a", "b"], "b", 0)

    async def test_retries_do_not_multiply(self, upstream: Upstream):
        """Where each key says no once, the SDK, which would ask three times, does not ask again."""
        upstream.busy = {"a", "b"}
        async with routed(upstream) as router:
            with pytest.raises(openai.RateLimitError) as caught:
                await sdk(router).chat.completions.create(**ask("plain"))
        assert upstream.keys == ["a", "b"]
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert int(caught.value.response.headers["retry-after"]) == 7

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, openai.BadRequestError),
            (401, openai.AuthenticationError),
            (403, openai.PermissionDeniedError),
            (404, openai.NotFoundError),
            (422, openai.UnprocessableEntityError),
            (500, openai.InternalServerError),
        ],
    )
    async def test_the_provider_s_own_no(self, upstream: Upstream, status: int, kind: type[openai.APIStatusError]):
        """The provider's status and body reach the caller as the SDK's own class of error."""
        async with routed(upstream) as router:
            with pytest.raises(kind, match=f"told {status}") as caught:
                await sdk(router).chat.completions.create(**ask(f"fail {status}"))
        assert caught.value.status_code == status
        assert caught.value.code == "made_up"

    async def test_no_room(self, upstream: Upstream):
        """No room in the route's time is a 429 of the SDK's, with the seconds after which there is some."""
        async with routed(upstream, few(1)) as router:
            create = sdk(router).chat.completions.create
            for _ in range(2):
                await create(**ask("plain"))
            with pytest.raises(openai.RateLimitError) as caught:
                await create(**ask("plain"))
        headers = caught.value.response.headers
        assert 50 <= int(headers["retry-after"]) <= 61
        assert 0 <= int(headers["retry-after"]) * 1000 - int(headers["retry-after-ms"]) < 1000
        assert len(upstream.asked) == 2

    async def test_an_unknown_model(self, upstream: Upstream):
        """A model that is no route is the SDK's 404, and names the routes."""
        async with routed(upstream) as router:
            with pytest.raises(openai.NotFoundError, match="routes are: m") as caught:
                await sdk(router).chat.completions.create(**{**ask("plain"), "model": "gpt-none"})
        assert caught.value.code == "model_not_found"

    async def test_a_wrong_call(self, upstream: Upstream):
        """What can never be sent is the SDK's 400."""
        async with routed(upstream) as router:
            with pytest.raises(openai.BadRequestError, match="at least 1"):
                await sdk(router).chat.completions.create(**ask("plain", max_tokens=0))
        assert upstream.asked == []

    async def test_nobody_knows(self, upstream: Upstream):
        """A connection that ends before an answer is the SDK's connection error; the SDK's repeats reach nobody."""
        async with routed(upstream) as router:
            with pytest.raises(openai.APIConnectionError):
                await sdk(router).chat.completions.create(**ask("hang-up"))
        assert len(upstream.asked) == 1

    @pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
    async def test_timeouts(self, upstream: Upstream, stream: bool):
        """The SDK's timeout is kept, is its own class of error, settles, and is not sent again."""
        async with routed(upstream) as router:
            with pytest.raises(openai.APITimeoutError):
                await said(await sdk(router, timeout=0.2).chat.completions.create(**ask("stall", stream=stream)))
            assert router.status()["open"] == 0
        assert len(upstream.asked) == 1

    async def test_waiting_is_bounded_by_the_pool_timeout(self, upstream: Upstream):
        """A caller who waits less for a connection than the route for room is told by a timeout."""
        async with routed(upstream, at_once(1), wait_s=30) as router:
            create = sdk(router, timeout=openai.Timeout(None, pool=0.1)).chat.completions.create
            async with await create(**ask("stall", stream=True)), await create(**ask("stall", stream=True)):
                with pytest.raises(openai.APITimeoutError):
                    await create(**ask("plain"))
        assert len(upstream.asked) == 2

    async def test_a_stopped_router(self, upstream: Upstream):
        """After `drain` the SDK is told 503, at once."""
        async with routed(upstream) as router:
            await router.drain()
            with pytest.raises(openai.InternalServerError, match="draining") as caught:
                await sdk(router).chat.completions.create(**ask("plain"))
            assert caught.value.status_code == 503
