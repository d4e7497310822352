"""One provider behind one port: its /v1 as providers answer it, and the bench's own doors beside it."""

import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http.client import responses
from typing import Any
from urllib.parse import parse_qs

import anyio
from anyio.abc import ByteStream
from attrs import define, field

from actorrouter.simulation.providers.answers import Answer
from actorrouter.simulation.providers.arrivals import Request
from actorrouter.simulation.providers.bodies import read_chat, read_count, read_table
from actorrouter.simulation.providers.config import DialFault, FaultConfig, ProviderConfig, structure
from actorrouter.simulation.providers.dialects import http_date
from actorrouter.simulation.providers.headers import Headers
from actorrouter.simulation.providers.provider import Admission, ProviderModel
from actorrouter.simulation.providers.wire import Asked, CallerGone, DropConnection, Faulty, Wire


class Refused(Exception):
    """The provider's answer to a request it does not admit."""

    def __init__(self, status: int, body: dict[str, Any] | bytes, headers: Headers) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


_HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


@define
class Site:
    """One provider behind one port. `wall`: the true time, in seconds since 1970; read at the start and at a reset."""

    name: str
    described: ProviderConfig
    wall: Callable[[], float] = time.time
    model: ProviderModel = field(init=False)
    connections: int = 0
    bad_requests: int = 0
    _started_at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reset()

    @classmethod
    def of(cls, model: ProviderModel) -> "Site":
        """A site in front of a model that is there already."""
        site = cls(model.name, model.described)
        site.model = model
        return site

    def reset(self) -> None:
        """Forget everything; what is still in flight is booked with the model that admitted it."""
        chance = random.Random(self.described.seed)
        self._started_at = anyio.current_time()
        wall_offset = self.wall() - self._started_at
        self.model = ProviderModel(self.name, self.described, chance, self._started_at, wall_offset)
        self.bad_requests = 0

    def dial_fault(self) -> DialFault | None:
        """Say what becomes of an attempt to connect now; for networks that can do so. On loopback nobody asks."""
        return self.model.dial_fault(anyio.current_time() - self._started_at)

    async def converse(self, stream: ByteStream) -> None:
        """Answer one connection's requests until it ends."""
        if self.connections >= self.described.connections_max:
            await stream.aclose()
            return
        self.connections += 1
        gone = (CallerGone, DropConnection, anyio.BrokenResourceError, anyio.ClosedResourceError)
        try:
            async with stream:
                with suppress(*gone):
                    await self._answer_all(Wire(stream))
        finally:
            self.connections -= 1

    async def _answer_all(self, wire: Wire) -> None:
        try:
            while (asked := await wire.next_request()) is not None:
                await self._answer(wire, asked)
        except Faulty as faulty:  # not HTTP, or too long: where the next request begins is unknown
            self.bad_requests += 1
            await wire.answer(faulty.status, _error(str(faulty)), last=True)

    async def _answer(self, wire: Wire, asked: Asked) -> None:
        endpoint = _ENDPOINTS.get((asked.method, asked.path), Site.nowhere)
        try:
            await endpoint(self, wire, asked)
        except Refused as refused:
            kind = "text/html" if isinstance(refused.body, bytes) else "application/json"
            await wire.answer(refused.status, refused.body, refused.headers, content_type=kind)
        except Faulty as faulty:
            self.bad_requests += 1
            await wire.answer(faulty.status, _error(str(faulty)))

    async def chat(self, wire: Wire, asked: Asked) -> None:
        chat = read_chat(asked.json(), self.described.max_tokens_default)
        answer = await self._admit(wire, _bearer(asked), chat.request, _as_openai)
        if chat.stream:
            await answer.run(answer.stream_chat(chat))
        else:
            await answer.run(answer.send_whole(answer.whole_chat()))

    async def jobs(self, wire: Wire, asked: Asked) -> None:
        units = read_count(read_table(asked.json(), "the body").get("units"), "units")
        request = Request(next(iter(self.described.models), ""), 0, units, units)
        answer = await self._admit(wire, asked.header(b"x-api-key"), request, _as_job)
        await answer.run(answer.send_whole({"ok": True, "usage": {"units": units}}))

    async def _admit(self, wire: Wire, secret: str, request: Request, tell: "_Tell") -> Answer:
        """Admit, or raise the refusal in the endpoint's own shape."""
        started_at = anyio.current_time()
        admission = self.model.admit(secret, request, started_at)
        about = [("date", http_date(self.model.wall(started_at))), ("x-request-id", admission.request_id)]
        headers = [*about, *admission.headers]
        if admission.delivery is not None:
            return Answer(wire, self.model, admission, admission.delivery, request, headers, started_at)
        if admission.status == 0:
            raise DropConnection
        if admission.html:
            page = _HTML.format(f"{admission.status} {responses.get(admission.status, 'Error')}")
            raise Refused(admission.status, page.encode(), headers)
        status, body = tell(admission)
        raise Refused(status, body, headers)

    async def nowhere(self, _wire: Wire, asked: Asked) -> None:
        raise Faulty(f"no such endpoint: {asked.method} {asked.path}", 404)

    async def models(self, wire: Wire, asked: Asked) -> None:
        if self.model.knows(_bearer(asked)):
            now = anyio.current_time()
            offered = [name for name in self.described.models if self.model.offers(name, now)]
            listed = [{"id": name, "object": "model", "created": 1, "owned_by": self.name} for name in offered]
            await wire.answer(200, {"object": "list", "data": listed})
        else:
            await wire.answer(401, _error("incorrect API key provided", "invalid_api_key"))

    async def books(self, wire: Wire, asked: Asked) -> None:
        audited = parse_qs(asked.query).get("audit") != ["0"]
        books = self.model.books(anyio.current_time(), audited=audited)
        await wire.answer(200, {**books, "bad_requests": self.bad_requests})

    async def forget(self, wire: Wire, _asked: Asked) -> None:
        self.reset()
        await wire.answer(200, {"ok": True})

    async def add_fault(self, wire: Wire, asked: Asked) -> None:
        try:
            self.model.add_fault(structure(asked.json(), FaultConfig), anyio.current_time())
        except ValueError as error:  # ConfigInvalid too
            raise Faulty(str(error)) from error
        await wire.answer(200, {"ok": True})


_ENDPOINTS: dict[tuple[str, str], Callable[[Site, Wire, Asked], Awaitable[None]]] = {
    ("POST", "/v1/chat/completions"): Site.chat,
    ("POST", "/v1/jobs"): Site.jobs,
    ("GET", "/v1/models"): Site.models,
    ("GET", "/__books"): Site.books,
    ("POST", "/__reset"): Site.forget,
    ("POST", "/__fault"): Site.add_fault,
}


def _bearer(asked: Asked) -> str:
    return asked.header(b"authorization").removeprefix("Bearer ").strip()


def _error(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


_Tell = Callable[[Admission], tuple[int, dict[str, Any]]]


def _as_openai(refused: Admission) -> tuple[int, dict[str, Any]]:
    return refused.status, {"error": refused.error}


def _as_job(refused: Admission) -> tuple[int, dict[str, Any]]:
    key_kind = "revoked" if refused.cause == "revoked" else "unknown_key"
    kinds = {400: "spent", 402: "spent", 403: key_kind, 404: "not_found", 429: "too_many"}
    status = 403 if refused.status == 401 else refused.status
    kind = kinds.get(status, "unavailable")
    return status, {"error": (refused.error or {}).get("message"), "kind": kind}
