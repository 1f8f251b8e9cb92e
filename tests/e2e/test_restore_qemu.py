#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge restore --qemu: a stock QEMU's guest continues from a layer."""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

from ending import end_in_time
from layers import answer, said, tool
from smudgetest import MIB, PATIENCE, TOOL, case, check, check_equal, \
    check_sentence, main, wait_until
from stock_qemu import MEMORY, QEMU, StockQemu, connect, end, make_layer


def saved(lab, *more, **machine):
    """A folder with a layer; the memory of its moment, and the last pass."""
    qemu = StockQemu(lab, "source", *more)
    qemu.console.wait_passes(5)
    folder = lab.path("layers")
    memory = qemu.save(folder, **machine)
    return folder, memory, qemu.console.last_pass(), qemu


def start(lab, folder, memory, *more):
    """smudge restore --run; its process is QEMU's."""
    process = subprocess.Popen(
        [TOOL, "restore", str(folder), "--qemu", "--memory", str(memory), "--run",
         *more], cwd=lab.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)

    def close():
        if process.poll() is None:
            process.kill()
        process.communicate()
    lab.closers.append(close)
    return process


def continues(console, last):
    """The guest goes on at the pass after the last one, and finds no error."""
    def has_some():
        return len(console.passes()) >= 3 and \
            console.passes()[0] == last + 1
    wait_until(has_some, f"pass {last + 1} and two more")


def leaves_shared_memory_out(qmp):
    """As savevm and a migration then do."""
    return any(c["capability"] == "x-ignore-shared" and c["state"]
               for c in qmp.run("query-migrate-capabilities"))


def check_memory_is_migrated(qemu, process):
    qmp = connect(qemu.qmp_path, process)
    check_equal(leaves_shared_memory_out(qmp), False, "x-ignore-shared")
    qmp.close()


@case
def run_becomes_qemu_and_the_guest_continues(lab):
    folder, memory, last, source = saved(lab)
    process = start(lab, folder, lab.path("ram"))
    continues(source.console, last)
    check_memory_is_migrated(source, process)
    check_equal(os.readlink(f"/proc/{process.pid}/exe"),
                os.path.realpath(shutil.which(QEMU)), "the process")
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    umask = os.umask(0o77)
    os.umask(umask)
    check_equal(int(re.search(r"Umask:\s*(\d+)", status)[1], 8), umask, "umask")
    check_equal(int(re.search(r"SigIgn:\s*(\w+)", status)[1], 16) >>
                signal.SIGXFSZ - 1 & 1, 0, "SIGXFSZ is ignored")
    # said by a process beside it, which must see that the guest runs
    wait_until(lambda: process.stderr.readline() == "smudge: the guest "
               "continues, as of layer-00000001.qcow2\n", "the sentence")
    check_equal(end(process), 0, "QEMU's status")
    check_equal(process.communicate()[0], "", "stdout")


@case
def the_file_has_the_memory_and_holes(lab):
    folder, memory, _, _ = saved(lab)
    reply = answer("restore", folder, "--qemu", "--memory", lab.path("ram"))
    ram = lab.path("ram")
    subprocess.run(["cmp", ram, memory], check=True)
    check_equal(ram.stat().st_mode & 0o777, 0o600, "mode")
    check(ram.stat().st_blocks * 512 < MEMORY / 8, f"{ram.stat()}")
    check_equal(reply["memory"], [{"id": "mem", "file": str(ram),
                                   "size-bytes": MEMORY}], "memory")
    check_equal(lab.path("ram.state").read_bytes(),
                lab.path("state").read_bytes() + b"\x06\0\0\0\0", "state")
    check_equal(reply["was-running"], True, f"{reply}")
    check(f"memory-backend-file,id=mem,size={MEMORY},share=on,mem-path={ram}"
          in reply["arguments"], f"{reply}")
    check_equal([c["execute"] for c in reply["qmp"]],
                ["migrate-set-capabilities", "migrate-incoming", "cont"], "qmp")
    check_equal([c["execute"] for c in reply["qmp-after"]],
                ["migrate-set-capabilities"], "qmp-after")


@case
def what_is_printed_can_be_pasted(lab):
    folder, _, last, source = saved(lab)
    done = subprocess.run(
        [TOOL, "restore", folder, "--qemu", "--memory", "it's ram, too"],
        cwd=lab.folder, text=True, capture_output=True, timeout=PATIENCE)
    check_equal(done.returncode, 0, f"{done}")
    environment = {**os.environ,
                   "PATH": f"{pathlib.Path(TOOL).parent}:{os.environ['PATH']}"}
    # exec, so that it is QEMU that is ended
    command = done.stdout.replace(f"\n{QEMU}", f"\nexec {QEMU}")
    process = subprocess.Popen(["sh", "-c", command], cwd="/", env=environment,
                               stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    lab.closers.append(lambda: (process.kill(), process.wait()))
    connect(source.qmp_path, process).close()
    first, then = done.stdout.split("# and when")

    def paste(text):
        for line in re.findall(r"^#   (smudge .*)$", text, re.M):
            subprocess.run(["sh", "-c", line], check=True, env=environment,
                           cwd="/", stdout=subprocess.DEVNULL)
    paste(first)
    continues(source.console, last)
    paste(then)
    check_memory_is_migrated(source, process)


@case
def a_monitor_is_added_where_none_is_known(lab):
    folder, _, last, source = saved(lab)
    words = list(source.arguments)
    at = words.index("-qmp")
    del words[at:at + 2]
    reply = json.loads(said("restore", folder, "--qemu", "--json", "--memory",
                            lab.path("ram"), "--", *words))
    check_equal(reply["monitor"], f"{lab.path('ram')}.qmp", "monitor")
    process = subprocess.Popen(reply["arguments"], stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    lab.closers.append(lambda: (process.kill(), process.wait()))
    qmp = connect(reply["monitor"], process)
    for command in reply["qmp"]:
        qmp.run(command["execute"], **command.get("arguments", {}))
    continues(source.console, last)
    qmp.close()


@case
def paused_stays_paused(lab):
    # as a machine that somebody had stopped
    folder, _, last, source = saved(lab, **{"is_stopped": True,
                                            "was-running": False})
    process = start(lab, folder, lab.path("ram"))
    wait_until(lambda: "is paused" in process.stderr.readline(), "the sentence")
    qmp = connect(source.qmp_path, process)
    check_equal(qmp.run("query-status")["status"], "paused", "status")
    check_equal(leaves_shared_memory_out(qmp), False, "x-ignore-shared")
    check_equal(source.console.passes(), [], "passes")
    qmp.run("cont")
    continues(source.console, last)
    qmp.close()


@case
def what_was_stopped_for_the_checkpoint_runs(lab):
    """Its state says paused, but it ran."""
    folder, _, last, source = saved(lab, is_stopped=True)
    start(lab, folder, lab.path("ram"))
    continues(source.console, last)


@case
def restored_machines_are_checkpointed_and_restored_again(lab):
    folder, _, _, source = saved(lab)
    process = start(lab, folder, lab.path("ram"))
    source.console.wait_passes(3)
    source.arguments = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes() \
        .decode().rstrip("\0").split("\0")
    check("-mon" in source.arguments, f"{source.arguments}")
    source.process = process
    source.memory_path = lambda: lab.path("ram")
    source.save(lab.path("again"))
    last = source.console.last_pass()
    start(lab, lab.path("again"), lab.path("ram2"))
    continues(source.console, last)


def stop_between_passes(qemu, qmp):
    """Not between its look at the disk and its write: it would miss another one."""
    while True:
        qmp.run("stop")
        registers = qmp.run("human-monitor-command", command_line="info registers")
        if re.search(r"EIP=00007[cd]", registers) and "HLT=1" in registers:
            return
        qmp.run("cont")
        qemu.console.wait_passes(1)


def saved_with_disk(lab, **machine):
    """The same with a disk, which another run of the machine writes to later."""
    disk = lab.path("it's a disk.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "16M"],
                   check=True)
    drive = f"if=virtio,id=d,format=qcow2,cache=none,file={disk}"
    qemu = StockQemu(lab, "source", "-drive", drive)
    qemu.console.wait_passes(5)
    with qemu.connect_closing() as qmp:
        stop_between_passes(qemu, qmp)
        qmp.run("blockdev-snapshot-internal-sync", device="d", name="moment")
    qemu.save(lab.path("layers"), **machine, disks=[
        {"node": "d", "file": str(disk), "snapshot": "moment", "kind": "internal"}])
    last = qemu.console.last_pass()
    later = StockQemu(lab, "source", "-drive", drive)
    later.console.wait_passes(last + 3)
    later.kill()
    return lab.path("layers"), last, qemu, disk


def snapshots(disk):
    text = subprocess.run(["qemu-img", "snapshot", "-l", disk], check=True,
                          capture_output=True, text=True).stdout
    return [line.split()[1] for line in text.splitlines()[2:]]


@case
def the_disk_is_that_of_the_moment(lab):
    folder, last, source, disk = saved_with_disk(lab)
    process = start(lab, folder, lab.path("ram"))
    continues(source.console, last)
    check(not source.console.disk_was_wrong(), source.console.text())
    end(process)
    found = snapshots(disk)
    check_equal((len(found), found[0]), (2, "moment"), f"{found}")
    check(found[1].startswith("smudge-before-"), f"{found}")
    subprocess.run(["qemu-img", "check", "-q", disk], check=True)


@case
def without_its_snapshot_the_guest_finds_another_disk(lab):
    """What the case before would miss if it could."""
    folder, last, source, disk = saved_with_disk(lab)
    process = start(lab, folder, lab.path("ram"), "--", *source.arguments)
    continues(source.console, last)
    wait_until(source.console.disk_was_wrong, "the guest says so")
    end(process)
    _, err = process.communicate()
    check("the disks stay as they are" in err, err)
    check_equal(snapshots(disk), ["moment"], "snapshots")


@case
def disks_are_brought_back_by_what_is_printed(lab):
    folder, last, source, disk = saved_with_disk(lab)
    reply = answer("restore", folder, "--qemu", "--memory", lab.path("ram"))
    check_equal([c[:3] for c in reply["disks"]][1], ["qemu-img", "snapshot", "-a"],
                "commands")
    text = said_restore(folder, lab.path("ram2"))
    first = text[:text.index(f"\n{QEMU}")]
    check("it'\\''s a disk" in first, first)
    subprocess.run(["sh", "-c", first.rstrip("& \n")], check=True)
    check_equal(len(snapshots(disk)), 2, "snapshots")


def said_restore(folder, memory):
    done = tool("restore", folder, "--qemu", "--memory", memory)
    check_equal(done.returncode, 0, f"{done}")
    return done.stdout


@case
def a_disk_that_is_in_use_is_not_touched(lab):
    folder, _, source, disk = saved_with_disk(lab)
    other = StockQemu(lab, "other", "-drive", f"if=virtio,format=qcow2,file={disk}")
    other.console.wait_passes(1)
    process = start(lab, folder, lab.path("ram"))
    _, err = process.communicate(timeout=PATIENCE)
    check_equal(process.returncode, 1, err)
    check("cannot be brought back to the checkpoint" in err, err)
    other.kill()
    check_equal(snapshots(disk), ["moment"], "snapshots")


@case
def a_sandbox_and_several_sockets(lab):
    """-sandbox lets QEMU start no program; it is given a descriptor."""
    folder, _, last, source = saved(
        lab, "-sandbox", "on", "-chardev",
        f"socket,id=c,path={lab.path('c')},server=on,wait=off")
    words = [*source.arguments, "-sandbox", "on,spawn=deny", "-daemonize"]
    process = start(lab, folder, lab.path("ram"), "--", *words)
    continues(source.console, last)
    check_equal(end(process), 0, "QEMU's status")


@case
def a_state_that_cannot_be_loaded(lab):
    folder, memory, _, source = saved(lab)
    machine = lab.path("blob-qemu-machine").read_bytes()
    make_layer(lab, lab.path("bad"), memory, "mem",
               {"qemu-machine": machine, "qemu-state": b"no state" * 100})
    process = start(lab, lab.path("bad"), lab.path("ram"))
    _, err = process.communicate(timeout=PATIENCE)
    check_equal(process.returncode, 1, f"QEMU's status; {err}")
    check("smudge: QEMU ended before the guest continued\n" in err, err)


@case
def another_machine_than_the_state_is_of(lab):
    folder, _, _, source = saved(lab, "-device", "virtio-rng-pci")
    process = start(lab, folder, lab.path("ram"), "--", *source.arguments[:-2])
    _, err = process.communicate(timeout=PATIENCE)
    check_equal(process.returncode, 1, f"QEMU's status; {err}")
    check("smudge: QEMU ended before the guest continued\n" in err, err)


@case
def files_are_not_replaced_without_force(lab):
    folder, _, _, _ = saved(lab)
    for name in "ram", "ram.state":
        lab.path(name).write_text("mine")
        check_sentence(said("restore", folder, "--qemu", "--memory",
                            lab.path("ram"), status=1).strip(), name, "already")
        check_equal(lab.path(name).read_text(), "mine", name)
        check_equal(sorted(p.name for p in lab.folder.glob("*ram*")), [name],
                    "files")
        lab.path(name).unlink()
    lab.path("ram").write_text("mine")
    answer("restore", folder, "--qemu", "--memory", lab.path("ram"), "--force")
    check_equal(lab.path("ram").stat().st_size, MEMORY, "size")


@case
def nothing_is_left_of_a_restore_that_fails(lab):
    folder, _, _, _ = saved(lab)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (MEMORY + 1, MEMORY + 1)
                           if whole else (MIB, MIB))
    for whole in False, True:
        if whole:
            file = next(folder.glob("layer-*"))
            damaged = bytearray(file.read_bytes())
            for at in range(len(damaged) // 4, len(damaged) // 2):
                damaged[at] ^= 0x55
            file.write_bytes(damaged)
        done = subprocess.run(
            [TOOL, "restore", folder, "--qemu", "--memory", "ram"],
            cwd=lab.folder, capture_output=True, text=True, preexec_fn=limit,
            timeout=PATIENCE)
        check_equal(done.returncode, 1, f"{done}")
        check_sentence(done.stderr.strip(), "^smudge: ")
        check_equal(list(lab.folder.glob("*ram*")), [], "files")


@case
def signals_leave_all_or_nothing(lab):
    memory = lab.path("memory")
    memory.write_bytes(os.urandom(128 * MIB))
    machine = {"arguments": ["qemu", "-object", "memory-backend-memfd,id=mem"],
               "backends": [{"id": "mem", "size": 128 * MIB, "region": "mem",
                             "kind": "memfd"}]}
    make_layer(lab, lab.path("layers"), memory, "mem",
               {"qemu-machine": json.dumps(machine).encode(), "qemu-state": b"x"})
    for wait in 0.05, 0.1, 0.2, 0.3:
        process = subprocess.Popen(
            [TOOL, "restore", lab.path("layers"), "--qemu", "--memory", "ram"],
            cwd=lab.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        time.sleep(wait)
        (_, err), _ = end_in_time(process, signal.SIGINT, "restore",
                                  lambda: process.communicate(timeout=PATIENCE))
        files = sorted(p.name for p in lab.folder.iterdir() if "ram" in p.name)
        # SIGALRM ends a command that a busy machine did not let end in time
        if process.returncode == -signal.SIGALRM:
            pass
        elif process.returncode == 0:
            check_equal(files, ["ram", "ram.state"], "files")
            subprocess.run(["cmp", "ram", memory], check=True, cwd=lab.folder)
        else:
            check_equal(files, [], f"files after {process.returncode}, {err!r}")
        for name in files:
            lab.path(name).unlink()


def refused(lab, machine, *parts, words=(), run=True):
    """A layer with such a machine, of 1 MiB."""
    folder = lab.path("refused")
    memory = lab.path("memory")
    memory.write_bytes(b"x" * MIB)
    subprocess.run(["rm", "-rf", folder], check=True)
    blobs = {} if machine is None else {
        name: blob if isinstance(blob, bytes) else json.dumps(blob).encode()
        for name, blob in machine.items()}
    make_layer(lab, folder, memory, "mem", blobs)
    text = said("restore", folder, "--qemu", "--memory", lab.path("ram"),
                *(["--run"] if run else []), *words, status=1)
    check_sentence(text.strip(), *parts)
    check_equal(list(lab.folder.glob("ram*")), [], "files")


def machine_with(*arguments, **more):
    return {"qemu-state": b"x", "qemu-machine": {
        "arguments": ["true", "-object", "memory-backend-memfd,id=mem", *arguments],
        "backends": [{"id": "mem", "size": MIB, "region": "mem", "kind": "memfd"}],
        **more}}


@case
def layers_of_something_else_are_refused(lab):
    refused(lab, None, "holds memory, but no machine of a QEMU")
    refused(lab, {"smudge-vm": b"x"}, "smudge-vm --restore")
    refused(lab, {"process": b"{}"}, "layers export --core")
    refused(lab, {"qemu-machine": b"{", "qemu-state": b"x"}, "damaged")
    refused(lab, {"qemu-state": b"x"}, "no machine of a QEMU")


@case
def machines_that_cannot_be_started_again(lab):
    refused(lab, machine_with("-netdev", "tap,id=n,fd=27"), "fd=27", "after --")
    refused(lab, machine_with("-snapshot"), "-snapshot", "lost")
    refused(lab, machine_with(arguments=["true"]), "'mem'", "after --")
    refused(lab, machine_with(arguments=[]), "no command line")
    refused(lab, machine_with(backends=[]), "no memory backend")
    refused(lab, machine_with(cwd="/no/such"), "/no/such")
    refused(lab, machine_with(arguments=["/no/program", "-object",
                                         "memory-backend-memfd,id=mem"]),
            "/no/program", "after --")
    for size, region, part in (2 * MIB, "mem", "bytes of"), (MIB, "x", "lacks"):
        refused(lab, machine_with(backends=[{"id": "mem", "size": size,
                                             "region": region, "kind": "file"}]),
                part)
    refused(lab, machine_with(backends=[{"id": "../x", "size": MIB, "region": "mem",
                                         "kind": "file"}]), "id")


@case
def a_machine_that_still_runs(lab):
    """QEMU would take over the path of its socket."""
    folder, _, _, source = saved(lab)
    again = StockQemu(lab, "source")
    connect(again.qmp_path, again.process).close()
    check_sentence(said("restore", folder, "--qemu", "--memory", lab.path("ram"),
                        "--run", status=1).strip(), "source.qmp is in use")
    check_equal(again.process.poll(), None, "it runs")
    notes = answer("restore", folder, "--qemu", "--memory", lab.path("ram"))["notes"]
    check("in use" in notes[0]["text"] and notes[0]["forbids-run"], f"{notes}")


@case
def command_lines(lab):
    for words, part in (
            (["restore"], "FOLDER is missing"),
            (["restore", "x"], "--qemu is missing"),
            (["restore", "x", "--qemu"], "--memory FILE is missing"),
            (["restore", "x", "--qemu", "--memory", "-"], "no pipe"),
            (["restore", "s3://x", "--qemu", "--memory", "y"], "of URIs there are"),
            (["restore", "x@0", "--qemu", "--memory", "y"], "names no layer"),
            (["restore", "x", "y", "--qemu", "--memory", "y"], "'y' is too much")):
        done = tool(*words)
        check_equal(done.returncode, 2, f"{done}")
        check_sentence(done.stderr.strip(), re.escape(part))
    check_sentence(said("restore", lab.path("none"), "--qemu", "--memory",
                        lab.path("ram"), status=1).strip(), "none")


if __name__ == "__main__":
    main()
