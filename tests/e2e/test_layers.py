#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge checkpoint and smudge layers of a real guest: what they print."""
import json
import re
import signal
import subprocess
import time

from ending import end_in_time
from layers import answer, file_of, left_beside, listed, said, tool, \
    without_progress
from smudgetest import MIB, PATIENCE, TOOL, case, check, check_equal, \
    check_sentence, main


def three_layers(lab):
    """A machine, and its folder: full, delta, delta."""
    folder = lab.path("layers")
    source = lab.source()
    for _ in range(3):
        source.checkpoint(folder)
        source.wait_passes(1)
    return source, folder


@case
def a_checkpoint_as_text_and_as_json(lab):
    source = lab.source()
    folder = lab.path("layers")
    text = said("checkpoint", "--qmp", source.qmp_path, "--to", folder)
    check(re.fullmatch(r"layer-00000001\.qcow2: full, [0-9,]+ pages, "
                       r"[0-9.]+ [KM]iB, pause [0-9.]+ [mu]?s, in place after "
                       r"[0-9.]+ m?s\n", text), f"{text!r}")
    source.wait_passes(1)
    job = answer("checkpoint", "--qmp", source.qmp_path, "--to", folder)
    check_equal((job["status"], job["full"], job["layer"], job["folder"]),
                ("completed", False, 2, str(folder)), f"{job}")
    job = answer("checkpoint", "--qmp", source.qmp_path, "--to", folder,
                 "--full", "--uncompressed", "--look-ahead",
                 "--pause-deadline", "60000")
    check_equal(job["full"], True, f"{job}")
    check_equal(len(listed(folder)), 3, "layers")
    check_equal(source.qmp.run("query-status")["running"], True, "running")


@case
def a_folder_relative_to_the_user(lab):
    source = lab.source()
    done = subprocess.run(
        [TOOL, "checkpoint", "--qmp", source.qmp_path, "--to", "here"],
        cwd=lab.folder, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=PATIENCE, text=True)
    check_equal(done.returncode, 0, f"{done}")
    check(file_of(lab.path("here"), 1).exists(), "it is somewhere else")
    there = str(lab.path("there"))
    done = subprocess.run(
        [TOOL, "checkpoint", "--qmp", source.qmp_path, "--json", "--to",
         there.removeprefix("/")],
        cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
        timeout=PATIENCE, text=True)
    check_equal(json.loads(done.stdout)["folder"], there, "from the root")


@case
def failures_of_a_checkpoint(lab):
    source = lab.source()
    command = ["checkpoint", "--qmp", source.qmp_path, "--to"]
    check_sentence(said(*command, "/nonexistent/a/b", status=1).strip(),
                   "the checkpoint failed", "/nonexistent/a")
    check_sentence(said("checkpoint", "--qmp", lab.path("none"), "--to", "x",
                        status=1).strip(), "cannot connect")


@case
def list_of_layers(lab):
    source, folder = three_layers(lab)
    text = said("layers", "list", folder)
    lines = text.splitlines()
    check_equal(lines[0].split(), ["number", "taken", "kind", "pages", "bytes",
                                   "pause", "digest"], "heading")
    layers = listed(folder)
    for line, layer in zip(lines[1:], layers, strict=True):
        check(len(line) < 80, f"{len(line)} columns: {line!r}")
        words = line.split()
        check_equal((words[0], words[3], words[4].replace(",", ""), words[-1]),
                    (str(layer["number"]), "full" if layer["full"] else
                     "delta", str(layer["pages"]), layer["digest"][:8]),
                    f"{line!r}")
    check_equal([layer["full"] for layer in layers], [True, False, False],
                "full")
    check_equal([layer["file-bytes"] for layer in layers],
                [file_of(folder, n).stat().st_size for n in (1, 2, 3)], "bytes")
    empty = lab.path("empty")
    empty.mkdir()
    check_equal(said("layers", "list", empty), f"no layers in {empty}\n", "")
    check_equal(listed(empty), [], "none")


@case
def list_of_damaged_layers(lab):
    source, folder = three_layers(lab)
    source.kill()
    file_of(folder, 2).write_bytes(b"garbage" * 10000)
    done = tool("layers", "list", folder)
    check_equal(done.returncode, 1, f"{done}")
    check_sentence(done.stderr.strip(), "2 of 3 layers", str(folder))
    lines = done.stdout.splitlines()
    check_equal(len(lines), 4, f"{lines}")
    # and the one that stands on it
    for number in (2, 3):
        check(re.match(rf" +{number}  cannot be read: layer-00000002\.qcow2: ",
                       lines[number]), lines[number])
    done = tool("layers", "list", folder, "--json")
    check_equal(done.returncode, 1, f"{done}")
    layers = json.loads(done.stdout)["layers"]
    check(["error" in layer for layer in layers] == [False, True, True],
          f"{layers}")


@case
def show_a_layer(lab):
    source, folder = three_layers(lab)
    shown = answer("layers", "show", f"{folder}@2")
    check_equal((shown["number"], shown["full"]), (2, False), f"{shown}")
    check_equal([layer["number"] for layer in shown["chain"]], [2, 1], "chain")
    check_equal([(region["name"], region["address"], region["size-bytes"],
                  region["page-bytes"]) for region in shown["regions"]],
                [("ram-low", 0, 64 * MIB, 4096)], "regions")
    blob, = shown["blobs"]
    check_equal(blob["name"], "smudge-vm", "blob")
    check(blob["length-bytes"] > 100, f"{blob}")
    text = said("layers", "show", folder)
    for part in ("layer-00000003.qcow2", "delta, in a chain of 3", "ram-low",
                 "64 MiB", "smudge-vm", answer("layers", "show",
                                               folder)["digest"]):
        check(part in text, f"no {part!r} in {text}")


@case
def verify_layers(lab):
    source, folder = three_layers(lab)
    source.kill()
    text = said("layers", "verify", folder)
    check(re.fullmatch(r"layer-00000003\.qcow2 is whole: 64 MiB in a chain of "
                       r"3, digest [0-9a-f]{32}\n", text), f"{text!r}")
    check_equal(len(said("layers", "verify", folder, "--all").splitlines()), 3,
                "lines of --all")
    check_equal([layer["whole"] for layer in
                 answer("layers", "verify", "--all", folder)["layers"]],
                [True] * 3, "whole")
    # the end of a file: its tail
    path = file_of(folder, 2)
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])
    for name in (f"{folder}@2", folder):
        check_sentence(said("layers", "verify", name, status=1).strip(),
                       "layer-00000002.qcow2")
    done = tool("layers", "verify", f"{folder}@2", "--json")
    check_equal(done.returncode, 1, f"{done}")
    layer, = json.loads(done.stdout)["layers"]
    check_equal((layer["whole"], layer["number"]), (False, 2), f"{layer}")
    check_sentence(layer["error"], "layer-00000002.qcow2")
    done = tool("layers", "verify", "--all", folder)
    check_equal(done.returncode, 1, f"{done}")
    check_sentence(done.stderr.strip(), "2 of 3 layers")
    check_equal([line.split(":")[0] for line in
                 without_progress(done.stdout).splitlines()[1:]],
                ["layer 2", "layer 3"], f"{done}")
    check_equal(answer("layers", "verify", f"{folder}@1")["layers"][0]["whole"],
                True, "the first one")


@case
def pages_that_differ(lab):
    folder = lab.path("layers")
    source = lab.source(append="working-set=1M")
    source.qmp.run("stop")
    source.checkpoint(folder)
    source.checkpoint(folder)
    source.qmp.run("cont")
    source.wait_passes(2)
    pages = source.checkpoint(folder)["pages"]
    check_equal(said("layers", "diff", "1", "2", folder), "no page differs\n",
                "")
    found = answer("layers", "diff", "2", "3", folder)
    region, = found["regions"]
    check_equal(region["name"], "ram-low", "region")
    check_equal(sum(run["pages"] for run in region["ranges"]), region["pages"],
                "pages")
    check_equal(found["pages"], region["pages"], "pages of all")
    # the working set, and little else; a page may be written as it was
    check(200 <= found["pages"] <= pages, f"{found['pages']} of {pages}")
    for run in region["ranges"]:
        check_equal(run["address"], run["first-page"] * 4096, "address")
    text = said("layers", "diff", "2", "3", folder)
    check(f"ram-low: {found['pages']:,} pages in "
          f"{len(region['ranges']):,} range" in text, text)
    run = region["ranges"][0]
    check_equal(text.splitlines()[0],
                f"  ram-low {run['first-page']}-"
                f"{run['first-page'] + run['pages'] - 1} at "
                f"{run['address']:#x}", "first line")
    backwards = answer("layers", "diff", "3", "2", folder)
    check_equal(backwards["pages"], found["pages"], "the other way round")


@case
def interrupted_reading(lab):
    """SIGTERM ends each at once, with a sentence, whatever they read."""
    folder = lab.path("layers")
    source = lab.source(append="working-set=48M pattern=random")
    source.checkpoint(folder, uncompressed=True)
    source.kill()
    for delay in (0, 0.005, 0.01, 0.02, 0.04):
        process = subprocess.Popen(
            [TOOL, "layers", "verify", folder], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        lab.closers.append(process.kill)
        time.sleep(delay)
        (_, err), _ = end_in_time(process, signal.SIGTERM, "verify",
                                  lambda: process.communicate(timeout=PATIENCE))
        # SIGALRM ends a command that a busy machine did not let end in time
        check(process.returncode in (0, 1, -signal.SIGTERM, -signal.SIGALRM),
              f"{process.returncode} {err}")
        if process.returncode == 1:
            check_equal(err, "smudge: interrupted before the end\n", "err")
    check_equal(left_beside(folder), [], "files")


main()
