#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge checkpoint --on-commit: what it is told, and that it may fail, hang or
be cancelled: the layer stays, and nothing of the command does."""
import json
import os
import random
import re
import signal
import time

from cores import Target, ended, layers_in, start, wait_beside, \
    wait_for_line
from ending import end_orderly
from layers import file_of, listed, said, tool, verify
from smudgetest import PATIENCE, case, check, check_equal, check_sentence, main, \
    wait_until

SAYS = 'echo "$SMUDGE_LAYER $SMUDGE_NUMBER $SMUDGE_DIGEST $SMUDGE_TIME $SMUDGE_FULL"'


def checkpoint(pid, folder, *arguments):
    return tool("checkpoint", "--pid", pid, "--to", folder, *arguments)


def unique_seconds():
    """For a sleep that is known by them: no other command line has them."""
    return f"1000.{random.SystemRandom().getrandbits(60)}"


def processes_of(marker):
    """The pids of processes whose command line has this."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if marker.encode() in file.read() and int(name) != os.getpid():
                    found.append(int(name))
        except OSError:
            pass  # it has ended
    return found


@case
def it_is_told_of_each_layer(lab):
    target = Target(lab)
    folder, told = lab.path("layers"), lab.path("told")
    done = checkpoint(target.pid, folder, "--every", "0.1", "--count", "2", "--json",
                      "--on-commit", f"test -f $SMUDGE_LAYER && {SAYS} >> {told}")
    check_equal((done.returncode, done.stderr), (0, ""), "end")
    layers = [json.loads(line) for line in done.stdout.splitlines()]
    lines = told.read_text().splitlines()
    check_equal(len(lines), 2, "lines")
    for layer, line in zip(layers, lines):
        path, number, digest, moment, full = line.split()
        check_equal(path, str(file_of(folder, layer["layer"])), "path")
        check_equal(int(number), layer["layer"], "number")
        check_equal(digest, layer["digest"], "digest")
        check_equal(full, "1" if layer["full"] else "0", "full")
        seconds = layer["time-ns"] // 10**9
        check_equal(moment[:-5], time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds)),
                    "time")
        check(re.fullmatch(r"\.\d{3}Z", moment[-5:]), moment)


@case
def progress_says_that_it_is_waited_for(lab):
    """Of a process, and of a smudge-vm."""
    target, source = Target(lab), lab.source()
    for who in (["--pid", target.pid], ["--qmp", source.qmp_path]):
        over = lab.path("over")
        process = start(*who, "--to", lab.path(who[0][2:]), "--on-commit",
                        f"while [ ! -e {over} ]; do sleep 0.05; done", bufsize=1)
        wait_for_line(process, "waiting for --on-commit | 0:")
        over.touch()
        status, out, _ = ended(process)
        check_equal(status, 0, "status")
        check("layer-00000001.qcow2: full" in out, out)
        over.unlink()


@case
def what_it_says_is_not_mixed_with_objects(lab):
    target = Target(lab)
    done = checkpoint(target.pid, lab.path("layers"), "--json", "--on-commit",
                      "cat; echo said; ulimit -S -c; trap - PIPE; yes | head -1")
    check_equal(done.returncode, 0, f"{done}")
    json.loads(done.stdout)
    check_equal(done.stderr.split()[0::2], ["said", "y"], "stderr")


@case
def a_failure_is_reported_and_the_layer_stays(lab):
    target = Target(lab)
    folder = lab.path("layers")
    done = checkpoint(target.pid, folder, "--on-commit", "exit 3")
    check_equal(done.returncode, 1, "status")
    check_sentence(done.stderr.strip(), "layer-00000001.qcow2 is in place, but",
                   "--on-commit ended with status 3: exit 3")
    check_equal(layers_in(done.stdout), 1, "its line")
    done = checkpoint(target.pid, folder, "--on-commit", "kill -9 $$")
    check_sentence(done.stderr.strip(), "ended by signal 9")
    done = checkpoint(target.pid, folder, "--every", "0.1", "--count", "3", "--on-commit",
                      'test $SMUDGE_NUMBER -ne 4')
    check_equal((done.returncode, layers_in(done.stdout)), (1, 3), f"end: {done.stderr}")
    first, last = done.stderr.splitlines()
    check("the next checkpoint follows" in first, first)
    check_sentence(last, "all layers are in place", "failed for 1 of 3")
    check_equal(len(listed(folder)), 5, "layers")
    said("layers", "verify", folder, "--all")
    target.check_right()


@case
def one_that_hangs_passes_its_deadline(lab):
    target = Target(lab)
    marker = unique_seconds()
    done = checkpoint(target.pid, lab.path("layers"), "--store-deadline", "0.3",
                      "--on-commit", f"trap '' TERM INT HUP; sleep {marker} & "
                      f"sleep {marker}; wait")
    check_equal(done.returncode, 1, "status")
    check_sentence(done.stderr.strip(), "did not end within 0.3 s, and was killed")
    wait_until(lambda: not processes_of(marker), "its whole group has ended")
    verify(lab.path("layers"))
    target.check_right()


@case
def a_signal_ends_it(lab):
    for number in (signal.SIGINT, signal.SIGTERM):
        target = Target(lab)
        folder, mark = lab.path(f"layers-{number}"), lab.path(f"mark-{number}")
        marker = unique_seconds()
        process = start("--pid", target.pid, "--to", folder, "--every", "0.1",
                        "--on-commit", f"touch {mark}; sleep {marker} & sleep {marker}")
        wait_beside(process, mark.exists, "it runs")
        out, err = end_orderly(process, number, "smudge checkpoint",
                               lambda: process.communicate(timeout=PATIENCE))
        check_equal((process.returncode, layers_in(out)), (1, 1), "end")
        check_sentence(err.strip(), "layer-00000001.qcow2 is in place",
                       "--on-commit was cancelled")
        wait_until(lambda: not processes_of(marker), "its whole group has ended")
        verify(folder)
        target.check_right()


@case
def what_it_leaves_in_the_background_runs_on(lab):
    target = Target(lab)
    mark = lab.path("mark")
    process = start("--pid", target.pid, "--to", lab.path("layers"), "--on-commit",
                    f"(sleep 0.5; touch {mark}) >/dev/null 2>&1 &")
    check_equal(ended(process)[0], 0, "status")
    wait_until(mark.exists, "it ran on")


@case
def wrong_command_lines(lab):
    for words, part in (
            (["--on-commit", ""], "takes a command"),
            (["--store-deadline", "0", "--on-commit", "x"], "0.1 at least"),
            (["--store-deadline", "5"], "needs --on-commit")):
        done = checkpoint(1, "folder", *words)
        check_equal(done.returncode, 2, f"status of {words}")
        check(part in done.stderr, done.stderr)


main()
