#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge checkpoint --qemu: the guest of a stock QEMU, while it runs."""
import json
import os
import socket
import subprocess

from layers import listed, said, tool, verify
from smudgetest import MIB, PATIENCE, TOOL, Over, Skip, case, check, check_equal, \
    check_sentence, main, wait_until
from stock_qemu import MEMORY, QEMU, Closing, StockQemu, connect, need_qemu, \
    qemu_program

MEMFD = "memory-backend-memfd,share=on"
IN_FOLDER = "memory-backend-file,share=on,mem-path=/dev/shm"


def start(lab, *more, **options):
    """A QEMU that answers."""
    qemu = StockQemu(lab, "source", *more, **options)
    qemu.connect().close()
    return qemu


def save(qemu, folder, *more, socket_path=None):
    """The layers that a run of smudge says it made."""
    done = tool("checkpoint", "--qemu", socket_path or qemu.qmp_path, "--to", folder,
                "--json", *more)
    check_equal(done.returncode, 0, f"status: {done.stderr}")
    check_equal(done.stderr, "", "stderr")
    if "--every" in more:
        return [json.loads(line) for line in done.stdout.splitlines()]
    return [json.loads(done.stdout)]


def refused(qemu, *parts, socket_path=None, more=()):
    text = said("checkpoint", "--qemu", socket_path or qemu.qmp_path, "--to",
                qemu.lab.path("refused"), *more, status=1)
    check_sentence(text.rstrip("\n"), *parts)
    with qemu.connect_closing() as qmp:
        return qmp.run("query-status")["status"]


def restore(lab, folder):
    """smudge, which becomes QEMU with the guest that continues from a layer."""
    lab.path("source.serial").unlink()
    process = subprocess.Popen(
        [TOOL, "restore", str(folder), "--qemu", "--memory", lab.path("ram"), "--force",
         "--run"], cwd=lab.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=open(lab.path("restore.log"), "wb"))

    def close():
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
    lab.closers.append(close)
    return process


def check_continues(lab, qemu, folder, first):
    """The guest of a layer says the pass after the moment, and no error."""
    qemu.kill()
    process = restore(lab, folder)
    wait_until(lambda: process.poll() is not None or len(qemu.console.passes()) > 2,
               "passes of the restored guest")
    if process.poll() is not None:
        raise AssertionError(lab.path("restore.log").read_text())
    passes = qemu.console.passes()
    check(first <= passes[0], f"pass {passes[0]} after {first}")
    check_equal(passes, list(range(passes[0], passes[0] + len(passes))), "passes")
    process.kill()
    process.wait(PATIENCE)
    return passes[0]


@case
def a_chain_while_it_runs(lab):
    qemu = start(lab)
    qemu.console.wait_passes(3)
    folder = lab.path("layers")
    layers = save(qemu, folder, "--every", "0.3", "--count", "4")
    check_equal([layer["full"] for layer in layers], [True] + 3 * [False], "full")
    for layer in layers:
        check(0 < layer["own-pause-ns"] and layer["stopped-ns"] > 0, layer)
        check(layer["device-state-bytes"] > 10000, layer)
    check(all(layer["pages"] < MEMORY / 4096 / 4 for layer in layers[1:]), layers)
    check_equal(len(listed(folder)), 4, "layers")
    verify(folder)
    qemu.console.wait_passes(3)
    last = len(qemu.console.passes())
    middle = check_continues(lab, qemu, f"{folder}@2", 1)
    check(middle < last, f"{middle} of {last}")
    latest = check_continues(lab, qemu, folder, middle)
    if latest == middle:
        raise Over(f"the guest said no pass between two moments: {middle}")


@case
def its_settings_are_put_back(lab):
    qemu = start(lab)
    with qemu.connect_closing() as qmp:
        qmp.run("migrate-set-capabilities", capabilities=[
            {"capability": name, "state": True} for name in ("multifd", "events")])
        qmp.run("migrate-set-parameters", max_bandwidth=12345678, downtime_limit=7)
        was = qmp.run("query-migrate-parameters")
    save(qemu, lab.path("layers"))
    with qemu.connect_closing() as qmp:
        check_equal(sorted(c["capability"] for c in
                           qmp.run("query-migrate-capabilities") if c["state"]),
                    ["events", "multifd"], "capabilities")
        check_equal(qmp.run("query-migrate-parameters"), was, "parameters")


@case
def a_paused_guest_stays_paused(lab):
    qemu = start(lab)
    qemu.console.wait_passes(2)
    with qemu.connect_closing() as qmp:
        qmp.run("stop")
    passes, last = qemu.console.passes(), qemu.console.last_pass()
    layers = save(qemu, lab.path("layers"), "--every", "0.1", "--count", "3")
    check_equal([layer["pages"] for layer in layers[1:]], [0, 0], "pages")
    check_equal(qemu.console.passes(), passes, "passes")
    with qemu.connect_closing() as qmp:
        check(not qmp.run("query-status")["running"], "it runs")
        qmp.run("cont")
    qemu.console.wait_passes(2)
    qemu.kill()
    process = restore(lab, lab.path("layers"))
    with Closing(connect(qemu.qmp_path, process)) as qmp:
        wait_until(lambda: not qmp.run("query-status")["status"] == "inmigrate", "it came")
        check(not qmp.run("query-status")["running"], "the restored one runs")
        qmp.run("cont")
    wait_until(lambda: qemu.console.passes(), "a pass")
    check_equal(qemu.console.passes()[0], last + 1, "the pass that follows")


@case
def one_that_is_paused_still_is_not_saved_twice(lab):
    qemu = start(lab)
    qemu.console.wait_passes(1)
    with qemu.connect_closing() as qmp:
        qmp.run("stop")
    save(qemu, lab.path("layers"))
    with qemu.connect_closing() as qmp:
        if qmp.run("query-status")["status"] != "postmigrate":
            raise Skip("this QEMU saves it as often as it is asked")
    check_equal(refused(qemu, "let it run"), "postmigrate", "status")


def check_saved(lab, qemu, **more):
    qemu.console.wait_passes(2)
    layers = save(qemu, lab.path("layers"), "--every", "0.2", "--count", "2", **more)
    qemu.console.wait_passes(1)
    check_continues(lab, qemu, lab.path("layers"), 1)
    return layers


@case
def memory_in_a_file(lab):
    path = lab.path("shared-ram")
    qemu = start(lab, backend=f"memory-backend-file,share=on,mem-path={path}")
    check_saved(lab, qemu)


@case
def memory_in_a_file_without_a_name(lab):
    check_saved(lab, start(lab, backend=IN_FOLDER))


@case
def a_memfd_that_qemu_saves_with_its_devices_is_refused(lab):
    need_qemu()
    if qemu_program.version() < (8, 1):
        raise Skip("this QEMU leaves it out")
    qemu = start(lab, backend=MEMFD)
    qemu.console.wait_passes(1)
    check_equal(refused(qemu, "the memory mem with its devices",
                        "memory-backend-file,id=mem,"), "running", "status")
    qemu.console.wait_passes(2)
    check_equal(list(lab.path("refused").glob("*")), [], "layers")


@case
def two_backends_of_one_size(lab):
    need_qemu()
    qemu = start(lab, "-m", f"{MEMORY // MIB}M,slots=1,maxmem=1G", "-object",
                 f"{qemu_program.shared_memory()},id=plugged,size={MEMORY}", "-device",
                 "pc-dimm,memdev=plugged")
    layers = check_saved(lab, qemu)
    check_equal(layers[0]["memory-bytes"], 2 * MEMORY, "memory")


@case
def a_sandbox_and_root_ports(lab):
    qemu = start(lab, "-sandbox",
                     "on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
                     "resourcecontrol=deny", "-machine", "q35", "-device",
                     "pcie-root-port,id=p1,port=8,chassis=1", "-device",
                     "pcie-root-port,id=p2,port=9,chassis=2", "-vga", "std")
    check(len(save(qemu, lab.path("layers"), "--every", "0.1", "--count", "2")) == 2, "2")


@case
def disks_are_written_meanwhile(lab):
    for name, kind in (("raw", "raw"), ("qcow2", "qcow2")):
        subprocess.run(["qemu-img", "create", "-q", "-f", kind, lab.path(name), "8M"],
                       check=True)
    qemu = start(lab, "-drive",
                     f"if=ide,index=0,format=raw,file={lab.path('raw')},cache=none",
                     "-drive", f"if=virtio,format=qcow2,file={lab.path('qcow2')}")
    qemu.console.wait_passes(2)
    save(qemu, lab.path("layers"), "--every", "0.2", "--count", "4")
    qemu.console.wait_passes(3)
    check(not qemu.console.disk_was_wrong(), "the disk has another number")


@case
def a_second_monitor_and_the_process(lab):
    second = lab.path("second")
    qemu = start(lab, "-qmp", f"unix:{second},server=on,wait=off")
    with qemu.connect_closing() as held:
        text = said("checkpoint", "--qemu", qemu.qmp_path, "--to", lab.path("layers"),
                    status=1)
        check_sentence(text.rstrip("\n"), "serves another client", "second monitor")
        save(qemu, lab.path("layers"), socket_path=second)
        save(qemu, lab.path("layers"), "--pid", str(qemu.process.pid),
             socket_path=second)
        text = said("checkpoint", "--qemu", second, "--to", lab.path("layers"), "--pid",
                    str(os.getpid()), status=1)
        check_sentence(text.rstrip("\n"), "is not the QEMU behind")
        check(held.run("query-status")["running"], "it does not run")


@case
def private_memory_is_refused(lab):
    qemu = start(lab, backend="memory-backend-ram")
    check_equal(refused(qemu, "the memory mem of this QEMU is private",
                        f"memory-backend-file,id=mem,size={MEMORY // MIB}M,"
                        "share=on,mem-path=/dev/shm"), "running", "status")


@case
def a_stream_without_description_is_refused(lab):
    qemu = start(lab, "-machine", "suppress-vmdesc=on")
    check_equal(refused(qemu, "without suppress-vmdesc"), "running", "status")


@case
def a_machine_that_comes_in_is_refused(lab):
    qemu = start(lab, "-incoming", "defer")
    check_equal(refused(qemu, "being migrated", "inmigrate"), "inmigrate", "status")


@case
def another_migration_is_left_alone(lab):
    qemu = start(lab)
    with qemu.connect_closing() as qmp:
        qmp.run("migrate-set-parameters", max_bandwidth=1000)
        qmp.run("migrate", uri="exec:cat > /dev/null")
        qmp.wait_migration("active")
    check_equal(refused(qemu, "once at a time"), "running", "status")
    with qemu.connect_closing() as qmp:
        check_equal(qmp.migration()["status"], "active", "the migration")


@case
def a_machine_of_before_end_marks_is_refused(lab):
    need_qemu()
    known = subprocess.run([QEMU, "-machine", "help"], capture_output=True, text=True)
    if "pc-i440fx-2.3 " not in known.stdout:
        raise Skip("this QEMU has no machine of 2.3")
    qemu = start(lab, "-machine", "pc-i440fx-2.3")
    check_equal(refused(qemu, "has no end mark"), "running", "status")


@case
def qemu_that_dies_leaves_whole_layers(lab):
    qemu = start(lab)
    folder = lab.path("layers")
    process = subprocess.Popen(
        [TOOL, "checkpoint", "--qemu", qemu.qmp_path, "--to", folder, "--every", "0.1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: folder.exists() and len(list(folder.glob("layer-*.qcow2"))) > 2,
               "layers")
    qemu.kill()
    _, err = process.communicate(timeout=PATIENCE)
    check_equal(process.returncode, 1, "status")
    check_sentence(err.splitlines()[-1], "has ended")
    verify(folder)


@case
def a_server_of_smudge_vm_is_named(lab):
    path = lab.path("fake")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)
    process = subprocess.Popen([TOOL, "checkpoint", "--qemu", path, "--to",
                                lab.path("layers")], stderr=subprocess.PIPE, text=True)
    client, _ = server.accept()
    client.sendall(b'{"QMP": {}}\n')
    for _ in range(2):
        client.recv(4096)
        client.sendall(b'{"return": {}}\n')
    _, err = process.communicate(timeout=PATIENCE)
    check_sentence(err.rstrip("\n"), "this is no QEMU", "--qmp")


@case
def wrong_command_lines(lab):
    for words, part in (
            (["--qemu", "a", "--qmp", "b", "--to", "c"], "--qemu does not belong to --qmp"),
            (["--qemu", "a"], "--to FOLDER is missing"),
            (["--to", "c"], "--qemu SOCKET")):
        done = tool("checkpoint", *words)
        check_equal(done.returncode, 2, f"status of {words}")
        check(part in done.stderr, done.stderr)


main()
