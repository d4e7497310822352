"""Law 7: a secret is found wherever it shows, in whatever form it travels."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter import Call, LimitConfig, NoCapacity, Secret, Shape
from actorrouter.actors import key
from actorrouter.events import ActorCrashed
from actorrouter.messages import Reserve
from actorrouter.observe.laws import SecretScan
from actorrouter.turns import Turn
from actorrouter.values import Refusal
from tests.observe.laws.world import SECRET, broken, one_pool, watched

CONFIG = one_pool(LimitConfig("requests", 5, 60, Shape.SLIDING))
OWN = f"{SECRET}-0"

texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=80)


@given(secret=texts, before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_a_secret_is_found_in_every_form(secret: str, before: bytes, after: bytes) -> None:
    """As it is, in JSON, in a URL, in hex, and in base64 at any offset with anything around it."""
    scan = SecretScan([secret])
    inside = before + secret.encode() + after
    shown: list[Any] = [
        inside,
        inside.decode("latin-1"),
        json.dumps({"key": f"Bearer {secret}"}),
        f"https://h/p?key={quote(secret, safe='')}&x=1",
        base64.b64encode(inside),
        base64.urlsafe_b64encode(inside).decode(),
        inside.hex(),
        {"nested": [("deep", {secret: 1})]},
        ValueError(f"bad {secret}"),
        [repr({"header": secret})],
    ]
    assert [thing for thing in shown if not scan.look(thing)] == []
    assert all(secret not in each for each in scan.found)


@given(secret=texts, other=texts)
def test_what_is_not_the_secret_is_not_found(secret: str, other: str) -> None:
    """Nor are its beginning, its repr, or another secret."""
    scan = SecretScan([Secret(secret)])
    assert not scan.look(Secret(secret))
    assert not scan.look([secret[:-1][:5], "", b"", None, 3, ()])
    assert scan.look(other) is (secret in other)


def test_what_is_found_names_the_place_and_not_the_secret() -> None:
    """A report of a leak must not be one."""
    told: list[Any] = []
    scan = SecretScan([SECRET], lambda *given: told.append(given), found_max=2)
    cause = KeyError(SECRET)
    error = RuntimeError("harmless")
    error.__cause__ = cause
    assert scan.look(error, "an error", 3.0)
    assert told == [(7, 3.0, "a secret shows in an error")]
    assert [scan.look(SECRET) for _ in range(5)] == [True] * 5
    assert len(scan.found) == 2


def test_a_secret_too_short_to_look_for_is_refused() -> None:
    """It would be found in every line."""
    with pytest.raises(ValueError, match="fewer than 6"):
        SecretScan(["abc"])
    assert not SecretScan([]).look("anything")


@pytest.mark.anyio
async def test_a_secret_in_a_refusal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the error the caller sees, and in the decision that explains it."""

    def planted(state: Any, message: Reserve, now: float) -> Turn:
        del state, message
        return Turn((Refusal("key:k0", f"key {OWN} is tired", now + 5),))

    monkeypatch.setitem(key.BEHAVIOUR.decide, Reserve, planted)
    async with watched(CONFIG) as (router, laws):
        with pytest.raises(NoCapacity) as caught:
            await router.reserve("m", {}, wait_s=0)
        laws.failed(caught.value)
        laws.close()
        assert broken(laws) == {7}
        assert {each.what for each in laws.violations} >= {"a secret shows in the decisions"}
        assert OWN not in str(laws)


@pytest.mark.anyio
async def test_a_secret_in_an_event_is_found() -> None:
    """In any field that is shown, however deep, and in the status it leads to."""
    async with watched(CONFIG) as (router, laws):
        router.runtime.publish(ActorCrashed(router.clock(), "key:k0", 1, f"ValueError {OWN}", "Reserve"))
        router.disable_key("k0", f"see {OWN}")
        laws.close()
        assert broken(laws) == {7}
        assert "a secret shows in cause of an event (ActorCrashed)" in str(laws)
        assert "a secret shows in the status" in str(laws)


@pytest.mark.anyio
async def test_what_a_router_shows_of_itself_holds_no_secret() -> None:
    """Its config, its keys, its explanations, its reprs."""
    async with watched(CONFIG) as (router, laws):
        with await router.reserve("m", {}) as grant:
            shown = [router.config, grant, grant._lease, grant.decision, router.fleet.keys, Call("m"), router.status()]
            shown.append(router.explain(grant.decision.decision_id))
        assert not laws.secrets.look([repr(each) for each in shown])
