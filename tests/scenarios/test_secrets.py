"""Nothing that is emitted during a busy run with failures holds a secret."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest

from actorrouter import Call, KeyConfig, RouterError, Secret, open_router
from actorrouter.observe.laws import SecretScan
from actorrouter.observe.log import log_reader
from tests.router.world import CALL, STREAM, at_once, but, fleet
from tests.scenarios.loopback import at, keyed, keys_of, shown
from tests.transport.server import Peer, answer, serve

pytestmark = pytest.mark.anyio

SECRETS = keys_of(["a1", "a2", "a3"])
FETCHED = "sk-fetched-0Zx81hQpL22mVv"


async def telltale(peer: Peer) -> None:
    """A provider that repeats what it was sent wherever it can, and fails in turn."""
    number = 0
    while True:
        request = await peer.request()
        secret = request.partition(b"Bearer ")[2].partition(b"\r\n")[0].decode()
        number += 1
        said = json.dumps({"error": {"message": f"key {secret} is no good", "code": f"c-{secret}", "type": secret}})
        headers = [f"x-key: {secret}", f"www-authenticate: Bearer {secret}", "content-type: application/json"]
        status = ("400 Bad", "401 No", "429 Slow", "500 Oh", "503 Later", "404 Gone")[number % 6]
        if number % 7 == 0:
            await peer.send(f"HTTP/1.1 200 OK\r\n{secret}\r\n\r\n".encode())
            return
        await peer.send(answer(said.encode(), status, *headers))


async def fetch() -> Secret:
    await anyio.lowlevel.checkpoint()
    return Secret(FETCHED)


@pytest.mark.parametrize("client", ["lean", "httpx2", "httpx"])
async def test_every_byte_that_is_emitted(client: str):
    """Logs of each client at DEBUG, errors with tracebacks and locals, events, decisions, status, reprs, explanations,
    tests of keys and the tree hold no secret, whole or encoded."""
    scan = SecretScan([*SECRETS.values(), FETCHED])
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    events: list[Any] = []
    keys = {**keyed(SECRETS, "p"), "a4": KeyConfig("a", fetch, pools=("p",))}
    config = fleet(keys, pools={"p": (at_once(3),)})
    errors: list[BaseException] = []

    async def one(call: Call) -> None:
        try:
            await router.send(call)
        except RouterError as error:
            errors.append(error)

    try:
        async with serve(telltale) as server:
            config = at(config, a=f"http://127.0.0.1:{server.port}/v1")
            providers = {"a": attrs.evolve(config.providers["a"], http_client=client)}
            config = attrs.evolve(config, providers=providers)
            async with open_router(config, observers=[events.append, log_reader("debug")]) as router:
                for number in range(20):
                    async with anyio.create_task_group() as group:
                        for call in (CALL, STREAM):
                            group.start_soon(one, but(call, wait_s=0.01, deadline_s=1.0, repeat_unknown=True))
                    if number % 3 == 0:
                        for key_id in keys:
                            router.clear_key(key_id)
                            scan.look(repr(await router.test_key(key_id)), "a key's test")
                scan.look(json.dumps(router.status(), default=str), "the status")
                scan.look(
                    repr(router.config) + repr(router) + str(attrs.asdict(config.keys["a1"])), "the configuration"
                )
                scan.look(repr(vars(router.fleet)), "the fleet")
                scan.look(router.tree.draw(), "the tree")
                for decision in router.decisions.last(10_000):
                    scan.look(repr(decision), "a decision")
                    scan.look(router.explain(decision.decision_id), "an explanation")
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert len(errors) > 20
    for error in {str(error)[:40]: error for error in errors}.values():
        scan.look(shown(error), f"a {type(error).__name__} with its locals")
    for error in errors:
        scan.look(error, f"a {type(error).__name__}")
        scan.look(repr([attempt.outcome for attempt in getattr(error, "attempts", ())]), "an attempt")
        scan.look(getattr(error, "body", b""), "an error's body")
    for event in events:
        scan.look(repr(event), "an event")
    if client != "lean":  # which writes no log
        assert len(written.getvalue()) > 1000
    scan.look(written.getvalue(), "the log")
    assert scan.found == []


def test_the_scan_would_see_it():
    """The scan finds a planted secret in each form."""
    scan = SecretScan(["sk-plain-and-simple-1"])
    assert scan.look("x sk-plain-and-simple-1 y", "text")
    assert scan.look({"a": [b"sk-plain-and-simple-1"]}, "nested")


def test_a_secret_tells_nothing():
    """A secret's repr, text, format and the repr of whatever holds it show nothing, and it is not pickled."""
    import pickle

    secret = Secret("sk-plain-and-simple-1")
    config = KeyConfig("a", secret, proxy="http://user:sk-plain-and-simple-1@proxy:1")
    shown_forms = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", repr(config), repr({"k": secret})]
    assert not any("plain" in text for text in shown_forms)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
