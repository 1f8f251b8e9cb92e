#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Viewers come and go, and guests move while they look.

Nothing may be left of a viewer that went: no descriptor, no thread, no
bitmap. Where the guest is, its viewers see it.
"""
import os
import pathlib
import random
import socket
import struct
import subprocess
import time

from screen import (Viewer, check_same, check_unwatched, painter, screendump)
from smudgetest import (MIB, PATIENCE, TOOL, case, check, check_equal, check_sentence, main,
                        note, wait_until)
from stopwatch import Stopwatch

AT_ONCE_S = 1.5  # on a busy machine
SLEEPER_S = 4

SEED = int(os.environ.get("SMUDGE_TEST_SEED") or
           str(random.SystemRandom().getrandbits(32)), 0)


def process_costs(machine):
    """Descriptors, threads, resident bytes."""
    root = pathlib.Path(f"/proc/{machine.process.pid}")
    status = root.joinpath("status").read_text()
    rss = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return (len(os.listdir(root / "fd")), len(os.listdir(root / "task")), rss)


def visit(machine, kind):
    viewer = Viewer(machine)
    if kind == 1:
        wait_until(lambda: viewer.updates or viewer.error, "an update")
        check(viewer.error is None, f"{viewer.error}")
    elif kind == 2:  # in the middle of a message
        viewer.sock.sendall(struct.pack(">BBH", 3, 1, 0))
    viewer.close()


def come_and_go(machine, rng, count):
    """Visits of all kinds: long, short, and rude; while the guest is there."""
    for _ in range(count):
        kind = rng.randrange(4)
        if kind == 0:  # gone before a word was said
            socket.create_connection(("127.0.0.1", machine.port), 30).close()
            continue
        try:
            visit(machine, kind)
        except (AssertionError, OSError, EOFError):
            # viewers of a guest that left are refused
            if machine.qmp.run("query-status")["status"] != "postmigrate":
                raise


@case
def a_hundred_viewers_come_and_go_while_the_guest_moves(lab):
    note(f"SMUDGE_TEST_SEED={SEED:#x}")
    rng = random.Random(SEED)
    source = painter(lab, append="frames=5 rate=100", memory="256M")
    destination = painter(lab, "destination", "--incoming", lab.uri, "-S",
                          kernel=None, memory="256M")
    come_and_go(source, rng, 10)
    check_unwatched(source)
    before = process_costs(source)
    # Zero pages are fast, but the screen takes 25 seconds: a busy machine may
    # give the guest no time to draw, and must not end the migration by that.
    source.qmp.run("migrate-set-parameters", max_bandwidth=10_000,
                   downtime_limit=1, x_smudge_max_rounds=1_000_000)
    source.qmp.run("migrate", uri=lab.uri)
    come_and_go(source, rng, 60)
    check_equal(source.qmp.migration()["status"], "active",
                "the migration continues all the time")
    wait_until(lambda: source.clients() == 1, "only the migration's")
    # a round per second
    source.qmp.run("migrate-set-parameters", max_bandwidth=256_000)
    come_and_go(source, rng, 20)
    source.qmp.run("migrate-set-parameters", max_bandwidth=0,
                   downtime_limit=2000)
    come_and_go(source, rng, 20)
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    check_same(screendump(lab, destination, "there.ppm"),
               screendump(lab, source, "here.ppm"), "both screens")
    check_unwatched(source)

    def gone():
        fds, threads, _ = process_costs(source)
        # one is the migration's, which can be asked about until the next
        return fds <= before[0] + 1 and threads <= before[1]
    wait_until(gone, f"descriptors and threads go back to {before[:2]}")
    after = process_costs(source)
    # ThreadSanitizer's shadow is twice the guest's memory, once that is read
    if os.environ.get("SMUDGE_SANITIZE") != "thread":
        check(after[2] < before[2] + 32 * MIB, f"memory: {before} to {after}")


def moves_with_viewers(lab, engines):
    source = painter(lab, engine=engines[0],
                     append="scenes=text+box+scroll+touch+mode rate=60")
    destination = painter(lab, "destination", "--incoming", lab.uri, "-S",
                          engine=engines[1], kernel=None)
    here, there = Viewer(source), Viewer(destination)
    wait_until(lambda: here.updates > 3 and there.updates, "both see")
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    shown = screendump(lab, source)
    check_same(screendump(lab, destination), shown, "the screens' memory")
    check_same(here.wait_for_end(), shown, "the last picture at the source")
    there.wait_for(shown, "the first picture at the destination")
    destination.qmp.run("cont")
    updates = there.updates
    wait_until(lambda: there.updates > updates + 10, "the picture goes on")
    for _ in range(5):
        time.sleep(0.05)
        destination.qmp.run("stop")
        there.wait_for(screendump(lab, destination), "a picture there")
        destination.qmp.run("cont")
    here.close()
    check_unwatched(source)
    check_equal(destination.clients(), 1, "the viewer's client")
    return destination, there


@case("a guest moves while it is watched, kvm to kvm", engines=("kvm", "kvm"))
@case("a guest moves while it is watched, kvm to unicorn",
      engines=("kvm", "unicorn"))
@case("a guest moves while it is watched, unicorn to kvm",
      engines=("unicorn", "kvm"))
def moves(lab, engines):
    _, viewer = moves_with_viewers(lab, engines)
    viewer.close()


@case
def viewers_of_a_guest_that_left_are_told(lab):
    page = lab.path("page")
    page.write_text("a page")
    source = painter(lab, append="scenes=text rate=50", vnc=f",web={page}")
    destination = painter(lab, "destination", "--incoming", lab.uri,
                          kernel=None)
    here, there = Viewer(source), Viewer(destination)
    # asks once, and does not take its pictures
    sleeper = Viewer(source, rest=PATIENCE * 10)
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    with Stopwatch() as watch:
        with Stopwatch() as at_once:
            last = here.wait_for_end()
        check_same(last, screendump(lab, source), "the last picture")
        wait_until(lambda: len(source.qmp.run("query-vnc")["clients"]) == 0,
                   "the sleeper's end")
    at_once.check(AT_ONCE_S, "the end of one that has the last picture")
    watch.check(SLEEPER_S, "the sleeper's end")
    sleeper.close()
    check_equal([line for line in source.sentences() if "VNC at" not in line],
                ["smudge-vm: vnc: the guest has been migrated away: the "
                 "viewers are disconnected"], "stderr")
    done = subprocess.run(
        [TOOL, "screenshot", "--vnc", f":{source.display}",
         lab.path("shot.png")], capture_output=True, text=True,
        timeout=PATIENCE)
    check_equal(done.returncode, 1, f"{done}")
    check_sentence(done.stderr.strip(), "refuses the viewer: the guest has "
                   "been migrated away$")
    with socket.create_connection(("127.0.0.1", source.port), 30) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head, _, body = sock.makefile("rb").read().partition(b"\r\n\r\n")
    check(head.startswith(b"HTTP/1.1 410 Gone\r\n"), f"{head}")
    check_equal(body, b"the guest has been migrated away\n", "body")
    check(f"Content-Length: {len(body)}".encode() in head, f"{head}")
    check(b"Content-Security-Policy: default-src 'none'" in head, f"{head}")
    check_unwatched(source)
    updates = there.updates
    wait_until(lambda: there.updates > updates + 5, "the picture goes on")
    check(there.error is None, f"{there.error}")
    here.close()
    there.close()


@case
def keys_reach_the_guest_also_across_a_migration(lab):
    source = painter(lab, append="scenes=text rate=50")
    viewer = Viewer(source)
    for keysym, down in ((0x61, 1), (0x61, 0), (0xff0d, 1)):
        viewer.key(keysym, down)
    wait_until(lambda: "paint: key 97 down\npaint: key 97 up\n"
               "paint: key 65293 down\n" in source.serial(), "the keys")
    # pressed while it stands, read where it goes on; the queue holds 64
    source.qmp.run("stop")
    for number in range(100):
        viewer.key(0x1000 + number, 1)
    viewer.wait_for(screendump(lab, source), "the viewer is heard")
    viewer.round_trip()
    destination = painter(lab, "destination", "--incoming", lab.uri,
                          kernel=None)
    source.qmp.run("migrate", uri=lab.uri)
    destination.qmp.wait_migration("completed")
    destination.qmp.run("cont")
    last = f"paint: key {0x1000 + 63} down\n"
    wait_until(lambda: last in destination.serial(), "the last key kept")
    keys = destination.serial().count("paint: key ")
    check_equal(keys, 64, "keys at the destination")
    viewer.close()


@case
def another_display_at_the_destination_is_refused(lab):
    source = painter(lab)
    for name, size in (("smaller", "160x100"), ("larger", "640x480")):
        uri = f"unix:{lab.path(name + '.sock')}"
        destination = painter(lab, name, "--incoming", uri, size=size,
                              kernel=None)
        source.qmp.run("migrate", uri=uri)
        report = source.qmp.wait_migration("failed")
        check_sentence(report["error-desc"], 'vram', "KiB")
        check_equal(destination.wait(), 1, "exit status")
    uri = f"unix:{lab.path('none.sock')}"
    destination = lab.destination(engine=None, memory="16M", name="none")
    source.qmp.run("migrate", uri=lab.uri)
    report = source.qmp.wait_migration("failed")
    check_sentence(report["error-desc"], "2 regions", "1 of|destination")
    check_equal(source.qmp.run("query-status")["running"], True, "running")


main()
