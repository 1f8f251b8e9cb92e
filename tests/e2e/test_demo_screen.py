#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge demo --screen and smudge screenshot: pictures, and when there are none."""
import os
import subprocess

from screen import (check_same, free_display, painter, read_png, screendump)
from smudgetest import (PATIENCE, TOOL, any_engine, case, check, check_equal,
                        check_passes, check_sentence, main, need_engine)


def smudge(lab, *arguments, status=0):
    lab.path("tmp").mkdir(exist_ok=True)
    done = subprocess.run([TOOL, *map(str, arguments)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE * 2,
                          env=dict(os.environ, TMPDIR=str(lab.path("tmp"))))
    check_equal(done.returncode, status, f"{arguments}: {done}")
    return done


@case("kvm to kvm", engines=("kvm", "kvm"))
@case("kvm to unicorn", engines=("kvm", "unicorn"))
@case("unicorn to kvm", engines=("unicorn", "kvm"))
def demo_screen(lab, engines):
    need_engine(*engines)
    lab.path("out").mkdir()
    done = smudge(lab, "demo", "--screen", lab.path("out"), "--memory", "32M",
                  "--engine", engines[0], "--dest-engine", engines[1])
    check_equal(done.stderr, "", "stderr")
    check("have the same picture" in done.stdout, f"pictures: {done.stdout}")
    check_passes(done.stdout)
    source = read_png(lab.path("out") / "demo-screen-source.png")
    check_same(read_png(lab.path("out") / "demo-screen-destination.png"),
               source, "both sides")
    check(len(set(source.rgb[0::3])) > 2, "an empty picture")
    both = read_png(lab.path("out") / "demo-screen.png")
    check_equal((both.width, both.height), (source.width * 2 + 8, source.height),
                "size of both")
    check_equal(list(lab.path("tmp").iterdir()), [], "files of the demo")


@case
def no_folder_for_the_pictures(lab):
    done = smudge(lab, "demo", "--screen", lab.path("none"), "--memory", "32M",
                  "--engine", any_engine(), status=1)
    check_sentence(done.stderr.strip(), f"^smudge: {lab.path('none')} cannot "
                   "be used: No such file")
    check_equal(done.stdout, "", "nothing began")
    check_equal(list(lab.path("tmp").iterdir()), [], "files of the demo")


@case
def screenshot(lab):
    machine = painter(lab)
    machine.qmp.run("stop")
    path = lab.path("shot.png")
    smudge(lab, "screenshot", "--vnc", f":{machine.display}", path)
    check_same(read_png(path), screendump(lab, machine), "the screenshot")


@case
def screenshots_that_fail(lab):
    path = lab.path("shot.png")
    done = smudge(lab, "screenshot", "--vnc", f":{free_display()}", path,
                  status=1)
    check_sentence(done.stderr.strip(), "^smudge: no VNC server")
    for wrong in ("5", ":", ":x", ":70000", ":-1"):
        done = smudge(lab, "screenshot", "--vnc", wrong, path, status=2)
        check_sentence(done.stderr.strip(), "takes .HOST.:N")
    smudge(lab, "screenshot", path, status=2)
    smudge(lab, "screenshot", "--vnc", ":1", status=2)


main()
