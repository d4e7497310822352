"""Numbers for people: times, counts, shares and money as text of a few characters."""

from math import isfinite
from shlex import quote
from typing import Final

from actorrouter.simulation.reports.record import Figure, RunRecord

_TIME_UNITS: Final = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def time_text(seconds: float) -> str:
    """0.0042 → 4.2 ms; 90 → 1 min 30 s; 5400 → 1 h 30 min."""
    if not isfinite(seconds):
        return "-"
    if seconds < 0:
        return f"-{time_text(-seconds)}"
    if seconds < 0.9995:
        return "0 s" if seconds == 0 else f"{_digits(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{_digits(seconds)} s"
    for size, unit, small, small_unit in _TIME_UNITS:
        whole = round(seconds / small) * small
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{_digits(seconds)} s"


def count_text(value: float) -> str:
    """1234567 → 1,234,567; 12.345 → 12.3; 0.00123 → 0.00123."""
    if not isfinite(value):
        return "-"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else _digits(value)


def share_text(share: float) -> str:
    """0.5 → 50 %; 0.99996 → 99.996 %: what is not all does not read as all."""
    if not isfinite(share):
        return "-"
    for places in (1, 2, 3):
        text = f"{share * 100:.{places}f}"
        if float(text) not in (0, 100) or share in (0, 1):
            break
    return f"{text.rstrip('0').rstrip('.')} %"


def money_text(usd: float) -> str:
    """12.5 → $12.50; 0.0042 → $0.0042."""
    return "-" if not isfinite(usd) else f"${usd:,.2f}" if usd == 0 or abs(usd) >= 1 else f"${_digits(usd)}"


def figure_text(name: str, value: Figure) -> str:
    """A figure by the unit its name ends with: `_s`, `_usd`, `_share`."""
    if isinstance(value, str):
        return value
    if name.endswith("_per_s"):
        return f"{count_text(value)} /s"
    if name.endswith("_s"):
        return time_text(value)
    if name.endswith("_usd"):
        return money_text(value)
    return share_text(value) if name.endswith("_share") else count_text(value)


def name_text(name: str) -> str:
    """wait_p99_s → wait p99: the unit is in the value."""
    for unit in ("_per_s", "_s", "_usd"):
        if name.endswith(unit) and name != unit:
            name = name.removesuffix(unit)
            break
    return name.replace("_", " ")


def verdict_text(record: RunRecord) -> str:
    """Laws and expectations in one line."""
    broken, expected = len(record.violations), len(record.expectations)
    laws = "every law held" if not broken else f"{broken} {'violation' if broken == 1 else 'violations'} of the laws"
    if not expected:
        return f"{laws}; nothing was expected"
    held = sum(expectation.held for expectation in record.expectations)
    return f"{laws}; " + ("every expectation held" if held == expected else f"{held} of {expected} expectations held")


def unjudged_text(record: RunRecord) -> str:
    """What the providers did not enforce, or nothing."""
    return f"not judged by any provider: limits of {', '.join(record.unjudged)}" if record.unjudged else ""


def replay_text(record: RunRecord) -> str:
    """The command that runs it again."""
    scenario = quote(record.scenario_file) if record.scenario_file else "FILE"
    cut = "" if record.cut_s is None else f" --cut {record.cut_s:g}"
    return f"actorrouter simulate {scenario} --seed {record.seed} --path {record.path}{cut}"


def _digits(value: float) -> str:
    text = f"{value:.3g}"
    return f"{float(text):.0f}" if "e+" in text else text
