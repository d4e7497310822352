"""The routers of others, each as one function that makes a call. Used as their pages show, retries off, no caches.

With a base URL the call goes there; without one LiteLLM's own mocked answer is taken, and nothing leaves the process.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

One = Callable[[], Awaitable[None]]

MODEL = "gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "x" * 300}]
ANSWER = "word " * 16


@asynccontextmanager
async def litellm(base_url: str, count: int) -> AsyncIterator[One]:
    """LiteLLM's Router with `count` deployments of one model."""
    params = {"model": f"openai/{MODEL}", **({"api_base": base_url} if base_url else {"mock_response": ANSWER})}
    deployments = [
        {"model_name": "m", "litellm_params": {**params, "api_key": f"sk-{number}"}} for number in range(count)
    ]
    router = _quiet_litellm().Router(model_list=deployments, num_retries=0, set_verbose=False)

    async def one() -> None:
        answer = await router.acompletion(model="m", messages=MESSAGES, max_tokens=64)
        assert answer.usage.total_tokens

    yield one


@asynccontextmanager
async def maxllm_gate(base_url: str, count: int) -> AsyncIterator[One]:
    """maxllm_gate's asynchronous client with `count` keys, whose limits are out of reach."""
    peer = _quiet_litellm()
    from maxllm_gate.client import maxllm_gate_async

    # what it counts tokens with would be fetched at every call that does not find it; LiteLLM brings it along
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(peer.__file__).parent / "litellm_core_utils" / "tokenizers")
    limits = {MODEL: {"tpm_limit": 10**12, "rpm_limit": 10**9}}
    end = {"base_url": base_url} if base_url else {}
    keys = [
        {"api_key": f"sk-{number}", "key_id": f"k{number}", "provider": "openai", "models": limits, **end}
        for number in range(count)
    ]
    mocked = {} if base_url else {"mock_response": ANSWER}
    async with maxllm_gate_async(keys=keys, max_retries=1) as client:

        async def one() -> None:
            answer = await client.chat(MODEL, MESSAGES, max_tokens=64, **mocked)
            assert answer.usage["total_tokens"]

        yield one


def _quiet_litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches prices when it is imported
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm
