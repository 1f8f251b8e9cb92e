# SPDX-License-Identifier: MIT
"""The migration stream of docs/protocol.md, as far as tests speak it.

FakeDestination answers a sender as a receiver would, up to a chosen moment.
Proxy stands between a sender and a receiver and changes what passes.
"""
import ctypes
import socket
import struct
import threading

MAGIC = b"\x89SMDG\r\n\x1a"
VERSION = 1
SENDER, RECEIVER = 1, 2
FINAL = 1
HEADER = struct.Struct("<IIQQ")
ROUND = struct.Struct("<II")

REGION_TABLE, ROUND_BEGIN, PAGES, ZERO = 0x001, 0x002, 0x003, 0x004
ROUND_END, STATE, END, GO, ABORT = 0x005, 0x006, 0x007, 0x008, 0x009
READY, ROUND_ACK, ACK, REFUSE, RECEIPT = 0x101, 0x102, 0x103, 0x104, 0x105

_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def checksum(data):
    return _xxhash.XXH3_64bits(data, len(data))


def greeting(version=VERSION, role=RECEIVER, magic=MAGIC, mandatory=0):
    body = magic + struct.pack("<IIQQ", version, role, mandatory, 0)
    return body + struct.pack("<Q", checksum(body))


def record(kind, payload=b"", flags=0, length=None, wrong=0):
    length = len(payload) if length is None else length
    total = checksum(HEADER.pack(kind, flags, length, 0) + payload) ^ wrong
    return HEADER.pack(kind, flags, length, total) + payload


class Closed(Exception):
    pass


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(min(size - len(data), 1 << 20))
        if not part:
            raise Closed()
        data += part
    return data


def read_record(sock):
    """(type, flags, payload, the record's bytes)"""
    header = read_exactly(sock, HEADER.size)
    kind, flags, length, _ = HEADER.unpack(header)
    payload = read_exactly(sock, length)
    return kind, flags, payload, header + payload


class Server:
    """One connection to a UNIX socket, served by serve() on a thread."""

    def __init__(self, lab, name="migration.sock"):
        self.uri = f"unix:{lab.path(name)}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(lab.path(name)))
        self.listener.listen(1)
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        lab.closers.append(self.listener.close)

    def _run(self):
        try:
            sock, _ = self.listener.accept()
            with sock:
                self.serve(sock)
        except (Closed, OSError):
            pass
        except Exception as failure:
            self.failure = failure


class Says(Server):
    """Says the same bytes to everybody, then closes or listens on."""

    def __init__(self, lab, data, close):
        self.data = data
        self.close = close
        super().__init__(lab)

    def serve(self, sock):
        sock.sendall(self.data)
        while not self.close and sock.recv(1 << 16):
            pass


class FakeDestination(Server):
    """Leaves the connection when the record @leave_at has come in.

    answers_last: the record is still answered. seen holds the types met.
    """

    def __init__(self, lab, leave_at, leave_in_final=False,
                 answers_last=False):
        self.leave_at = leave_at
        self.leave_in_final = leave_in_final
        self.answers_last = answers_last
        self.final = False
        self.seen = []
        super().__init__(lab)

    def answer(self, kind, payload):
        if kind == REGION_TABLE:
            return record(READY)
        if kind == ROUND_END and not self.final:
            number, _ = ROUND.unpack(payload[:ROUND.size])
            return record(ROUND_ACK, ROUND.pack(number, 0))
        if kind == END:
            return record(ACK)
        if kind == GO:
            return record(RECEIPT)
        return b""

    def serve(self, sock):
        sock.sendall(greeting())
        read_exactly(sock, 40)
        while True:
            kind, _, payload, _ = read_record(sock)
            self.seen.append(kind)
            if kind == ROUND_BEGIN:
                self.final = bool(ROUND.unpack(payload[:ROUND.size])[1] & FINAL)
            leaving = kind == self.leave_at and \
                (self.final or not self.leave_in_final)
            if not leaving or self.answers_last:
                sock.sendall(self.answer(kind, payload))
            if leaving:
                return


class Proxy(Server):
    """Between a sender and the receiver at @path.

    change(kind, payload, bytes) gives what goes on instead of a record's
    bytes, or None to end the connection there.
    """

    def __init__(self, lab, path, change):
        self.path = str(path)
        self.change = change
        self.answers = b""  # all that the receiver said
        super().__init__(lab, "proxy.sock")

    def _back(self, receiver, sender):
        try:
            while True:
                data = receiver.recv(1 << 16)
                if not data:
                    break
                self.answers += data
                sender.sendall(data)
            sender.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def refuse_code(self):
        """The code of the receiver's REFUSE; None when it sent none."""
        at = 40
        while at + HEADER.size <= len(self.answers):
            kind, _, length, _ = HEADER.unpack_from(self.answers, at)
            at += HEADER.size
            if kind == REFUSE:
                return struct.unpack_from("<I", self.answers, at)[0]
            at += length
        return None

    def serve(self, sock):
        receiver = socket.socket(socket.AF_UNIX)
        receiver.connect(self.path)
        with receiver:
            receiver.sendall(read_exactly(sock, 40))
            back = threading.Thread(target=self._back, args=(receiver, sock),
                                    daemon=True)
            back.start()
            try:
                self._forward(sock, receiver)
            except (Closed, OSError):
                pass
            # what the receiver says last must reach the sender
            receiver.shutdown(socket.SHUT_WR)
            back.join(20)

    def _forward(self, sock, receiver):
        while True:
            kind, _, payload, data = read_record(sock)
            data = self.change(kind, payload, data)
            if data is None:
                return
            receiver.sendall(data)


class HoldingDestination(FakeDestination):
    """Keeps its answer to the record @hold_at back until it is released."""

    def __init__(self, lab, hold_at):
        self.hold_at = hold_at
        self.reached = threading.Event()
        self.released = threading.Event()
        self.answers_held = True
        lab.closers.append(self.released.set)
        super().__init__(lab, leave_at=None)

    def answer(self, kind, payload):
        if kind == self.hold_at:
            self.reached.set()
            self.released.wait()
            if not self.answers_held:
                raise Closed()
        return super().answer(kind, payload)

    def wait_held(self, patience):
        if not self.reached.wait(patience):
            raise AssertionError("the sender did not come so far")

    def release(self, answers=True):
        """Answer now, or close the connection instead."""
        self.answers_held = answers
        self.released.set()
