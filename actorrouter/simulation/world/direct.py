"""One send without a network: the same outcomes at the same instants as over the wire, from the provider's model.

What a refusal means is judged by the provider's real adapter; what an accepted answer looks like is known here.
The wire and the provider keep to their own instants: a process that stalls is late to read, it does not delay them.
"""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from actorrouter.messages import Observe
from actorrouter.router.grants import Grant
from actorrouter.runtime.runtime import Runtime
from actorrouter.simulation.providers.arrivals import Delivery, Request
from actorrouter.simulation.providers.provider import Admission, ProviderModel
from actorrouter.simulation.providers.refusals import error_of
from actorrouter.simulation.world.stage import Run
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS, Call, Outcome, OutcomeClass, Scope, Usage

_CONTENT: Final = b"data: {}\n\n"


class DirectExchange:
    """In place of `router.exchange.Exchange`."""

    def __init__(self, runtime: Runtime, run: Run, grant: Grant, call: Call) -> None:
        self._runtime, self._stage, self._upstream, self._wall = runtime, run.stage, run.upstream, run.wall
        self.grant, self._call = grant, call
        self._model: ProviderModel = run.upstream.models[grant.seat.key.provider.name]
        self._request = request_of(call, grant.upstream_model)
        self._admission: Admission | None = None
        self._sent = False
        self._answering = False
        self._at = self._began = self._back_s = 0.0
        self._produced = 0
        self.outcome: Outcome | None = None
        self.rest = b""
        self.cut_off = False
        self.status = 0
        self.headers: dict[str, str] = {}

    def _now(self) -> float:
        return self._runtime.clock()

    # ------------------------------------------------------------------------------------------------------ to its head

    async def start(self) -> bytes:
        """See `Exchange.start`."""
        upstream, key = self._upstream, self.grant.seat.key
        self._timeouts = key.provider.config.timeouts
        fault, cut = upstream.dial_fault(key.provider.name, self._now()), upstream.cut(key.provider.name, self._now())
        if fault is not None and fault != "silent":
            return self._end(OutcomeClass.NOT_SENT, f"{fault}: simulated")
        self.grant.sent()
        self._sent = True
        self._at = self._now()
        await self._pass(upstream.transit_s())
        if fault == "silent":
            return await self._nothing_comes()
        admission = self._model.admit(upstream.secrets[key.key_id], self._request, self._at)
        self._admission = admission
        if admission.delivery is None:
            return await self._refused(admission)
        if cut is not None:
            await self._pass(admission.delivery.first_token_s)
            self._finish("gone")
            return self._end(OutcomeClass.UNKNOWN, "read: simulated")
        return await self._accepted(admission)

    async def _pass(self, seconds: float) -> None:
        """Let so much time pass on the wire or at the provider."""
        self._at += seconds
        await self._stage.sleep_until(self._at)

    async def _nothing_comes(self) -> bytes:
        await self._pass(self._timeouts.first_byte_s)
        return self._end(OutcomeClass.UNKNOWN, "timeout: simulated")

    async def _refused(self, admission: Admission) -> bytes:
        await self._pass(self._upstream.transit_s())
        if admission.status == 0:
            return self._end(OutcomeClass.UNKNOWN, "read: the connection ended")
        reading = self._read(admission.status, admission)
        self.rest = b"<html>" if admission.html else json.dumps({"error": admission.error}).encode()
        reading.feed(self.rest)
        self.outcome = reading.end(complete=True)
        return b""

    def _read(self, status: int, admission: Admission) -> Any:
        """The adapter's reading of an answer, whose headers tell of limits."""
        self.headers = dict(admission.headers)
        reading = self._reading(status)
        if reading.observations:
            for pool in self.grant.seat.group.pools:
                self._runtime.tell(pool.pool_id, Observe(reading.observations))
        return reading

    def _reading(self, status: int) -> Any:
        self.status = status
        self.headers["content-type"] = "text/event-stream" if self._streams(status) else "application/json"
        adapter = self.grant.seat.key.provider.adapter
        return adapter.read(self._call, status, self.headers, self._now(), self._wall())

    def _streams(self, status: int) -> bool:
        return self._call.stream and status == 200

    # ------------------------------------------------------------------------------------------------------- to its end

    async def _accepted(self, admission: Admission) -> bytes:
        delivery = admission.delivery
        assert delivery is not None
        self._began = self._at
        whole_s = delivery.first_token_s + self._request.output_tokens * delivery.per_token_s
        head_s = delivery.first_token_s if self._call.stream else whole_s
        if delivery.hang or head_s + self._upstream.scenario.transit_s[1] > self._timeouts.first_byte_s:
            await self._pass(self._timeouts.first_byte_s)
            self._finish("gone")
            return self._end(OutcomeClass.UNKNOWN, "timeout: simulated")
        await self._pass(head_s)
        self._back_s = self._upstream.transit_s()
        if self._call.stream and not delivery.garbage:
            await self._pass(self._back_s)
            self._head(admission)
            return _CONTENT
        self._produced = self._request.output_tokens
        failed = delivery.error_after is not None
        self._finish("garbage" if delivery.garbage else "error" if failed else "ok")
        await self._pass(self._back_s)
        self._head(admission)
        if delivery.garbage:
            return self._broken("the answer is not a JSON object")
        return self._failed_inside(delivery) if failed else self._succeeded(delivery)

    def _head(self, admission: Admission) -> None:
        self._answering = True
        if admission.headers:
            self._read(200, admission)
        self.status = 200

    async def more(self) -> bytes:
        """See `Exchange.more`: the rest of a stream, at once when it is there."""
        admission = self._admission
        assert admission is not None
        delivery = admission.delivery
        assert delivery is not None
        early = delivery.cut_after if delivery.error_after is None else delivery.error_after
        tokens = self._request.output_tokens if early is None else early
        ends = self._began + delivery.first_token_s + tokens * delivery.per_token_s
        self._at = max(ends, self._now())
        await self._stage.sleep_until(self._at)
        self._produced = tokens
        self._finish("ok" if early is None else "truncated" if delivery.error_after is None else "error")
        await self._pass(self._back_s)
        if early is None:
            return self._succeeded(delivery)
        self.cut_off = True
        usage = self._usage(estimated=True)
        if delivery.error_after is not None:
            return self._failed_inside(delivery, usage)
        return self._broken("the stream ended early", usage)

    def _failed_inside(self, delivery: Delivery, usage: Usage | None = None) -> bytes:
        """An error after HTTP 200 is what the adapter makes of it."""
        told, reading = json.dumps({"error": error_of(delivery.error_status)}).encode(), self._reading(200)
        reading.feed(b"data: " + told + b"\n\n" if self._streams(200) else told)
        self.outcome = attrs.evolve(reading.end(complete=True), usage=usage)
        return b""

    def _succeeded(self, delivery: Delivery) -> bytes:
        self.rest = _CONTENT
        usage = self._usage(estimated=not delivery.usage_chunks)
        self.outcome = Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, 200, usage=usage)
        return b""

    def _broken(self, why: str, usage: Usage | None = None) -> bytes:
        self.outcome = Outcome(OutcomeClass.BROKEN, Scope.PROVIDER, 200, message=why, usage=usage)
        return b""

    def _usage(self, *, estimated: bool = False) -> Usage:
        used = {INPUT_TOKENS: self._request.input_tokens, OUTPUT_TOKENS: self._produced}
        return Usage({**used, TOKENS: sum(used.values())}, estimated=estimated)

    def _end(self, outcome: OutcomeClass, why: str) -> bytes:
        self.outcome = Outcome(outcome, Scope.PROVIDER, message=why)
        return b""

    def cut(self, why: str) -> Outcome:
        """See `Exchange.cut`."""
        if self.outcome is None:
            self._at, self._produced = self._now(), self._so_far()
            self._finish("gone")
            known = OutcomeClass.UNKNOWN if self._sent else OutcomeClass.NOT_SENT
            usage = self._usage(estimated=True) if self._answering else None
            kind = OutcomeClass.CANCELLED if self._answering else known
            self.cut_off = self._answering
            self.outcome = Outcome(kind, Scope.NONE, usage=usage, message=why)
        return self.outcome

    def _so_far(self) -> int:
        """Output tokens that are out by now."""
        admission = self._admission
        if admission is None or admission.delivery is None:
            return 0
        per_token_s, all_of_it = admission.delivery.per_token_s, self._request.output_tokens
        took_s = self._now() - self._began - admission.delivery.first_token_s
        if took_s < 0:
            return 0
        return min(all_of_it, int(took_s / per_token_s)) if per_token_s else all_of_it

    def _finish(self, how: Any) -> None:
        if self._admission is not None:
            self._model.finish(self._admission, self._produced, self._at, how)

    async def close(self) -> None:
        """Nothing is open."""

    def __del__(self) -> None:
        """Dropped unread: the collector closes the connection, and the provider sees that its caller has gone."""
        if self.outcome is None:
            self.cut("dropped")


def request_of(call: Call, model: str) -> Request:
    """What the provider will make of the call: as `providers.bodies` reads it."""
    said = call.body["metadata"]
    most = call.body["max_tokens"]
    return Request(model, int(said["input_tokens"]), most, min(most, int(said["output_tokens"])))
