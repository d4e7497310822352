"""Signatures, checked against AWS Signature Version 4 worked out here, and against botocore as others use it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, HttpRequest, Secret

pytest.importorskip("botocore")
from botocore import auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from botocore.session import Session

CALL = Call("m", {"messages": []})
MODEL = "arn:aws:bedrock:eu-west-1:1:inference-profile/x:0"


NOW = 1_790_000_000.0
MODELS = (
    MODEL,
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "arn:aws:bedrock:eu-west-1:1:imported-model/a b~c+d%2F/../e",
    "grüße:0",
)


def adapter() -> Any:
    options = {"region": "eu-west-1", "auth": "sigv4"}
    return build("b", ProviderConfig("", "bedrock", options=options, headers={"x-more": "1"}), lambda: NOW)


def signature_of(request: HttpRequest, secret_key: str) -> str:
    """What AWS works out from what it receives: the path is escaped once more, only some headers are signed."""
    headers, split = dict(request.headers), urlsplit(request.url)
    headers["host"] = split.netloc
    date, names = headers["x-amz-date"], headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    canonical = "\n".join(
        [
            request.method,
            quote(split.path, safe="/~"),
            "&".join(sorted(split.query.split("&"))),
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
@pytest.mark.parametrize("model", MODELS)
def test_a_request_is_signed_for_its_region_and_instant(model: str, token: str) -> None:
    """Over method, path, host and body; a session's token is signed too; the secret itself is not sent."""
    secret = Secret("AKID:SECRET/KEY+1" + (f":{token}" if token else ""))
    request = adapter().prepare(CALL, model, secret)
    headers = dict(request.headers)
    assert headers["x-amz-date"] == "20260921T141320Z"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert headers["authorization"].endswith(f"Signature={signature_of(request, 'SECRET/KEY+1')}")
    assert headers.get("x-amz-security-token", "") == token
    assert headers["x-more"] == "1"
    assert "SECRET/KEY+1" not in str(request.headers) + request.url + request.body.decode()


class Body:
    """An empty document, as a transport hands it on."""

    def stream(self) -> Iterator[bytes]:
        yield b"{}"


@pytest.mark.parametrize("model", MODELS)
def test_botocore_signs_alike(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same request at the same instant has the same signature."""
    ours = adapter().prepare(CALL, model, Secret("AKID:KEY:TOKEN"))
    monkeypatch.setattr(auth, "get_current_datetime", lambda: datetime(2026, 9, 21, 14, 13, 20))  # noqa: DTZ001
    theirs = AWSRequest("POST", ours.url, data=ours.body)
    auth.SigV4Auth(Credentials("AKID", "KEY", "TOKEN"), "bedrock", "eu-west-1").add_auth(theirs)
    assert dict(ours.headers)["authorization"] == theirs.headers["Authorization"]


def test_botocore_sends_to_the_same_place() -> None:
    """Whatever the name of a model is made of."""
    sent: list[str] = []

    def keep(request: Any, **_: Any) -> Any:
        sent.append(request.url)
        return AWSResponse(request.url, 200, {}, Body())

    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "KEY"}
    client = Session().create_client("bedrock-runtime", "eu-west-1", **keys)
    client.meta.events.register("before-send.bedrock-runtime.Converse", keep)
    for model in MODELS:
        client.converse(modelId=model, messages=[])
    assert sent == [adapter().prepare(CALL, model, Secret("AKID:KEY")).url for model in MODELS]


def test_a_query_is_signed_in_order() -> None:
    """Whatever order the caller wrote."""
    call = Call("m", path="/async-invoke?b=2&a=1", method="GET")
    request = adapter().prepare(call, MODEL, Secret("AKID:KEY"))
    assert request.url.endswith("/async-invoke?b=2&a=1")
    assert dict(request.headers)["authorization"].endswith(signature_of(request, "KEY"))


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
