"""Anthropic's messages. Pure, sans-IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages.answer import read_answer, write_answer
from actorrouter.dialects.anthropic_messages.errors import error
from actorrouter.dialects.anthropic_messages.request import read_request
from actorrouter.dialects.anthropic_messages.stream_reading import MessageStreamReader
from actorrouter.dialects.anthropic_messages.stream_writing import MessageStreamWriter
from actorrouter.dialects.anthropic_messages.writing import write_request
from actorrouter.dialects.neutral import Answer, Loss, Request


class AnthropicMessages:
    """See `port.Dialect`."""

    name: Final = ANTHROPIC_MESSAGES

    def read_request(self, body: Mapping[str, Any]) -> tuple[Request, tuple[Loss, ...]]:
        """Raises Malformed."""
        return read_request(body)

    def write_request(self, request: Request) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """A body without its model."""
        return write_request(request)

    def read_answer(self, document: Any) -> tuple[Answer, tuple[Loss, ...]]:
        """Raises Malformed."""
        return read_answer(document)

    def write_answer(self, answer: Answer) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """A plain answer's document."""
        return write_answer(answer)

    def stream_reader(self) -> MessageStreamReader:
        """For one streamed answer of a provider."""
        return MessageStreamReader()

    def stream_writer(self, request: Request) -> MessageStreamWriter:  # noqa: ARG002 # usage always comes here
        """For one streamed answer to whoever sent `request`."""
        return MessageStreamWriter()

    def error(self, status: int, code: str, message: str) -> dict[str, Any]:
        """An error's body."""
        return error(status, code, message)


DIALECT: Final = AnthropicMessages()
