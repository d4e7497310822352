"""What arrives at a provider, how an accepted request is answered, and the words for how each ended."""

from typing import Literal, get_args

from attrs import frozen

Cause = Literal["limit", "injected_429", "outage", "revoked", "unknown_key", "unknown_model"]
Outcome = Literal["ok", "truncated", "garbage", "gone"]  # gone: the caller left before the end
CAUSES: tuple[Cause, ...] = get_args(Cause)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@frozen
class Request:
    """One arrival. `output_tokens` is what the answer will really have, at most `max_tokens`."""

    model: str
    input_tokens: int
    max_tokens: int
    output_tokens: int


@frozen
class Delivery:
    """How an accepted request is answered. `cut_after`: output tokens after which a stream ends early."""

    first_token_s: float
    per_token_s: float
    hang: bool = False
    garbage: bool = False
    cut_after: int | None = None
    cut_how: Literal["answer", "drop"] = "answer"
