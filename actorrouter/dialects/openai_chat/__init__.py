"""OpenAI's chat completions, as many others speak them too. Pure, sans-IO."""

from __future__ import annotations

from typing import Final

from actorrouter.dialects import OPENAI_CHAT
from actorrouter.dialects.openai_chat.answer import read_answer, write_answer
from actorrouter.dialects.openai_chat.errors import error
from actorrouter.dialects.openai_chat.request import read_request
from actorrouter.dialects.openai_chat.stream_reading import ChatStreamReader
from actorrouter.dialects.openai_chat.stream_writing import ChatStreamWriter
from actorrouter.dialects.openai_chat.writing import write_request
from actorrouter.dialects.port import Dialect


class OpenAIChat:
    """See `port.Dialect`."""

    name: Final = OPENAI_CHAT
    read_request = staticmethod(read_request)
    write_request = staticmethod(write_request)
    read_answer = staticmethod(read_answer)
    write_answer = staticmethod(write_answer)
    error = staticmethod(error)
    stream_reader = ChatStreamReader
    stream_writer = ChatStreamWriter


DIALECT: Final[Dialect] = OpenAIChat()
