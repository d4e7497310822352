"""What a request's body asks for, read without trust: whatever JSON comes, it is understood or Faulty."""

from typing import Any

from attrs import frozen

from actorrouter.simulation.providers.arrivals import Request
from actorrouter.simulation.providers.config import TOKENS_MAX
from actorrouter.simulation.providers.wire import BODY_MAX, Faulty


@frozen
class Chat:
    """What a chat body asks for."""

    request: Request
    stream: bool
    include_usage: bool


def read_chat(body: object, max_tokens_default: int) -> Chat:
    """Read a chat completion's body. Raises Faulty, whatever is in it."""
    table = read_table(body, "the body")
    model = table.get("model")
    messages = table.get("messages")
    if not isinstance(model, str) or not isinstance(messages, list) or not messages:
        raise Faulty("model must be text and messages a list that is not empty")
    metadata = read_table(table.get("metadata") or {}, "metadata")
    named = table.get("max_completion_tokens", table.get("max_tokens"))
    max_tokens = read_count(max_tokens_default if named is None else named, "max_tokens", 1)
    output_tokens = min(max_tokens, read_count(metadata.get("output_tokens", max_tokens), "metadata.output_tokens"))
    text_bytes = sum(_text_bytes(message) for message in messages)
    input_tokens = read_count(metadata.get("input_tokens", text_bytes // 4), "metadata.input_tokens", most=BODY_MAX)
    cached_tokens = read_count(metadata.get("cached_tokens", 0), "metadata.cached_tokens", most=input_tokens)
    options = read_table(table.get("stream_options") or {}, "stream_options")
    request = Request(model, input_tokens, max_tokens, output_tokens, cached_tokens)
    return Chat(request, table.get("stream") is True, options.get("include_usage") is True)


def read_table(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Faulty(f"{what} must be an object")
    return value


def read_count(value: object, what: str, least: int = 0, most: int = TOKENS_MAX) -> int:
    """Accept whole numbers, and text of them: metadata is a map of text."""
    if isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or not least <= value <= most:
        raise Faulty(f"{what} must be a whole number within {least} and {most}")
    return value


def _text_bytes(message: object) -> int:
    content = read_table(message, "a message").get("content") or ""
    parts = [{"text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list):
        raise Faulty("a message's content must be text or a list of parts")
    texts = [read_table(part, "a part").get("text", "") for part in parts]
    return sum(len(text.encode(errors="surrogatepass")) for text in texts if isinstance(text, str))
