"""Signatures, checked against AWS Signature Version 4 worked out here."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, HttpRequest, Secret

pytest.importorskip("botocore")

CALL = Call("m", {"messages": []})
MODEL = "arn:aws:bedrock:eu-west-1:1:inference-profile/x:0"


def adapter() -> Any:
    options = {"region": "eu-west-1", "auth": "sigv4"}
    return build("b", ProviderConfig("", "bedrock", options=options, headers={"x-more": "1"}))


def signature_of(request: HttpRequest, secret_key: str) -> str:
    """What AWS works out from what it receives: the path is escaped once more, only some headers are signed."""
    headers, split = dict(request.headers), urlsplit(request.url)
    headers["host"] = split.netloc
    date, names = headers["x-amz-date"], headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    canonical = "\n".join(
        [
            request.method,
            quote(split.path, safe="/~"),
            split.query,
            *[f"{name}:{headers[name]}" for name in names.split(";")],
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    scope = f"{date[:8]}/eu-west-1/bedrock/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key.hex()


@pytest.mark.parametrize("token", ["", "SESSION//TOKEN=="])
def test_a_request_is_signed_for_its_region(token: str) -> None:
    """Over method, path, host and body; a session's token is signed too; the secret itself is not sent."""
    secret = Secret("AKID:SECRET/KEY+1" + (f":{token}" if token else ""))
    request = adapter().prepare(CALL, MODEL, secret)
    headers = dict(request.headers)
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert headers["authorization"].endswith(f"Signature={signature_of(request, 'SECRET/KEY+1')}")
    assert headers.get("x-amz-security-token", "") == token
    assert headers["x-more"] == "1"
    assert "SECRET/KEY+1" not in str(request.headers) + request.url + request.body.decode()


def test_each_header_stands_once() -> None:
    """Whatever the caller tried to sign himself."""
    call = Call("m", {"messages": []}, headers={"X-Amz-Date": "19700101T000000Z", "Authorization": "x"})
    names = [name for name, _ in adapter().prepare(call, MODEL, Secret("AKID:KEY")).headers]
    assert len(names) == len(set(names))


def test_the_probe_is_signed() -> None:
    """For the control plane's host."""
    request = adapter().probe(Secret("AKID:KEY"))
    assert dict(request.headers)["authorization"].endswith(signature_of(request, "KEY"))


@pytest.mark.parametrize("text", ["AKID", "AKID:", ":", ":::"])
def test_a_secret_without_its_parts_is_for_the_provider_to_refuse(text: str) -> None:
    """Nothing is raised while a call is under way."""
    assert adapter().prepare(CALL, MODEL, Secret(text)).body
