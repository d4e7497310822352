"""Every door of a provider, over real loopback sockets."""

import time
from email.utils import parsedate_to_datetime

import anyio
import httpx2
import pytest

from actorrouter.simulation.providers.config import FaultConfig, read_config
from actorrouter.simulation.providers.endpoints import Site

from .clients import DESCRIBED, ask, books, chat, connect, opened

pytestmark = pytest.mark.anyio


async def test_limits_refuse_with_a_body_headers_and_books():
    """The seventh request in the window is 429 rate_limit_exceeded, and counts as the caller's excess."""
    async with opened() as client:
        answers = [await ask(client, **chat("a")) for _ in range(7)]
        refused, booked = answers[-1], await books(client)
        assert [answer.status_code for answer in answers] == [200] * 6 + [429]
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert 59 < float(refused.headers["retry-after"]) <= 60
        limit = booked["scopes"]["org"]["limits"][0]
        assert (limit["accepted"], limit["rejected"], limit["peak"]) == (6, 1, 1.0)
        assert (booked["keys"]["a"]["served"], booked["rejected"]["limit"], booked["violations"]) == (6, 1, [])
        assert (await client.get("/__books?audit=0")).json()["violations"] is None


async def test_concurrent_connections_share_the_concurrency_limit():
    """Two of five are served at once, the others are refused."""
    async with opened(DESCRIBED.replace("first_token_s = 0.002", "first_token_s = 0.05")) as client:
        statuses = []

        async def one() -> None:
            statuses.append((await ask(client, **chat("a"))).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(one)
        assert sorted(statuses) == [200, 200, 429, 429, 429]


async def test_keys_and_models_are_checked():
    """401 for an unknown secret, 404 for an unknown model; nobody is told the secret."""
    async with opened() as client:
        stranger = await ask(client, **chat("z"))
        assert (stranger.status_code, stranger.json()["error"]["code"]) == (401, "invalid_api_key")
        assert "secret-z" not in stranger.text
        wrong = await ask(client, **chat(model="other"))
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, "model_not_found")
        listed = await client.get("/v1/models", headers={"authorization": "Bearer secret-b"})
        assert [model["id"] for model in listed.json()["data"]] == ["sim-model"]
        assert (await client.get("/v1/models")).status_code == 401


async def test_a_revoked_key_stays_out():
    """From the fault on 401 for that key, also on the jobs endpoint (403 there), 200 for the other."""
    async with opened() as client:
        assert (await client.post("/__fault", json={"kind": "revoke", "target": "a"})).status_code == 200
        assert [(await ask(client, **chat(key))).status_code for key in "ab"] == [401, 200]
        job = await client.post("/v1/jobs", json={"units": 3}, headers={"x-api-key": "secret-a"})
        assert (job.status_code, job.json()["kind"]) == (403, "revoked")
        assert (await books(client))["rejected"]["revoked"] == 2


async def test_an_outage_answers_503_or_drops_the_connection():
    """By choice of the fault; after a reset all is well."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "outage"})
        answer = await ask(client, **chat())
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_is_overloaded")
        await client.post("/__reset")
        await client.post("/__fault", json={"kind": "outage", "how": "drop"})
        with pytest.raises(httpx2.RemoteProtocolError):
            await ask(client, **chat())
        await client.post("/__reset")
        assert (await ask(client, **chat())).status_code == 200
        assert (await books(client))["arrived"] == 1


@pytest.mark.parametrize("status", [500, 502, 529])
async def test_an_outage_may_answer_in_html(status):
    """A page, as the machines in front of a provider write it."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "outage", "how": "html", "status": status})
        answer = await ask(client, **chat())
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html")
        assert answer.text.startswith(f"<html><head><title>{status} ")


async def test_a_removed_model_is_not_listed():
    """Nor served, from the fault on."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "remove_model", "models": ["sim-model"]})
        answer = await ask(client, **chat())
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
        listed = await client.get("/v1/models", headers={"authorization": "Bearer secret-b"})
        assert listed.json()["data"] == []
        assert (await books(client))["rejected"]["removed_model"] == 1


async def test_the_date_is_that_of_the_providers_own_clock():
    """An hour ahead of ours, give or take a minute."""
    async with opened(DESCRIBED.replace('retry_after = "exact"', "clock_skew_s = 3600")) as client:
        told = parsedate_to_datetime((await ask(client, **chat())).headers["date"]).timestamp()
        assert abs(told - time.time() - 3600) < 60


async def test_a_spent_balance_is_402_with_its_metadata():
    """Also over HTTP, and of a kind of its own for jobs."""
    described = DESCRIBED.replace('dimension = "requests"', 'dimension = "cost"\ncode = "openrouter_credits"')
    described = described.replace("amount = 6", "amount = 0.00001").replace(
        "[providers.sim.keys.a]", '[providers.sim.prices."*"]\ninput_usd = 1\noutput_usd = 1\n[providers.sim.keys.a]'
    )
    async with opened(described) as client:
        answer = await ask(client, **chat("a"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (402, 402)
        assert answer.json()["error"]["metadata"] == {"limit_source": "openrouter_credits"}
        job = await client.post("/v1/jobs", json={"units": 50}, headers={"x-api-key": "secret-a"})
        assert (job.status_code, job.json()["kind"]) == (402, "spent")


async def test_a_site_tells_what_becomes_of_a_dial():
    """Counted from its start on its own clock; a reset forgets it."""
    described = read_config(DESCRIBED).providers["sim"]
    site = Site("sim", described, wall=lambda: 0.0)
    assert site.dial_fault() is None
    site.model.add_fault(FaultConfig("dial", how="tls"), anyio.current_time())
    assert (site.dial_fault(), site.model.books(anyio.current_time())["dial_faults"]) == ("tls", {"tls": 1})
    site.reset()
    assert site.dial_fault() is None


async def test_an_injected_429_is_not_the_callers_excess():
    """It is booked apart, with the wait it claims."""
    async with opened() as client:
        await client.post("/__fault", json={"kind": "throttle", "retry_after_s": 2})
        refused = await ask(client, **chat())
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2.000")
        rejected = (await books(client))["rejected"]
        assert (rejected["injected_429"], rejected["limit"]) == (1, 0)


async def test_jobs_answer_in_their_own_shape():
    """Units go in and out; a full limit is kind too_many."""
    async with opened() as client:
        sent = [await client.post("/v1/jobs", json={"units": 5}, headers={"x-api-key": "secret-a"}) for _ in range(7)]
        assert sent[0].json() == {"ok": True, "usage": {"units": 5}}
        assert (sent[-1].status_code, sent[-1].json()["kind"]) == (429, "too_many")


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/v1/chat/completions", b"", 400),
        ("/v1/chat/completions", b"[" * 100_000, 400),
        ("/v1/chat/completions", b'{"model": "m", "messages": [3]}', 400),
        ("/v1/jobs", b'{"units": -1}', 400),
        ("/__fault", b'{"kind": "earthquake"}', 400),
        ("/__fault", b'{"kind": "hang", "target": "nobody"}', 400),
        ("/nowhere", b"{}", 404),
    ],
)
async def test_a_malformed_body_is_400_and_the_connection_lives(path, content, status):
    """A JSON error, one bad request in the books, and the next request is served."""
    async with opened() as client:
        answer = await client.post(path, content=content)
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")
        assert (await ask(client, **chat())).status_code == 200
        assert (await books(client))["bad_requests"] == 1


async def test_connections_have_a_bound():
    """Above it a connection is closed at once."""
    async with opened(DESCRIBED.replace('retry_after = "exact"', "connections_max = 1")) as client:
        assert (await ask(client, **chat())).status_code == 200
        async with await connect(client) as stream:
            with pytest.raises(anyio.EndOfStream):
                await stream.receive()
