"""Signing a request with AWS Signature Version 4, by the parts of botocore that neither read a clock nor log. Pure.

botocore is an extra, `actorrouter[bedrock]`, and imported when the first request is signed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from actorrouter.values import HttpRequest, Secret

SERVICE: Final = "bedrock"


def signed(request: HttpRequest, secret: Secret, region: str, wall: float) -> HttpRequest:
    """The request with its signature of the instant `wall`, epoch seconds.

    `secret`: "ACCESS_KEY_ID:SECRET" or "ACCESS_KEY_ID:SECRET:SESSION_TOKEN". Signed are method, URL, host and body;
    other headers may be changed on the way.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    access_key, _, rest = secret.reveal().partition(":")
    secret_key, _, session_token = rest.partition(":")
    made = {"x-amz-date": datetime.fromtimestamp(wall, UTC).strftime("%Y%m%dT%H%M%SZ")}
    if session_token:
        made["x-amz-security-token"] = session_token
    asked = AWSRequest(method=request.method, url=str(request.url), data=request.body, headers=made)
    asked.context["timestamp"] = made["x-amz-date"]
    signer = SigV4Auth(Credentials(access_key, secret_key, session_token or None), SERVICE, region)
    signature = signer.signature(signer.string_to_sign(asked, signer.canonical_request(asked)), asked)
    names = signer.signed_headers(signer.headers_to_sign(asked))
    credential = f"Credential={signer.scope(asked)}, SignedHeaders={names}, Signature={signature}"
    headers = {**made, "authorization": f"AWS4-HMAC-SHA256 {credential}"}
    return HttpRequest(request.method, request.url, request.headers + tuple(headers.items()), request.body)
