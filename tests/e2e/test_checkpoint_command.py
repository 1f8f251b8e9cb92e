#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command lines of smudge checkpoint and smudge layers, and the progress of
a checkpoint, with a VM of this test."""
import re
import signal
import subprocess
import time

from ending import end_orderly
from layers import said, tool
from monitor import Monitor, open_terminal, text_of
from smudgetest import GUEST, MIB, PATIENCE, TOOL, case, check, check_equal, \
    check_sentence, main, wait_until


def job(status, **more):
    return {"id": 7, "status": status, "folder": "/f", "total-ns": 5 * 10 ** 9,
            **more}


WRITING = [job("waiting"), job("copying")] + [
    job("writing", **{"pages": 25600, "remaining-pages": 25600 - 1280 * part})
    for part in range(1, 21)]
COPYING = [
    job("copying", **{"pages": 51200, "remaining-pages": 51200 - 2560 * part})
    for part in range(20)]
DONE = job("completed", full=True, file="layer-00000009.qcow2", pages=25600,
           **{"file-bytes": 40 * MIB, "pause-ns": 6_200_000})


class Saving:
    """A VM whose checkpoint takes two seconds, or longer: it shows all of its
    states, whatever stands meanwhile."""

    def __init__(self, lab, states=WRITING):
        self.states, self.state_s = [*states, DONE], 2 / len(states)
        self.shown_at, self.commands = None, []
        self.monitor = Monitor(lab, self.answer)
        self.path = self.monitor.path

    def answer(self, message):
        self.commands.append(message["execute"])
        if message["execute"] == "x-smudge-checkpoint":
            return {"id": 7}
        if message["execute"] == "x-smudge-checkpoint-cancel":
            self.states = [job("cancelled")]
        if message["execute"] != "query-x-smudge-checkpoints":
            return {}
        now = time.monotonic()
        if self.shown_at is None:
            self.shown_at = now
        if now - self.shown_at >= self.state_s and len(self.states) > 1:
            self.states = self.states[1:]
            self.shown_at = now
        return {"checkpoints": [self.states[0]]}


def check_lines(text, began):
    """A line per second, and the last one."""
    check(len(text.splitlines()) <= time.monotonic() - began + 2, f"{text!r}")


@case("in 20 columns", columns=20, has=("written",), lacks=("MB/s", " of "))
@case("in 40 columns", columns=40, has=(" of ~",), lacks=("MB/s",))
@case("in 100 columns", columns=100, has=("of 100 MiB", "MB/s"), lacks=())
def progress_fits_the_terminal(lab, columns, has, lacks):
    ours, theirs = open_terminal(columns)
    text = text_of(ours, theirs, "checkpoint", "--qmp", Saving(lab).path,
                   "--to", "/f")
    lines = [part for part in re.split("[\r\n]+", text.replace("\x1b[K", ""))
             if part.startswith("written")]
    check(len(lines) > 5, f"{text!r}")
    for line in lines:
        check(len(line) < columns, f"{len(line)} columns: {line!r}")
    drawn = "\n".join(lines)
    for part in has:
        check(part in drawn, f"no {part!r} in {drawn!r}")
    for part in lacks:
        check(part not in drawn, f"{part!r} in {drawn!r}")
    check(text.replace("\r\n", "\n").endswith(
        "\r\x1b[Klayer-00000009.qcow2: full, 25,600 pages, 40 MiB, pause "
        "6.2 ms, in place after 5.0 s\n"), f"{text!r}")


@case
def copies_before_the_pause_are_shown_too(lab):
    ours, theirs = open_terminal(100)
    text = text_of(ours, theirs, "checkpoint", "--to", "/f", "--qmp",
                   Saving(lab, states=COPYING + WRITING).path)
    lines = [part for part in re.split("[\r\n]+", text.replace("\x1b[K", ""))
             if part.startswith(("copied", "written"))]
    words = [line.split()[0] for line in lines]
    check(words == sorted(words) and len(set(words)) == 2, f"{lines}")
    check("of 200 MiB" in lines[0] and "of 100 MiB" in lines[-1], f"{lines}")


@case
def progress_without_a_terminal(lab):
    began = time.monotonic()
    done = tool("checkpoint", "--qmp", Saving(lab).path, "--to", "/f")
    check_equal((done.returncode, done.stderr), (0, ""), "status and stderr")
    text = done.stdout
    check(re.match(r"written +\d+ % \| \d:\d\d of ~\d:\d\d \| [\d.]+ MiB of "
                   "100 MiB", text), f"{text!r}")
    check("\r" not in text and "\x1b" not in text, f"{text!r}")
    check_lines(text, began)


@case
def progress_on_a_dumb_terminal(lab):
    ours, theirs = open_terminal(80)
    began = time.monotonic()
    text = text_of(ours, theirs, "checkpoint", "--qmp", Saving(lab).path,
                   "--to", "/f", term="dumb")
    check(text.startswith("written"), f"{text!r}")
    check("\x1b" not in text and "\r" not in text.replace("\r\n", ""),
          f"{text!r}")
    check_lines(text, began)


@case
def a_signal_cancels_it(lab):
    saving = Saving(lab)
    saving.states = [WRITING[2]]  # it never ends by itself
    process = subprocess.Popen(
        [TOOL, "checkpoint", "--qmp", saving.path, "--to", "/f"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    lab.closers.append(process.kill)
    wait_until(lambda: "query-x-smudge-checkpoints" in saving.commands,
               "it waits")
    _, err = end_orderly(process, signal.SIGINT, "smudge checkpoint",
                         lambda: process.communicate(timeout=PATIENCE))
    check_equal((process.returncode, err),
                (1, "smudge: the checkpoint was cancelled\n"), "end")
    check_equal(saving.commands.count("x-smudge-checkpoint-cancel"), 1,
                "cancels")


@case
def one_that_the_vm_forgot(lab):
    saving = Saving(lab)
    saving.monitor.answer = lambda message: {"id": 7, "checkpoints": []}
    check_sentence(said("checkpoint", "--qmp", saving.path, "--to", "/f",
                        status=1).strip(), "does not remember", "layers list")


@case
def wrong_command_lines_of_checkpoint(lab):
    for arguments, says in (
            ((), "--qmp"), (("--qmp", "x"), "--to"),
            (("--qmp", "x", "--to", ""), "--to"),
            (("--qmp", "x", "--to", "y", "z"), "'z' is too much"),
            (("--qmp", "x", "--to", "y@3"), "'y@3' names a layer"),
            (("--qmp", "x", "--to", "y@0"), "'y@0' names a layer"),
            (("--qmp", "x", "--to", "y", "--pause-deadline", "0"), "deadline"),
            (("--qmp", "x", "--to", "y", "--json=1"), "no value"),
            (("--qmp", "x", "--to", "y", "--quick"), "--quick")):
        check_sentence(said("checkpoint", *arguments, status=2).strip(), says,
                       "see smudge checkpoint --help")


@case
def wrong_command_lines_of_layers(lab):
    for arguments, says in (
            ((), "missing"), (("--json",), "comes first"),
            (("merge",), "'merge'"), (("list",), "FOLDER is missing"),
            (("list", "a", "b"), "'b' is too much"),
            (("list", "a", "--all"), "--all"),
            (("show", "a", "--quick"), "--quick"),
            (("diff", "1", "a"), "FOLDER is missing"),
            (("diff", "0", "1", "a"), "'0'"),
            (("diff", "1", "x", "a"), "'x'"),
            (("show", "a@0"), "'a@0' names no layer"),
            (("verify", "@1"), "'@1' names no layer"),
            (("verify", "--all", "a@1"), "'a@1' names one layer")):
        check_sentence(said("layers", *arguments, status=2).strip(), says,
                       "see smudge layers")
    for arguments, says in (
            (("list", "/nonexistent"), "/nonexistent"),
            (("list", GUEST), "scribble"),
            (("show", "/nonexistent"), "/nonexistent"),
            (("verify", f"{lab.folder}@1"), "layer-00000001.qcow2"),
            (("verify", lab.folder), "has no layers"),
            (("verify", "--all", lab.folder), "has no layers"),
            (("diff", "1", "2", lab.folder), "layer-00000001.qcow2")):
        check_sentence(said("layers", *arguments, status=1).strip(), says)


@case
def help_of_each(lab):
    for command in (["checkpoint"], ["layers"], ["layers", "list"],
                    ["layers", "show"], ["layers", "verify"],
                    ["layers", "diff"], ["layers", "export"]):
        text = said(*command, "--help")
        check(text.startswith("usage: smudge " + command[0]), text)
        check(all(len(line) < 80 for line in text.splitlines()), text)


main()
