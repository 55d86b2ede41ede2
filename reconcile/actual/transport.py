"""Decides how requests are sent: directly or through a proxy, and which certificates are trusted.

It reads the same settings of the environment as urllib and OpenSSL. All requests of a run go to one origin, so it
decides once, and an error in a setting names the variable.
"""

import os
import ssl
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import httpx
import truststore

from reconcile.actual.credentials import LARGEST_PORT, is_loopback
from reconcile.diagnostics import UserError

if not find_spec("sniffio"):
    # httpcore tries to import it several times for each request. Each time, Python would search its whole path: a fifth
    # of a request's CPU time.
    sys.modules["sniffio"] = None  # type: ignore[assignment] # how Python itself says that there is no such module

_KEEPALIVE = 2.0
"""Seconds: shorter than any server's, because no request must leave on a connection that is being closed."""

_PROXY_SCHEMES = {"http", "https", "socks5", "socks5h"}


def transport_to(url: httpx.URL) -> httpx.AsyncHTTPTransport:
    """Return a transport to the origin of this URL.

    Raises:
        UserError: a proxy variable, SSL_CERT_FILE or SSL_CERT_DIR that can't be used.
    """
    is_secure = url.scheme == "https"
    # Reading the trusted certificates takes longer than a whole plan against a sandbox, which uses plain http.
    context = _trust() if is_secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncHTTPTransport(
        verify=context,
        trust_env=False,
        limits=httpx.Limits(keepalive_expiry=_KEEPALIVE),
        proxy=proxy_for(url, context),
    )


def proxy_for(url: httpx.URL, context: ssl.SSLContext) -> httpx.Proxy | None:
    """Return the proxy that the environment or the system sets for this URL; raises UserError."""
    proxies = getproxies()
    key = next((key for key in (url.scheme, "all") if proxies.get(key)), None)
    host = url.raw_host.decode()
    # Requests to this machine must not leave it: a proxy would see the token in the clear.
    if key is None or is_loopback(host) or proxy_bypass(host):
        return None
    variable = next((name for name in os.environ if name.lower() == f"{key}_proxy"), "the system's proxy")
    text = proxies[key] if "://" in proxies[key] else f"http://{proxies[key]}"
    scheme = text.partition("://")[0].lower()
    if scheme not in _PROXY_SCHEMES:
        # The URL is not shown: it may contain a password.
        raise UserError(
            f"{variable} can't be used: {scheme}:// is not a supported kind of proxy",
            "Use the URL of an http://, https:// or socks5:// proxy, or list the service's host in NO_PROXY.",
        )
    if scheme.startswith("socks5") and not find_spec("socksio"):
        raise UserError(
            f"{variable} can't be used: a {scheme}:// proxy needs the package socksio",
            "Install it (vps-reconcile[socks]), use an http:// proxy, or list the service's host in NO_PROXY.",
        )
    try:
        proxy = httpx.Proxy(text, ssl_context=context if scheme == "https" else None)
        is_usable = bool(proxy.url.host) and (proxy.url.port or 0) <= LARGEST_PORT
    except (httpx.InvalidURL, ValueError):
        is_usable = False
    if not is_usable:
        raise UserError(f"{variable} is not the URL of a proxy", "Write it like http://proxy.example:3128.")
    return proxy


def _trust() -> ssl.SSLContext:
    """Return a context that trusts the certificates of SSL_CERT_FILE and SSL_CERT_DIR, or else those of the system."""
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not file and not folders:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for folder in folders.split(os.pathsep) if folders else ():
        if not Path(folder).is_dir():
            raise _unusable("SSL_CERT_DIR", folder, "not a folder")
    if file and Path(file).exists() and not Path(file).is_file():
        raise _unusable("SSL_CERT_FILE", file, "not a file")  # reading a FIFO might never end
    try:
        return ssl.create_default_context(cafile=file or None, capath=folders or None)
    except OSError as error:
        reason = "no certificates in PEM format" if isinstance(error, ssl.SSLError) else error.strerror
        raise _unusable("SSL_CERT_FILE", file or "", reason or "unreadable") from error


def _unusable(variable: str, path: str, reason: str) -> UserError:
    return UserError(
        f"{variable} can't be used: {path}: {reason}",
        f"Set {variable} to the certificates to trust, or unset it to trust those of the system.",
    )
