"""Whether a call can be meant: its model, its keys and its amounts are known, and some provider can be told of it."""

from __future__ import annotations

from collections.abc import Iterable

from actorrouter.adapters.port import Adapter
from actorrouter.errors import InvalidCall
from actorrouter.router.demand import Demand, exact_amounts
from actorrouter.router.entries import Candidate
from actorrouter.router.fleet import Fleet
from actorrouter.values import Amounts, Call


def demand_of(fleet: Fleet, call: Call, given: Amounts | None = None) -> Demand:
    """What the call needs. `given`: for a request of the caller's own making. Raises InvalidCall."""
    route = fleet.routes.get(call.model)
    if route is None:
        known = ", ".join(sorted(fleet.routes)[:10])
        raise InvalidCall(f"unknown model {call.model[:80]!r}; routes are: {known}")
    if call.keys or call.exclude_keys:
        _check_keys(fleet, call)
    unfit = _unfit(call, route.candidates if given is None else ())
    try:
        given = given and exact_amounts(given)
    except ValueError as error:
        raise InvalidCall(f"reserve for {call.model!r}: {error}") from None
    tenant = fleet.tenant_budgets(call.tenant) if call.tenant else ()
    return Demand(route, call, tenant, given, unfit=unfit)


def _check_keys(fleet: Fleet, call: Call) -> None:
    unknown = [key_id for key_id in call.keys | call.exclude_keys if key_id not in fleet.keys]
    if unknown:
        raise InvalidCall(f"unknown key {min(unknown)[:80]!r}")


def _unfit(call: Call, candidates: Iterable[Candidate]) -> dict[str, str]:
    """The providers that cannot be told of this call, and why."""
    adapters = {c.provider.name: c.provider.adapter for c in candidates}
    unfit = {name: fault for name, adapter in adapters.items() if (fault := _fault(call, adapter))}
    if unfit and len(unfit) == len(adapters):
        raise InvalidCall(f"call for {call.model!r}: {'; '.join(dict.fromkeys(unfit.values()))}")
    return unfit


def _fault(call: Call, adapter: Adapter) -> str | None:
    fault = adapter.check(call)
    if fault is None and call.continue_stream:
        from actorrouter.adapters import continuation

        fault = continuation.fault(call, adapter.dialects)
    return fault
