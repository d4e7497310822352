"""Choosing a client: what is installed, what is asked for, and one TLS context a process."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from actorrouter.errors import InvalidConfig
from actorrouter.transport import connect, prepare, shared_ssl_context
from actorrouter.transport.httpx_family import HttpxTransport
from tests.transport.exchanges import SECRET


@pytest.fixture(autouse=True)
def _unshared() -> Iterator[None]:
    shared_ssl_context.cache_clear()
    yield
    shared_ssl_context.cache_clear()


def chosen(client: str = "auto", proxy: str | None = None) -> str:
    transport = connect(client, proxy=proxy)
    return transport.client.__name__ if isinstance(transport, HttpxTransport) else type(transport).__name__


def test_auto_prefers_lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its parser is missing httpx2 is taken, then httpx."""
    assert chosen() == "LeanTransport"
    monkeypatch.setitem(sys.modules, "httptools", None)
    assert chosen() == "httpx2"
    monkeypatch.setitem(sys.modules, "httpx2", None)
    assert chosen() == "httpx"


def test_auto_takes_one_of_the_family_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lean client speaks to none."""
    assert chosen(proxy="http://localhost:1") == "httpx2"
    monkeypatch.setitem(sys.modules, "httpx2", None)
    assert chosen(proxy="http://localhost:1") == "httpx"


def test_lean_and_a_proxy_are_refused() -> None:
    """By name, not in silence."""
    with pytest.raises(InvalidConfig, match="speaks to no proxy; choose auto, httpx2 or httpx"):
        connect("lean", proxy="http://localhost:1")


def test_a_missing_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name asked for; `auto` asks for the one to prefer."""
    for missing in ("httptools", "httpx2", "httpx"):
        monkeypatch.setitem(sys.modules, missing, None)
    for client, package in [("lean", "httptools"), ("httpx2", "httpx2"), ("httpx", "httpx"), ("auto", "httptools")]:
        with pytest.raises(InvalidConfig, match=rf"pip install {package}$"):
            connect(client)
    with pytest.raises(InvalidConfig, match=r"pip install httpx2$"):
        connect(proxy="http://localhost:1")


def test_an_unknown_client_is_refused() -> None:
    """Nothing else is imported."""
    with pytest.raises(InvalidConfig, match="unknown; choose auto, httpx2, httpx or lean"):
        connect("aiohttp")


def test_a_client_is_prepared() -> None:
    """What a call needs is there before the first one."""
    prepare("auto")
    prepare("auto", proxied=True)
    assert shared_ssl_context.cache_info().currsize == 2


@pytest.mark.parametrize("proxy", ["gopher://user:{}@proxy", "http://user:{}@proxy:x", "proxy", "http://"])
def test_a_wrong_proxy_is_refused_without_its_password(family: str, proxy: str) -> None:
    """The fault says what it must be."""
    with pytest.raises(InvalidConfig, match="must be an http, https or socks5 URL") as caught:
        connect(family, proxy=proxy.format(SECRET))
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_socks_proxy_needs_its_package(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault says which."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(InvalidConfig, match=rf"pip install '{family}\[socks\]'"):
        connect(family, proxy="socks5://localhost:1080")


def test_the_tls_context_is_made_once(client: str) -> None:
    """Building one costs 50 ms."""
    assert shared_ssl_context(client) is shared_ssl_context(client)
    assert shared_ssl_context(client).verify_mode is ssl.CERT_REQUIRED
    assert shared_ssl_context(client).check_hostname


def test_the_tls_context_honours_ssl_cert_file(client: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the clients do: that file alone is trusted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert len(shared_ssl_context(client).get_ca_certs()) == 1
