"""Answering one accepted request: whole or as a stream, in the time and with the trouble its delivery says."""

import json
from collections.abc import Awaitable
from math import inf
from typing import Any

import anyio
from attrs import define

from actorrouter.simulation.providers.arrivals import Delivery, Outcome, Request
from actorrouter.simulation.providers.bodies import Chat
from actorrouter.simulation.providers.headers import Headers
from actorrouter.simulation.providers.provider import Admission, ProviderModel
from actorrouter.simulation.providers.refusals import error_of
from actorrouter.simulation.providers.wire import DropConnection, Wire

_COMMENT = b": keep-alive\n\n"
_NOISE = b"\xff\xfe<html>not json"


@define
class Answer:
    """One accepted request, from admission to its last byte. However it ends, it is booked as finished once."""

    wire: Wire
    model: ProviderModel
    admission: Admission
    delivery: Delivery
    request: Request
    headers: Headers
    started_at: float
    produced: int = 0
    _begun: bool = False  # the head of a stream is out

    async def run(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        finally:
            self._finish("gone")

    def _finish(self, outcome: Outcome) -> None:
        self.model.finish(self.admission, self.produced, anyio.current_time(), outcome)

    async def _produce(self, output_tokens: int) -> None:
        """Take the time that so many tokens take in all; one that hangs takes for ever."""
        service_s = self.delivery.first_token_s + output_tokens * self.delivery.per_token_s
        await self._wait(inf if self.delivery.hang else self.started_at + service_s)
        self.produced = output_tokens
        self.model.produce(self.admission, output_tokens, anyio.current_time())

    async def _wait(self, deadline: float) -> None:
        """Wait for an instant; a stream that has begun says now and then that it is still there."""
        every_s = self.delivery.comment_every_s
        while self._begun and every_s is not None and anyio.current_time() + every_s < deadline:
            await self.wire.pause_until(anyio.current_time() + every_s)
            await self.wire.send_events(_COMMENT)
        await self.wire.pause_until(deadline)

    async def send_whole(self, body: dict[str, Any]) -> None:
        delivery = self.delivery
        await self._produce(self.request.output_tokens)
        failed = delivery.error_after is not None
        told = {"error": error_of(delivery.error_status)} if failed else body
        self._finish("garbage" if delivery.garbage else "error" if failed else "ok")
        blank = b"\n\n" if delivery.comment_every_s is not None else b""
        await self.wire.answer(200, _NOISE if delivery.garbage else blank + json.dumps(told).encode(), self.headers)

    def whole_chat(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": _words(self.request.output_tokens)}
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason()}
        usage = {"usage": self._usage()} if self.delivery.usage_chunks else {}
        return {**self._head("chat.completion"), "choices": [choice], **usage}

    async def stream_chat(self, chat: Chat) -> None:
        delivery = self.delivery
        if delivery.comment_every_s is not None:
            await self._say(_COMMENT)
        await self._produce(0)
        if delivery.garbage:
            await self._stream_noise()
            return
        usage = {"usage": None} if chat.include_usage else {}
        await self._say(self._chunk({"role": "assistant", "content": ""}, usage))
        ends_after = delivery.cut_after if delivery.error_after is None else delivery.error_after
        await self._stream_words(self.request.output_tokens if ends_after is None else ends_after, usage)
        if delivery.error_after is not None:
            self._finish("error")
            await self.wire.end_events(_event({"error": error_of(delivery.error_status)}))
        elif delivery.cut_after is not None:
            await self._cut()
        else:
            self._finish("ok")
            await self.wire.end_events(self._ending(chat, usage) + b"data: [DONE]\n\n")

    def _ending(self, chat: Chat, usage: dict[str, Any]) -> bytes:
        ending = self._chunk({}, usage, self._finish_reason())
        if not chat.include_usage:
            return ending
        told = {**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()}
        return ending + _event(told) * self.delivery.usage_chunks

    async def _say(self, events: bytes) -> None:
        if self._begun:
            await self.wire.send_events(events)
        else:
            self._begun = True
            await self.wire.start_events(self.headers, events)

    async def _stream_noise(self) -> None:
        await self._produce(self.request.output_tokens)
        self._finish("garbage")
        await self._say(b"data: " + _NOISE + b"\n\n")
        await self.wire.end_events()

    async def _stream_words(self, output_tokens: int, usage: dict[str, Any]) -> None:
        at_once = self.model.described.service.chunk_tokens
        for sent in range(0, output_tokens, at_once):
            upto = min(sent + at_once, output_tokens)
            await self._produce(upto)
            await self.wire.send_events(self._chunk({"content": _words(upto - sent)}, usage))

    async def _cut(self) -> None:
        self._finish("truncated")
        if self.delivery.cut_how == "drop":
            raise DropConnection
        await self.wire.end_events()

    def _chunk(self, delta: dict[str, str], usage: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _event({**self._head("chat.completion.chunk"), "choices": [choice], **usage})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.admission.request_id, "object": kind, "created": 1, "model": self.request.model}

    def _finish_reason(self) -> str:
        return "length" if self.request.output_tokens == self.request.max_tokens else "stop"

    def _usage(self) -> dict[str, Any]:
        prompt, completion, cached = self.request.input_tokens, self.request.output_tokens, self.request.cached_tokens
        details = {"prompt_tokens_details": {"cached_tokens": cached}} if cached else {}
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        return {**usage, **details}


def _words(output_tokens: int) -> str:
    return "word " * output_tokens


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
