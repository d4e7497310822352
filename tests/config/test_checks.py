"""Meaning: references, limits, prices, addresses, scopes."""

from __future__ import annotations

import pytest

from actorrouter.config.file import loads
from tests.config.cases import ENVIRON, cases, faults, swapped

MEANING = r"""
provider = "openai"  ->  provider = "opnai"
    keys.k1.provider: no such provider; did you mean openai?
{ provider = "openai"  ->  { provider = "opnai"
    routes.chat.candidates[0].provider: no such provider; did you mean openai?
pools = ["org"]  ->  pools = ["orgg"]
    keys.k1.pools[0]: no such pool; did you mean org?
pools = ["org"]  ->  pools = ["org", "org"]
    keys.k1.pools[1]: named twice
"gpt-4o" }  ->  "gpt-4o", keys = ["k1", "kk1"] }
    routes.chat.candidates[0].keys[1]: matches no key of the candidate's provider; did you mean k1?
"gpt-4o" }  ->  "gpt-4o", keys = [] }
    routes.chat.candidates[0].keys: expected at least one pattern
pools = ["org"]  ->  models = ["o3*"]
    routes.chat.candidates[0].model: none of the candidate's keys may serve it: see the models of the keys
candidates = [{ provider = "openai", model = "gpt-4o" }]  ->  candidates = []
    routes.chat.candidates: expected at least one candidate
[routes.chat]  ->  [routes.chat]\npolicy = "random"
    routes.chat.policy: expected one of headroom, ordered, cheapest
[routes.chat]  ->  [routes.chat]\npolicy = "cheapest"
    routes.chat.candidates[0].price: unknown, but needed by the route's policy: give a price, or free = true
[routes.chat]  ->  [routes.chat]\nwait_s = -1
    routes.chat.wait_s: must be at least 0 and at most 315360000
"requests", amount  ->  "token", amount
    pools.org.limits[0].dimension: no such dimension; did you mean tokens?
"requests", amount  ->  "request", amount
    pools.org.limits[0].dimension: no such dimension; did you mean requests?
"requests", amount  ->  "input_token", amount
    pools.org.limits[0].dimension: no such dimension; did you mean input_tokens?
"requests", amount  ->  "Tokens", amount
    pools.org.limits[0].dimension: no such dimension; did you mean tokens?
"requests", amount  ->  "prompt_tokens", amount
    pools.org.limits[0].dimension: called otherwise here; did you mean input_tokens?
"requests", amount  ->  "two words", amount
    pools.org.limits[0].dimension: a name is 1 to 100 printable characters without spaces
= 500 }  ->  = -1 }
    pools.org.limits[0].amount: must be at least 0 and at most 1000000000000000
= 500 }  ->  = 0.5 }
    pools.org.limits[0].amount: expected a whole number: only cost is counted in fractions
= 500 }  ->  = 500, window_s = 0 }
    pools.org.limits[0].window_s: must be at least 0.001 and at most 315360000
= 500 }  ->  = 500, shape = "bucket", burst = 0 }
    pools.org.limits[0].burst: must be more than 0 and at most 1000000000000000
= 500 }  ->  = 500, shape = "bucket", burst = 0.5 }
    pools.org.limits[0].burst: must be at least 1, or nothing ever fits
= 500 }  ->  = 0, shape = "bucket", burst = 5 }
    pools.org.limits[0].burst: an amount of 0 lets nothing through and takes no burst
= 500 }  ->  = 500, burst = 5 }
    pools.org.limits[0].burst: only read with shape = "bucket"
= 500 }  ->  = 500, shape = "fixed", guard_s = 30 }
    pools.org.limits[0].guard_s: must be less than half the window
= 500 }  ->  = 500, shape = "fixed", window_s = 0.2 }
    pools.org.limits[0].guard_s: must be less than half the window, as the router has it
= 500 }  ->  = 500, shape = "calendar", every = "minute", guard_s = 30 }
    pools.org.limits[0].guard_s: must be less than half the window
= 500 }  ->  = 500, shape = "calendar" }
    pools.org.limits[0].every: required and missing: a calendar window is a minute, hour, day, week or month
= 500 }  ->  = 500, shape = "calendar", every = "monht" }
    pools.org.limits[0].every: expected one of minute, hour, day, week, month; did you mean month?
= 500 }  ->  = 500, shape = "calendar", every = "day", window_s = 5 }
    pools.org.limits[0].window_s: a calendar window is given as every
= 500 }  ->  = 500, every = "day" }
    pools.org.limits[0].every: only read with shape = "calendar"; other windows are given as window_s
= 500 }  ->  = 500, phase_s = 5 }
    pools.org.limits[0].phase_s: only read with shape = "fixed"
= 500 }  ->  = 500, timezone = "Europe/Berln" }
    pools.org.limits[0].timezone: no such time zone; did you mean Europe/Berlin?
= 500 }  ->  = 500, timezone = "/etc/passwd" }
    pools.org.limits[0].timezone: no such time zone
= 500 }  ->  = 500, timezone = "America" }
    pools.org.limits[0].timezone: no such time zone
= 500 }  ->  = 500, shape = "concurrency", window_s = 5 }
    pools.org.limits[0].window_s: concurrency takes no window
"requests", amount = 500  ->  "concurrency", amount = 5, shape = "sliding"
    pools.org.limits[0].shape: the dimension concurrency has the shape concurrency
= 500 }  ->  = 500 }, { dimension = "requests", amount = 9, shape = "sliding" }
    pools.org.limits[1].window_s: this dimension has this window already
https://api  ->  ftp://api
    providers.openai.base_url: expected SCHEME://HOST, the scheme one of http, https
https://api.openai.com/v1  ->  https://
    providers.openai.base_url: expected SCHEME://HOST, the scheme one of http, https
https://api.openai.com/v1  ->  http://a:99999
    providers.openai.base_url: expected SCHEME://HOST, the scheme one of http, https
https://api  ->  https://äpi
    providers.openai.base_url: the host must be written in ASCII; an international name in its xn-- form
https://api  ->  https://u:sk-live-3b7f0c@api
    providers.openai.base_url: must hold no credentials; they belong in a key's secret
com/v1  ->  com/v1?key=sk-live-3b7f0c
    providers.openai.base_url: must hold no query and no fragment
/v1"  ->  /v1"\nadapter = "opanai"
    providers.openai.adapter: expected one of openai, azure, groq, mistral, deepseek, xai, openrouter, together,
    fireworks, cohere, vllm, ollama, gemini-openai, anthropic, gemini,
    bedrock, generic; did you mean openai?
/v1"  ->  /v1"\nadapter = "generic"
    providers.openai.generic: required and missing: the generic adapter is described there
/v1"  ->  /v1"\ngeneric = {}
    providers.openai.generic: only read by adapter = "generic"
/v1"  ->  /v1"\nhttp_client = "requests"
    providers.openai.http_client: expected one of auto, lean, httpx2, httpx
/v1"  ->  /v1"\nheaders = { X-Api-Key = "sk-live-3b7f0c" }
    providers.openai.headers.X-Api-Key: must hold no credentials; they belong in a key's secret
/v1"  ->  /v1"\nheaders = { "a b" = "x" }
    providers.openai.headers."a b": expected a header's name
/v1"  ->  /v1"\ncharge = { token = "actual" }
    providers.openai.charge.token: no such dimension; did you mean tokens?
/v1"  ->  /v1"\ncircuit.min_calls = 1
    providers.openai.circuit.min_calls: must be at least 2 and at most 1000000000
/v1"  ->  /v1"\ncircuit.failure_rate = 0
    providers.openai.circuit.failure_rate: must be more than 0 and at most 1
/v1"  ->  /v1"\ncircuit.failure_rate = 1.1
    providers.openai.circuit.failure_rate: must be more than 0 and at most 1
/v1"  ->  /v1"\ncircuit.open_s = "2m"
    providers.openai.circuit.open_s: must be at most open_max_s
/v1"  ->  /v1"\ntimeouts.idle_s = 0
    providers.openai.timeouts.idle_s: must be at least 0.001 and at most 315360000
[keys.k1]  ->  [budgets.b]\nusd = 5\nscope = "route:caht"\n[keys.k1]
    budgets.b.scope: no such route; did you mean chat?
[keys.k1]  ->  [budgets.b]\nusd = 5\nscope = "team:x"\n[keys.k1]
    budgets.b.scope: expected global, provider:NAME, route:NAME or tenant:NAME
[keys.k1]  ->  [budgets.b]\nusd = 5\n[keys.k1]
    routes.chat.candidates[0].price: unknown, but needed by budgets.b: give a price, or free = true
"gpt-4o" }  ->  "gpt-4o", price = { free = true, request_usd = 1 } }
    routes.chat.candidates[0].price: free = true and a price contradict each other
"gpt-4o" }  ->  "gpt-4o", price = { request_usd = -1 } }
    routes.chat.candidates[0].price.request_usd: must be at least 0 and at most 1000000000000
pools = ["org"]  ->  limits = [{ dimension = "cost", amount = 0.5, shape = "sliding" }]
    routes.chat.candidates[0].price: unknown, but needed by a limit of cost: give a price, or free = true
pools = ["org"]  ->  proxy = "proxy:3128"
    keys.k1.proxy: expected SCHEME://HOST, the scheme one of http, https, socks5, socks5h
pools = ["org"]  ->  proxy = "http://<secret>@proxy"
    keys.k1.proxy: put back what was redacted
"""


@pytest.mark.parametrize(("old", "new", "fault"), list(cases(MEANING)))
def test_one_fault(old, new, fault):
    """One thing wrong is one fault, at its path, and says what is expected."""
    assert faults(swapped(old, new)) == [fault]


def test_cost_needs_a_shape_that_counts_exactly():
    """A limit of cost is sliding, fixed, calendar or concurrency, never a bucket."""
    text = swapped('"requests", amount = 500', '"cost", amount = 0.5, shape = "bucket"').replace(
        '"gpt-4o" }', '"gpt-4o", price = { request_usd = 1 } }'
    )
    assert faults(text) == ["pools.org.limits[0].shape: cost takes one of sliding, fixed, calendar, concurrency"]


def test_the_lean_client_takes_no_proxy():
    """Said where the proxy stands, before anything runs."""
    text = swapped('pools = ["org"]', 'proxy = "http://proxy:3128"').replace('/v1"', '/v1"\nhttp_client = "lean"', 1)
    assert faults(text) == [
        "keys.k1.proxy: the provider's http_client, lean, speaks to no proxy; choose auto, httpx2 or httpx"
    ]
    assert loads(text.replace('"lean"', '"auto"'), environ=ENVIRON).keys["k1"].proxy
