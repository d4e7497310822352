"""Facts about how imports are measured."""

from __future__ import annotations

from benchmarks.import_time import cpu_ms, shares


def test_time_is_charged_to_the_package_that_was_imported(tmp_path):
    """Every package that came along, the slowest first; what was not imported is not there."""
    taken = shares("import json.decoder, actorrouter.values", str(tmp_path))
    assert taken["json"] > 0
    assert taken["actorrouter.values"] > 0
    assert "trio" not in taken
    assert list(taken.values()) == sorted(taken.values(), reverse=True)


def test_what_a_process_computes_is_counted_finely(tmp_path):
    """Finer than the hundredths of a second in which a system counts processes: two runs are hardly ever equal."""
    taken = {cpu_ms("sum(range(100_000))", str(tmp_path)) for _ in range(4)}
    assert len(taken) > 1
    assert all(1 < ms < 60_000 for ms in taken)
