"""LogSSLPackets: records and handshake messages of TLS as they pass, without what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_HEADER, _INNER = 256, 257  # OpenSSL's own numbers for a record's header and its inner type
_HANDSHAKE, _ALERT = 22, 21
_LENGTH = slice(3, 5)  # of a record, in its header
_DONE = {"write": "sent", "read": "received"}


def tell(context: ssl.SSLContext, told: Callable[[str], None]) -> None:
    """Have *told* called with a line for whatever passes on connections of *context*."""

    def passed(
        _connection: ssl.SSLSocket,
        direction: str,
        version: Any,  # noqa: ANN401 - enumerations of ssl, or numbers that it does not know
        content_type: Any,  # noqa: ANN401
        message_type: Any,  # noqa: ANN401
        data: bytes,
    ) -> None:
        if content_type == _HEADER:
            length = int.from_bytes(data[_LENGTH], "big")
            what = f"a record of {_name(message_type)}, {length} bytes"
        elif content_type in (_HANDSHAKE, _ALERT):
            what = f"{_name(message_type)} of {_name(version)}, {len(data)} bytes"
        else:
            return
        told(f"{_DONE[direction]} {what}")

    context._msg_callback = passed  # type: ignore[attr-defined]  # noqa: SLF001 - ssl has no other


def _name(value: Any) -> str:  # noqa: ANN401 - as above
    return str(getattr(value, "name", value)).replace("_", " ").lower()
