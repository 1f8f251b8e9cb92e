#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge checkpoint --qemu --disk-snapshot: a guest that writes to its disk by
O_DIRECT, with its disk at each moment; and what a kill leaves."""
import re
import resource
import signal
import subprocess

from layers import does_not_stop, listed, said
from qmp_proxy import Proxy
from smudgetest import MIB, PATIENCE, TOOL, case, check, check_equal, check_sentence, \
    main, wait_until
from stock_qemu import Console, StockQemu, connect, end


def machine(lab, *more):
    """A QEMU with a disk that is written, and a second monitor."""
    disk = lab.path("disk.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "16M"],
                   check=True)
    qemu = StockQemu(lab, "source", "-drive",
                     f"if=virtio,id=d,format=qcow2,cache=none,file={disk}",
                     "-qmp", f"unix:{lab.path('second')},server=on,wait=off", *more)
    qemu.console.wait_passes(5)
    return qemu, disk


def snapshots(disk):
    """Their names, also of an image that is in use."""
    text = subprocess.run(["qemu-img", "snapshot", "-U", "-l", disk], check=True,
                          capture_output=True, text=True).stdout
    return [line.split()[1] for line in text.splitlines()[2:]]


def checkpoint(qemu, folder, *more, status=0):
    return said("checkpoint", "--qemu", qemu.qmp_path, "--to", folder,
                "--disk-snapshot", *more, status=status)


def restore(lab, folder, number):
    process = subprocess.Popen(
        [TOOL, "restore", f"{folder}@{number}", "--qemu", "--memory",
         lab.path(f"ram{number}"), "--run"], cwd=lab.folder,
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lab.closers.append(lambda: (process.poll() is None and process.kill(),
                                process.communicate()))
    said_of_disk = process.stderr.readline()
    # QEMU's own warnings are passed over
    while "smudge: qemu-img" in (line := process.stderr.readline()) or \
            (line and not line.startswith("smudge: ")):
        pass
    check(re.match("smudge: qemu-img (snapshot -c smudge-before-|create )",
                   said_of_disk), said_of_disk)
    check(re.search("the guest continues, as of", line), line)
    return process


def runs_well(qemu, qmp):
    wait_until(lambda: qmp.run("query-status")["status"] == "running",
               "the machine runs")
    qemu.console.wait_passes(2)
    check(not qemu.console.disk_was_wrong(), "the disk is wrong")


@case
def each_moment_has_its_disk(lab):
    qemu, disk = machine(lab)
    folder = lab.path("layers")
    checkpoint(qemu, folder, "--every", "1", "--count", "4")
    qemu.console.wait_passes(3)
    before = qemu.console.passes()
    qemu.kill()
    check_equal(len(snapshots(disk)), 4, "snapshots")
    firsts = []
    for number in 2, 4, 1:
        process = restore(lab, folder, number)
        console = Console(lab.path("source.serial"))
        wait_until(lambda: len(console.passes()) >= 3, "three passes")
        check(not console.disk_was_wrong(), f"disk of {number}: {console.text()}")
        firsts.append(console.passes()[0])
        end(process)
    check(before[0] < firsts[2] < firsts[0] < firsts[1] <= before[-1] + 1,
          f"{firsts} of {before[-1]}")
    subprocess.run(["qemu-img", "check", "-q", disk], check=True)


def machine_with_raw_disk(lab):
    disk = lab.path("disk.raw")
    disk.write_bytes(bytes(16 * MIB))
    qemu = StockQemu(lab, "source", "-drive",
                     f"if=virtio,format=raw,cache=none,file={disk}",
                     "-qmp", f"unix:{lab.path('second')},server=on,wait=off")
    qemu.console.wait_passes(5)
    lab.path("overlays").mkdir()
    return qemu, disk


@case
def each_moment_has_its_disk_by_overlays(lab):
    qemu, disk = machine_with_raw_disk(lab)
    folder, overlays = lab.path("layers"), lab.path("overlays")
    said("checkpoint", "--qemu", qemu.qmp_path, "--to", folder, "--disk-overlays",
         overlays, "--every", "1", "--count", "3")
    qemu.console.wait_passes(3)
    qemu.kill()
    check_equal(len(list(overlays.iterdir())), 3, "overlays")
    kept = {path: path.read_bytes() for path in [disk, *overlays.iterdir()]}
    restored = []
    for number in 2, 3, 1:
        restored.append(number)
        process = restore(lab, folder, number)
        console = Console(lab.path("source.serial"))
        wait_until(lambda: len(console.passes()) >= 3, "three passes")
        check(not console.disk_was_wrong(), f"disk of {number}: {console.text()}")
        end(process)
        check_equal(len(list(overlays.glob("smudge-restored-*-0.qcow2"))),
                    len(restored), "new overlays")
    for path, content in kept.items():
        check(path.read_bytes() == content, f"{path} was written")


@case
def an_overlay_of_a_checkpoint_that_fails_is_merged(lab):
    qemu, disk = machine_with_raw_disk(lab)
    folder, overlays = lab.path("layers"), lab.path("overlays")
    done = too_large(qemu, folder, "--disk-overlays", overlays)
    check_equal(done.returncode, 1, f"{done}")
    check_equal(list(overlays.iterdir()), [], "overlays")
    qmp = connect(lab.path("second"), qemu.process)
    runs_well(qemu, qmp)
    images = [block["inserted"]["image"]["filename"]
              for block in qmp.run("query-block")
              if block["device"] == "virtio0"]
    check_equal(images, [str(disk)], "images")


def too_large(qemu, folder, *more):
    """A checkpoint whose layer cannot be written."""
    return subprocess.run(
        [TOOL, "checkpoint", "--qemu", qemu.qmp_path, "--to", folder, "--full",
         "--uncompressed", *more], capture_output=True, text=True,
        timeout=PATIENCE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                              (65536, 65536)))


@case
def a_kill_at_each_command_leaves_it_running(lab):
    qemu, disk = machine(lab)
    qmp = connect(lab.path("second"), qemu.process)
    for is_before in True, False:
        for number in range(200):
            proxy = Proxy(lab.path(f"proxy{number}{is_before}"), qemu.qmp_path,
                          number, is_before)
            process = subprocess.Popen(
                [TOOL, "checkpoint", "--qemu",
                 lab.path(f"proxy{number}{is_before}"), "--pid",
                 str(qemu.process.pid), "--to", lab.path("layers"),
                 "--disk-snapshot"], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True)
            proxy.serves(process.pid)
            _, err = process.communicate(timeout=PATIENCE)
            runs_well(qemu, qmp)
            if process.returncode == 0:
                break
            if not does_not_stop(err):
                check_equal(process.returncode, -signal.SIGKILL, err)
            proxy.thread.join(PATIENCE)
            check(not proxy.thread.is_alive(), "the guard has ended")
        check(10 < number < 199, f"{number} commands")
        check(any(b'"stop"' in command for command in proxy.commands),
              f"{proxy.commands}")
    check_equal(len(listed(lab.path("layers"))) >= 2, True, "layers")


@case
def a_checkpoint_that_fails_leaves_no_snapshot(lab):
    qemu, disk = machine(lab)
    folder = lab.path("layers")
    checkpoint(qemu, folder)
    check_equal(len(snapshots(disk)), 1, "snapshots")
    done = too_large(qemu, folder, "--disk-snapshot")
    check_equal(done.returncode, 1, f"{done}")
    check_equal(len(snapshots(disk)), 1, "snapshots")
    check_equal(len(listed(folder)), 1, "layers")
    runs_well(qemu, connect(lab.path("second"), qemu.process))


@case
def paused_stays_paused(lab):
    qemu, disk = machine(lab)
    qmp = connect(lab.path("second"), qemu.process)
    qmp.run("stop")
    checkpoint(qemu, lab.path("layers"), "--every", "1", "--count", "2")
    check_equal(qmp.run("query-status")["running"], False, "it runs")
    check_equal(len(snapshots(disk)), 2, "snapshots")
    qmp.run("cont")
    runs_well(qemu, qmp)


@case
def a_disk_that_can_have_none(lab):
    raw = lab.path("raw.img")
    raw.write_bytes(bytes(1 << 20))
    qemu, disk = machine(lab, "-drive", f"if=virtio,format=raw,file={raw}")
    check_sentence(checkpoint(qemu, lab.path("layers"), status=1).strip(),
                   "raw.img, is raw", "--disk-overlays")
    check_equal(snapshots(disk), [], "snapshots")
    runs_well(qemu, connect(lab.path("second"), qemu.process))


if __name__ == "__main__":
    main()
