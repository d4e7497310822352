"""OpenAI's chat completions, as many others speak them too. Pure, sans-IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects import OPENAI_CHAT
from actorrouter.dialects.neutral import Answer, Loss, Request
from actorrouter.dialects.openai_chat.answer import read_answer, write_answer
from actorrouter.dialects.openai_chat.errors import error
from actorrouter.dialects.openai_chat.request import read_request
from actorrouter.dialects.openai_chat.stream_reading import ChatStreamReader
from actorrouter.dialects.openai_chat.stream_writing import ChatStreamWriter
from actorrouter.dialects.openai_chat.writing import write_request


class OpenAIChat:
    """See `port.Dialect`."""

    name: Final = OPENAI_CHAT

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

    def stream_reader(self) -> ChatStreamReader:
        """For one streamed answer of a provider."""
        return ChatStreamReader()

    def stream_writer(self, request: Request) -> ChatStreamWriter:
        """For one streamed answer to whoever sent `request`."""
        return ChatStreamWriter(request)

    def error(self, status: int, code: str, message: str) -> dict[str, Any]:
        """An error's body."""
        return error(status, code, message)


DIALECT: Final = OpenAIChat()
