"""Anthropic's messages. Pure, sans-IO."""

from __future__ import annotations

from typing import Final

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages.answer import read_answer, write_answer
from actorrouter.dialects.anthropic_messages.errors import error
from actorrouter.dialects.anthropic_messages.request import read_request
from actorrouter.dialects.anthropic_messages.stream_reading import MessageStreamReader
from actorrouter.dialects.anthropic_messages.stream_writing import MessageStreamWriter
from actorrouter.dialects.anthropic_messages.writing import write_request
from actorrouter.dialects.neutral import Request
from actorrouter.dialects.port import Dialect


class AnthropicMessages:
    """See `port.Dialect`."""

    name: Final = ANTHROPIC_MESSAGES
    read_request = staticmethod(read_request)
    write_request = staticmethod(write_request)
    read_answer = staticmethod(read_answer)
    write_answer = staticmethod(write_answer)
    error = staticmethod(error)
    stream_reader = MessageStreamReader

    def stream_writer(self, request: Request) -> MessageStreamWriter:  # usage always comes here
        """For one streamed answer to whoever sent `request`."""
        return MessageStreamWriter()


DIALECT: Final[Dialect] = AnthropicMessages()
