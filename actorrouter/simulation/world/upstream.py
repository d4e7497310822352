"""The providers of a run, as whoever carries requests to them needs them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import attrs

from actorrouter.simulation.providers.config import DialFault
from actorrouter.simulation.providers.provider import ProviderModel
from actorrouter.simulation.world.scenario import Scenario, TroubleConfig
from actorrouter.simulation.world.truth import own_scope, secret_of


@attrs.define
class Upstream:
    """Provider models by name, and the wire to them. `chance`: of transit times and troubles on the wire."""

    scenario: Scenario
    models: Mapping[str, ProviderModel]
    secrets: dict[str, str]
    chance: random.Random
    started: float
    troubles: tuple[TroubleConfig, ...]

    @classmethod
    def of(cls, scenario: Scenario, seed: int, started: float) -> Upstream:
        """Everything as it is at the start."""
        models = {
            name: ProviderModel(
                name, described, random.Random(f"{seed}/provider/{name}"), started, scenario.epoch.timestamp() - started
            )
            for name, described in scenario.upstream.items()
        }
        secrets = {key_id: secret_of(scenario.router, key_id) for key_id in scenario.router.keys}
        wire = tuple(each for each in scenario.troubles if each.kind == "cut")
        return cls(scenario, models, secrets, random.Random(f"{seed}/wire"), started, wire)

    def transit_s(self) -> float:
        """Seconds that one request or answer is under way."""
        least, most = self.scenario.transit_s
        return least + (most - least) * self.chance.random() if most > least else least

    def dial_fault(self, provider: str, now: float) -> DialFault | None:
        """What becomes of an attempt to connect."""
        return self.models[provider].dial_fault(now - self.started)

    def cut(self, provider: str, now: float) -> TroubleConfig | None:
        """Whether a connection to this provider is going to end early."""
        for each in self.troubles:
            aimed = each.target in ("*", provider)
            if aimed and each.on(now - self.started) and self.chance.random() < each.probability:
                return each
        return None

    def add_key(self, provider: str, like: str, key_id: str, secret: str) -> None:
        """One more credential at the provider, in the pools of another one; limits of its own are new."""
        self.models[provider].add_key(key_id, like, secret, {own_scope(like): own_scope(key_id)})
        self.secrets[key_id] = secret

    def books(self, now: float) -> dict[str, Any]:
        """Provider -> its own account, audited."""
        return {name: model.books(now) for name, model in self.models.items()}
