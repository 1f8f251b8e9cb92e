#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Peers written from docs/protocol.md alone (peers.py) against the real ones.

A guest goes to a receiver of theirs, and from there, by a sender of theirs,
to a real destination, where it runs on. Whoever breaks a rule of the page is
told so with the code that the page names.
"""
import socket
import struct

from peers import Ended, Receiver, Sender, pack_runs
from smudgetest import case, check_equal, check_sentence, main
from stream import (ABORT, ACK, Closed, END, GO, PAGES, READY, RECEIPT, REFUSE,
                    REGION_TABLE, ROUND, ROUND_ACK, ROUND_BEGIN, ROUND_END,
                    STATE, ZERO, Server, greeting, read_exactly, record)


class Store(Server):
    """Receives one stream, whole."""

    def __init__(self, lab):
        self.image = None
        super().__init__(lab, "store.sock")

    def serve(self, sock):
        self.image = Receiver(sock).run()


def stored(lab):
    """The image of a source's guest, which is handed over to nobody."""
    source = lab.source()
    store = Store(lab)
    source.qmp.run("migrate", uri=store.uri)
    report = source.qmp.wait_migration("completed", "failed")
    store.thread.join(60)
    check_equal(store.failure, None, "what the receiver found wrong")
    check_equal(report["status"], "completed", f"{report}")
    return store.image


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(str(path))
    return sock


@case
def a_guest_passes_through(lab):
    image = stored(lab)
    destination = lab.destination()
    with connect(lab.path("migration.sock")) as sock:
        Sender(sock, image).run()
    destination.qmp.wait_migration("completed")
    destination.wait_passes(3)


def skippable(n, length=0):
    return record(0x777, bytes(length), flags=1) * n


def instead(kind, data):
    """Sends data(payload) in the place of the first record of a kind."""
    done = []

    def change(_, found, payload):
        if found != kind or done:
            return None
        done.append(True)
        return data(payload)
    return change


def field(kind, offset, value):
    return instead(kind, lambda p: record(
        kind, p[:offset] + value + p[offset + len(value):]))


def before(kind, data):
    return instead(kind, lambda p: data + record(kind, p))


def abort(code, sentence):
    return record(ABORT, struct.pack("<I", code) + sentence)


# What a sender does, and the code of the REFUSE that answers it; None: none
# does, the destination has only a sentence.
BROKEN = [
    (instead(REGION_TABLE, lambda p: record(REGION_TABLE, p, wrong=1)), 2),
    (instead(REGION_TABLE, lambda p: record(REGION_TABLE, p + b"\0")), 2),
    (field(REGION_TABLE, 4, b"\x01"), 2),
    (field(REGION_TABLE, 13, b"\x10"), 4),
    (before(REGION_TABLE, skippable(4097)), 8),
    (before(ROUND_BEGIN, skippable(17, 1 << 20)), 8),
    (before(REGION_TABLE, record(GO)), 3),
    (before(REGION_TABLE, record(READY)), 3),
    (before(ROUND_BEGIN, record(0x777)), 3),
    (before(ROUND_BEGIN, record(0, flags=1)), 3),
    (before(ROUND_BEGIN, record(REFUSE, b"\1\0\0\0x", flags=1)), 3),
    (before(ROUND_BEGIN, record(0x777, flags=5)), 2),
    (before(ROUND_BEGIN, record(0x777, flags=1, length=1048577)), 2),
    (instead(ROUND_BEGIN, lambda p: record(ROUND_BEGIN, p, flags=1)), 2),
    (field(ROUND_BEGIN, 0, b"\x02"), 3),
    (field(ROUND_BEGIN, 4, b"\x01"), 3),
    (field(ROUND_BEGIN, 4, b"\x02"), 2),
    (field(PAGES, 4, bytes(4)), 2),
    (before(ROUND_END, record(ZERO, pack_runs(0, [(0, 1)]))), 3),
    (field(ROUND_END, 4, b"\x01"), 2),
    (field(ROUND_END, 16, b"\x01"), 3),
    (field(STATE, 4, b"M"), 2),
    (field(STATE, 11, b"\xff" * 8), 5),
    (field(END, 36, b"\x01"), 2),
    (field(END, 32, b"\x09"), 3),
    (instead(GO, lambda p: record(GO, b"", flags=1)), 2),
    (before(GO, record(END, bytes(40))), 3),
    (before(STATE, abort(4711, b"lost\x1b[31m")), None),
    (before(STATE, abort(1, b"")), None),
]


@case
def broken_streams_are_refused_with_their_code(lab):
    image = stored(lab)
    for number, (change, code) in enumerate(BROKEN):
        destination = lab.destination(name=f"destination-{number}")
        found = None
        with connect(lab.path("migration.sock")) as sock:
            try:
                Sender(sock, image, change).run()
            except Ended as ended:
                found = ended.code
            except Closed:
                pass
        check_equal(found, code, f"code for stream {number}")
        check_equal(destination.wait(), 1, f"exit status {number}")
        check_equal(destination.serial(), "", "what ran there")
        if number == len(BROKEN) - 2:
            check_sentence(destination.sentences()[0], "code 4711",
                           r"lost\?\[31m")


class Rude(Server):
    """A destination that says something at a moment; notes the ABORT."""

    def __init__(self, lab, number, at, data):
        self.at = at
        self.data = data
        self.code = None
        super().__init__(lab, f"rude-{number}.sock")

    def serve(self, sock):
        sock.settimeout(60)
        receiver = Receiver(sock)
        handle = receiver.handle

        def rudely(kind, payload):
            if kind == self.at:
                sock.sendall(self.data)
                self.at = None
            try:
                handle(kind, payload)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has left already, and has said why
        receiver.handle = rudely
        try:
            receiver.run()
        except Ended as ended:
            self.code = ended.code


# When a receiver says what, the code of the ABORT that answers it, and what
# the source reports.
RUDE = [
    (REGION_TABLE, record(ACK), 4, "ACK record"),
    (REGION_TABLE, record(READY, wrong=1), 4, "checksum"),
    (REGION_TABLE, record(READY, b"\0", length=1), 4, "bytes, more than 0"),
    (REGION_TABLE, record(0x777), 4, "unknown type 0x777"),
    (REGION_TABLE, record(GO), 4, "wrong side"),
    (REGION_TABLE, skippable(4097), 8, "too many skippable"),
    (ROUND_END, record(ROUND_ACK, ROUND.pack(2, 0)), 4, "round 2"),
    (ROUND_END, record(ROUND_ACK, ROUND.pack(1, 1)), 4, "malformed"),
    (END, record(RECEIPT), 4, "RECEIPT record"),
    (END, record(REFUSE, b"\x67\x12\0\0no\x07"), None,
     r"refused \(code 4711\): no\?"),
    (END, record(REFUSE, b"\1\0\0\0"), None, "malformed"),
    (END, record(ACK) + record(REFUSE, b"\1\0\0\0late"), None, "late"),
]


@case
def rude_receivers_are_told_and_the_guest_runs_on(lab):
    source = lab.source()
    for number, (at, data, code, says) in enumerate(RUDE):
        peer = Rude(lab, number, at, data)
        source.qmp.run("migrate", uri=peer.uri)
        report = source.qmp.wait_migration("completed", "failed")
        peer.thread.join(60)
        check_equal(report["status"], "failed", f"{number}: {report}")
        check_sentence(report["error-desc"], says)
        check_equal(peer.code, code, f"code for receiver {number}")
        check_equal(peer.failure, None, "the receiver's own failure")
    source.check_runs_on()


@case("a sender that is none", data=greeting(role=2), code=3)
@case("a feature", data=greeting(role=1, mandatory=8), code=7)
@case("a damaged greeting", data=greeting(role=1)[:-1] + b"\0", code=2)
@case("another version", data=greeting(version=2, role=1), code=None)
@case("no smudge", data=b"GET / HTTP/1.1\r\n" * 4, code=None)
def greetings(lab, data, code):
    """Refused with the code, and the destination waits on."""
    destination = lab.destination()
    answered_with(lab, data, code)
    source = lab.source()
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    destination.wait_passes(2)


@case
def an_abort_at_once(lab):
    """It came from the source: nobody else will come."""
    destination = lab.destination()
    answered_with(lab, greeting(role=1) + abort(6, b"no memory"), None)
    check_equal(destination.wait(), 1, "exit status")


def answered_with(lab, data, code):
    with connect(lab.path("migration.sock")) as sock:
        sock.sendall(data)
        read_exactly(sock, 40)
        answer = b""
        while part := sock.recv(1 << 16):
            answer += part
    found = struct.unpack_from("<I", answer, 24)[0] if answer else None
    check_equal(found, code, "code")


main()
