"""What arrives at a provider, how an accepted request is answered, and the words for how each ended."""

from typing import Literal, get_args

from attrs import frozen

# limit, adaptive, ramp, spent, in_flight: the caller asked for more than a limit has. squeezed: it may not have known.
Cause = Literal[
    "limit",
    "adaptive",
    "ramp",
    "spent",
    "in_flight",
    "squeezed",
    "injected_429",
    "outage",
    "storm",
    "revoked",
    "unknown_key",
    "unknown_model",
    "removed_model",
]
Outcome = Literal["ok", "truncated", "error", "garbage", "gone"]  # gone: the caller left before the end
CAUSES: tuple[Cause, ...] = get_args(Cause)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@frozen
class Request:
    """One arrival. `output_tokens` is what the answer will really have, at most `max_tokens`; `cached_tokens` is the
    part of the input that the provider has in its cache."""

    model: str
    input_tokens: int
    max_tokens: int
    output_tokens: int
    cached_tokens: int = 0


@frozen
class Delivery:
    """How an accepted request is answered. `cut_after`: output tokens after which a stream ends early. `error_after`:
    after which it ends with an error of `error_status`. `comment_every_s`: comments while there is nothing to say."""

    first_token_s: float
    per_token_s: float
    hang: bool = False
    garbage: bool = False
    cut_after: int | None = None
    cut_how: Literal["answer", "drop"] = "answer"
    error_after: int | None = None
    error_status: int = 503
    usage_chunks: int = 1
    comment_every_s: float | None = None
