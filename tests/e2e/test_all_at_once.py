#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Migration, display and code together, over one guest that feeds them all.

guests/everything writes pages, rewrites its code and paints, and checks all
three. It moves from engine to engine while viewers look, so that all clients
watch the same memory at once, and each must get all that it has to: the guest
checks what the migration brought and that no stale code ran, and the
pictures of viewers are compared with guest memory.
"""
import os
import random
import re
import time

from screen import (Picture, Viewer, check_same, check_unwatched, painter,
                    screendump)
from smudgetest import (case, check, check_equal, main, need_engine, note,
                        run_guest, wait_until)

GUEST = os.environ["SMUDGE_EVERYTHING"]
OK, ERRORS = 0, 35
SEED = int(os.environ.get("SMUDGE_TEST_SEED") or
           str(random.SystemRandom().getrandbits(32)), 0)
WIDTH, HEIGHT = 320, 200


def colour(number):
    return ((number * 0x9e3779b9 & 0xffffffff) >> 8).to_bytes(3, "big")


def line(y, generation):
    """A line of the picture, as guests/picture.h says."""
    own = generation * 4096 + y
    mark = (generation * 5 + y) % WIDTH
    pixels = [colour(y if y // 16 % 2 else own)] * WIDTH
    for x in range(mark, min(mark + 24, WIDTH)):
        pixels[x] = bytes(255 - byte for byte in colour(own))
    return b"".join(pixels)


def check_follows(picture, done):
    """Pass `done` is drawn, and of the next one the lines down to somewhere."""
    check_equal((picture.width, picture.height), (WIDTH, HEIGHT), "size")
    torn, is_next = [], True
    for y in range(HEIGHT):
        period = 1 << y // 16 % 4
        before = done - done % period
        after = done + 1 - (done + 1) % period
        found = picture.rgb[y * WIDTH * 3:(y + 1) * WIDTH * 3]
        if before == after:
            check(found == line(y, before), f"line {y} after pass {done}")
        elif is_next and found == line(y, after):
            pass
        else:
            is_next = False
            if found != line(y, before):
                torn.append(y)
    check(len(torn) <= 1, f"after pass {done}, neither old nor new: {torn}")


def machine(lab, name, engine, *arguments, dirty="auto", kernel=None):
    """One that can run the guest, and a viewer of it."""
    found = painter(lab, name, "--dirty", dirty, *arguments, engine=engine,
                    append="working-set=2M rate=20000 pattern=hotset",
                    size=f"{WIDTH}x{HEIGHT}", kernel=kernel, memory="32M")
    viewer = Viewer(found)
    wait_until(lambda: viewer.updates or viewer.error, "a first picture")
    check(viewer.error is None, f"{viewer.error}")
    return found, viewer


def check_watched_by_all(source, viewer, uri):
    """Round after round, while the guest goes on and the viewer is served."""
    # the first round takes seconds, in which the guest writes all its pages,
    # and the second one lasts until all is seen
    source.qmp.run("migrate-set-parameters", max_bandwidth=1_000_000,
                   downtime_limit=1, x_smudge_max_rounds=1_000_000)
    source.qmp.run("migrate", uri=uri)

    def in_round(number):
        report = source.qmp.migration()
        check(report["status"] in ("setup", "active"), f"status of {report}")
        return report.get("ram", {}).get("dirty-sync-count", 0) >= number
    wait_until(lambda: in_round(2), "a second round")
    source.qmp.run("migrate-set-parameters", max_bandwidth=50_000)
    updates = viewer.updates
    source.wait_passes(3)
    wait_until(lambda: viewer.updates >= updates + 3, "the viewer sees more")
    check_equal(source.clients(), 2, "the migration's and the viewer's client")
    stats = source.stats()
    if stats["engine"] == "unicorn":
        check(stats["code-clients"] > 0, f"{stats}")
    in_round(2)  # still under way
    source.qmp.run("migrate-set-parameters", max_bandwidth=0,
                   downtime_limit=2000)


def check_pictures(lab, here, there):
    """Both machines stand, and show what the guest drew last."""
    (source, viewer), (target, next_viewer) = here, there
    shown = screendump(lab, source)
    check_follows(shown, source.passes()[-1])
    check_same(screendump(lab, target), shown, "the screens' memory")
    check_same(viewer.wait_for_end(), shown, "the last picture at the source")
    next_viewer.wait_for(shown, "the first picture at the destination")


def check_moments(lab, here, count, rng):
    """The guest goes on, and at random moments its viewer has its picture."""
    source, viewer = here
    source.wait_passes(3)
    for number in range(count):
        time.sleep(rng.random() * 0.1)
        source.qmp.run("stop")
        shown = screendump(lab, source)
        check_follows(shown, source.passes()[-1])
        viewer.wait_for(shown, f"moment {number} at {source.name}")
        source.qmp.run("cont")
    stats = source.stats()
    if stats["engine"] == "unicorn":
        for name in ("clients", "watched-pages", "blocks", "stale-pages"):
            check(stats["code-" + name] > 0, f"code-{name} of {stats}")
    check_equal(source.clients(), 1, "only the viewer's client")


def move(lab, here, name, engine, dirty):
    source, viewer = here
    uri = f"unix:{lab.path(name + '.sock')}"
    there = machine(lab, name, engine, "--incoming", uri, "-S", dirty=dirty)
    target = there[0]
    check_watched_by_all(source, viewer, uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "completed", f"status of {report}")
    target.qmp.wait_migration("completed")
    check_equal(source.qmp.run("x-smudge-memory-digest"),
                target.qmp.run("x-smudge-memory-digest"), "digests")
    check_pictures(lab, here, there)
    viewer.close()
    check_unwatched(source)
    passes = source.passes()
    source.end()
    target.qmp.run("cont")
    target.wait_passes(2)
    check(target.passes()[0] in (passes[-1] + 1, passes[-1] + 2),
          f"passes {passes[-3:]} went on as {target.passes()}")
    return there


@case("kvm, unicorn and back", engines=("kvm", "unicorn", "kvm"))
@case("unicorn, kvm and back", engines=("unicorn", "kvm", "unicorn"))
@case("kvm, unicorn and back, by the sources they do not choose themselves",
      engines=("kvm", "unicorn", "kvm"), dirty=("kvm-legacy", "hook", "uffd"))
def moves(lab, engines, dirty=("auto", "auto", "auto")):
    need_engine(*engines)
    note(f"{engines} {dirty}: SMUDGE_TEST_SEED={SEED:#x}")
    rng = random.Random(SEED)
    here = machine(lab, "first", engines[0], dirty=dirty[0], kernel=GUEST)
    check_moments(lab, here, 5, rng)
    for number in (1, 2):
        here = move(lab, here, f"machine{number}", engines[number],
                    dirty[number])
        check_moments(lab, here, 10, rng)
    last, viewer = here
    viewer.close()
    check_unwatched(last)
    last.check_runs_on()


@case("to its end, kvm", engine="kvm")
@case("to its end, unicorn", engine="unicorn")
def to_its_end(lab, engine):
    for pattern in ("sequential", "random", "alternating", "hotset"):
        found = run_guest(GUEST, engine, "passes=9 working-set=256K "
                          f"pattern={pattern}", "--display", "160x100")
        check_equal(found.returncode, OK, found.stdout[-500:] + found.stderr)
        check("everything: done passes 9 errors 0\n" in found.stdout,
              found.stdout)


@case
def without_the_code_client_it_goes_wrong_in_dma(lab):
    found = run_guest(GUEST, "unicorn", "passes=9", "--display", "160x100",
                      "--x-track-code=off")
    check_equal(found.returncode, ERRORS, found.stdout[-500:] + found.stderr)
    errors = re.findall(r"^everything: error (\w+ \w+)", found.stdout, re.M)
    check(errors and set(errors) == {"by dma"}, f"errors {errors}")


@case
def without_a_display_it_says_so(lab):
    found = run_guest(GUEST, "unicorn", "passes=1")
    check_equal(found.returncode, ERRORS, found.stdout)
    check_equal(found.stdout,
                "everything: error this machine has no display\n", "output")


@case
def the_picture_is_checked_line_by_line(lab):
    """check_follows can fail: each way in which a picture may be wrong."""
    def drawn(generations):
        return Picture(WIDTH, HEIGHT, b"".join(
            line(y, generation) for y, generation in enumerate(generations)))

    def of_pass(number):
        return [number - number % (1 << y // 16 % 4) for y in range(HEIGHT)]

    def fails(picture, done):
        try:
            check_follows(picture, done)
        except AssertionError:
            return True
        return False
    old, new = of_pass(7), of_pass(8)
    for half in (0, 33, HEIGHT):
        check_follows(drawn(new[:half] + old[half:]), 7)
    check(fails(drawn(old[:60] + new[60:]), 7), "drawn from the bottom")
    check(fails(drawn(of_pass(6)), 7), "a pass behind")
    check(fails(drawn(of_pass(9)), 7), "a pass ahead")
    spoiled = bytearray(drawn(old).rgb)
    spoiled[WIDTH * 3 * 20] ^= 1
    spoiled[WIDTH * 3 * 40] ^= 1
    check(fails(Picture(WIDTH, HEIGHT, spoiled), 7), "two pixels")


main()
