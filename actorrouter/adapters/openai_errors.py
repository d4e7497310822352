"""What OpenAI's errors mean, and those of the providers that speak its chat dialect.

Sources, read 2026-11-23: developers.openai.com error-codes and rate-limits pages; openai SDK 3.54.0. Codes are matched
at any status where they are unmistakable, because the same code also comes inside an answer of status 200.
"""

from __future__ import annotations

from typing import Final

from actorrouter.adapters.rules import Rule
from actorrouter.values import OutcomeClass

_CONTENT_CODES: Final = ("content_filter", "content_policy_violation", "moderation_blocked", "invalid_prompt")
_SPENT_CODES: Final = (
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",  # BerriAI/litellm#2743, lifan0127/ai-research-assistant#174: 429, repeated in vain
)

OPENAI_RULES: Final = (
    Rule(OutcomeClass.CONTEXT, code="context_length_exceeded"),
    *(Rule(OutcomeClass.CONTENT, code=code) for code in _CONTENT_CODES),
    Rule(OutcomeClass.KEY_FATAL, status=401, code="invalid_api_key"),
    Rule(OutcomeClass.KEY_FATAL, status=401, code="ip_not_authorized"),
    Rule(OutcomeClass.KEY_FATAL, status=403, code="unsupported_country_region_territory"),
    Rule(OutcomeClass.MODEL_SCOPE, code="model_not_found"),  # 404, and 403 for a project without access
    *(Rule(OutcomeClass.QUOTA_SPENT, code=code) for code in _SPENT_CODES),
    Rule(OutcomeClass.QUOTA_SPENT, status=429, type="insufficient_quota"),
    Rule(
        OutcomeClass.QUOTA_SPENT, status=429, type="billing_not_active"
    ),  # with code null: Chanzhaoyu/chatgpt-web#1273
    Rule(OutcomeClass.CAPACITY, status=429, code="slow_down"),
    Rule(OutcomeClass.CAPACITY, status=503, code="server_is_overloaded"),
    Rule(OutcomeClass.CAPACITY, status=503, type="service_unavailable_error"),
    Rule(OutcomeClass.CAPACITY, status=429, contains="resource unavailable"),  # flex tier; not charged
    # Larger than the organization's whole minute: waiting never helps. Aider-AI/aider#1880, DrShushen/climb#13.
    Rule(OutcomeClass.CONTEXT, status=429, contains="request too large for"),
    Rule(OutcomeClass.RATE_LIMITED, status=429, code="rate_limit_exceeded"),
    Rule(OutcomeClass.RATE_LIMITED, status=429, type="rate_limit_error"),
    Rule(OutcomeClass.TRANSIENT, status=500, type="server_error"),
    Rule(OutcomeClass.REQUEST_BAD, status=400, type="invalid_request_error"),
)

COMPATIBLE_RULES: Final = (
    # Azure OpenAI (Microsoft Learn, quota include of 2026-05-06): shared capacity, not your quota.
    Rule(OutcomeClass.CAPACITY, status=429, contains="temporarily unable"),
    Rule(OutcomeClass.CAPACITY, status=429, contains="experiencing high demand"),
    Rule(OutcomeClass.MODEL_SCOPE, status=404, code="DeploymentNotFound"),
    Rule(OutcomeClass.CONTENT, status=400, contains="ResponsibleAIPolicyViolation"),
    # OpenRouter (SDK 1.3.84, errors page): money held for requests in flight comes back.
    Rule(OutcomeClass.RATE_LIMITED, status=402, contains="in_flight_budget"),
    # Gemini's OpenAI endpoint (google-genai 3.4.0 and sample bodies): a day's quota, a bad key.
    Rule(OutcomeClass.QUOTA_SPENT, status=429, contains="PerDay"),
    Rule(OutcomeClass.KEY_FATAL, status=400, contains="API_KEY_INVALID"),
    Rule(OutcomeClass.KEY_FATAL, status=400, contains="API key not valid"),
    # Groq (console.groq.com errors page): monthly spend cap; flex tier at capacity.
    Rule(OutcomeClass.QUOTA_SPENT, status=400, code="blocked_api_access"),
    Rule(OutcomeClass.CAPACITY, status=498),
    # Fireworks: account suspended.
    Rule(OutcomeClass.QUOTA_SPENT, status=412),
)

CHAT_RULES: Final = (*COMPATIBLE_RULES, *OPENAI_RULES)
"""The others' rules go first: each looks for words that OpenAI does not use."""
