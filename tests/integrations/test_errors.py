"""What goes wrong, as each SDK tells it: its own class of error, words that say why, and no secret in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import anyio
import httpx2
import openai
import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import errors as gemini
from google.genai import types
from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from openai import AsyncOpenAI

from actorrouter import LimitConfig, Router, Shape, open_router
from tests.integrations.speakers import CHAT, GEMINI, MESSAGES, MISTRAL, Speaker, told_by_user
from tests.integrations.upstream import SECRETS, UNFINISHED, Upstream, few, fleet, routed

pytestmark = [pytest.mark.anyio, UNFINISHED]
SPEAKERS = (CHAT, MESSAGES, GEMINI, MISTRAL)
through_each_sdk = pytest.mark.parametrize(
    ("speaker", "anyio_backend"),
    [pytest.param(speaker, each, id=f"{speaker.name}-{each}") for speaker in SPEAKERS for each in speaker.backends],
)
CLASSES: dict[str, dict[int, type[Exception]]] = {
    CHAT.name: {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        429: openai.RateLimitError,
        503: openai.InternalServerError,
    },
    MESSAGES.name: {
        400: anthropic.BadRequestError,
        401: anthropic.AuthenticationError,
        429: anthropic.RateLimitError,
        503: anthropic.InternalServerError,
    },
    GEMINI.name: {400: gemini.ClientError, 401: gemini.ClientError, 429: gemini.ClientError, 503: gemini.ServerError},
    MISTRAL.name: dict.fromkeys((400, 401, 429, 503), SDKError),
}


class Choosing:
    """A router whose clients are made with options."""

    def __init__(self, router: Router, **options: Any) -> None:
        self._router, self._options = router, options

    def http_client(self) -> Any:
        return self._router.http_client(**self._options)


async def told(router: Any, speaker: Speaker, status: int, asked: str = "plain") -> Exception:
    """The error that asking comes to: of the SDK's class for the status, without any secret."""
    with pytest.raises(CLASSES[speaker.name][status]) as caught:
        await speaker.answer(router, asked)
    said = f"{caught.value} {caught.value!r} {_response(caught.value).text}"
    assert not [secret for secret in (*SECRETS.values(), "unused") if secret in said]
    assert _response(caught.value).status_code == status
    return caught.value


def _response(error: Any) -> Any:
    """google-genai wraps it once more, mistralai calls it otherwise."""
    response = getattr(error, "response", None) or error.raw_response
    return getattr(response, "response", None) or response


@through_each_sdk
async def test_no_room(upstream: Upstream, speaker: Speaker):
    """No room is a 429 that says which keys have none, and when there will be some."""
    async with routed(upstream, few(1)) as router:
        for _ in range(2):
            await speaker.answer(router, "plain")
        error = await told(router, speaker, 429)
    assert "nobody has room in time" in str(error)
    assert 50 <= int(_response(error).headers["retry-after"]) <= 61
    assert len(upstream.asked) == 2


@through_each_sdk
async def test_nobody_left(upstream: Upstream, speaker: Speaker):
    """Where every key is disabled it is a 503 that names them, with no word on when to come back."""
    async with routed(upstream) as router:
        for key in SECRETS:
            router.disable_key(key, "audit")
        error = await told(router, speaker, 503)
    assert "disabled: audit" in str(error)
    assert "retry-after" not in _response(error).headers
    assert upstream.asked == []


@through_each_sdk
async def test_headers_of_a_refusal(upstream: Upstream, speaker: Speaker):
    """The provider's id of the request that was refused is there for whoever has to ask about it."""
    async with routed(upstream) as router:
        error = await told(router, speaker, 400, "fail 400")
    assert _response(error).headers["x-request-id"] == "req_8"


@through_each_sdk
async def test_a_full_waiting_room(upstream: Upstream, speaker: Speaker):
    """Where too many wait already it is a 503."""
    limit = LimitConfig("requests", 1, 3, Shape.SLIDING)
    async with routed(upstream, limit, wait_s=10, waiting_max=0) as router:
        for _ in range(2):
            await speaker.answer(router, "plain")
        assert "waiting" in str(await told(router, speaker, 503))


@through_each_sdk
async def test_a_wrong_call(upstream: Upstream, speaker: Speaker):
    """What can never be sent is a 400, and nobody is asked."""
    async with routed(upstream) as router:
        error = await told(Choosing(router, keys=frozenset({"nobody"})), speaker, 400)
        assert "nobody" in str(error)
    assert upstream.asked == []


@through_each_sdk
async def test_rejected_keys(upstream: Upstream, speaker: Speaker):
    """A key that is rejected is passed over; where all are, it is the provider's 401, each asked once."""
    async with routed(upstream) as router:
        assert "told 401" in str(await told(router, speaker, 401, "fail 401"))
    assert upstream.keys == ["a", "b"]


@through_each_sdk
async def test_the_sdk_does_not_repeat(upstream: Upstream, speaker: Speaker):
    """A 429 of every key's is asked of each once: the SDK, told so, adds nothing."""
    upstream.busy = {"a", "b"}
    async with routed(upstream) as router:
        error = await told(router, speaker, 429)
    assert upstream.keys == ["a", "b"]
    assert _response(error).headers["retry-after"] == "7"


@through_each_sdk
async def test_after_the_router(upstream: Upstream, speaker: Speaker):
    """A client that outlives its router is told so at once, and reaches nobody."""
    async with open_router(fleet(upstream.url)) as router:
        pass
    with anyio.fail_after(2):
        assert "the router" in str(await told(router, speaker, 503))
    assert upstream.asked == []


async def _openai_times_out(client: Any) -> Any:
    sdk = AsyncOpenAI(http_client=client, api_key="unused", timeout=0.2)
    return await sdk.chat.completions.create(model="m", messages=told_by_user("stall"))  # type: ignore[arg-type]


async def _anthropic_times_out(client: Any) -> Any:
    sdk = AsyncAnthropic(http_client=client, api_key="unused", timeout=0.2)
    return await sdk.messages.create(model="m", max_tokens=5, messages=told_by_user("stall"))  # type: ignore[arg-type]


async def _gemini_times_out(client: Any) -> Any:
    options = types.HttpOptions(httpx_async_client=client, timeout=200)
    return await genai.Client(api_key="unused", http_options=options).aio.models.generate_content(
        model="m", contents="stall"
    )


async def _mistral_times_out(client: Any) -> Any:
    sdk = Mistral(api_key="unused", async_client=client, timeout_ms=200)
    return await sdk.chat.complete_async(model="m", messages=told_by_user("stall"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ask", "anyio_backend", "kind"),
    [
        (_openai_times_out, "asyncio", openai.APITimeoutError),
        (_openai_times_out, "trio", openai.APITimeoutError),
        (_anthropic_times_out, "asyncio", anthropic.APITimeoutError),
        (_anthropic_times_out, "trio", anthropic.APITimeoutError),
        (_gemini_times_out, "asyncio", httpx2.ReadTimeout),
        (_gemini_times_out, "trio", httpx2.ReadTimeout),
        (_mistral_times_out, "asyncio", httpx2.ReadTimeout),
    ],
)
async def test_timeouts(upstream: Upstream, ask: Callable[[Any], Awaitable[Any]], kind: type[Exception]):
    """An SDK's own timeout is kept, told as it tells timeouts, settled, and not asked a second time."""
    async with routed(upstream) as router:
        with pytest.raises(kind):
            await ask(router.http_client())
        assert router.status()["open"] == 0
    assert len(upstream.asked) == 1
