"""OpenAI's Responses API. Pure, sans-IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.neutral import Answer, Loss, Request
from actorrouter.dialects.openai_chat.errors import error
from actorrouter.dialects.openai_responses.answer import read_answer, write_answer
from actorrouter.dialects.openai_responses.request import read_request
from actorrouter.dialects.openai_responses.stream_reading import ResponsesStreamReader
from actorrouter.dialects.openai_responses.stream_writing import ResponsesStreamWriter
from actorrouter.dialects.openai_responses.writing import write_request
from actorrouter.dialects.port import Dialect


class OpenAIResponses:
    """See `port.Dialect`."""

    name: Final = OPENAI_RESPONSES

    def read_request(self, body: Mapping[str, Any]) -> tuple[Request, tuple[Loss, ...]]:
        """Raises Malformed."""
        return read_request(body)

    def write_request(self, request: Request) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """A body without its model."""
        return write_request(request)

    def read_answer(self, document: Any) -> tuple[Answer, tuple[Loss, ...]]:
        """Raises Malformed, also for a response that failed or is not done."""
        return read_answer(document)

    def write_answer(self, answer: Answer) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """A plain answer's document."""
        return write_answer(answer)

    def stream_reader(self) -> ResponsesStreamReader:
        """For one streamed answer of a provider."""
        return ResponsesStreamReader()

    def stream_writer(self, request: Request) -> ResponsesStreamWriter:
        """For one streamed answer to whoever sent `request`: all are told the same."""
        return ResponsesStreamWriter()

    def error(self, status: int, code: str, message: str) -> dict[str, Any]:
        """An error's body: OpenAI has one shape of it."""
        return error(status, code, message)


DIALECT: Final[Dialect] = OpenAIResponses()
