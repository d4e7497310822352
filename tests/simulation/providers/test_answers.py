"""What a caller reads of an accepted request, over real loopback sockets."""

import json

import anyio
import httpx2
import pytest

from .clients import DESCRIBED, ask, books, chat, connect, events, opened

pytestmark = pytest.mark.anyio


async def test_a_plain_answer_has_text_usage_and_headers():
    """Input is bytes // 4, output is max_tokens, and the six rate-limit headers are there."""
    async with opened() as client:
        answer = await ask(client, **chat("a"))
        body = answer.json()
        assert answer.status_code == 200
        assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 10, "total_tokens": 13}
        assert body["choices"][0]["finish_reason"] == "length"
        assert body["choices"][0]["message"]["content"].split() == ["word"] * 10
        assert answer.headers["x-ratelimit-remaining-requests"] == "5"
        assert answer.headers["x-request-id"] == body["id"]


async def test_metadata_sets_the_real_lengths():
    """Never more output than max_tokens, and then the answer stops by itself."""
    async with opened() as client:
        short = await ask(client, **chat(metadata={"output_tokens": "4", "input_tokens": "100"}))
        long = await ask(client, **chat(metadata={"output_tokens": "400"}))
        assert short.json()["usage"] == {"prompt_tokens": 100, "completion_tokens": 4, "total_tokens": 104}
        assert short.json()["choices"][0]["finish_reason"] == "stop"
        assert long.json()["usage"]["completion_tokens"] == 10


async def test_a_stream_ends_with_usage_and_done():
    """Role, words, finish reason, usage with no choices, [DONE]."""
    async with opened() as client:
        answer = await ask(client, **chat(stream=True, usage=True))
        *chunks, usage, done = events(answer.text)
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        assert answer.headers["content-type"] == "text/event-stream"
        assert text.split() == ["word"] * 10
        assert (chunks[0]["usage"], chunks[-1]["choices"][0]["finish_reason"]) == (None, "length")
        assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 13, "[DONE]")
        plain = events((await ask(client, **chat(stream=True))).text)
        assert not any("usage" in chunk for chunk in plain[:-1])


async def test_capacity_is_free_once_the_answer_is_read():
    """A caller that asks again as soon as it has read an answer never meets its own request."""
    async with opened(DESCRIBED.replace("amount = 2", "amount = 1").replace("amount = 6", "amount = 99")) as client:
        for stream in (False, True) * 10:
            assert (await ask(client, **chat("a", stream=stream))).status_code == 200


async def test_a_caller_that_leaves_frees_its_capacity():
    """A request hung on is booked as gone, and nothing stays in flight."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "hang"})
        with pytest.raises(httpx2.ReadTimeout):
            await ask(client, **chat("a"), timeout=0.05)
        with anyio.fail_after(2):
            while (booked := await books(client))["in_flight"]:
                pass
        assert (booked["outcomes"]["gone"], booked["served"]) == (1, 0)


async def test_a_truncated_stream_lacks_its_end():
    """Cut cleanly there is no [DONE]; dropped, the body breaks off. Neither counts as served."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "truncate"})
        whole = events((await ask(client, **chat(stream=True, usage=True))).text)
        assert "[DONE]" not in whole
        assert all(chunk["choices"][0]["finish_reason"] is None for chunk in whole)
        await client.post("/__reset")
        await client.post("/__fault", json={"kind": "truncate", "how": "drop"})
        with pytest.raises(httpx2.RemoteProtocolError):
            await ask(client, **chat(stream=True))
        booked = await books(client)
        assert (booked["outcomes"]["truncated"], booked["served"]) == (1, 0)


async def test_an_error_may_come_after_200():
    """A stream ends with an error object and no [DONE]; a plain answer is one. Neither counts as served."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "stream_error", "status": 529})
        streamed = await ask(client, **chat(stream=True, usage=True))
        *chunks, last = events(streamed.text)
        assert streamed.status_code == 200
        assert last["error"]["type"] == "overloaded_error"
        assert len(chunks) >= 1
        plain = await ask(client, **chat())
        assert (plain.status_code, plain.json()["error"]["type"]) == (200, "overloaded_error")
        booked = await books(client)
        assert (booked["outcomes"]["error"], booked["served"]) == (2, 0)


@pytest.mark.parametrize(("kind", "times"), [("no_usage", 0), ("double_usage", 2)])
async def test_usage_may_be_left_out_or_told_twice(kind, times):
    """However often, the stream ends well and counts as served."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": kind})
        *chunks, done = events((await ask(client, **chat(stream=True, usage=True))).text)
        told = [chunk["usage"] for chunk in chunks if chunk["usage"]]
        assert ([usage["total_tokens"] for usage in told], done) == ([13] * times, "[DONE]")
        assert ("usage" in (await ask(client, **chat())).json()) == (times > 0)
        assert (await books(client))["served"] == 2


async def test_comments_keep_a_slow_stream_alive():
    """Before there is anything to say and between the chunks; a plain answer begins with blank lines."""
    async with opened(DESCRIBED.replace("first_token_s = 0.002", "first_token_s = 0.05")) as client:
        await client.post("/__fault", json={"kind": "keep_alive", "every_s": 0.01})
        text = (await ask(client, **chat(stream=True))).text
        assert text.startswith(": keep-alive\n\n: keep-alive\n\n")
        assert text.endswith("data: [DONE]\n\n")
        plain = await ask(client, **chat())
        assert plain.content.startswith(b"\n\n{")
        assert plain.json()["usage"]["total_tokens"] == 13


async def test_a_hung_stream_may_go_on_commenting():
    """Alive and saying nothing, until the caller leaves."""
    async with opened() as client:
        for kind in ("hang", "keep_alive"):
            await client.post("/__fault", json={"kind": kind, "every_s": 0.005})
        body = json.dumps(chat(stream=True)["json"]).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer secret-b\r\n"
        async with await connect(client) as stream:
            await stream.send(head + b"content-length: %d\r\n\r\n" % len(body) + body)
            received = b""
            while received.count(b": keep-alive\n\n") < 5:
                received += await stream.receive()
        assert b"data:" not in received


async def test_cached_input_is_told_as_part_of_the_input():
    """As OpenAI does; nothing is said of it where there is none."""
    async with opened() as client:
        metadata = {"input_tokens": "100", "cached_tokens": "40", "output_tokens": "1"}
        usage = (await ask(client, **chat(metadata=metadata))).json()["usage"]
        assert (usage["prompt_tokens"], usage["prompt_tokens_details"]) == (100, {"cached_tokens": 40})
        too_many = await ask(client, **chat(metadata={**metadata, "cached_tokens": "101"}))
        assert too_many.status_code == 400


async def test_garbage_is_not_json():
    """Status 200, and bytes that no parser takes."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "garbage"})
        for stream in (False, True):
            answer = await ask(client, **chat(stream=stream))
            assert answer.status_code == 200
            with pytest.raises(ValueError):
                json.loads(answer.content.removeprefix(b"data: "))
        assert (await books(client))["outcomes"]["garbage"] == 2


async def test_a_slow_stream_takes_longer():
    """Ten tokens of 0.1 ms, 30 times slower: at least 30 ms."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "slow_stream", "factor": 30})
        began = anyio.current_time()
        await ask(client, **chat(stream=True))
        assert anyio.current_time() - began >= 0.03
