"""Values in msgpack, and what msgpack has no type for."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import NoneType
from typing import Any

import numpy as np
from msgspec import MsgspecError
from msgspec.msgpack import Decoder, Encoder, Ext

from pescador.errors import TransportError

__all__ = ["PLAIN", "TEXT", "decoded", "encode", "extension", "fitting"]

TEXT = {str, bytes, np.str_, np.bytes_}
PLAIN = {NoneType, bool, int, float, complex, *TEXT}

# What msgpack has no type for, or none for all of its values: a code, and the way there and back.
EXTENSIONS: dict[type, tuple[int, Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    int: (
        1,
        lambda value: value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True),
        lambda data: int.from_bytes(data, "little", signed=True),
    ),
    str: (
        2,
        lambda value: value.encode("utf-8", "surrogatepass"),
        lambda data: data.decode("utf-8", "surrogatepass"),
    ),
    complex: (
        3,
        lambda value: np.complex128(value).tobytes(),
        lambda data: np.frombuffer(data, np.complex128)[0].item(),
    ),
    np.str_: (
        4,
        lambda value: value.encode("utf-8", "surrogatepass"),
        lambda data: np.str_(data.decode("utf-8", "surrogatepass")),
    ),
    np.bytes_: (5, bytes, np.bytes_),
}
READ = {code: read for code, _, read in EXTENSIONS.values()}


def extension(code: int, data: Any) -> Any:
    """What an extension of this code stands for."""
    return READ[code](bytes(data))


def _extended(value: Any) -> Ext:
    code, write, _ = EXTENSIONS[type(value)]
    return Ext(code, write(value))


# Of a message, as bytes; numbers and text that msgpack cannot hold are to be made `fitting` first.
encode = Encoder(enc_hook=_extended).encode


def fitting(value: Any) -> Any:
    """The same, as an extension where it is beyond msgpack: a large number, half a character."""
    try:
        encode(value)
    except (OverflowError, UnicodeEncodeError):
        return _extended(value)
    return value


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> Decoder[Any]:
    return Decoder(kind, ext_hook=extension)


def decoded(data: bytes, kind: Any) -> Any:
    """A message of a kind.

    Raises
    ------
    TransportError
        If the bytes are none.
    """
    try:
        return _decoder(kind).decode(data)
    except (MsgspecError, ValueError, LookupError, RecursionError) as error:
        raise TransportError(f"a message that cannot be read: {error}") from error
