"""What a caller is given: the provider's answer, whole or as it comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from actorrouter.errors import Attempt
from actorrouter.values import NO_USAGE, OutcomeClass, Usage

if TYPE_CHECKING:
    from actorrouter.router.journey import Journey


class Reply:
    """A provider's answer. A plain one is whole; a stream is iterated for its bytes, as the provider sent them.

    Iterating a stream that breaks raises StreamInterrupted: a truncated answer never looks finished.
    """

    def __init__(self, journey: Journey, content: bytes) -> None:
        self._journey = journey
        self._content = content
        self.status = journey.answer.status
        self.headers = journey.answer.headers

    @property
    def continued(self) -> int:
        """How often another send went on where this stream had broken."""
        return self._journey.continued

    @property
    def key_id(self) -> str:
        """The key that answered."""
        return self._journey.answer.grant.key_id

    @property
    def upstream_model(self) -> str:
        """The provider's word for the model that answered."""
        return self._journey.answer.grant.upstream_model

    @property
    def decision_id(self) -> int:
        """For `router.explain`."""
        return self._journey.answer.grant.decision.decision_id

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every send of this call that has ended, the good one last."""
        return tuple(self._journey.attempts)

    @property
    def usage(self) -> Usage:
        """What was used; empty until the answer has ended."""
        outcome = self._journey.answer.outcome
        return outcome.usage or NO_USAGE if outcome is not None else NO_USAGE

    @property
    def losses(self) -> tuple[str, ...]:
        """Names of what was left out in telling the call or, so far, its answer in another dialect."""
        return self._journey.answer.losses

    @property
    def body(self) -> bytes:
        """A plain answer's bytes. RuntimeError for a stream that is still to be read, or was left before its end."""
        if not self._whole:
            raise RuntimeError("this answer is a stream: iterate it, or `await reply.read()`")
        return self._content

    @property
    def _whole(self) -> bool:
        outcome = self._journey.answer.outcome
        return outcome is not None and outcome.outcome is OutcomeClass.SUCCEEDED

    def json(self) -> Any:
        """A plain answer's JSON."""
        return json.loads(self.body)

    async def read(self) -> bytes:
        """Everything that is still to come, at once."""
        self._content = b"".join([chunk async for chunk in self])
        return self._content

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        content, self._content = self._content, b""
        if not content and self._journey.answer.outcome is None:
            content = await self._journey.more()
        if not content and not self._whole:
            raise self._journey.interrupted()
        if not content:
            raise StopAsyncIteration
        self._journey.delivered_bytes += len(content)
        return content
