"""What operators ask of a router: why, who is there, and to add, remove, stop or bring back keys and providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorrouter.config import KeyConfig
from actorrouter.errors import InvalidCall
from actorrouter.messages import Clear, Disable, Drain, Isolate
from actorrouter.observe.decisions import Decision, explain
from actorrouter.router import blame
from actorrouter.router.entries import KeyEntry
from actorrouter.router.exchange import transport_of
from actorrouter.router.picture import drawn_on, picture
from actorrouter.router.running import Running

if TYPE_CHECKING:
    from actorrouter.router.probing import KeyTest


class Operated(Running):
    """A running router's side towards operators."""

    def explain(self, decision_id: int) -> str:
        """Why that decision went as it did, in words."""
        decision = self.decision(decision_id)
        if decision is None:
            return f"decision {decision_id} is not kept any more (the last {self.config.decisions_max} are)"
        return explain(decision)

    def decision(self, decision_id: int) -> Decision | None:
        """The record behind `explain`."""
        return self.decisions.get(decision_id)

    def clear_key(self, key_id: str) -> None:
        """Make a throttled, exhausted or disabled key, and the pools it draws on, available again."""
        entry = self._key(key_id)
        for cell in (entry.cell, *(pool.cell for pool in drawn_on(entry))):
            self.runtime.tell(cell.actor_id, Clear())

    def disable_key(self, key_id: str, reason: str = "operator") -> None:
        """Take a key out until it is cleared."""
        self.runtime.tell(self._key(key_id).cell.actor_id, Disable(reason))

    def add_key(self, key_id: str, config: KeyConfig) -> None:
        """Serve with one more key, at once. ValueError if the id is in use or names an unknown provider or pool."""
        self._check_open()
        entry = self.fleet.add_key(key_id, config)
        self.wall_clock.tell([pool.pool_id for pool in drawn_on(entry)])
        self._waiting.look_soon()

    async def remove_key(self, key_id: str, timeout_s: float | None = None) -> bool:
        """No new work for the key at once; forget it when what is in flight has finished. False: it has not in time,
        the key stays as draining."""
        entry = self._key(key_id)
        self.runtime.tell(entry.cell.actor_id, Drain())
        deadline = self.runtime.clock() + (self.config.drain_s if timeout_s is None else timeout_s)
        with self.loop.within(deadline):
            while entry.in_flight:
                await self._waiting.settled().wait()
        if entry.in_flight or self.fleet.keys.get(key_id) is not entry:
            return not entry.in_flight
        self.fleet.remove_key(key_id)
        self._waiting.look_soon()
        if entry.transport is not None:
            await entry.transport.aclose()
        return True

    async def test_key(self, key_id: str) -> KeyTest:
        """Prove a key's secret with the provider's cheapest request. Its state is not changed: clear it if you like."""
        entry = self._key(key_id)
        from actorrouter.router.probing import probe

        return await probe(entry, transport_of(entry, self._open), self.runtime, self._wall)

    def reset_circuit(self, provider: str) -> None:
        """Close a provider's circuit and forget its statistics; keys it refused all at once are available again."""
        circuit_id = self._circuit(provider)
        blame.give_back(self.runtime, self.fleet.providers[provider].circuit.state)
        self.runtime.tell(circuit_id, Clear())

    def isolate_circuit(self, provider: str) -> None:
        """Send nothing to a provider until its circuit is reset."""
        self.runtime.tell(self._circuit(provider), Isolate())

    def revive(self, provider: str) -> None:
        """Bring a quarantined provider back."""
        self._circuit(provider)
        self.tree.revive(provider)
        self._hearing.refresh_all()

    def status(self) -> dict[str, Any]:
        """The fleet as plain data; JSON can hold it but for Decimals, which are text already."""
        self._check()
        return {
            "state": self._state,
            **picture(self.fleet, self.tree, self.runtime.clock()),
            "open": self.open_reservations,
            "abandoned_streams": self._abandoned.count,
            "dead_letters": self.runtime.dead_letters,
            "failed_observers": list(self.runtime.reader_failures),
        }

    def _key(self, key_id: str) -> KeyEntry:
        self._check()
        if key_id not in self.fleet.keys:
            raise InvalidCall(f"unknown key {key_id[:80]!r}")
        return self.fleet.keys[key_id]

    def _circuit(self, provider: str) -> str:
        self._check()
        if provider not in self.fleet.providers:
            raise InvalidCall(f"unknown provider {provider[:80]!r}")
        return self.fleet.providers[provider].circuit.actor_id
