"""The sockets: where a consumer listens, and how its worker, and no one else, connects."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass

import zmq

from pescador.errors import WorkerError

__all__ = ["Address", "Listener", "connect", "require_room"]

# A path longer than this cannot be bound: `sun_path` of unix(7), less the name of the socket.
LONGEST = 90

# How many descriptors a context with one connected socket takes, and some more.
DESCRIPTORS = 12


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect, and for TCP the public key of who listens there: none else has it."""

    url: str
    key: bytes | None = None


class Listener:
    """A socket that messages come in by.

    Parameters
    ----------
    tcp : bool
        Whether to listen on a port of 127.0.0.1, with CURVE keys made now; else in a folder that
        no one else can enter.
    ports : range
        Which ports to try.
    tries : int
        How many of them.
    """

    def __init__(self, tcp: bool, ports: range, tries: int) -> None:
        self.folder: str | None = None
        require_room(DESCRIPTORS)
        self.context = zmq.Context()
        try:
            self.socket = self.context.socket(zmq.PULL)
            self.socket.rcvhwm = 0  # What may be under way is for credits to say.
            self.address = self._on_tcp(ports, tries) if tcp else self._in_a_folder()
        except BaseException:
            self.close()
            raise

    def _on_tcp(self, ports: range, tries: int) -> Address:
        public, secret = zmq.curve_keypair()
        self.socket.curve_server = True
        self.socket.curve_secretkey = secret
        first = secrets.randbelow(len(ports))
        for number in range(min(tries, len(ports))):
            port = ports[(first + number) % len(ports)]
            with suppress(zmq.ZMQError):
                self.socket.bind(url := f"tcp://127.0.0.1:{port}")
                return Address(url, public)
        raise WorkerError(
            f"no free port among the {min(tries, len(ports))} that were tried of "
            f"{ports[0]} .. {ports[-1]}; give other ports, or more tries"
        )

    def _in_a_folder(self) -> Address:
        parent = tempfile.gettempdir()
        self.folder = tempfile.mkdtemp(
            prefix="pescador-",
            dir=parent if len(parent) < LONGEST else "/tmp",  # noqa: S108
        )
        url = f"ipc://{self.folder}/socket"
        self.socket.bind(url)
        return Address(url)

    def met(self) -> None:
        """Leave no name behind once the worker is connected."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def close(self) -> None:
        self.context.destroy(linger=0)
        self.met()


def require_room(descriptors: int) -> None:
    """Refuse at once what a socket would try again and again: to get a descriptor if none is free.

    Raises
    ------
    OSError
        If there are not so many.
    """
    held: list[int] = []
    try:
        held.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(descriptors))
    finally:
        for descriptor in held:
            os.close(descriptor)


def connect(address: Address) -> zmq.Socket[bytes]:
    """A socket that messages go out by."""
    require_room(DESCRIPTORS)
    socket = zmq.Context().socket(zmq.PUSH)
    socket.sndhwm = 0
    if address.key is not None:
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = address.key
    socket.connect(address.url)
    return socket
