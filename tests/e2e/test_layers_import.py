#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge layers import: files with memory become layers."""
import os
import random
import shutil
import signal
import subprocess
import time

from ending import end_in_time
from layers import answer, file_of, left_beside, said, verify
from smudgetest import MIB, PATIENCE, TOOL, case, check, check_equal, \
    check_sentence, main

PAGE = 4096


def memory_file(path, nbytes, rng, npages=300):
    """A file with holes; its pages that are none."""
    pages = {rng.randrange(nbytes // PAGE): rng.randbytes(PAGE)
             for _ in range(npages)}
    with open(path, "wb") as file:
        file.truncate(nbytes)
        for number, page in pages.items():
            file.seek(number * PAGE)
            file.write(page)
    return pages


def check_disk(lab, folder, number, pages, nbytes):
    """What QEMU reads: memory of one region is the beginning of the disk."""
    if not shutil.which("qemu-img"):
        return
    raw = lab.path("raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw",
                    file_of(folder, number), raw], check=True)
    with open(raw, "rb") as file:
        for at in range(0, nbytes, PAGE):
            check(file.read(PAGE) == pages.get(at // PAGE, bytes(PAGE)),
                  f"page {at // PAGE} of layer {number}")


@case
def full_layers_and_deltas(lab):
    rng = random.Random(lab.folder.name)
    folder = lab.path("layers")
    nbytes = 64 * MIB
    pages = memory_file(lab.path("mem"), nbytes, rng)
    text = said("layers", "import", lab.path("mem"), "--to", folder)
    check_equal(text.splitlines()[-1].split(", ")[:2] +
                [text.splitlines()[-1].split(", ")[3]],
                ["layer-00000001.qcow2: full", f"{len(pages)} pages",
                 "of 64 MiB in 1 region"], text)
    verify(folder)
    check_disk(lab, folder, 1, pages, nbytes)
    for number in 2, 3:
        changed = memory_file(lab.path("diff"), nbytes, rng, 40)
        pages |= changed
        layer = answer("layers", "import", lab.path("diff"), "--diff", "--to",
                       folder, "--layout", "firecracker")
        check_equal((layer["number"], layer["full"], layer["pages"]),
                    (number, False, len(changed)), f"{layer}")
        region, = layer["regions"]
        check_equal((region["name"], region["address"], region["size-bytes"]),
                    ("ram-low", 0, nbytes), f"{region}")
        verify(folder)
        check_disk(lab, folder, number, pages, nbytes)
    check_equal(answer("layers", "diff", "2", "3", folder)["pages"],
                len(changed), "pages that differ")
    check_equal(os.stat(folder).st_mode & 0o777, 0o700, "mode")
    check_equal(left_beside(folder), [], "files")


@case
def the_same_as_a_checkpoint(lab):
    """The layer of a guest's memory has the digest of the guest's own."""
    source = lab.source(append="working-set=8M pattern=random")
    saved = lab.path("saved")
    source.checkpoint(saved)
    source.kill()
    if not shutil.which("qemu-img"):
        return
    raw, folder = lab.path("raw"), lab.path("imported")
    subprocess.run(["qemu-img", "convert", "-O", "raw", file_of(saved, 1),
                    raw], check=True)
    region, = answer("layers", "show", saved)["regions"]
    os.truncate(raw, region["size-bytes"])
    said("layers", "import", raw, "--to", folder)
    check_equal(answer("layers", "show", folder)["digest"],
                answer("layers", "show", saved)["digest"], "digest")
    check_equal([{**one, "id": 0} for one in
                 answer("layers", "show", folder)["regions"]],
                [{**region, "id": 0}], "regions")


@case
def regions_and_layouts(lab):
    rng = random.Random(lab.folder.name)
    for name in "a", "b":
        memory_file(lab.path(name), 2 * MIB, rng)
    folder = lab.path("layers")
    layer = answer("layers", "import", lab.path("a"), lab.path("b"), "--to",
                   folder, "--layout", "qemu", "--region", "high@4G:2M",
                   "--region", "low@0x100000:0x200000")
    check_equal([(region["name"], region["address"], region["file"])
                 for region in layer["regions"]],
                [("low", MIB, str(lab.path("b"))),
                 ("high", 4 << 30, str(lab.path("a")))], f"{layer}")
    verify(folder)
    large = lab.path("large")
    with open(large, "wb") as file:
        file.truncate(5 << 30)
        file.write(b"first")
        file.seek((3 << 30) + 7)
        file.write(b"high")
    for layout in "firecracker", "cloud-hypervisor":
        layer = answer("layers", "import", large, "--to", folder, "--layout",
                       layout)
        check_equal([(region["name"], region["address"], region["size-bytes"],
                      region["file-offset"]) for region in layer["regions"]],
                    [("ram-low", 0, 3 << 30, 0),
                     ("ram-high", 4 << 30, 2 << 30, 3 << 30)], f"{layer}")
        check_equal(layer["pages"], 2, "pages")
    check_sentence(said("layers", "import", large, "--to", folder,
                        status=1).strip(), "has data from 0xc0000000",
                   "where no region is")


@case
def what_is_refused(lab):
    rng = random.Random(1)
    memory, folder = lab.path("mem"), lab.path("layers")
    memory_file(memory, MIB, rng)
    os.mkfifo(lab.path("pipe"))
    lab.path("odd").write_bytes(b"x" * 5000)
    for path, part in ((lab.path("pipe"), "is no regular file"),
                       (lab.folder, "is no regular file"),
                       (lab.path("none"), "No such file"),
                       (lab.path("odd"), "5000 bytes")):
        check_sentence(said("layers", "import", path, "--to", folder,
                            status=1).strip(), part)
    check_sentence(said("layers", "import", memory, "--to", folder, "--region",
                        "a@0:2M", status=1).strip(),
                   "has 1048576 bytes, and its regions need 2097152")
    check(not folder.exists(), "the folder was made")
    check_sentence(said("layers", "import", memory, "--diff", "--to", folder,
                        status=1).strip(), "layers")
    for words in ([memory], ["--to", folder], [memory, memory, "--to", folder],
                  [memory, "--to", folder, "--layout", "x"],
                  [memory, "--to", "s3://bucket/x"], [memory, "--to", "nbd://host"],
                  [memory, "--to", folder, "--region", "a@1:4K"],
                  [memory, "--to", folder, "--diff", "--region", "a@0:4K"]):
        check_sentence(said("layers", "import", *words, status=2).strip(),
                       "see smudge layers import --help")


@case
def names_that_steer_a_terminal(lab):
    """A layer's author chose its regions' names."""
    memory, folder = lab.path("mem"), lab.path("layers")
    memory_file(memory, MIB, random.Random(2))
    for name in "a", "b\n\x1b[31m\x7f\u009b":
        said("layers", "import", memory, "--to", folder, "--region",
             f"{name}@0:1M")
    for words, line in ((("show", folder), "b??[31m??? "),
                        (("diff", "1", "2", folder), "b??[31m???: ")):
        text = said("layers", *words)
        check(line in text, text)
        check(text.replace("\n", "").isprintable(), ascii(text))


def clean_up(folder):
    """After a command that was killed: the next one may be ended before it does
    that itself."""
    for name in left_beside(folder):
        (folder / name).unlink()
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


@case
def interrupted_or_cut(lab):
    """A signal, or a file that is cut or written: a sentence, no layer."""
    memory, folder = lab.path("mem"), lab.path("layers")
    data = random.Random(1).randbytes(1 * MIB)
    for number, delay in enumerate((0, 0.005, 0.01, 0.02, 0.05, 0.1)):
        with open(memory, "wb") as file:
            for _ in range(128):
                file.write(data)
        process = subprocess.Popen(
            [TOOL, "layers", "import", memory, "--to", folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        lab.closers.append(process.kill)
        time.sleep(delay)
        if number % 2:
            os.truncate(memory, 5 * MIB)
            _, err = process.communicate(timeout=PATIENCE)
        else:
            (_, err), _ = end_in_time(
                process, signal.SIGTERM, "import",
                lambda: process.communicate(timeout=PATIENCE))
        # SIGALRM ends a command that a busy machine did not let end in time
        if process.returncode == -signal.SIGALRM:
            clean_up(folder)
            continue
        check(process.returncode in (0, 1, -signal.SIGTERM),
              f"{process.returncode} {err}")
        if process.returncode == 1:
            check_sentence(err.strip(), "read" if number % 2 else
                           "interrupted before the end")
        check_equal(left_beside(folder), [], "files")
        if process.returncode == 1 and folder.exists():
            check(any(folder.iterdir()), "an empty folder")
    if any(folder.glob("layer-*")):
        layers = answer("layers", "verify", "--all", folder)["layers"]
        check(all(layer["whole"] for layer in layers), f"{layers}")


main()
