#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What viewers get is what the guest shows, pixel for pixel.

The guest draws; the machine is stopped at random moments; each time the
picture a viewer holds must become that of guest memory. One kind of viewer is
Debian's gvnccapture, which asks for everything each time; the other stays
connected and learns only what changed, so a lost dirty bit shows in it.
"""
import itertools
import os
import pathlib
import random
import re
import subprocess
import sys
import time

from screen import (Viewer, capture, check_same, check_unwatched, painter,
                    read_png, screendump)
from smudgetest import PATIENCE, case, check, check_equal, main, note, \
    wait_until

SEED = int(os.environ.get("SMUDGE_TEST_SEED") or
           str(random.SystemRandom().getrandbits(32)), 0)
MOMENTS = 50
BACKGROUND, FOREGROUND = b"\x10\x20\x30", b"\xe0\xe8\xd0"
NUMBER, BOX = b"\xf0\xc0\x40", b"\xd0\x40\x20"
EVERYTHING = "scenes=text+box+scroll+redraw+touch+mode+absurd frames=7 rate=60"


def moments(name, machine, count=MOMENTS, is_enough=lambda: True):
    """Stops the machine at random moments; the caller looks; it goes on.

    There are more where the caller has not seen enough: on a busy machine the
    guest may draw nothing between two of them.
    """
    rng = random.Random(SEED)
    note(f"{name}: SMUDGE_TEST_SEED={SEED:#x}")
    end = None
    for number in itertools.count():
        if number == count:
            end = time.monotonic() + PATIENCE
        if end and (is_enough() or time.monotonic() > end):
            break
        time.sleep(rng.random() * 0.1)
        machine.qmp.run("stop")
        yield number
        machine.qmp.run("cont")
    check("paint: error" not in machine.serial(), machine.serial()[-200:])


@case("gvnccapture, kvm", engine="kvm")
@case("gvnccapture, unicorn", engine="unicorn")
def captures(lab, engine):
    machine = painter(lab, engine=engine, append=EVERYTHING)
    different = set()
    for number in moments(f"captures {engine}", machine,
                          is_enough=lambda: len(different) > MOMENTS // 2):
        shown = screendump(lab, machine)
        check_same(capture(lab, machine), shown, f"moment {number}")
        different.add(hash(shown.rgb))
    check(len(different) > MOMENTS // 2, f"only {len(different)} pictures")
    check_unwatched(machine)


@case("a viewer that stays, kvm", engine="kvm")
@case("a viewer that stays, kvm with uffd", engine="kvm", dirty="uffd")
@case("a viewer that stays, unicorn", engine="unicorn")
@case("a viewer that stays, unicorn with the write hook", engine="unicorn",
      dirty="hook")
def stays(lab, engine, dirty="auto"):
    count = MOMENTS if dirty == "auto" else MOMENTS // 3
    machine = painter(lab, "source", "--dirty", dirty, engine=engine,
                      append=EVERYTHING)
    viewer = Viewer(machine)
    for number in moments(f"stays {engine} {dirty}", machine, count,
                          lambda: viewer.updates > count):
        viewer.wait_for(screendump(lab, machine), f"moment {number}")
    check(viewer.updates > count, f"only {viewer.updates} updates")
    check_equal(machine.clients(), 1, "clients")
    viewer.close()
    check_unwatched(machine)


@case("under load, kvm", engine="kvm")
@case("under load, unicorn", engine="unicorn")
def under_load(lab, engine):
    """As fast as it can draw, with more viewers and a busy host."""
    machine = painter(lab, engine=engine, append="frames=5", size="640x480")
    viewers = [Viewer(machine), Viewer(machine), Viewer(machine, rest=0.3)]
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(os.cpu_count())]
    lab.closers += [hog.kill for hog in hogs]
    for number in moments(f"under load {engine}", machine):
        shown = screendump(lab, machine)
        for viewer in viewers:
            viewer.wait_for(shown, f"moment {number}")
    stats = machine.stats()
    check_equal(machine.clients(), 1, "several viewers share one client")
    check_equal(stats["sources-running"], 1, "only the screen is tracked")
    for viewer in viewers:
        viewer.close()
    for hog in hogs:
        hog.kill()
        hog.wait()
    check_unwatched(machine)


def digits_of_paint():
    """Its glyphs, as strings of bits: seven lines of five."""
    font = pathlib.Path(__file__).parents[2].joinpath("guests/paint_font.c")
    table = font.read_text().partition("digits[]")[2]
    return {"".join(f"{int(line, 16):05b}" for line in glyph.split(", ")): digit
            for glyph, digit in re.findall(r"\{([0-9a-fx, ]+)\}, /\* (\d) \*/",
                                           table)}


def shown_number(picture, unit):
    """The large digits of the scene for people; None between two frames."""
    known, number = digits_of_paint(), ""
    for cell in range(5):
        dots = [picture.at((8 + 30 * cell + 5 * column) * unit,
                           (34 + 5 * row) * unit) == NUMBER
                for row in range(7) for column in range(5)]
        if any(dots):
            digit = known.get("".join("01"[dot] for dot in dots))
            if digit is None:
                return None
            number += digit
    return int(number) if number else None


@case("640x400", size="640x400", unit=4)
@case("320x200", size="320x200", unit=2)
def the_scene_for_people_is_readable(lab, size, unit):
    """A title, the frame's number and one box: no colour beside theirs."""
    machine = painter(lab, append="scenes=show rate=20", size=size)
    numbers = []

    def look():
        machine.qmp.run("stop")
        picture = screendump(lab, machine)
        machine.qmp.run("cont")
        colours = picture.colours()
        is_whole = colours[BOX] == (16 * unit) ** 2 and \
            set(colours) == {BACKGROUND, FOREGROUND, NUMBER, BOX}
        number = is_whole and shown_number(picture, unit)
        return number and number not in numbers and number
    for _ in range(5):
        numbers.append(wait_until(look, "a whole frame, another one"))
        time.sleep(0.1)
    check_equal(numbers, sorted(numbers), "numbers")


@case
def both_formats_of_screendump_are_the_same_picture(lab):
    machine = painter(lab)
    machine.qmp.run("stop")
    shown = screendump(lab, machine)
    machine.qmp.run("screendump", filename=str(lab.path("dump.png")),
                    format="png")
    check_same(read_png(lab.path("dump.png")), shown, "png and ppm")


main()
