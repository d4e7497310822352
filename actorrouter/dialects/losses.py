"""What a reader or writer could not carry over, gathered while it works."""

from __future__ import annotations

from typing import Final

from actorrouter.dialects.neutral import Loss

LOSSES_MAX: Final = 100
TEXT_MAX: Final = 200
MORE: Final = Loss("more", "", f"there are more than {LOSSES_MAX}")


class Losses:
    """Losses in the order they were met, each name once: the first place stands for all. Names are also made of what
    others wrote, so they are bounded: those beyond `LOSSES_MAX` are one, `MORE`."""

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, Loss] = {}

    def add(self, name: str, where: str, why: str) -> None:
        """Note that `name`, found at `where`, is left out."""
        name = name[:TEXT_MAX]
        if name not in self._by_name:
            loss = Loss(name, where[:TEXT_MAX], why) if len(self._by_name) < LOSSES_MAX else MORE
            self._by_name[loss.name] = loss

    def all(self) -> tuple[Loss, ...]:
        """Everything noted so far."""
        return tuple(self._by_name.values())


def merged(*several: tuple[Loss, ...]) -> tuple[Loss, ...]:
    """All of these, each name once."""
    losses = Losses()
    for some in several:
        for loss in some:
            losses.add(loss.name, loss.where, loss.why)
    return losses.all()


def clamped(said: float | None, low: float, high: float, name: str, losses: Losses) -> float | None:
    """The nearest value a dialect takes; a loss when that is another one."""
    if said is None or low <= said <= high:
        return said
    losses.add(name, name, f"from {low} to {high} only")
    return low if said < low else high
