"""How a connection is encrypted: TLS 1.2 or later, and no variable of the machine has a say in it."""

import ssl

from urllib3.util.ssl_ import resolve_cert_reqs


def encryption(checked: str | int | None) -> ssl.SSLContext:
    """Return a context for one connection; `checked` is what urllib3 calls `cert_reqs`.

    As urllib3 would make it, but SSLKEYLOGFILE does not let it write down the keys of the connection, with which
    whoever gets the file reads all that was sent.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    context.hostname_checks_common_name = False
    if ssl.HAS_TLSv1_3:
        context.post_handshake_auth = True  # a server may ask for our certificate later on
    if resolve_cert_reqs(checked) != ssl.CERT_REQUIRED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
