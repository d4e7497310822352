"""OpenAI's Responses API. Pure, sans-IO."""

from __future__ import annotations

from typing import Final

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.neutral import Request
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
    read_request = staticmethod(read_request)
    write_request = staticmethod(write_request)
    read_answer = staticmethod(read_answer)
    write_answer = staticmethod(write_answer)
    error = staticmethod(error)
    stream_reader = ResponsesStreamReader

    def stream_writer(self, request: Request) -> ResponsesStreamWriter:
        """For one streamed answer to whoever sent `request`: all are told the same."""
        return ResponsesStreamWriter()


DIALECT: Final[Dialect] = OpenAIResponses()
