"""Sweeps: many seeds of many scenarios, what they reached, and the smallest scenario that still shows a failure."""

from actorrouter.simulation.sweeps.catalogue import find, find_all
from actorrouter.simulation.sweeps.jobs import Job, Line, Staged, cut, play, stage
from actorrouter.simulation.sweeps.pool import Pool
from actorrouter.simulation.sweeps.shrink import Shrunk, shrink, shrinkable, write
from actorrouter.simulation.sweeps.sweep import Progress, Swept, sweep

__all__ = [
    "Job",
    "Line",
    "Pool",
    "Progress",
    "Shrunk",
    "Staged",
    "Swept",
    "cut",
    "find",
    "find_all",
    "play",
    "shrink",
    "shrinkable",
    "stage",
    "sweep",
    "write",
]
