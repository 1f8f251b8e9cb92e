#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What --vnc and its port refuse, and what they bear."""
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import threading
import time

from screen import (PAINT, Viewer, check_same, check_unwatched, connect,
                    goes_on, painter, read_png, screendump)
from smudgetest import (PATIENCE, Skip, TOOL, VM, any_engine, case, check,
                        check_equal, check_sentence, main, note, wait_until)
from stopwatch import Stopwatch

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
    nul = lab.path("nul")
    nul.write_bytes(b"secret\0\n")
    for value, part in (
            ("1", "N is missing"), (":", "N is missing"), (":x", "no number"),
            (":59636", "at most 59635"), (":99999999999", "at most 59635"),
            (":1,colour=red", "does not know"), (":1,", "does not know"),
            (":1,password=", "empty"), (":1,password", "empty"),
            (":1,password=123456789", "at most 8 characters"),
            (f":1,password-file={empty}", "empty"),
            (f":1,password-file={nul}", "NUL"),
            (":1,password-file=/nonexistent", "cannot be read"),
            (":1,password=a,password=b", "two passwords"),
            (":1,web=/nonexistent/page", "cannot be read"),
            ("no.host.invalid:1", "has no address")):
        check_sentence(refused("--vnc", value), part)
    check_sentence(refused("--vnc", ":1", display=None), "needs --display")


@case
def the_page_for_browsers_is_not_there(lab):
    """Only where make can build it does the sentence say so."""
    away = lab.path("bin")
    away.mkdir()
    program = shutil.copy(VM, away)
    lib = pathlib.Path(VM).parents[1] / "lib"
    for here in (True, False):
        if here and lib.parent.joinpath("web/novnc.html").exists():
            continue
        run = subprocess.run(
            [VM if here else program, "-m", "16M", "--engine", any_engine(),
             "--display", "320x200", "--vnc", ":1,web", "--kernel", PAINT],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE, env=dict(os.environ, LD_LIBRARY_PATH=str(lib)))
        check_equal(run.returncode, 1, f"{run}")
        check_sentence(run.stderr.strip(), "page for browsers is not here: " +
                       ("run 'make web'" if here else "give its file"))


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
    check_sentence(shoot(lab, machine, "", 1),
                   f"port {machine.port} wants a password, and none is given$")
    for wrong in ("eightch", "eightchR"):
        check_sentence(shoot(lab, machine, wrong, 1),
                       f"port {machine.port} refuses the password: ")
    check_sentence(shoot(lab, machine, "\x7f" * 40, 1), "no VNC password")
    # what would be cut short is no guess
    for cut in ("eightchr\0", "eightchrs", "\n"):
        check_sentence(shoot(lab, machine, cut, 1), "no VNC password")
    check_unwatched(machine)
    machine.qmp.run("stop")
    shoot(lab, machine, "eightchr", 0)
    check_same(read_png(lab.path("shot.png")), screendump(lab, machine),
               "with the password")


def serve_once(lab, *parts):
    """A port whose server sends these bytes, each after the viewer's, and ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    lab.closers.append(listener.close)

    def serve():
        sock = listener.accept()[0]
        with sock:
            for part in parts:
                sock.sendall(part)
                sock.recv(100)
    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


@case
def refusals_are_told_apart(lab):
    greeting = b"RFB 003.008\n"
    reason = b"the house is full"
    for parts, says in (
            ((b"HTTP/1.0 400 Bad Request\r\n\r\n",), "is no VNC server$"),
            ((), "closed the connection before it let the viewer in$"),
            ((greeting,), "closed the connection before it let the viewer in$"),
            ((greeting, struct.pack(">BI", 0, len(reason)) + reason),
             "refuses the viewer: the house is full$"),
            ((greeting, b"\1\1", struct.pack(">II", 1, len(reason)) + reason),
             "refuses the viewer: the house is full$")):
        port = serve_once(lab, *parts)
        if port < 5900:
            continue
        done = subprocess.run(
            [TOOL, "screenshot", "--vnc", f":{port - 5900}",
             lab.path("shot.png")], capture_output=True, text=True,
            timeout=PATIENCE)
        check_equal(done.returncode, 1, f"{done}")
        check_sentence(done.stderr.strip(), f"^smudge: .* port {port} .*{says}")


def guess(sock, patience=PATIENCE):
    """A wrong password; False when it is not answered in time."""
    check(sock.recv(12) == b"RFB 003.008\n", "no VNC server")
    sock.sendall(b"RFB 003.008\n")
    check(sock.recv(2) == b"\x01\x02", "no password is wanted")
    sock.sendall(b"\x02")
    check(len(sock.recv(16)) == 16, "no challenge")
    sock.sendall(bytes(16))
    sock.settimeout(patience)
    try:
        check(sock.recv(4) == b"\0\0\0\1", "a wrong password is right")
    except TimeoutError:
        return False
    return True


@case
def wrong_passwords_cost_time(lab):
    machine = painter(lab, vnc=",password=eightchr")
    started, answered = time.monotonic(), 0
    deadline = started + 5
    # several connections at once gain nothing
    socks = []
    while time.monotonic() < deadline or not answered:
        socks = [connect(machine) for _ in range(4)]
        for sock in socks:
            answered += guess(sock, max(0.1, deadline - time.monotonic()))
            sock.close()
    spent = time.monotonic() - started
    # 1 + 2 + 4 s between the first four
    check(1 <= answered <= 3 + spent / 4, f"{answered} answers in {spent:.1f} s")
    # another address has done nothing
    with socket.create_connection(("127.0.0.1", machine.port), PATIENCE,
                                  ("127.0.0.2", 0)) as other:
        with Stopwatch() as watch:
            check(guess(other), "another address")
        watch.check(0.9, "another address has to wait")
    # whoever knows it waits, and gets in
    shoot(lab, machine, "eightchr", 0)


@case
def a_password_file(lab):
    path = lab.path("secret")
    path.write_text("sesame\nand more\n")
    machine = painter(lab, vnc=f",password-file={path}")
    shoot(lab, machine, "open", 1)
    shoot(lab, machine, "sesame", 0)


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
    """While the file `switch` is there the kernel tells of no dirty pages:
    see tests/support/fail_ioctl.c."""
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
    once = lab.path("fails-once")
    once.write_text("x")
    once.rename(switch)
    wait_until(lambda: machine.qmp.run("x-smudge-memory-stats")
               ["harvest-errors"], "an error")
    check(not switch.exists(), "it fails again")
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
