"""Parts of a message's content, read and written.

Source: openai SDK 3.54.0, `types/chat/chat_completion_content_part_*.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from actorrouter.dialects import OPENAI_CHAT
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.kinds import lose_others
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.media import data_of, data_url
from actorrouter.dialects.neutral import Denial, Medium, Part, Text
from actorrouter.dialects.openai_chat.words import AUDIO_FORMATS, AUDIO_TYPES
from actorrouter.dialects.port import Malformed

_MARKS: Final = ("prompt_cache_breakpoint", "cache_control")


def read_content(message: Fields, losses: Losses) -> list[Text | Medium | Denial]:
    """The parts of a message's `content`: a string, a list or nothing. Raises Malformed."""
    said = message.take("content")
    if isinstance(said, str):
        return [Text(said)] if said else []
    if said is not None and not isinstance(said, list):
        raise Malformed(message.path("content"), "a string or a list is expected")
    where = message.path("content")
    parts = (_read_part(Fields(each, f"{where}.{number}"), losses) for number, each in enumerate(said or ()))
    return [part for part in parts if part is not None]


def _read_part(part: Fields, losses: Losses) -> Text | Medium | Denial | None:
    kind = part.needed_text("type")
    if kind not in _KINDS:
        losses.add(kind, part.where, "no such content elsewhere")
        return None
    # The second mark is how OpenRouter and others pass Anthropic's on.
    cached = next((mark for mark in map(part.take, _MARKS) if mark is not None), None)
    made: Text | Medium | Denial
    if kind == "text":
        made = Text(part.needed_text("text"), cached)
    elif kind == "refusal":
        made = Denial(part.needed_text("refusal"))
    else:
        made = _READ[kind](part, cached, losses)
    part.rest(losses)
    return made


def _read_image(part: Fields, cached: Any, losses: Losses) -> Medium:
    image = part.needed_child("image_url")
    url, detail = image.needed_text("url"), image.text("detail")
    image.rest(losses)
    data = data_of(url)
    if data:
        return Medium("image", data[0], data[1], detail=detail, cached=cached)
    return Medium("image", url=url, detail=detail, cached=cached)


def _read_audio(part: Fields, cached: Any, losses: Losses) -> Medium:
    audio = part.needed_child("input_audio")
    spoken = audio.needed_text("format")
    medium = Medium("audio", AUDIO_TYPES.get(spoken, f"audio/{spoken}"), audio.needed_text("data"), cached=cached)
    audio.rest(losses)
    return medium


def _read_file(part: Fields, cached: Any, losses: Losses) -> Medium:
    file = part.needed_child("file")
    name, file_id, said = file.text("filename"), file.text("file_id"), file.text("file_data")
    file.rest(losses)
    if not file_id and not said:
        raise Malformed(file.where, "file_data or file_id is expected")
    media_type, base64 = data_of(said) or ("", said)
    dialect = OPENAI_CHAT if file_id else ""
    return Medium("file", media_type, base64, file_id=file_id, name=name, cached=cached, dialect=dialect)


_READ: Final[Mapping[str, Callable[[Fields, Any, Losses], Medium]]] = {
    "image_url": _read_image,
    "input_audio": _read_audio,
    "file": _read_file,
}
_KINDS: Final = frozenset({"text", "refusal", *_READ})


# -------------------------------------------------------------------------------------------------------------- writing


def write_content(parts: Sequence[Text | Medium], where: str, losses: Losses) -> str | list[dict[str, Any]]:
    """A string where one text says it all, else a list."""
    if all(isinstance(part, Text) for part in parts) and len(parts) < 2 and not any(part.cached for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    written = (_write_part(part, where, losses) for part in parts)
    return [part for part in written if part is not None] or ""


def _write_part(part: Text | Medium, where: str, losses: Losses) -> dict[str, Any] | None:
    """A part of a user's message, or None when it cannot be said."""
    made = {"type": "text", "text": part.text} if isinstance(part, Text) else _write_medium(part, where, losses)
    if made is not None and part.cached is not None:
        _write_mark(made, part.cached, where, losses)
    return made


def only_texts(parts: Sequence[Part], where: str, losses: Losses) -> list[Text]:
    """The texts among parts that stand where a message can hold nothing else."""
    lose_others(parts, (Text,), where, losses)
    return [part for part in parts if isinstance(part, Text)]


def _write_mark(made: dict[str, Any], cached: Any, where: str, losses: Losses) -> None:
    if isinstance(cached, Mapping) and "mode" in cached:
        made["prompt_cache_breakpoint"] = cached
    else:
        losses.add("cache_control", where, "another dialect's mark")


def _write_medium(medium: Medium, where: str, losses: Losses) -> dict[str, Any] | None:
    if medium.file_id and medium.dialect != OPENAI_CHAT:
        losses.add("file_id", where, "another provider's file")
        return None
    made = _WRITE[medium.kind](medium) if medium.kind in _WRITE else None
    if made is None:
        losses.add(medium.kind, where, "cannot be sent in this form")
    return made


def _write_image(medium: Medium) -> dict[str, Any] | None:
    if medium.file_id:
        return None
    image = {"url": medium.url or data_url(medium.media_type, medium.base64)}
    if medium.detail:
        image["detail"] = medium.detail
    return {"type": "image_url", "image_url": image}


def _write_audio(medium: Medium) -> dict[str, Any] | None:
    spoken = AUDIO_FORMATS.get(medium.media_type)
    if not spoken or not medium.base64:
        return None
    return {"type": "input_audio", "input_audio": {"data": medium.base64, "format": spoken}}


def _write_file(medium: Medium) -> dict[str, Any] | None:
    if medium.url:
        return None
    file = {"file_id": medium.file_id} if medium.file_id else {"file_data": _file_data(medium)}
    if medium.name:
        file["filename"] = medium.name
    return {"type": "file", "file": file}


def _file_data(medium: Medium) -> str:
    return data_url(medium.media_type, medium.base64) if medium.media_type else medium.base64


_WRITE: Final = {"image": _write_image, "audio": _write_audio, "file": _write_file}
