"""Error bodies, as the SDKs read them."""

from __future__ import annotations

import json

import anthropic
import httpx2
import openai
import pytest
from google.genai import errors as genai

from actorrouter.integrations.bodies import error_body

STATUSES = [400, 404, 429, 500, 502, 503]
ANTHROPIC = ("invalid_request_error", "not_found_error", "rate_limit_error", "api_error", "overloaded_error")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("language", ["openai-chat", "openai-responses", ""])
def test_openai(status: int, language: str):
    """openai's SDK finds message, type and code; whatever has no language of its own speaks this one."""
    sdk = openai.OpenAI(api_key="x")
    content = json.dumps(error_body(language, status, "why", "because")).encode()
    response = httpx2.Response(status, content=content, request=httpx2.Request("POST", "http://x"))
    error = sdk._make_status_error_from_response(response)
    assert (error.code, error.message) == ("why", f"Error code: {status} - because")
    assert str(error.type).endswith("_error")
    sdk.close()


@pytest.mark.parametrize("status", STATUSES)
def test_anthropic(status: int):
    """anthropic's SDK finds the type, one of those it knows."""
    sdk = anthropic.Anthropic(api_key="x")
    content = json.dumps(error_body("anthropic-messages", status, "why", "because")).encode()
    response = httpx2.Response(status, content=content, request=httpx2.Request("POST", "http://x"))
    error = sdk._make_status_error_from_response(response)
    assert error.type in (
        "invalid_request_error",
        "not_found_error",
        "rate_limit_error",
        "api_error",
        "overloaded_error",
    )
    assert "because" in error.message
    sdk.close()


@pytest.mark.parametrize("status", STATUSES)
def test_gemini(status: int):
    """google-genai's SDK finds code, status and message."""
    error = genai.APIError(status, error_body("gemini", status, "why", "because"))
    assert (error.code, error.message) == (status, "because")
    assert error.status in ("INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE")
