"""How a zygote and its supervisor reach each other: frames of four bytes of length, then JSON.

Over one socket, or over standard input and output where the supervisor is on the other side of a
container or a network.
"""

import os
import struct

FRAME_LIMIT = 64 << 20
"""Bytes of one message, either way."""
_READ_BYTES = 1 << 16


class Channel:
    """The zygote's end. Blocking: its supervisor always listens."""

    def __init__(self, *, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._inbox = bytearray()

    @classmethod
    def over_standard_streams(cls) -> "Channel":
        """Takes them for itself: what else is printed goes to standard error, nothing is read."""
        channel = cls(reading=os.dup(0), writing=os.dup(1))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return channel

    def fileno(self) -> int:
        """Readable when something came."""
        return self._reading

    def receive(self) -> list[bytes] | None:
        """Read once; the messages that are whole now. None: the other side is gone, or talks nonsense."""
        try:
            data = os.read(self._reading, _READ_BYTES)
        except ConnectionError:
            return None
        if not data:
            return None
        self._inbox += data
        messages: list[bytes] = []
        while len(self._inbox) >= 4:
            (length,) = struct.unpack(">I", self._inbox[:4])
            if length > FRAME_LIMIT:
                return None
            if len(self._inbox) < 4 + length:
                break
            messages.append(bytes(self._inbox[4 : 4 + length]))
            del self._inbox[: 4 + length]
        return messages

    def send(self, message: bytes) -> None:
        """Write one message.

        Raises:
            BrokenPipeError: nobody listens.
        """
        left = memoryview(struct.pack(">I", len(message)) + message)
        while left:
            left = left[os.write(self._writing, left) :]
