"""Workloads: the calls of a scenario, from a description and a seed. Pure, lazy, the same in every process.

`config` describes them, `arrivals` makes them, from `instants` (when), `sizes` (how large), `traces` and `servegen`
(what was measured elsewhere). A closed loop depends on its answers: `ClosedClient` is for the driver to ask.
"""

from actorrouter.simulation.workloads.arrivals import Arrival, ClosedClient, arrivals, closed_clients
from actorrouter.simulation.workloads.config import SizesConfig, WorkloadConfig, WorkloadsConfig, read_workloads
from actorrouter.simulation.workloads.traces import TraceInvalid

__all__ = [
    "Arrival",
    "ClosedClient",
    "SizesConfig",
    "TraceInvalid",
    "WorkloadConfig",
    "WorkloadsConfig",
    "arrivals",
    "closed_clients",
    "read_workloads",
]
