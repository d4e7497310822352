"""Google's Gemini: generateContent and streamGenerateContent. Pure, sans-IO."""

from __future__ import annotations

from typing import Final

from actorrouter.dialects import GEMINI
from actorrouter.dialects.gemini.answer import read_answer, write_answer
from actorrouter.dialects.gemini.errors import error
from actorrouter.dialects.gemini.request import read_request
from actorrouter.dialects.gemini.stream_reading import GeminiStreamReader
from actorrouter.dialects.gemini.stream_writing import GeminiStreamWriter
from actorrouter.dialects.gemini.writing import write_request
from actorrouter.dialects.neutral import Request
from actorrouter.dialects.port import Dialect


class Gemini:
    """See `port.Dialect`."""

    name: Final = GEMINI
    read_request = staticmethod(read_request)
    write_request = staticmethod(write_request)
    read_answer = staticmethod(read_answer)
    write_answer = staticmethod(write_answer)
    error = staticmethod(error)
    stream_reader = GeminiStreamReader

    def stream_writer(self, request: Request) -> GeminiStreamWriter:
        """For one streamed answer to whoever sent `request`: all are told the same."""
        return GeminiStreamWriter()


DIALECT: Final[Dialect] = Gemini()
