"""Signing a request with AWS Signature Version 4, by botocore, which reads the time of day itself.

botocore is an extra, `actorrouter[bedrock]`, and imported when the first request is signed.
"""

from __future__ import annotations

from typing import Final

from actorrouter.values import HttpRequest, Secret

SERVICE: Final = "bedrock"


def signed(request: HttpRequest, secret: Secret, region: str) -> HttpRequest:
    """The request with its signature. `secret`: "ACCESS_KEY_ID:SECRET" or "ACCESS_KEY_ID:SECRET:SESSION_TOKEN".

    Signed are method, URL, host and body; other headers may be changed on the way.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    access_key, _, rest = secret.reveal().partition(":")
    secret_key, _, session_token = rest.partition(":")
    unsigned = AWSRequest(method=request.method, url=str(request.url), data=request.body)
    SigV4Auth(Credentials(access_key, secret_key, session_token or None), SERVICE, region).add_auth(unsigned)
    made = tuple((name.lower(), str(text)) for name, text in unsigned.headers.items())
    return HttpRequest(request.method, request.url, request.headers + made, request.body)
