"""What stands in a message's content or in a tool's output, read and written.

Source: openai SDK 3.54.0, `types/responses/response_input_*_param.py`, `response_output_text.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.media import data_of, data_url
from actorrouter.dialects.neutral import Denial, Medium, Text
from actorrouter.dialects.openai_chat.words import AUDIO_TYPES
from actorrouter.dialects.port import Malformed

_MARK: Final = "prompt_cache_breakpoint"
_AUTO: Final = "auto"
"""An image's detail has to be there; this is the one that nobody asked for."""


def read_content(item: Fields, name: str, losses: Losses) -> tuple[Text | Medium | Denial, ...]:
    """The parts at `name`: a string or a list. Raises Malformed."""
    said = item.take(name)
    if isinstance(said, str):
        return (Text(said),)
    if not isinstance(said, list):
        raise Malformed(item.path(name), "a string or a list is expected")
    parts = (_read_part(Fields(each, f"{item.path(name)}.{number}"), losses) for number, each in enumerate(said))
    return tuple(part for part in parts if part is not None)


def _read_part(part: Fields, losses: Losses) -> Text | Medium | Denial | None:
    kind = part.needed_text("type")
    if kind not in _READ:
        losses.add(kind, part.where, "no such content elsewhere")
        return None
    made = _READ[kind](part, losses)
    part.rest(losses)
    return made


def _read_text(part: Fields, losses: Losses) -> Text:
    return Text(part.needed_text("text"), part.take(_MARK))


def _read_refusal(part: Fields, losses: Losses) -> Denial:
    return Denial(part.needed_text("refusal"))


def _read_image(part: Fields, losses: Losses) -> Medium:
    url, file_id = part.text("image_url"), part.text("file_id")
    detail, cached = part.text("detail").removeprefix(_AUTO), part.take(_MARK)
    if not url and not file_id:
        raise Malformed(part.where, "image_url or file_id is expected")
    data = data_of(url)
    if data:
        return Medium("image", *data, detail=detail, cached=cached)
    dialect = OPENAI_RESPONSES if file_id else ""
    return Medium("image", url=url, file_id=file_id, detail=detail, cached=cached, dialect=dialect)


def _read_file(part: Fields, losses: Losses) -> Medium:
    said, url, file_id = part.text("file_data"), part.text("file_url"), part.text("file_id")
    if not (said or url or file_id):
        raise Malformed(part.where, "file_data, file_url or file_id is expected")
    media_type, base64 = data_of(said) or ("", said)
    return Medium(
        "file",
        media_type,
        base64,
        url,
        file_id,
        name=part.text("filename"),
        detail=part.text("detail"),
        cached=part.take(_MARK),
        dialect=OPENAI_RESPONSES if file_id else "",
    )


def _read_audio(part: Fields, losses: Losses) -> Medium:
    audio = part.needed_child("input_audio")
    spoken = audio.needed_text("format")
    made = Medium("audio", AUDIO_TYPES.get(spoken, f"audio/{spoken}"), audio.needed_text("data"))
    audio.rest(losses)
    return made


_READ: Final[Mapping[str, Callable[[Fields, Losses], Text | Medium | Denial]]] = {
    "input_text": _read_text,
    "output_text": _read_text,
    "text": _read_text,
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
    "input_audio": _read_audio,
}


# -------------------------------------------------------------------------------------------------------------- writing


def write_content(parts: Sequence[Text | Medium], where: str, losses: Losses) -> str | list[dict[str, Any]]:
    """A string where one text says it all, else a list."""
    if all(isinstance(part, Text) and part.cached is None for part in parts) and len(parts) < 2:
        return "".join(part.text for part in parts if isinstance(part, Text))
    written = (_write_part(part, where, losses) for part in parts)
    return [part for part in written if part is not None] or ""


def _write_part(part: Text | Medium, where: str, losses: Losses) -> dict[str, Any] | None:
    made = {"type": "input_text", "text": part.text} if isinstance(part, Text) else _write_medium(part, where, losses)
    if made is None or part.cached is None:
        return made
    if isinstance(part.cached, Mapping) and "mode" in part.cached:
        return {**made, _MARK: part.cached}
    losses.add("cache_control", where, "another dialect's mark")
    return made


def _write_medium(medium: Medium, where: str, losses: Losses) -> dict[str, Any] | None:
    if medium.file_id and medium.dialect != OPENAI_RESPONSES:
        losses.add("file_id", where, "another provider's file")
        return None
    if medium.kind not in _WRITE:
        losses.add(medium.kind, where, "cannot be said in a response's input")
        return None
    made = _WRITE[medium.kind](medium)
    if medium.media_type and not medium.base64:
        losses.add("media_type", where, "only data says its type")
    return {name: value for name, value in made.items() if value}


def _write_image(medium: Medium) -> dict[str, Any]:
    url = medium.url or (data_url(medium.media_type, medium.base64) if medium.base64 else "")
    return {"type": "input_image", "image_url": url, "file_id": medium.file_id, "detail": medium.detail or _AUTO}


def _write_file(medium: Medium) -> dict[str, Any]:
    whole = data_url(medium.media_type, medium.base64) if medium.base64 and medium.media_type else medium.base64
    return {
        "type": "input_file",
        "file_data": whole,
        "file_url": medium.url,
        "file_id": medium.file_id,
        "filename": medium.name,
        "detail": medium.detail,
    }


_WRITE: Final[Mapping[str, Callable[[Medium], dict[str, Any]]]] = {"image": _write_image, "file": _write_file}
