#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What --vnc and its port refuse, and that nobody else suffers from it."""
import os
import random
import resource
import socket
import struct
import subprocess
import time

from screen import (PAINT, Viewer, check_same, check_unwatched, free_display,
                    painter, read_png, screendump)
from smudgetest import (MIB, PATIENCE, Skip, TOOL, VM, any_engine, case,
                        check, check_equal, check_sentence, main, note, wait_until)

SEED = int(os.environ.get("SMUDGE_TEST_SEED") or
           str(random.SystemRandom().getrandbits(32)), 0)


def refused(*arguments, display="320x200"):
    """The sentence of a smudge-vm that does not start."""
    run = subprocess.run(
        [VM, "-m", "16M", "--engine", any_engine(), "--serial", "null",
         *(["--display", display] if display else []), "--kernel", PAINT,
         *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE)
    check(run.returncode in (1, 2), f"{arguments}: status {run.returncode}")
    return run.stderr.strip()


@case
def options(lab):
    empty = lab.path("empty")
    empty.write_text("\n")
    for value, part in (
            ("1", "N is missing"), (":", "N is missing"), (":x", "no number"),
            (":59636", "at most 59635"), (":99999999999", "at most 59635"),
            (":1,colour=red", "does not know"), (":1,", "does not know"),
            (":1,password=", "empty"), (":1,password", "empty"),
            (":1,password=123456789", "at most 8 characters"),
            (f":1,password-file={empty}", "empty"),
            (":1,password-file=/nonexistent", "cannot be read"),
            (":1,password=a,password=b", "two passwords"),
            (":1,web=/nonexistent/page", "cannot be read"),
            ("no.host.invalid:1", "has no address")):
        check_sentence(refused("--vnc", value), part)
    check_sentence(refused("--vnc", ":1", display=None), "needs --display")


@case
def a_port_that_is_taken(lab):
    machine = painter(lab)
    check_sentence(refused("--vnc", f":{machine.display}"),
                   str(machine.port), "in use")


def shoot(lab, machine, password, status):
    path = lab.path("password")
    path.write_text(password)
    arguments = ["--password-file", path] if password else []
    done = subprocess.run([TOOL, "screenshot", "--vnc", f":{machine.display}",
                           *arguments, lab.path("shot.png")],
                          capture_output=True, text=True, timeout=PATIENCE)
    check_equal(done.returncode, status, f"{password!r}: {done.stderr}")
    return done.stderr.strip()


@case
def passwords(lab):
    machine = painter(lab, vnc=",password=eightchr")
    check_equal(machine.qmp.run("query-vnc")["auth"], "vnc", "auth")
    for wrong in ("", "eightch", "eightchR", "x", "\x7f" * 40):
        check_sentence(shoot(lab, machine, wrong, 1), "^smudge: .*password")
    check_unwatched(machine)
    machine.qmp.run("stop")
    shoot(lab, machine, "eightchr", 0)
    check_same(read_png(lab.path("shot.png")), screendump(lab, machine),
               "with the password")


@case
def a_password_file(lab):
    path = lab.path("secret")
    path.write_text("sesame\nand more\n")
    machine = painter(lab, vnc=f",password-file={path}")
    shoot(lab, machine, "open", 1)
    shoot(lab, machine, "sesame", 0)


def connect(machine):
    sock = socket.create_connection(("127.0.0.1", machine.port), PATIENCE)
    sock.settimeout(PATIENCE)
    return sock


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
        updates, started = viewer.updates, time.monotonic()
        wait_until(lambda: viewer.updates > updates + 3 or viewer.error,
                   f"the viewer goes on beside {count} bytes")
        check(viewer.error is None, f"{viewer.error}")
        # one stranger waited for would take five seconds each
        check(time.monotonic() - started < 4, f"stopped at {count} bytes")
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


def goes_on(viewer, what):
    """It gets pictures as long as nobody is waited for."""
    updates, started = viewer.updates, time.monotonic()
    wait_until(lambda: viewer.updates > updates + 3 or viewer.error,
               f"the viewer goes on beside {what}")
    check(viewer.error is None, f"{what}: {viewer.error}")
    # one who is waited for would take five seconds
    check(time.monotonic() - started < 4, f"stopped by {what}")


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
    names = [f"{root}/{name}" for name in os.listdir(root)]
    return sum(os.stat(name).st_size for name in names
               if os.path.lexists(name) and
               "memfd:smudge-vnc" in os.readlink(name))


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
            asker.sock.settimeout(1)
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


def hostile_viewer(rng, sock):
    """A whole handshake, then anything."""
    sock.recv(12)
    sock.sendall(b"RFB 003.00" + rng.choice(b"378").to_bytes(1, "big") + b"\n")
    sock.sendall(rng.choice((b"\x01\x01", b"\x01", rng.randbytes(2))))
    for _ in range(rng.randrange(1, 20)):
        sock.sendall(rng.choice((
            struct.pack(">BBHHHH", 3, rng.randrange(2), *(
                rng.randrange(1 << 16) for _ in range(4))),
            struct.pack(">B3x", 0) + rng.randbytes(16),
            struct.pack(">BxH", 2, 3) + rng.randbytes(12),
            struct.pack(">B3xI", 6, rng.randrange(1 << 32)),
            struct.pack(">BBxxI", 4, 1, rng.randrange(1 << 32)),
            struct.pack(">BBHH", 5, *(rng.randrange(256) for _ in range(3))),
            struct.pack(">BBxx", 8, rng.randrange(12)),
            rng.randbytes(rng.randrange(1, 64)))))


@case
def garbage(lab):
    note(f"garbage: SMUDGE_TEST_SEED={SEED:#x}")
    rng = random.Random(SEED)
    page = lab.path("page.html")
    page.write_text("x")
    machine = painter(lab, append="scenes=text+mode frames=3 rate=100",
                      vnc=f",web={page}")
    for number in range(60):
        with connect(machine) as sock:
            try:
                if number % 3 == 0:
                    sock.sendall(rng.randbytes(rng.randrange(1, 20000)))
                elif number % 3 == 1:
                    sock.sendall(b"GET /" + rng.randbytes(rng.randrange(9000)))
                else:
                    hostile_viewer(rng, sock)
                sock.settimeout(0.05)
                while sock.recv(65536):
                    pass
            except OSError:
                pass
        check(machine.process.poll() is None, f"it died at {number}")
    check_equal(machine.qmp.run("query-status")["running"], True, "running")
    machine.qmp.run("stop")
    viewer = Viewer(machine)
    viewer.wait_for(screendump(lab, machine), "a viewer afterwards")
    viewer.close()
    check_unwatched(machine)


@case
def screendumps_that_fail(lab):
    machine = painter(lab, "painter")
    fails = machine.qmp.fails
    check_sentence(fails("screendump", filename="/nonexistent/x.ppm").desc,
                   "cannot be written", "/nonexistent/x.ppm")
    check_sentence(fails("screendump", filename=str(lab.path("x")),
                         format="gif").desc, "png or ppm")
    check_sentence(fails("screendump").desc, "filename")
    blind = lab.source(memory="16M", append="working-set=1M")
    check_sentence(blind.qmp.fails("screendump",
                                   filename=str(lab.path("x"))).desc,
                   "no display")
    check_equal(blind.qmp.run("query-vnc"), {"enabled": False}, "query-vnc")


def failing_painter(lab, switch):
    """While the file `switch` is there the kernel tells of no dirty pages."""
    if os.environ.get("SMUDGE_SANITIZE", "none") != "none":
        raise Skip("a sanitizer's ioctl comes before a preloaded one")
    os.environ["LD_PRELOAD"] = os.environ["SMUDGE_FAIL_IOCTL_MODULE"]
    os.environ["SMUDGE_FAIL_IOCTL"] = str(switch)
    try:
        return painter(lab, append="scenes=box rate=100")
    finally:
        del os.environ["LD_PRELOAD"], os.environ["SMUDGE_FAIL_IOCTL"]


@case
def nobody_looks_at_a_frozen_picture(lab):
    """A source that fails once is no matter, one that goes on failing is."""
    switch = lab.path("fails")
    machine = failing_painter(lab, switch)
    viewer = Viewer(machine)
    goes_on(viewer, "nothing")
    errors = machine.qmp.run("x-smudge-memory-stats")["harvest-errors"]
    check_equal(errors, 0, "errors")
    switch.touch()
    wait_until(lambda: machine.qmp.run("x-smudge-memory-stats")
               ["harvest-errors"], "an error")
    switch.unlink()
    goes_on(viewer, "an error")
    switch.touch()
    wait_until(lambda: viewer.error, "the viewer is disconnected")
    check_sentence(machine.sentences()[-1], "viewers are disconnected")
    switch.unlink()
    viewer.close()
    check_unwatched(machine)
    viewer = Viewer(machine)
    goes_on(viewer, "nothing")
    viewer.close()


@case
def quit_while_a_viewer_is_waited_for(lab):
    machine = painter(lab)
    viewer = Viewer(machine)
    sock = connect(machine)
    viewer.sock.sendall(b"\x03")  # the first byte of ten
    machine.qmp.run("quit")
    check_equal(machine.wait(), 0, "exit status")
    sock.close()
    viewer.close()


main()
