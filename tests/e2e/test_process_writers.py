#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge checkpoint --pid of processes whose memory changes by another way than
their own page tables, or while they stand: each layer is one moment all the
same, or there is none."""
import os
import subprocess

from cores import PAGE, export, without_hidden_processes
from layers import listed, tool
from smudgetest import case, check, check_equal, check_sentence, main

PATH = os.environ["SMUDGE_WRITERS_TARGET"]
NPAGES = 64


def start(lab, kind):
    """Its pid, and where its count and its pages are."""
    process = subprocess.Popen([PATH, kind], text=True,
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE)
    lab.closers.append(lambda: (process.kill(), process.communicate()))
    pid, count, pages = process.stdout.readline().split()
    return process, int(pid), int(count, 16), int(pages, 16)


def checkpoint(pid, folder):
    return tool("checkpoint", "--pid", pid, "--to", folder, "--every", 0.2,
                "--count", 4)


@case("by a descriptor", kind="descriptor")
@case("by another mapping", kind="view")
@case("by a descriptor, mapped private", kind="private")
def each_layer_is_a_moment(lab, kind):
    process, pid, count, pages = start(lab, kind)
    folder = lab.path("layers")
    done = checkpoint(pid, folder)
    check_equal(done.returncode, 0, f"{done}")
    check_sentence(without_hidden_processes(done.stderr).strip(),
                   "open for writing, or maps twice", str(pid))
    counts = []
    for layer in (layer["number"] for layer in listed(folder)):
        core = export(f"{folder}@{layer}", lab.path(f"core{layer}"))
        counted, = core.words(count, 1)
        found = [core.words(pages + n * PAGE, 1)[0] for n in range(NPAGES)]
        check(set(found) <= {counted, counted - 1} and
              found == sorted(found, reverse=True),
              f"layer {layer}, at {counted}: {found}")
        counts.append(counted)
    # between two of them it may have had no processor
    check(counts == sorted(counts) and counts[0] < counts[-1], f"{counts}")
    check_equal(process.poll(), None, "it runs")


@case
def another_process_has_its_address_space(lab):
    process, pid, _, _ = start(lab, "twin")
    folder = lab.path("layers")
    done = tool("checkpoint", "--pid", pid, "--to", folder)
    check_equal(done.returncode, 1, f"{done}")
    check_sentence(without_hidden_processes(done.stderr).strip(),
                   "same address space", str(pid))
    check(not list(folder.glob("layer-*")), "no layer is there")
    check_equal(process.poll(), None, "it runs")


@case
def no_other_checkpoint_follows_the_last(lab):
    _, pid, _, _ = start(lab, "twin")
    done = tool("checkpoint", "--pid", pid, "--to", lab.path("layers"),
                "--every", 0.1, "--count", 2)
    check_equal(done.returncode, 1, f"{done}")
    one, last, end = without_hidden_processes(done.stderr).splitlines()
    check_sentence(one, "address space", "the next checkpoint follows")
    check_sentence(last, "address space")
    check("follows" not in last, last)
    check_sentence(end, "2 of 2 checkpoints failed")


main()
