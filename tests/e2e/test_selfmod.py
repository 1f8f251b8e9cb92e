#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest rewrites its own code, by stores and by DMA, and checks it."""
import os
import re

from smudgetest import case, check, check_equal, main, need_engine, run_guest

GUEST = os.environ["SMUDGE_SELFMOD"]
OK = 0
ERRORS = 35


@case("kvm", engine="kvm")
@case("unicorn", engine="unicorn")
@case("unicorn, stores only", engine="unicorn", by="stores")
@case("unicorn, dma only", engine="unicorn", by="dma")
def right(lab, engine, by="both"):
    found = run_guest(GUEST, engine, f"passes=20 by={by}")
    check_equal(found.returncode, OK, found.stdout[-500:] + found.stderr)
    check("selfmod: done passes 20 errors 0\n" in found.stdout, found.stdout)


@case
def unicorn_without_the_code_client_goes_wrong_in_dma(lab):
    """What the client is good for; and this test can fail."""
    found = run_guest(GUEST, "unicorn", "passes=2", "--x-track-code=off")
    check_equal(found.returncode, ERRORS, found.stdout[-500:] + found.stderr)
    errors = re.findall(r"^selfmod: error by (\w+)", found.stdout, re.M)
    check(errors and set(errors) == {"dma"}, f"errors by {errors}")
    found = run_guest(GUEST, "unicorn", "passes=2 by=stores",
                      "--x-track-code=off")
    check_equal(found.returncode, OK, found.stdout)


def start(lab, engine, *arguments, append="rate=200"):
    machine = lab.machine("first", "--kernel", GUEST, "--append", append,
                          *arguments, engine=engine, memory="32M")
    machine.wait_passes(2)
    return machine


def move(lab, source, number, engine, *arguments):
    uri = f"unix:{lab.path(f'move{number}')}"
    target = lab.machine(f"machine{number}", "--incoming", uri, *arguments,
                         engine=engine, memory="32M")
    target.connect().close()
    source.qmp.run("migrate", uri=uri)
    check_equal(source.qmp.wait_migration("completed", "failed")["status"],
                "completed", "migration")
    source.passes()
    source.end()
    target.wait_passes(5)
    return target


@case("kvm, unicorn and back, while it runs", engines=("kvm", "unicorn", "kvm"))
@case("unicorn to unicorn", engines=("unicorn", "unicorn", "unicorn"))
@case("unicorn with the write hook", engines=("unicorn", "unicorn"),
      dirty="hook")
def moves(lab, engines, dirty="auto"):
    need_engine(*engines)
    machine = start(lab, engines[0], "--dirty", dirty)
    for number, engine in enumerate(engines[1:], 2):
        machine = move(lab, machine, number, engine)


@case
def stopped_and_continued(lab):
    need_engine("unicorn")
    machine = start(lab, "unicorn", append="")
    for _ in range(50):
        machine.qmp.run("stop")
        machine.qmp.run("cont")
    machine.wait_passes(5)


@case
def what_is_watched_is_told(lab):
    need_engine("unicorn")
    machine = start(lab, "unicorn")
    stats = machine.stats()
    check(stats["code-clients"] == 1, f"{stats}")
    check(0 < stats["code-watched-pages"] < 64, f"{stats}")
    check(stats["code-stale-pages"] > 0, f"{stats}")
    machine.check_tracking_off()


if __name__ == "__main__":
    main()
