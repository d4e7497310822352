"""A chat stream that broke, continued by another answer: what was delivered, what to ask next, one stream. Pure.

Only the openai-chat dialect: the text so far is appended as the assistant's own message. A model that has been made to
continue such a message does; one that has not may begin anew or comment on it, which is why a caller has to ask for it.
Anthropic's own refuse it with a 400 where they do not support it ("prefill", anthropic SDK 2.12.0
`types/message_create_params.py`); of the other dialects nobody says that a last message is continued.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any, Final

import attrs

from actorrouter.adapters.openai_answer import error_inside
from actorrouter.adapters.tokens import text_tokens
from actorrouter.dialects import OPENAI_CHAT
from actorrouter.dialects.documents import decode_json, dig, encode_json, listed
from actorrouter.dialects.framing import Event
from actorrouter.dialects.sse import SseReader
from actorrouter.values import Call

TEXT_CHARS_MAX: Final = 1024 * 1024
_MAXIMA: Final = ("max_completion_tokens", "max_tokens")
_CHAT_PATHS: Final = frozenset({"", "/chat/completions"})
_CALLS: Final = ("tool_calls", "function_call")
_EMPTY: Final = frozenset({"role", "content", "refusal", "obfuscation"})
_TEXT: Final = _EMPTY | {"reasoning", "reasoning_content", "reasoning_details"}


def fault(call: Call, dialects: Sequence[str]) -> str | None:
    """Why this call could not be continued by a provider of these dialects, although it asks for that; or None."""
    if not (call.stream and call.continue_stream):
        return None
    dialect = call.dialect or next(iter(dialects), "")
    if dialect == OPENAI_CHAT and call.path.partition("?")[0] in _CHAT_PATHS:
        return None
    spoken = f"of {call.path}" if call.path else f"in {dialect or 'no dialect'}"
    return f"continue_stream: a stream {spoken} cannot be continued, only one in {OPENAI_CHAT}"


class Splice:
    """Every byte on its way to the caller passes through `hand`.

    `why_not`: why it could not be continued from here; "" if it could. `withheld`: an error event, kept back because
    another answer may take its place.
    """

    def __init__(self) -> None:
        self.why_not = ""
        self.withheld = b""
        self._reader = SseReader()
        self._written = StringIO()
        self._id: Any = None
        self._resumed = False

    @property
    def text(self) -> str | None:
        """What the model has written so far; None when it is more than is kept."""
        return None if self._written.tell() > TEXT_CHARS_MAX else self._written.getvalue()

    def hand(self, content: bytes, *, last: bool = False) -> bytes:
        """Whole events as the provider sent them; those the caller is to get, as parts of one stream. `last`: the end
        of the bytes may complete one."""
        events = self._reader.feed(content)
        events += self._reader.close() if last else []
        return b"".join([self._pass(event) for event in events])

    def resume(self) -> None:
        """What comes next is of the answer that continues this one."""
        self.withheld, self._reader, self._resumed = b"", SseReader(), True

    def follow_up(self, call: Call) -> Call:
        """The call that asks for the rest. It may use what is left of the caller's maximum."""
        text = self.text
        if not text:
            return attrs.evolve(call, content=None)  # type: ignore[misc] # a value is an attrs class
        written = {"role": "assistant", "content": text}
        body: dict[str, Any] = {**call.body, "messages": [*listed(call.body, "messages"), written]}
        for name in _MAXIMA:
            if type(body.get(name)) is int:
                body[name] = max(1, body[name] - text_tokens(len(text.encode("utf-8", "surrogatepass"))))
        return attrs.evolve(call, body=body, content=None)  # type: ignore[misc]

    def _pass(self, event: Event) -> bytes:
        document = decode_json(event.data or b"")
        if not isinstance(document, dict):
            return event.raw
        if event.name == b"error" or error_inside(document):
            self.withheld += event.raw
            return b""
        said = [self._note(choice) for choice in listed(document, "choices")]
        self._id = document.get("id") if self._id is None else self._id
        if not self._resumed:
            return event.raw
        if said and not any(said):
            return b""  # who speaks has been told
        return b"data: " + encode_json({**document, "id": self._id}) + b"\n\n" if self._id else event.raw

    def _note(self, choice: Any) -> bool:
        """Take down one choice's part of an event. Whether it says more than who speaks."""
        delta = dig(choice, "delta")
        delta = delta if isinstance(delta, dict) else {}
        text = delta.get("content")
        if isinstance(text, str) and self._written.tell() <= TEXT_CHARS_MAX:
            self._written.write(text)
        if dig(choice, "index") not in (0, None):
            self.why_not = "it has several choices"
        elif any(delta.get(name) for name in _CALLS):
            self.why_not = "a tool call had begun"
        elif any(said for name, said in delta.items() if name not in _TEXT) or (text and not isinstance(text, str)):
            self.why_not = "it holds more than text"
        elif delta.get("refusal"):
            self.why_not = "the model had refused"
        elif dig(choice, "finish_reason"):
            self.why_not = "the answer had finished"
        elif self._written.tell() > TEXT_CHARS_MAX:
            self.why_not = "it is too long to be sent again"
        return bool(text or dig(choice, "finish_reason") or delta.keys() - _EMPTY)
