"""Azure OpenAI: OpenAI's dialects at a resource of one's own, where a model is a deployment and stands in the path.

Sources: openai SDK 3.54.0 lib/azure.py (which paths belong to a deployment; the SDK has no default api-version) and
Microsoft Learn: 2024-10-21 is the newest dated version that is generally available for inference; the version 1 API
(api-version-lifecycle page) has the deployment in the body alone and needs no api-version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from actorrouter.adapters.openai import OpenAI
from actorrouter.adapters.openai_call import Kind, place_of
from actorrouter.adapters.wire import join_url
from actorrouter.config import ProviderConfig
from actorrouter.errors import InvalidConfig
from actorrouter.values import Secret

API_VERSION: Final = "2024-10-21"
API_KEY: Final = "api-key"
ENTRA: Final = "entra"

_OF_A_DEPLOYMENT: Final = frozenset(
    {"/completions", "/chat/completions", "/embeddings", "/audio/transcriptions", "/audio/translations",
     "/audio/speech", "/images/generations", "/images/edits"}
)  # fmt: skip
_V1: Final = "/openai/v1"
_VERSION: Final = re.compile(r"[A-Za-z0-9.-]{1,40}")


class AzureOpenAI(OpenAI):
    """One resource. `base_url`: the resource's, or with `/openai/v1` for the version 1 API. Options: `api_version`;
    `auth`, "api-key" or "entra", for which a key's secret is a token, fetched anew by an async callable."""

    def __init__(self, name: str, provider: ProviderConfig) -> None:
        super().__init__(name, provider)
        self.base_url = self.base_url.rstrip("/").removesuffix("/openai")
        self._is_v1 = self.base_url.endswith(_V1)
        self._version = provider.options.get("api_version", "" if self._is_v1 else API_VERSION)
        self._auth = provider.options.get("auth", API_KEY)
        if faults := list(_faults(provider.options, self._version, self._auth)):
            raise InvalidConfig([f"providers.{name}.options.{fault}" for fault in faults])

    def _url(self, kind: Kind, path: str, upstream_model: str) -> str:
        """Below the deployment what belongs to one, the rest beside it, with the version; in version 1 as at OpenAI."""
        above, _, query = path.partition("?")
        place = place_of(kind, self._profile) or above
        if self._version and "api-version=" not in query:
            query = f"{query}&api-version={self._version}".removeprefix("&")
        if self._is_v1:
            return join_url(self.base_url, place, query)
        if place in _OF_A_DEPLOYMENT and upstream_model:
            place = f"/deployments/{quote(upstream_model, safe='')}{place}"
        return join_url(self.base_url, f"/openai{place}", query)

    def _credential(self, secret: Secret) -> Mapping[str, str]:
        if self._auth == ENTRA:
            return {"authorization": f"Bearer {secret.reveal()}"}
        return super()._credential(secret)


def _faults(options: Mapping[str, str], version: str, auth: str) -> list[str]:
    faults = [
        f"{name[:40]}: unknown; known: api_version, auth" for name in options if name not in ("api_version", "auth")
    ]
    if "api_version" in options and not _VERSION.fullmatch(version):
        faults.append("api_version: expected a version such as 2024-10-21")
    if auth not in (API_KEY, ENTRA):
        faults.append("auth: expected api-key or entra")
    return faults
