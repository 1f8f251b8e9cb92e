#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge layers prune, and pruning beside checkpoints: what is kept stays what
it was, also if smudge is killed; who is read or writes is left alone."""
import re
import shutil
import signal
import subprocess
import time

from cores import Target, series, start
from ending import RNG, end_in_time, moments
from layers import answer, file_of, left_beside, listed, said, tool, verify
from smudgetest import TOOL, case, check, check_equal, check_sentence, main, \
    wait_until


def numbers(folder):
    return [layer["number"] for layer in listed(folder)]


def digests(folder):
    """Of each layer, once all of its memory was read."""
    answer("layers", "verify", "--all", folder)
    return {layer["number"]: layer["digest"] for layer in listed(folder)}


def eight_layers(lab):
    """A folder of a process's layers; the fifth is full."""
    folder = lab.path("layers")
    target = Target(lab)
    series(target.pid, folder, "0.1", 8, "--full-every", 4)
    target.end()
    return folder


@case
def what_is_kept_is_what_it_was(lab):
    folder = eight_layers(lab)
    before = digests(folder)
    dry = answer("layers", "prune", folder, "--keep-last", 3, "--garbage", 0,
                 "--dry-run")
    check_equal(digests(folder), before, "after a dry run")
    # 1 to 4 are a chain of their own, and 5 is merged into 6.
    text = said("layers", "prune", folder, "--keep-last", "3", "--garbage", "0")
    check(re.search(r"^ +4 .* removed\n +5 .* merged into 6\n +6 .* kept$", text,
                    re.M), text)
    check(re.search(r"^4 of 8 layers are removed, 1 merged into 1; "
                    r"[\d.]+ [KM]iB are now [\d.]+ [KM]iB$", text, re.M), text)
    after = digests(folder)
    check_equal(after, {n: before[n] for n in (6, 7, 8)}, "what is kept")
    check_equal(left_beside(folder), [], "beside the layers")
    check_equal([layer["fate"] for layer in dry["layers"]],
                ["removed"] * 4 + ["merged"] + ["kept"] * 3, f"{dry}")
    check_equal((dry["removed"], dry["merged"], dry["rewritten"], dry["dry-run"]),
                (4, 1, 1, True), f"{dry}")
    check_equal(dry["layers"][4]["merged-into"], 6, f"{dry}")


@case
def layers_wait_until_it_pays(lab):
    """A process that writes little: its base has nearly all."""
    folder = lab.path("layers")
    target = Target(lab)
    series(target.pid, folder, "0.1", 4)
    target.end()
    result = answer("layers", "prune", folder, "--keep-last", 1, "--garbage", 100)
    check_equal((result["waiting"], result["merged"]), (3, 0), f"{result}")
    check(result["waiting-bytes"] > 0, f"{result}")
    check_equal(numbers(folder), [1, 2, 3, 4], "layers")


@case
def what_other_images_stand_on_stays(lab):
    folder = eight_layers(lab)
    shutil.copy(file_of(folder, 4), folder / "other.qcow2")
    text = said("layers", "prune", folder, "--keep-last", "2", "--garbage", "0")
    check(re.search(r"^ +3 .* in use\n +4 .* removed$", text, re.M), text)
    check_equal(text.splitlines()[-1], "1 stay for the next time: what stands on "
                "them is no layer", text)
    check_equal(numbers(folder), [3, 7, 8], "layers")


@case
def wrong_command_lines(lab):
    for arguments, says in (
            ((), "FOLDER is missing"),
            (("x",), "--keep-last, --keep-hourly, --keep-daily or --keep-weekly"),
            (("x", "y", "--keep-last", "1"), "'y' is too much"),
            (("nbd://host/disk", "--keep-last", "1"), "is a disk, which has one"),
            (("x", "--keep-last", "0"), "--keep-last takes a number"),
            (("x", "--keep-weekly", "-1"), "--keep-weekly takes a number"),
            (("x", "--keep-daily", "1", "--garbage", "101"), "from 0 to 100")):
        check_sentence(said("layers", "prune", *arguments, status=2).strip(),
                       says, "see smudge layers")
    check_sentence(said("checkpoint", "--pid", "1", "--to", "x", "--garbage", "5",
                        status=2).strip(), "--garbage needs --keep-last")


@case
def what_cannot_be_pruned(lab):
    check_sentence(said("layers", "prune", lab.path("none"), "--keep-last", "1",
                        status=1).strip(), "none")
    folder = eight_layers(lab)
    file_of(folder, 9).write_text("no layer\n")
    check_sentence(said("layers", "prune", folder, "--keep-last", "1",
                        status=1).strip(), "layer-00000009.qcow2")
    check_equal(len(list(folder.iterdir())), 9, "files")
    file_of(folder, 9).unlink()
    target = Target(lab)
    beside = start("--pid", target.pid, "--to", folder, "--every", "30")
    wait_until(lambda: file_of(folder, 9).exists(), "a layer of the writer")
    check_sentence(said("layers", "prune", folder, "--keep-last", "1",
                        status=1).strip(), "another writer")
    end_in_time(beside, signal.SIGTERM, "checkpoint", beside.communicate)


@case
def killed_at_any_moment(lab):
    folder = eight_layers(lab)
    before = digests(folder)
    cut = lab.path("cut")
    words = [TOOL, "layers", "prune", str(cut), "--keep-last", "2", "--garbage",
             "0"]
    for round_number in moments():
        if round_number == 4:
            break
        shutil.copytree(folder, cut)
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        time.sleep(RNG.uniform(0, 0.1))
        number = RNG.choice((signal.SIGKILL, signal.SIGINT))
        process.send_signal(number)
        # SIGALRM ends a command that a busy machine did not let end in time
        check(process.wait() in (0, 1, -number, -signal.SIGALRM),
              f"{process.returncode}")
        if process.returncode in (0, 1):
            check_equal(left_beside(cut), [], "beside the layers")
        found = digests(cut)
        check({7, 8} <= set(found), f"{found}")
        check_equal(found, {n: before[n] for n in found}, "layers")
        said("layers", "prune", cut, "--keep-last", "2", "--garbage", "0")
        check_equal(digests(cut), {n: before[n] for n in (7, 8)}, "layers")
        check_equal(left_beside(cut), [], "beside the layers")
        shutil.rmtree(cut)


@case
def checkpoints_that_prune(lab):
    """So many layers, and each of them is whole."""
    folder = lab.path("layers")
    target = Target(lab)
    layers = series(target.pid, folder, "0.1", 12, "--keep-last", 3,
                    "--garbage", 0)
    check_equal([layer["full"] for layer in layers], [True] + [False] * 11,
                "full")
    check_equal(numbers(folder), [10, 11, 12], "layers")
    found = digests(folder)
    check_equal(found, {layer["layer"]: layer["digest"]
                        for layer in layers[-3:]}, f"{layers[-1]}")
    check_equal(left_beside(folder), [], "beside the layers")
    target.check_right()


@case
def a_failed_pruning_fails_no_checkpoint(lab):
    folder = lab.path("layers")
    target = Target(lab)
    series(target.pid, folder, "0.1", 2)
    with open(file_of(folder, 1), "r+b") as file:
        file.write(b"damage")
    done = tool("checkpoint", "--pid", target.pid, "--to", folder, "--every",
                "0.1", "--count", "2", "--keep-last", "1")
    check_equal(done.returncode, 0, f"{done}")
    check("the layers are not pruned: layer-00000001.qcow2" in done.stderr,
          done.stderr)
    check_equal(len(list(folder.iterdir())), 4, "files")


@case
def a_vm_prunes_beside_its_checkpoints(lab):
    """By command, by QMP's arguments, and those that are periodic."""
    folder = lab.path("layers")
    source = lab.source("--checkpoint-to", str(folder), "--checkpoint-every", "0.2",
                        "--checkpoint-keep", "last=2,garbage=0")
    # whichever is the newest now: layer 6 itself is soon removed, too
    wait_until(lambda: any(path >= file_of(folder, 6)
                           for path in folder.glob("layer-*")), "six layers")
    wait_until(lambda: not file_of(folder, 4).exists(), "layer 4 to be removed")
    other = lab.path("other")
    for _ in range(3):
        job = answer("checkpoint", "--qmp", source.qmp_path, "--to", other,
                     "--keep-last", 1, "--garbage", 0)
        source.wait_passes(1)
    # Which of them saves next opens its own folder again.
    check(numbers(other)[-1] == job["layer"], f"{job}")
    source.wait_passes(1)
    source.qmp.run("quit")
    source.wait()
    for path in folder, other:
        digests(path)
        check_equal(left_beside(path), [], "beside the layers")


main()
