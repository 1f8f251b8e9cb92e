#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stock QEMU whose memory another process writes: the back end of vhost-user.
Its writes are not detected, so no checkpoint is made, and smudge rate names it.
"""
import mmap
import os
import shutil
import subprocess

from layers import said, verify
from linux_machine import Saver
from ratetest import lines_of, need_method
from smudgetest import PATIENCE, Skip, case, check, check_equal, \
    check_sentence, main, wait_until
from stock_qemu import MEMORY, StockQemu
from stores import is_listening

DAEMON = "qemu-storage-daemon"


def back_end(lab):
    """A disk that another process than QEMU has; its process, its socket."""
    if not shutil.which(DAEMON):
        raise Skip(f"no {DAEMON}")
    disk, path = lab.path("disk"), lab.path("vhost-user")
    with open(disk, "wb") as file:
        file.truncate(16 << 20)
    process = subprocess.Popen(
        [DAEMON, "--blockdev", f"driver=file,node-name=f,filename={disk}",
         "--blockdev", "driver=raw,node-name=d,file=f", "--export",
         "vhost-user-blk,id=e,node-name=d,writable=on,addr.type=unix,"
         f"addr.path={path}"], stdin=subprocess.DEVNULL)
    lab.closers.append(lambda: (process.kill(), process.wait()))
    wait_until(lambda: is_listening(path), "the back end's socket")
    return process, path


def maps(process, name):
    with open(f"/proc/{process.pid}/maps", encoding="utf-8") as file:
        return name in file.read()


@case
def a_back_end_is_refused_and_named(lab):
    daemon, path = back_end(lab)
    qemu = StockQemu(lab, "source", "-chardev", f"socket,id=c,path={path}",
                     "-device", "vhost-user-blk-pci,chardev=c")
    qemu.console.wait_passes(2)
    name = os.readlink(qemu.memory_path())
    wait_until(lambda: maps(daemon, name), "the back end has the memory")
    text = said("checkpoint", "--qemu", qemu.qmp_path, "--to",
                lab.path("layers"), status=1)
    check_sentence(text.rstrip("\n"), f"process {daemon.pid} \\(qemu-storage-da",
                   "in place of vhost-user")
    passes = len(qemu.console.passes())
    wait_until(lambda: len(qemu.console.passes()) > passes + 1, "more passes")
    check(not qemu.console.disk_was_wrong(), "the disk has another number")
    need_method(qemu.process.pid, "uffd")
    *_, summary = lines_of("--qmp", qemu.qmp_path, "--count", 1)
    writers = summary["processes"][0]["unseen"]["writers"]
    # QEMU 11 has an io_uring, for its main loop
    check_equal([(w["pid"], w["bytes"]) for w in writers
                 if w["kind"] == "process"], [(daemon.pid, MEMORY)], "writers")


@case
def one_that_comes_later_ends_the_series(lab):
    qemu = StockQemu(lab, "source")
    qemu.console.wait_passes(2)
    folder = lab.path("layers")
    saver = Saver(lab, qemu, folder, "--every", "0.3")
    saver.wait_layers(2)
    with open(qemu.memory_path(), "r+b") as memory:
        other = mmap.mmap(memory.fileno(), MEMORY)
    # while one is saved or between two: what was in place until then is good
    check_equal(saver.process.wait(PATIENCE), 1, "status of the series")
    check_sentence(saver.errors().splitlines()[-1],
                   f"process {os.getpid()} \\(", "in place of vhost-user")
    other.close()
    qemu.console.wait_passes(2)
    verify(folder)


if __name__ == "__main__":
    main()
