#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Peers that are slow, silent, many, or in a hurry: nobody else suffers."""
import os
import resource
import signal
import socket
import struct
import time

from screen import Viewer, check_unwatched, connect, goes_on, painter
from smudgetest import (MIB, PATIENCE, case, check, check_equal, main,
                        wait_until)


@case
def half_a_handshake_stops_nobody(lab):
    """Strangers stop at every byte of the handshake; viewers go on."""
    machine = painter(lab, append="scenes=box rate=100")
    viewer = Viewer(machine)
    words = b"RFB 003.008\n" + b"\x01" + b"\x01"
    strangers = []
    for count in range(len(words)):
        sock = connect(machine)
        sock.sendall(words[:count])
        strangers.append(sock)
        goes_on(viewer, f"{count} bytes")
    for sock in strangers:
        sock.close()
    viewer.close()
    check_unwatched(machine)


def frame(data):
    """A WebSocket's, masked."""
    mask = b"\x0f\xf0\x55\xaa"
    check(len(data) < 126, "too long for this")
    return bytes((0x82, 0x80 | len(data))) + mask + \
        bytes(byte ^ mask[i & 3] for i, byte in enumerate(data))


def web_painter(lab, **arguments):
    page = lab.path("page.html")
    page.write_text("x")
    return painter(lab, vnc=f",web={page}", **arguments)


UPGRADE = (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"
           b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\n")
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@case
def half_a_websocket_stops_nobody(lab):
    """Strangers stop within a frame, and within a message of whole frames."""
    machine = web_painter(lab, append="scenes=box rate=100")
    viewer = Viewer(machine)
    words = frame(b"RFB 003.008\n") + frame(b"\x01") + frame(b"\x01")
    starts = [words[:count] for count in range(0, len(words), 3)]
    starts.append(frame(b"RFB ") + frame(b"003"))
    for start in starts:
        with connect(machine) as sock:
            sock.sendall(UPGRADE + KEY + b"\r\n")
            check(sock.recv(4096).startswith(b"HTTP/1.1 101"), "upgraded")
            sock.sendall(start)
            goes_on(viewer, f"{len(start)} bytes in frames")
    viewer.close()
    check_unwatched(machine)


def cpu_seconds(machine):
    stat = open(f"/proc/{machine.process.pid}/stat", encoding="ascii").read()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def rests(machine, what):
    """Two seconds in which there is nothing to do."""
    used = cpu_seconds(machine)
    time.sleep(2)
    used = cpu_seconds(machine) - used
    check(used < 0.4, f"{used} of 2 seconds of a processor with {what}")


@case
def half_a_request_costs_nothing(lab):
    machine = web_painter(lab)
    machine.qmp.run("stop")
    with connect(machine) as first, connect(machine) as second:
        first.sendall(b"GET / HTTP/1.1\r\n")
        second.sendall(b"G")
        rests(machine, "half a request")
        first.sendall(b"\r\n")
        check(first.recv(4096).startswith(b"HTTP/1.1 200 "), "the page")


@case
def no_descriptor_left_costs_nothing(lab):
    """A connection waits until there is one again."""
    machine = painter(lab)
    machine.qmp.run("stop")
    # more descriptors than anybody polls: poll itself must not fail
    others = [Viewer(machine, rest=PATIENCE * 10) for _ in range(4)]
    wait_until(lambda: viewers(machine) == 4, "four viewers")
    pid = machine.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    lowest = min(set(range(max(used) + 2)) - used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, limits[1]))
    with connect(machine) as sock:
        rests(machine, "a connection that cannot be accepted")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        check_equal(sock.recv(12), b"RFB 003.008\n", "greeting")
    for other in others:
        other.close()


@case
def one_that_vanishes_while_it_waits_costs_nothing(lab):
    """A wrong password makes it wait, and no more is read than has room."""
    machine = painter(lab, vnc=",password=eightchr")
    machine.qmp.run("stop")

    def answer(more):
        sock = connect(machine)
        sock.sendall(b"RFB 003.008\n")
        check_equal(sock.recv(12), b"RFB 003.008\n", "greeting")
        check_equal(sock.recv(2), b"\1\2", "kinds")
        sock.sendall(b"\2")
        check_equal(len(sock.recv(16)), 16, "challenge")
        sock.sendall(bytes(16) + more)
        return sock
    for _ in range(4):
        with answer(b"") as sock:
            check_equal(sock.recv(4), b"\0\0\0\1", "a wrong password")
    # eight seconds from here on; a reset follows
    sock = answer(bytes(200000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    time.sleep(0.3)
    sock.close()
    rests(machine, "one that waits and is gone")


@case
def a_websocket_of_2010_stops_nobody(lab):
    """libvncserver waits for eight bytes behind such a request."""
    machine = web_painter(lab, append="scenes=box rate=100")
    viewer = Viewer(machine)
    with connect(machine) as sock:
        sock.sendall(UPGRADE + KEY + b"Sec-WebSocket-Key1: 1\r\n"
                     b"Sec-WebSocket-Key2: 2\r\n\r\n")
        goes_on(viewer, "keys of 2010")
    viewer.close()


@case
def a_viewer_that_writes_slowly_stops_nobody(lab):
    """Past its handshake too, and it is served when its message is there."""
    machine = painter(lab, append="scenes=box rate=100")
    viewer = Viewer(machine)
    slow = Viewer(machine, rest=PATIENCE * 10)  # asks once
    check_equal(slow._read(16 + 320 * 200 * 4)[0], 0, "its picture")
    message = struct.pack(">BxHii", 2, 2, 0, -223) + \
        struct.pack(">B3xI", 6, 3) + b"abc" + \
        struct.pack(">BBHHHH", 3, 0, 0, 0, 320, 200)
    for i in range(len(message)):
        slow.sock.sendall(message[i:i + 1])
        goes_on(viewer, f"{i + 1} bytes of messages")
    check_equal(slow._read(16 + 320 * 200 * 4)[0], 0, "its next picture")
    slow.close()
    viewer.close()
    check_unwatched(machine)


def sleeps(machine):
    """It asked for all of a large screen, and reads nothing more."""
    sleeper = Viewer(machine, rest=PATIENCE * 10)
    sleeper._request(0)
    return sleeper


def viewers(machine):
    return len(machine.qmp.run("query-vnc")["clients"])


@case
def a_viewer_that_does_not_read_is_dropped_and_stops_nobody(lab):
    machine = painter(lab, append="scenes=box rate=100", size="1920x1080")
    viewer = Viewer(machine)
    sleeper = sleeps(machine)
    wait_until(lambda: viewers(machine) == 2, "both are there")
    updates = viewer.updates
    wait_until(lambda: viewers(machine) == 1, "the sleeper is dropped")
    check(viewer.error is None, f"{viewer.error}")
    # while it was there: not even one if it is waited for
    check(viewer.updates > updates + 10,
          f"{viewer.updates - updates} updates beside the sleeper")
    viewer.close()
    sleeper.close()
    check_unwatched(machine)


def kept_bytes(machine):
    """In the files in memory that hold what viewers have not taken."""
    root = f"/proc/{machine.process.pid}/fd"
    kept = 0
    for name in os.listdir(root):
        try:
            if "memfd:smudge-vnc" in os.readlink(f"{root}/{name}"):
                kept += os.stat(f"{root}/{name}").st_size
        except FileNotFoundError:
            pass  # it is closed by now
    return kept


def read_until_silent(sock, seconds):
    """What arrives before nothing does for so long."""
    data = b""
    patience = sock.gettimeout()
    sock.settimeout(seconds)
    try:
        while (part := sock.recv(MIB)):
            data += part
    except TimeoutError:
        pass
    sock.settimeout(patience)
    return data


@case
def a_viewer_stays_though_its_vm_stood(lab):
    """What a VM did not send while it stood itself is not the viewer's fault."""
    machine = painter(lab, append="scenes=box rate=100", size="3840x2160",
                      memory="64M")
    sleeper = sleeps(machine)
    wait_until(lambda: kept_bytes(machine) > 3840 * 2160 * 4 and
               sleeper.sock.recv(MIB, socket.MSG_PEEK), "it has not read all")
    time.sleep(0.2)  # for the VM to notice that it is waited for
    machine.process.send_signal(signal.SIGSTOP)
    nread = len(read_until_silent(sleeper.sock, 6))
    machine.process.send_signal(signal.SIGCONT)
    sleeper._read(16 + 3840 * 2160 * 4 - nread)
    sleeper.close()
    check_unwatched(machine)


@case
def a_viewer_that_asks_and_asks_is_dropped(lab):
    """Nothing is kept for it but one update and a few answers."""
    machine = painter(lab, append="frames=5", size="320x200")
    asker = Viewer(machine, rest=PATIENCE * 10)
    asker.sock.sendall(struct.pack(">BxHi", 2, 1, 0))  # no new sizes
    scales = struct.pack(">BBxx", 15, 1) * 4096  # each is answered
    kept = 0
    try:
        for _ in range(10000):
            asker.sock.sendall(scales)
            kept = max(kept, kept_bytes(machine))
    except OSError:
        pass
    check(kept < MIB, f"{kept} bytes are kept for one picture of 250 KiB")
    wait_until(lambda: viewers(machine) == 0, "the asker is dropped")
    asker.close()
    check_unwatched(machine)


@case
def a_viewer_in_a_hurry_does_not_hurry_the_guest(lab):
    """Each of its requests is for what is there now; 60 times a second."""
    machine = painter(lab, append="scenes=box rate=10")
    hasty = Viewer(machine, rest=PATIENCE * 10)
    hasty._read(16 + 320 * 200 * 4)
    began = time.monotonic()
    before = machine.qmp.run("query-vnc")["x-smudge"]["refreshes"]
    for _ in range(100):
        hasty.sock.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, 1, 1))
        hasty._read(4 + 12 + 4)
    count = machine.qmp.run("query-vnc")["x-smudge"]["refreshes"] - before
    took = time.monotonic() - began
    check(90 <= count <= 65 * took + 2, f"{count} refreshes in {took} s")
    hasty.close()


@case
def strangers_keep_nobody_out(lab):
    """There are 64 places; viewers have them before those who say nothing."""
    machine = painter(lab, append="scenes=box rate=100")
    first = Viewer(machine)
    strangers = [connect(machine) for _ in range(100)]
    second = Viewer(machine)
    goes_on(first, "a hundred strangers")
    goes_on(second, "a hundred strangers")
    for sock in strangers:
        sock.close()
    first.close()
    second.close()
    check_unwatched(machine)


@case
def a_crowd_from_one_address_keeps_no_other_out(lab):
    """Someone types a password meanwhile, at another address."""
    machine = painter(lab, vnc=",password=eightchr")
    typist = connect(machine)
    typist.settimeout(PATIENCE)
    typist.sendall(b"RFB 003.008\n")
    check_equal(typist.recv(12), b"RFB 003.008\n", "greeting")
    check_equal(typist.recv(2), b"\1\2", "kinds")
    typist.sendall(b"\2")
    check_equal(len(typist.recv(16)), 16, "challenge")
    crowd = [socket.create_connection(("127.0.0.1", machine.port), PATIENCE,
                                      ("127.0.0.2", 0)) for _ in range(200)]
    wait_until(lambda: crowd[-1].recv(12), "the last one's greeting")
    typist.sendall(bytes(16))
    check_equal(typist.recv(4), b"\0\0\0\1", "the answer")
    for sock in (typist, *crowd):
        sock.close()


@case
def viewers_have_all_places(lab):
    machine = painter(lab)
    crowd = [Viewer(machine, rest=PATIENCE * 10) for _ in range(64)]
    wait_until(lambda: viewers(machine) == 64, "64 viewers")
    with connect(machine) as sock:
        check_equal(sock.recv(12), b"", "one more")
    check_equal(viewers(machine), 64, "viewers")
    for viewer in crowd:
        viewer.close()
    check_unwatched(machine)


@case
def viewers_that_vanish_are_noticed(lab):
    """The kernel asks for them now and then: each has a timer that runs."""
    machine = painter(lab)
    viewer = Viewer(machine, rest=PATIENCE * 10)
    viewer._read(16 + 320 * 200 * 4)
    ours = f":{viewer.sock.getsockname()[1]:04X}"

    def timer():
        for line in open("/proc/net/tcp", encoding="ascii"):
            fields = line.split()
            if fields[1].endswith(f":{machine.port:04X}") and \
                    fields[2].endswith(ours):
                return fields[5].partition(":")[0]
        return None
    wait_until(lambda: timer() == "02", "a keepalive timer")
    viewer.close()


main()
