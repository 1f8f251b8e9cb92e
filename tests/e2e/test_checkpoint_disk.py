#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checkpoints onto disks behind NBD servers, whose engines take the snapshots:
each of these is the moment that was reported, whatever happens to the server."""
import json
import os
import signal
import socket
import subprocess
import sys


from cores import ended, export, start
from ending import RNG, a_while, end_in_time, wait_for_handler
from layers import answer, does_not_stop, said, tool
from smudgetest import MIB, PATIENCE, TOOL, Over, case, check, check_equal, \
    check_sentence, main, wait_until
from stores import Nbdkit, StorageDaemon, copied, layer_of_copy

PAGE = 4096
PAGES = 256
# Part a is written at each signal; part b then has zeros, or the number.
TARGET = """
import mmap, os, signal, sys
PAGE, PAGES = 4096, 256
a, b, c = (mmap.mmap(-1, PAGE * PAGES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
           for _ in range(3))
def fill(part, text):
    for at in range(0, PAGE * PAGES, PAGE):
        part[at:at + 16] = text
def turn():
    global n
    n += 1
    fill(a, b"a moment%08d" % n)
    fill(b, b"b moment%08d" % n if n % 2 else bytes(16))
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(str(n))
    os.replace(sys.argv[1] + ".new", sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
n = 0
fill(c, b"c moment%08d" % 0)
turn()
print(1, flush=True)
while True:
    # pause() would sleep over one that came just before it
    signal.sigwait([signal.SIGUSR1])
    turn()
"""


class Target:
    """A process whose memory says which moment it is of."""

    def __init__(self, lab, name="mark"):
        self.mark = lab.path(name)
        self.process = subprocess.Popen([sys.executable, "-c", TARGET, self.mark],
                                        stdout=subprocess.PIPE)
        lab.closers.append(self.end)
        self.process.stdout.read(1)
        self.pid = self.process.pid

    def end(self):
        self.process.kill()
        self.process.communicate()

    def turn(self):
        """As a command of the shell; it ends when the memory has changed."""
        return (f"was=$(cat {self.mark}); kill -USR1 {self.pid}; "
                f"while [ \"$(cat {self.mark})\" = $was ]; do sleep 0.01; done")

    def now(self):
        return int(self.mark.read_text())


def moment_of(lab, place):
    """The number of the moment in a layer, all of which is checked."""
    said("layers", "verify", place)
    path = lab.path(f"core-{RNG.getrandbits(64):x}")
    core = export(place, path)
    starts = {}
    for part in b"abc":
        found = [at for at in core.find(bytes([part]) + b" moment") if at % PAGE == 0]
        texts = {core.read(at, 16)[8:] for at in found}
        check(len(texts) <= 1, f"part {chr(part)} is of one moment: {texts}")
        starts[chr(part)] = (len(found), int(texts.pop()) if texts else 0)
    path.unlink()
    check_equal(starts["c"], (PAGES, 0), "part c")
    number = starts["a"][1]
    check_equal(starts["a"], (PAGES, number), "part a")
    check_equal(starts["b"], (PAGES, number) if number % 2 else (0, 0), "part b")
    return number


def series(target, *arguments, every="0.2", **kwargs):
    return start("--pid", target.pid, "--json", "--every", every, *arguments, **kwargs)


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def of_series(process):
    """Status, layers and stderr of one that ends by itself."""
    status, out, err = ended(process)
    if does_not_stop(err):
        raise Over(f"a thread had no processor: {err}")
    return status, objects(out), err


def next_line(process):
    line = process.stdout.readline()
    check(line, "the series has ended")
    return line


def lines_to_full(process):
    """Those up to the next full layer. How many were there before depends on how
    soon this test came to look."""
    lines = []

    def is_full():
        lines.append(next_line(process))
        return json.loads(lines[-1])["full"]
    wait_until(is_full, "a full layer")
    return lines


def complaint(process):
    """The next line of stderr that is not of a thread without a processor."""
    for line in process.stderr:
        if not does_not_stop(line):
            return line
    raise AssertionError("no complaint")


@case
def three_snapshots_of_a_storage_daemon(lab):
    target, engine = Target(lab), StorageDaemon(lab)
    for first in (1, 4):  # their numbers continue
        began = target.now()
        status, layers, err = of_series(series(
            target, *engine.options(), "--count", "3", "--on-commit", target.turn()))
        check_equal((status, err), (0, ""), "end")
        check_equal([layer["layer"] for layer in layers], [first, first + 1, first + 2],
                    "numbers")
        check_equal([layer["full"] for layer in layers], [True, False, False], "full")
        check(layers[1]["file-bytes"] < layers[0]["file-bytes"], layers)
        for turn, layer in enumerate(layers):
            folder = engine.layer_of(f"smudge-{layer['layer']}")
            shown = answer("layers", "show", folder)
            check_equal(shown["digest"], layer["digest"], "digest")
            check_equal(moment_of(lab, folder), began + turn, "moment")
        check_equal(moment_of(lab, engine.uri), began + 2, "the live image")
    check_equal(engine.snapshots(), [f"smudge-{n}" for n in range(1, 7)], "snapshots")


@case
def the_engine_is_killed_and_started_again(lab):
    target, engine = Target(lab), StorageDaemon(lab)
    process = series(target, *engine.options(), "--on-commit", target.turn(), every="0.1",
                     bufsize=1)
    out = []
    for _ in range(2):
        out.append(next_line(process))
        a_while(0.3)
        engine.kill()
        a_while(0.2)
        engine.start()
        out += lines_to_full(process)
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=PATIENCE)
    # nothing is said where none was under way
    check(not err or "the next checkpoint follows" in err, err)
    layers = objects("".join(out) + rest)
    check(sum(layer["full"] for layer in layers) >= 3, "full after each loss")
    moments = []
    for layer in layers[-4:]:
        folder = engine.layer_of(f"smudge-{layer['layer']}")
        check_equal(answer("layers", "show", folder)["digest"], layer["digest"], "digest")
        moments.append(moment_of(lab, folder))
    check_equal(moments, sorted(set(moments)), "moments")


def check_copies(lab, layers):
    """Each is the moment that was reported; of the last one all bytes are looked at."""
    for layer in layers:
        folder = layer_of_copy(lab, layer["layer"])
        check_equal(answer("layers", "show", folder)["digest"], layer["digest"], "digest")
        said("layers", "verify", folder)
    moment_of(lab, folder)


@case
def a_server_that_forgets_what_it_flushed(lab):
    """nbdkit's cow filter loses everything when it ends."""
    target = Target(lab)
    base = lab.path("base.raw")
    with open(base, "wb") as file:
        file.truncate(64 * MIB)
    server = Nbdkit(lab, "--filter=cow", "file", base)
    is_copied, may_end = lab.path("is-copied"), lab.path("may-end")
    # a copy that begins before the server's end may be of the next server
    process = series(target, "--to", server.uri, "--on-commit",
                     f"{copied(lab, server.uri)} && {target.turn()} && "
                     f"{{ [ $SMUDGE_NUMBER != 2 ] || {{ touch {is_copied}; "
                     f"while [ ! -e {may_end} ]; do sleep 0.01; done; }}; }}", bufsize=1)
    out = [next_line(process)]
    wait_until(is_copied.exists, "the second snapshot")
    server.kill()
    server.start()
    may_end.touch()
    out += lines_to_full(process)
    out.append(next_line(process))
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=PATIENCE)
    check_copies(lab, objects("".join(out) + rest))


@case
def a_full_store_has_room_again(lab):
    target = Target(lab)
    trigger = lab.path("full")
    server = Nbdkit(lab, "--filter=error", "memory", "64M", "error-pwrite=ENOSPC",
                    "error-pwrite-rate=1", f"error-pwrite-file={trigger}")
    command = (f"{copied(lab, server.uri)} && {target.turn()}; "
               f"[ $SMUDGE_NUMBER != 1 ] || touch {trigger}")
    process = series(target, "--to", server.uri, "--on-commit", command, bufsize=1)
    check_sentence(complaint(process).split("; the next")[0], "is full: make room there")
    trigger.unlink()
    out = [next_line(process) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=PATIENCE)
    check_equal(process.returncode, 0, f"status: {err}")
    check_copies(lab, objects("".join(out) + rest))


@case
def a_store_that_fails_for_a_while_behind_a_filter(lab):
    """nbdkit tries again and opens its plugin anew: nothing of it shows."""
    target = Target(lab)
    trigger = lab.path("failing")
    server = Nbdkit(lab, "--filter=retry", "--filter=error", "--filter=delay", "memory",
                    "64M", "delay-write=5ms", "retries=20", "retry-delay=1",
                    "retry-exponential=no", "error-pwrite=EIO", "error-pwrite-rate=1",
                    f"error-pwrite-file={trigger}")
    command = (f"{copied(lab, server.uri)} && {target.turn()}; "
               f"[ $SMUDGE_NUMBER != 1 ] || {{ touch {trigger}; "
               f"(sleep 1; rm {trigger}) > /dev/null 2>&1 & }}")
    status, layers, err = of_series(series(
        target, "--to", server.uri, "--count", "3", "--on-commit", command))
    check_equal((status, err), (0, ""), "end")
    check_equal([layer["full"] for layer in layers], [True, False, False], "full")
    check_copies(lab, layers)


@case
def one_that_is_too_small(lab):
    target = Target(lab)
    server = Nbdkit(lab, "memory", "1M")
    done = tool("checkpoint", "--pid", target.pid, "--to", server.uri, "--on-commit",
                "true")
    check_equal(done.returncode, 1, "status")
    check_sentence(done.stderr.strip(), r"(needs|too small|bytes)")


@case
def one_that_hangs_passes_the_deadline(lab):
    target = Target(lab)
    server = Nbdkit(lab, "memory", "64M")
    process = series(target, "--to", server.uri, "--store-deadline", "2", "--on-commit",
                     f"{copied(lab, server.uri)} && {target.turn()}", bufsize=1)
    out = [next_line(process)]
    server.signal(signal.SIGSTOP)
    line = complaint(process)
    check("the next checkpoint follows" in line, line)
    server.signal(signal.SIGCONT)
    out += [next_line(process) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=PATIENCE)
    check_copies(lab, objects("".join(out) + rest))
    check_equal(target.process.poll(), None, "the target runs")


@case
def a_snapshot_that_fails_is_no_checkpoint(lab):
    target = Target(lab)
    server = Nbdkit(lab, "memory", "64M")
    status, layers, err = of_series(series(
        target, "--to", server.uri, "--count", "3", "--on-commit",
        f"{target.turn()}; [ $SMUDGE_NUMBER != 2 ] && {copied(lab, server.uri)}"))
    check_equal(status, 1, "status")
    check_sentence(err.splitlines()[0].split("; the next")[0],
                   "--on-commit ended with status 1")
    check_sentence(err.splitlines()[-1], "1 of 3 checkpoints failed")
    check_equal([layer["layer"] for layer in layers], [1, 3], "numbers")
    check_copies(lab, layers)


@case
def two_writers_of_one_disk(lab):
    """The other one comes while the first one's snapshot is taken."""
    target, other = Target(lab), Target(lab, "other")
    server = Nbdkit(lab, "memory", "64M")
    status, layers, err = of_series(series(
        target, "--to", server.uri, "--count", "3", "--on-commit",
        f"[ $SMUDGE_NUMBER != 2 ] || {TOOL} checkpoint --pid {other.pid} "
        f"--to '{server.uri}' --on-commit true >&2; {copied(lab, server.uri)}"))
    check_equal(status, 1, f"status: {err}")
    lines = [line for line in err.splitlines() if line.startswith("smudge: ")]
    check_sentence(lines[0].split("; the next checkpoint follows")[0],
                   "another program began to write the disk")
    check_sentence(lines[-1], "1 of 3 checkpoints failed")
    check_equal([(layer["layer"], layer["full"]) for layer in layers],
                [(1, True), (3, True)], "layers")
    check_copies(lab, layers)
    server.end()


@case
def a_signal_ends_it_at_any_moment(lab):
    target = Target(lab)
    server = Nbdkit(lab, "--filter=delay", "memory", "64M", "delay-write=20ms")
    for stop in (False, False, True):
        process = series(target, "--to", server.uri, "--on-commit", "sleep 0.2")
        wait_for_handler(process, signal.SIGINT)
        a_while(0.8)
        if stop:
            server.signal(signal.SIGSTOP)
            a_while(0.5)
        (out, err), _ = end_in_time(process, signal.SIGINT, "smudge checkpoint",
                                    lambda: process.communicate(timeout=PATIENCE))
        # SIGALRM ends a command that a busy machine did not let end in time
        check(process.returncode in (0, 1, -signal.SIGALRM),
              f"{process.returncode} {err}")
        lines = [line for line in err.splitlines() if not does_not_stop(line)]
        check(len(lines) <= 1 or stop, err)
        check_equal(target.process.poll(), None, "the target runs")
    server.signal(signal.SIGCONT)


@case
def a_smudge_vm_onto_a_storage_daemon(lab):
    engine = StorageDaemon(lab, size=256 * MIB)
    source = lab.source()
    digests = []
    for _ in range(2):
        source.wait_passes(2)
        source.qmp.run("stop")
        digests.append(source.qmp.run("x-smudge-memory-digest"))
        said("checkpoint", "--qmp", source.qmp_path, *engine.options())
        source.qmp.run("cont")
    check_equal(engine.snapshots(), ["smudge-1", "smudge-2"], "snapshots")
    for number, digest in enumerate(digests, 1):
        machine = lab.restored(f"of-{number}", "--restore",
                               engine.layer_of(f"smudge-{number}"))
        check_equal(machine.qmp.run("x-smudge-memory-digest"), digest, "digests")
        machine.kill()
    # it is lost, and comes again
    engine.kill()
    text = said("checkpoint", "--qmp", source.qmp_path, *engine.options(), status=1)
    check_sentence(text.strip(), "the checkpoint failed: .*refused")
    engine.start()
    text = said("checkpoint", "--qmp", source.qmp_path, *engine.options())
    check_sentence(text.splitlines()[-1], "^checkpoint \\d+: full")
    # it hangs: the VM ends all the same
    engine.signal(signal.SIGSTOP)
    process = subprocess.Popen([os.environ["SMUDGE_TOOL"], "checkpoint", "--qmp",
                                str(source.qmp_path), *map(str, engine.options())],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.closers.append(lambda: (process.kill(), process.wait()))
    a_while(0.6)
    end_in_time(source.process, signal.SIGTERM, "smudge-vm",
                lambda: source.process.wait(PATIENCE))


@case
def a_smudge_vm_runs_a_command_too(lab):
    folder, told = lab.path("layers"), lab.path("told")
    source = lab.source()
    text = said("checkpoint", "--qmp", source.qmp_path, "--to", folder, "--on-commit",
                f"echo $SMUDGE_LAYER > {told}; exit 3", status=1)
    check_sentence(text.strip(), "layer-00000001.qcow2 is in place, but",
                   "ended with status 3")
    check_equal(told.read_text().strip(), f"{folder}/layer-00000001.qcow2", "told")
    said("checkpoint", "--qmp", source.qmp_path, "--to", folder)
    said("layers", "verify", folder, "--all")
    text = said("checkpoint", "--qmp", source.qmp_path, "--to", folder,
                "--store-deadline", "0.3", "--on-commit", "sleep 100", status=1)
    check_sentence(text.strip(), "did not end within 0.3 s")


@case
def servers_that_cannot_be_used(lab):
    target = Target(lab)
    server = Nbdkit(lab, "-r", "memory", "64M")
    for uri, part in ((server.uri, "may only be read"),
                      (f"nbd+unix:///?socket={lab.path('none')}", "No such file"),
                      ("nbd+unix:///x", "socket")):
        done = tool("checkpoint", "--pid", target.pid, "--to", uri, "--on-commit", "true")
        check_equal(done.returncode, 1, "status")
        check_sentence(done.stderr.strip(), part)
    done = tool("checkpoint", "--pid", target.pid, "--to", server.uri, "--snapshot-qmp",
                lab.path("none"), "--snapshot-node", "x")
    check_equal(done.returncode, 1, "status")


@case
def what_the_storage_daemon_refuses(lab):
    target, engine = Target(lab), StorageDaemon(lab)
    done = tool("checkpoint", "--pid", target.pid, "--to", engine.uri, "--snapshot-qmp",
                engine.qmp, "--snapshot-node", "other")
    check_equal(done.returncode, 1, "status")
    check_sentence(done.stderr.strip(), "there is no node other")
    done = tool("checkpoint", "--pid", target.pid, "--to", engine.uri, "--snapshot-qmp",
                engine.qmp, "--snapshot-node", "file")
    check_equal(done.returncode, 1, "status")
    check_sentence(done.stderr.strip(), "no snapshot of the node file")
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(engine.qmp))
        other.recv(1)
        text = said("checkpoint", "--pid", target.pid, *engine.options(),
                    "--store-deadline", "2", status=1)
        check_sentence(text.strip(), "another client")
    said("checkpoint", "--pid", target.pid, *engine.options())
    check_equal(engine.snapshots(), ["smudge-1"], "snapshots")


@case
def wrong_command_lines(lab):
    for words, part in (
            (["--to", "nbd://a"], "have its engine take a snapshot"),
            (["--to", "nbd://a", "--on-commit", "x", "--every", "1", "--keep-last", "2"],
             "is for folders"),
            (["--to", "nbd://a", "--snapshot-qmp", "x"], "belong together"),
            (["--to", "a", "--snapshot-qmp", "x", "--snapshot-node", "y"],
             "needs a disk"),
            (["--to", "a", "--store-without-flush"], "needs a disk"),
            (["--to", "a", "--store-deadline", "1"], "needs --on-commit"),
            (["--to", "s3://bucket/a"], "of URIs there are nbd://"),
            (["--to", "nbd+ssh://host/a"], "of URIs there are nbd://")):
        done = tool("checkpoint", "--pid", "1", *words)
        check_equal(done.returncode, 2, f"status of {words}")
        check(part in done.stderr, done.stderr)


main()
