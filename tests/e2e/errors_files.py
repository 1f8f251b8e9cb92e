#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files that cannot be had: full disks, limits, devices, links, FIFOs, and
descriptors that are closed or used up. Nothing of another's is removed,
nobody waits, no processor is kept busy, and the sentence says why."""
import os
import resource
import socket
import stat
import subprocess
import time

from screen import painter
from smudgetest import GUEST, PATIENCE, TOOL, VM, Qmp, Skip, any_engine, case, \
    check, check_equal, check_sentence, main, need_engine, wait_until
from stopwatch import Stopwatch
from stores import is_listening

DISPLAY = ("--display", "64x48")
FULL = os.makedev(1, 7)  # what /dev/full is


def alive(machine):
    """It answers another client, at once."""
    with Stopwatch() as watch:
        other = machine.connect()
        check_equal(other.run("query-status")["running"], True, "running")
        other.close()
    watch.check(5, "another client had to wait")


def node(lab, name, kind, device):
    path = lab.path(name)
    try:
        os.mknod(path, kind | 0o666, device)
        os.close(os.open(path, os.O_WRONLY))
    except PermissionError as reason:
        raise Skip(f"no device nodes here: {reason}")
    except OSError:
        pass  # a block device without a driver
    return path


def full_device(lab):
    """A node of its own; who may make none may remove none either."""
    try:
        return node(lab, "full", stat.S_IFCHR, FULL)
    except Skip:
        return "/dev/full"


def names(folder):
    return sorted(os.listdir(folder))


def screendump_fails(machine, path, *says):
    error = machine.qmp.fails("screendump", filename=str(path))
    check_sentence(error.desc, *says)
    alive(machine)


@case
def a_picture_into_a_device(lab):
    machine = lab.source(*DISPLAY)
    full = full_device(lab)
    link = lab.path("link")
    link.symlink_to(full)
    before = names(lab.folder)
    for path in (full, link):
        screendump_fails(machine, path, str(path), "No space left on device")
    check(stat.S_ISCHR(os.lstat(full).st_mode), "the device is gone")
    check(link.is_symlink(), "the link is gone")
    check_equal(names(lab.folder), before, "files")
    machine.qmp.run("screendump", filename="/dev/null")


@case
def a_picture_where_no_file_can_be(lab):
    machine = lab.source(*DISPLAY)
    fifo, dead = lab.path("fifo"), lab.path("dead")
    os.mkfifo(fifo)
    dead.symlink_to("nowhere")
    for path, says in ((fifo, "no regular file"), (lab.folder, "directory"),
                       (machine.qmp_path, "no regular file"),
                       (dead, "No such file"),
                       (lab.path("no/such/folder/x"), "No such file")):
        screendump_fails(machine, path, says)
    # not even while somebody reads it: a reader may be slow
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    screendump_fails(machine, fifo, "no regular file")
    os.close(reader)


@case
def a_picture_into_a_block_device(lab):
    machine = lab.source(*DISPLAY)
    disk = node(lab, "disk", stat.S_IFBLK, os.makedev(240, 0))
    screendump_fails(machine, disk, "no regular file")


def screenshot(machine, path):
    return subprocess.run([TOOL, "screenshot", "--vnc", f":{machine.display}",
                           str(path)], capture_output=True, text=True,
                          timeout=PATIENCE)


@case
def a_screenshot_into_a_device(lab):
    """The same rules for the tool, which may wait for a reader."""
    machine = painter(lab, size="64x48")
    full = full_device(lab)
    link, fifo = lab.path("link.png"), lab.path("fifo.png")
    link.symlink_to(full)
    os.mkfifo(fifo)
    before = names(lab.folder)
    for path, says in ((full, "No space left"), (link, "No space left"),
                       (fifo, "FIFO without a reader")):
        run = screenshot(machine, path)
        check_equal(run.returncode, 1, f"{run}")
        check_sentence(run.stderr.strip(), str(path), says)
    check(stat.S_ISCHR(os.lstat(full).st_mode), "the device is gone")
    check(link.is_symlink(), "the link is gone")
    check_equal(names(lab.folder), before, "files")
    reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    wait_until(lambda: screenshot(machine, fifo).returncode == 0,
               "a picture in the FIFO, once it has a reader")
    data, _ = reader.communicate(timeout=PATIENCE)
    check(data.startswith(b"\x89PNG"), "no picture in the FIFO")


@case
def files_are_their_owners_alone(lab):
    for umask in (0, 0o777):
        before = os.umask(umask)
        try:
            machine = lab.source(*DISPLAY)
            picture = lab.path(f"picture{umask}")
            machine.qmp.run("screendump", filename=str(picture))
        finally:
            os.umask(before)
        for path in (picture, machine.serial_path):
            check_equal(oct(path.stat().st_mode & 0o7777), "0o600", path)
        machine.kill()
        machine.serial_path.unlink()


@case
def a_picture_replaces_another(lab):
    machine = lab.source(*DISPLAY)
    old, link = lab.path("old"), lab.path("link")
    old.write_bytes(b"x" * 100000)
    old.chmod(0o604)
    link.symlink_to("old")
    before = names(lab.folder)
    machine.qmp.run("screendump", filename=str(link))
    check(old.read_bytes().startswith(b"P6\n64 48\n"), "no picture")
    check_equal(old.stat().st_mode & 0o777, 0o604, "mode")
    check(link.is_symlink(), "the link is gone")
    check_equal(names(lab.folder), before, "files")


@case
def the_file_size_limit(lab):
    machine = lab.source(*DISPLAY)
    machine.qmp.run("screendump", filename=str(lab.path("old")))
    old = lab.path("old").read_bytes()
    before = names(lab.folder)
    resource.prlimit(machine.process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    for name in ("old", "new"):
        screendump_fails(machine, lab.path(name), name, "File too large")
    check_equal(names(lab.folder), before, "files")
    check_equal(lab.path("old").read_bytes(), old, "the old picture")


@case
def a_serial_log_on_a_full_disk(lab):
    need_engine(any_engine())
    full = full_device(lab)
    run = subprocess.run(
        [VM, "-m", "16M", "--engine", any_engine(), "--kernel", GUEST,
         "--serial", f"file:{full}", "--append", "working-set=32K passes=2"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE)
    check_equal(run.returncode, 0, f"{run}")
    lost = [line for line in run.stderr.splitlines() if "serial" in line]
    check_equal(len(lost), 1, f"lines about it in {run.stderr!r}")
    check_sentence(lost[0], "lost", "No space left on device")


@case
def a_serial_log_into_a_fifo(lab):
    need_engine(any_engine())
    fifo = lab.path("fifo")
    os.mkfifo(fifo)
    machine = lab.machine("source", "--kernel", GUEST, "--append",
                          "working-set=32K", "--serial", f"file:{fifo}")
    alive(machine)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    text = b""

    def more():
        nonlocal text
        try:
            text += os.read(reader, 4096)
        except BlockingIOError:
            pass
        return b"scribble: " in text
    wait_until(more, "output in the FIFO")
    # the reader goes, the guest does not care
    os.close(reader)
    alive(machine)


@case
def where_the_demonstration_has_its_sockets(lab):
    """A path that is too long is named, with its length and the limit."""
    for length, says in ((73, "TMPDIR has 73 .* 72: /tmp/.*shorter"),
                         (72, "cannot make a folder in TMPDIR, /tmp/x+:")):
        folder = "/tmp/".ljust(length, "x")
        run = subprocess.run([TOOL, "demo", "--memory", "32M",
                              "--working-set", "8M"], text=True,
                             capture_output=True, timeout=PATIENCE,
                             env={**os.environ, "TMPDIR": folder})
        check_equal(run.returncode, 1, f"{run}")
        check_sentence(run.stderr.strip(), says)
    for command in (["qmp", "--qmp", "/" + "x" * 107, "stop"],
                    ["migrate", "--qmp", "/" + "x" * 107, "unix:y"]):
        run = subprocess.run([TOOL, *command], text=True, capture_output=True,
                             timeout=PATIENCE)
        check_equal(run.returncode, 1, f"{run}")
        check_sentence(run.stderr.strip(), "107 bytes; /xxx.* has 108")


@case
def the_longest_folder_of_the_demonstration(lab):
    need_engine(any_engine())
    folder = str(lab.folder) + "/".ljust(72 - len(str(lab.folder)), "x")
    os.mkdir(folder)
    run = subprocess.run([TOOL, "demo", "--memory", "32M", "--working-set",
                          "1M", "--engine", any_engine()], text=True,
                         capture_output=True, timeout=PATIENCE,
                         env={**os.environ, "TMPDIR": folder})
    check_equal(run.returncode, 0, f"{run}")
    check_equal(os.listdir(folder), [], "files")


def full_output(arguments, program):
    with open("/dev/full", "w") as full:
        run = subprocess.run([program, *map(str, arguments)], stdout=full,
                             stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             text=True, timeout=PATIENCE)
    check_equal(run.returncode, 1, f"{program} {arguments}: {run.stderr!r}")
    check_sentence(run.stderr.strip(), "cannot write to standard output",
                   "No space left on device")


@case
def the_demonstration_on_a_full_disk(lab):
    """The reason of its first line's loss is known at its end."""
    need_engine(any_engine())
    full_output(["demo", "--memory", "32M", "--working-set", "1M", "--engine",
                 any_engine()], TOOL)


@case
def reports_on_a_full_disk(lab):
    machine = lab.source()
    for program in (VM, TOOL):
        for option in ("--help", "--version"):
            full_output([option], program)
    for command in ("demo", "features", "migrate", "qmp", "rate", "screenshot"):
        full_output([command, "--help"], TOOL)
    for arguments in ([], ["--json"], ["mprotect"]):
        full_output(["features", *arguments], TOOL)
    full_output(["qmp", "--qmp", machine.qmp_path, "query-status"], TOOL)
    for option in ("--json", "--bandwidth=1G"):
        full_output(["rate", os.getpid(), "--count", 1, "--interval", "0.1",
                     option], TOOL)
    destination = lab.destination()
    full_output(["migrate", "--qmp", machine.qmp_path, "--json", lab.uri], TOOL)
    # the report was lost, the guest was not
    destination.wait_passes(2)


def started_without(descriptors, arguments, program, **how):
    shell = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in descriptors)
    return subprocess.Popen(
        ["sh", "-c", f'exec "$0" "$@" {shell}', program, *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **how)


@case
def started_with_closed_descriptors(lab):
    """Nothing that is made gets the number of a standard stream."""
    need_engine(any_engine())
    for closed in ((0,), (1,), (2,), (0, 1, 2)):
        path = lab.path(f"qmp{len(closed)}{closed[0]}")
        process = started_without(
            closed, ["-m", "32M", "--engine", any_engine(), "--kernel", GUEST,
                     "--append", "working-set=32K", "--serial", "stdio",
                     "--qmp", f"unix:{path}"], VM)
        lab.closers.append(process.kill)
        wait_until(lambda: is_listening(path), "the control socket")
        for fd in closed:
            target = os.readlink(f"/proc/{process.pid}/fd/{fd}")
            check_equal(target, "/dev/null", f"descriptor {fd}")
        qmp = Qmp(path)
        qmp.run("quit")
        check_equal(process.wait(PATIENCE), 0, "status")


@case
def tools_with_closed_descriptors(lab):
    """A report does not go into the control socket; its loss is a failure."""
    machine = lab.source()
    reports = [["--version"], ["--help"], ["rate", "--help"],
               ["qmp", "--qmp", machine.qmp_path, "query-status"],
               ["features", "vhost-log"], ["features", "--json", "vhost-log"],
               ["rate", os.getpid(), "--count", 1, "--interval", "0.1"],
               ["rate", os.getpid(), "--count", 1, "--interval", "0.1",
                "--json"]]
    for closed in ((1,), (0, 1), (0, 1, 2)):
        for arguments in reports:
            process = started_without(closed, arguments, TOOL,
                                      stderr=subprocess.PIPE)
            said = process.communicate(timeout=PATIENCE)[1].decode().strip()
            check_equal(process.returncode, 1, f"{arguments} without {closed}")
            if 2 not in closed:
                check_sentence(said, "cannot (be )?writ(e|ten)",
                               "Bad file descriptor")
        process = started_without(closed, ["--version"], VM)
        check_equal(process.wait(PATIENCE), 1, f"smudge-vm without {closed}")
    for arguments in reports:
        process = started_without((0, 2), arguments, TOOL)
        check_equal(process.wait(PATIENCE), 0, f"{arguments}")
    alive(machine)


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def limit_descriptors(process, number):
    hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (number, hard))


def leave_descriptors(process, number):
    """It has so many descriptors left."""
    used = max(map(int, os.listdir(f"/proc/{process.pid}/fd"))) + 1
    limit_descriptors(process, used + number)


@case("no descriptor for a client, kvm", engine="kvm")
@case("no descriptor for a client, unicorn", engine="unicorn")
def no_descriptor_for_a_client(lab, engine):
    """
    Idle until one is free; then those who waited are served in turn. Unicorn
    needs so few descriptors itself that no array of clients may be polled.
    """
    machine = lab.source(engine=engine)
    machine.qmp.run("stop")
    leave_descriptors(machine.process, 2)
    clients = []
    for _ in range(6):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(str(machine.qmp_path))
        clients.append(client)
    before = cpu_seconds(machine.process)
    time.sleep(2)
    used = cpu_seconds(machine.process) - before
    check(used < 0.3, f"{used} s of CPU in 2 s of waiting")
    check_equal(machine.qmp.run("query-status")["status"], "paused", "status")
    # each that goes makes room for the next
    for client in clients:
        check(client.recv(1) == b"{", "no greeting")
        client.close()


@case
def fewer_descriptors_than_are_polled(lab):
    machine = lab.source()
    machine.qmp.run("stop")
    for limit in (3, 0):
        limit_descriptors(machine.process, limit)
        machine.qmp.send('{"execute": "query-status"}')
        time.sleep(0.2)
        before = cpu_seconds(machine.process)
        time.sleep(1)
        used = cpu_seconds(machine.process) - before
        check(used < 0.3, f"{used} s of CPU in a second of waiting")
        limit_descriptors(machine.process, 100)
        check_equal(machine.qmp.reply()["return"]["status"], "paused", "status")
    if os.environ.get("SMUDGE_SANITIZE", "none") != "none":
        return  # its report at the end needs descriptors
    limit_descriptors(machine.process, 0)
    machine.process.terminate()
    machine.wait_status(143)


@case
def no_descriptor_for_a_migration(lab):
    """The sender is let in once there is one."""
    destination = lab.destination()
    source = lab.source()
    # the connection that came before this one is closed there
    destination.qmp.run("query-status")
    leave_descriptors(destination.process, 0)
    source.qmp.run("migrate", uri=lab.uri)
    time.sleep(0.5)
    check_equal(destination.process.poll(), None, "the destination")
    limit_descriptors(destination.process, 1000)
    source.qmp.wait_migration("completed")
    destination.wait_passes(2)


@case
def sockets_are_removed_by_identity(lab):
    """Only what this process made, whatever has its name by then."""
    machine = lab.source()
    machine.qmp.run("query-status")
    other = lab.path("other")
    os.rename(machine.qmp_path, other)
    machine.qmp_path.write_text("somebody else's")
    machine.qmp.run("quit")
    check_equal(machine.wait(), 0, "status")
    check_equal(machine.qmp_path.read_text(), "somebody else's", "the file")
    check(other.is_socket(), "the socket is gone")


@case
def what_a_killed_one_leaves(lab):
    """Its sockets and its log; the next one takes their place."""
    machine = lab.source()
    machine.kill()
    check(machine.qmp_path.is_socket(), "no socket is left")
    check_equal(names(lab.folder),
                ["source.log", "source.qmp", "source.serial"], "files")
    again = lab.source()
    alive(again)


main()
