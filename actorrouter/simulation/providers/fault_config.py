"""What trouble a simulated provider can be told to make."""

from typing import Literal

from attrs import field, frozen

from actorrouter.simulation.providers.checks import require

FaultKind = Literal[
    "outage",
    "storm",
    "revoke",
    "remove_model",
    "throttle",
    "squeeze",
    "lying",
    "wrong_wait",
    "slow_start",
    "slow_stream",
    "truncate",
    "stream_error",
    "no_usage",
    "double_usage",
    "keep_alive",
    "hang",
    "garbage",
    "dial",
]
DialFault = Literal["refused", "dns", "tls", "silent"]
How = Literal["answer", "drop", "html", "refused", "dns", "tls", "silent"]

_HOW: dict[FaultKind, tuple[How, ...]] = {
    "outage": ("answer", "drop", "html"),
    "storm": ("answer", "drop", "html"),
    "truncate": ("answer", "drop"),
    "dial": ("refused", "dns", "tls", "silent"),
}


@frozen
class FaultConfig:
    """Trouble from `at_s` on, for `for_s` (none: for ever), for one key, one quota pool, or all ("*").

    `probability` draws per request, `models` narrows it to some models.
    outage: `status` (503; html: 502), with a JSON or an HTML body, or the connection ends without a word (`how`).
    storm: outages that come and go: calm for `every_s`, raging for `lasts_s`, both on average. Whoever has the same
    `seed` and start has the same storms: every key, and other providers.
    revoke, remove_model: 401; 404. throttle: a 429 that claims `retry_after_s`.
    squeeze: limits are in truth `factor` of what is described. lying: headers claim `factor` times the truth.
    wrong_wait: retry-after is `factor` times the truth.
    slow_start: after `idle_s` without a request the first token takes `factor` times as long. slow_stream: every one.
    truncate: the body ends properly, but early (answer), or the connection ends inside it (drop).
    stream_error: an error of `status` after HTTP 200. no_usage, double_usage: the usage chunk is left out, or twice.
    keep_alive: comments every `every_s` until there is something to say; blank lines before a plain answer.
    hang: no answer. garbage: no JSON. dial: there is no connection: refused, dns, tls, or accepted and silent (`how`).
    """

    kind: FaultKind
    at_s: float = 0.0
    for_s: float | None = None
    target: str = "*"
    probability: float = 1.0
    how: How = field()
    retry_after_s: float | None = None  # outage, storm, throttle: what is claimed; none: says nothing
    factor: float = 10.0
    models: tuple[str, ...] = ()
    status: int = field()
    seed: int = 0
    every_s: float = 60.0
    lasts_s: float = 5.0
    idle_s: float = 0.0

    @how.default
    def _how(self) -> How:
        return "refused" if self.kind == "dial" else "answer"

    @status.default
    def _status(self) -> int:
        return 502 if self.how == "html" else 503

    def __attrs_post_init__(self) -> None:
        require(0 <= self.probability <= 1, "probability must be within 0 and 1")
        require(self.for_s is None or self.for_s >= 0, "for_s must not be negative")
        require(self.factor >= 0, "factor must not be negative")
        require(self.retry_after_s is None or self.retry_after_s >= 0, "retry_after_s must not be negative")
        known = self.how == "answer" or self.how in _HOW.get(self.kind, ())
        require(known and (self.kind != "dial" or self.how != "answer"), f"{self.kind} has no how {self.how!r}")
        require(400 <= self.status <= 599, "status must be within 400 and 599")
        require(min(self.every_s, self.lasts_s) >= 0.001, "every_s and lasts_s must be at least a millisecond")
        require(self.idle_s >= 0, "idle_s must not be negative")
        require(self.kind != "squeeze" or 0 < self.factor <= 1, "a squeeze has a factor above 0 and up to 1")
        sure = self.probability == 1 and not self.models
        require(self.kind != "squeeze" or sure, "a squeeze is for every model, and certain")
        require(
            self.kind != "dial" or (self.target == "*" and not self.models), "who dials has no key and no model yet"
        )
