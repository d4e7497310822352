"""What callers catch. One tree, split by the caller's question: did anything reach the provider?

RouterError
  NotSent            nothing reached a provider
    InvalidConfig      the configuration is wrong; lists every fault
    InvalidCall        the call itself is wrong: unknown model, bad body, never fits
    NoCapacity         no candidate in time; says when and why
    WaitingRoomFull    the route's waiting room is at its bound
    RouterStopped      the router is draining or stopped
  Refused            a provider answered no, for a reason another candidate shares or every candidate was tried
  OutcomeUnknown     written, no response: it may have been executed
  StreamInterrupted  an answer began and did not end
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actorrouter.values import Outcome, Refusal, value


@value
class Attempt:
    """One send of one request: which key, what came of it. `hedge_of`: the key whose send it stood beside."""

    key_id: str
    upstream_model: str
    outcome: Outcome
    decision_id: int
    hedge_of: str = ""

    def __str__(self) -> str:
        status = f" {self.outcome.status}" if self.outcome.status else ""
        return f"{self.key_id}: {self.outcome.outcome}{status}"


class RouterError(Exception):
    """Root of everything the router raises on purpose."""

    def __init__(
        self,
        message: str,
        *,
        attempts: Sequence[Attempt] = (),
        decision_id: int | None = None,
        available_at: float | None = None,
        available_in_s: float | None = None,
        refusals: Sequence[Refusal] = (),
    ) -> None:
        super().__init__(message)
        self.attempts = tuple(attempts)
        self.decision_id = decision_id
        self.available_at = available_at
        """Monotonic second (the router's clock) at which a candidate could grant; None when nobody can know."""
        self.available_in_s = available_in_s
        self.refusals = tuple(refusals)


class NotSent(RouterError):
    """Nothing of this request reached a provider."""


class InvalidConfig(NotSent):
    """The configuration has faults; `faults` lists each with its path. No value of it is ever shown."""

    def __init__(self, faults: Sequence[str], source: str = "config") -> None:
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n  ".join([f"{source}: {count}", *self.faults]))


class InvalidCall(NotSent):
    """The call can never succeed as it is: unknown model, malformed body, larger than every limit."""


class NoCapacity(NotSent):
    """No candidate has room in time. `refusals` names each holder's reason; `available_in_s` says when. `final`:
    waiting cannot help, every key is disabled or its provider held out."""

    final = False


class WaitingRoomFull(NoCapacity):
    """The route's waiting room is at its bound."""


class RouterStopped(NotSent):
    """The router is draining, stopped, or a fault it cannot survive has ended it."""


class Refused(RouterError):
    """Providers answered, and the answer is no."""

    def __init__(
        self,
        message: str,
        *,
        attempts: Sequence[Attempt] = (),
        decision_id: int | None = None,
        body: bytes = b"",
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, attempts=attempts, decision_id=decision_id)
        self.body = body
        self.status = status
        self.headers: Mapping[str, str] = headers or {}
        """Of the provider's answer, names in lower case: a request's id, what remains of limits."""


class OutcomeUnknown(RouterError):
    """The request was written and no response came: it may have been executed and billed."""


class StreamInterrupted(RouterError):
    """An answer began and did not end. `delivered_bytes` were handed out before the break; `delivered_text`: what the
    model had written in them, up to a million characters; known of calls with `continue_stream`."""

    def __init__(
        self,
        message: str,
        *,
        delivered_bytes: int,
        delivered_text: str | None = None,
        attempts: Sequence[Attempt] = (),
        decision_id: int | None = None,
    ) -> None:
        super().__init__(message, attempts=attempts, decision_id=decision_id)
        self.delivered_bytes = delivered_bytes
        self.delivered_text = delivered_text


class ActorError(RouterError):
    """An actor could not answer."""


class ActorFailed(ActorError):
    """The turn that should have answered raised; the cause is attached. The message is not delivered again."""


class ActorDown(ActorError):
    """The actor has stopped for good."""


class MailboxFull(ActorError):
    """The actor is busy and its mailbox is at its bound."""
