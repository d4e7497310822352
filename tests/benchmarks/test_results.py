"""Facts about how figures come into RESULTS.md."""

from __future__ import annotations

import pytest

from benchmarks.results import placed, printed

TEXT = "# Results\n\n## `python -m benchmarks.send`\n\nWhat it means.\n\n## `python -m benchmarks.soak`\n\nLevel.\n"


def test_the_machine_s_line_is_left_out():
    """All but the last line is shown."""
    assert printed('\n| a |\n\n2 cores\n\n{"smoke": false}\n') == "| a |\n\n2 cores"


def test_what_was_left_out_is_said_to_be():
    """A benchmark that cannot run here says why, in place of figures."""
    assert printed('{"skipped": "no C compiler"}\n') == "Not measured: no C compiler."


@pytest.mark.parametrize("output", ['| a |\n{"smoke": true}\n', "| a |\nTraceback\n"])
def test_what_is_no_measurement_is_refused(output):
    """Neither a smoke run nor a run that failed is taken over."""
    with pytest.raises(ValueError, match=r"."):
        printed(output)


def test_figures_stand_under_their_heading_and_are_replaced():
    """The second run's figures take the place of the first's; what people wrote stays, and so do other benchmarks."""
    once = placed(TEXT, "send", r"| \1 first |")
    twice = placed(once, "send", r"| \1 second |")
    assert twice == once.replace("first", "second")
    assert once.index("benchmarks.send") < once.index("first") < once.index("What it means.")
    assert once.endswith("## `python -m benchmarks.soak`\n\nLevel.\n")


def test_a_new_benchmark_gets_a_heading():
    """At the end."""
    text = placed(TEXT, "clients", "| a |")
    assert text.startswith(TEXT.rstrip())
    assert "\n\n## `python -m benchmarks.clients`\n\n<!-- printed: clients -->\n\n| a |\n" in text
