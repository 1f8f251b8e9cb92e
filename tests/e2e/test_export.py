#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge layers export of guests: the files of other VMMs, diffs, and cores of
physical memory that QEMU, drgn, gdb and readelf agree on."""
import json
import os
import re
import signal
import struct
import subprocess
import time

from cores import NT_PRSTATUS, PT_LOAD, Core
from ending import end_in_time
from exports import PAGE, holes_where_zero, pages_present, same, sha
from layers import answer, listed, said, verify
from linux_machine import boot, kernel
from programs import need_program
from smudgetest import MIB, PATIENCE, TOOL, Skip, case, check, check_equal, \
    check_sentence, main
from stock_qemu import MEMORY, StockQemu, make_layer

GIB = 1024 * MIB
SYSTEM_PYTHON = "/usr/bin/python3"


def export(layer, path, *options):
    return answer("layers", "export", layer, "--output", path, *options)


def save(machine, folder, *more):
    return answer("checkpoint", "--qemu", machine.qmp_path, "--to", folder,
                  *more)


def stopped_qemu(lab, *more, **options):
    """A machine that has run and stands; its memory is that of its layers."""
    qemu = StockQemu(lab, "source", *more, **options)
    qemu.console.wait_passes(3)
    with qemu.connect_closing() as qmp:
        qmp.run("stop")
    return qemu


# What QEMU itself says of the same guest.

def dump(lab, machine):
    """Of QEMU; the guest stands from now on."""
    path = lab.path("qemu.dump")
    qmp = machine.connect()
    qmp.run("stop")
    qmp.run("dump-guest-memory", paging=False, protocol=f"file:{path}")
    qmp.close()
    return Core(path)


def loads(core):
    """Of each segment: physical address, virtual address, length, place."""
    return [(h[4], h[3], h[5], h[2]) for h in core.headers if h[0] == PT_LOAD]


def bytes_of(core, offset, length):
    with open(core.path, "rb") as file:
        file.seek(offset)
        return sha(file, length)


def joined(segments):
    """Neighbours are one, whatever their virtual addresses are."""
    found = []
    for gpa, _, length, offset in segments:
        if found and found[-1][0] + found[-1][1] == gpa and \
                found[-1][2] + found[-1][1] == offset:
            found[-1][1] += length
        else:
            found.append([gpa, length, offset])
    return found


def check_same_memory(ours, theirs):
    """All segments of ours are QEMU's; QEMU has ROMs and screens besides."""
    known = {load[:2]: load[2] for load in map(tuple, joined(loads(theirs)))}
    mine = joined(loads(ours))
    check(mine, "segments")
    for gpa, length, offset in mine:
        check((gpa, length) in known, f"{gpa:#x} {length:#x}: {known}")
        check_equal(bytes_of(ours, offset, length),
                    bytes_of(theirs, known[gpa, length], length),
                    f"the memory at {gpa:#x}")
    return sum(length for _, length, _ in mine)


def check_same_processors(ours, theirs, n):
    check_equal(len(ours.of_kind(NT_PRSTATUS)), n, "processors")
    check_equal(ours.of_kind(NT_PRSTATUS), theirs.of_kind(NT_PRSTATUS),
                "NT_PRSTATUS")
    qemu = [x for x in theirs.of_kind(0) if b"OSRELEASE" not in x]
    check_equal(ours.of_kind(0)[:n], qemu, "QEMU's notes")


# The same memory as a reader of kernels sees it. Virtual addresses go through
# the page tables that VMCOREINFO leads to.
DRGN = r"""
import json, sys
try:
    import drgn
except ImportError:
    sys.exit(77)
prog = drgn.Program()
prog.set_core_dump(sys.argv[1])
address = int(sys.argv[2], 0)
words = int(sys.argv[3], 0)
print(json.dumps({
    "release": prog["UTS_RELEASE"].string_().decode(),
    "is_kernel": bool(prog.flags & drgn.ProgramFlags.IS_LINUX_KERNEL),
    "uts": prog.read(address, 390).hex(),
    "physical": prog.read(words, 64, physical=True).hex(),
}))
"""


def ask_drgn(core, address, physical):
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", DRGN, str(core.path), hex(address),
         hex(physical)], capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode == 77:
        raise Skip("no python3-drgn")
    check_equal(done.returncode, 0, done.stderr)
    return json.loads(done.stdout)


def vmcoreinfo(core):
    text, = [x for x in core.of_kind(0) if x.startswith(b"OSRELEASE=")]
    return dict(re.findall(r"^(.+?)=(.*)$", text.decode(), re.M))


def check_kernel(core, release):
    """drgn finds it, and reads strings of it by both kinds of addresses."""
    info = vmcoreinfo(core)
    check_equal(info["OSRELEASE"], release, "VMCOREINFO")
    banner = b"Linux version " + release.encode()
    physical = core.find(banner)[0]
    seen = ask_drgn(core, int(info["SYMBOL(init_uts_ns)"], 16), physical)
    check_equal((seen["release"], seen["is_kernel"]), (release, True), "drgn")
    check(bytes.fromhex(seen["physical"]).startswith(banner), f"{seen}")
    text = subprocess.run([need_program("crash"), "--osrelease", core.path],
                          capture_output=True, text=True,
                          timeout=PATIENCE).stdout
    check_equal(text.strip(), release, "crash --osrelease")
    # struct new_utsname: six names of 65 bytes; its place in the namespace
    # depends on the kernel
    uts = bytes.fromhex(seen["uts"])
    check(b"Linux\0" in uts and release.encode() + b"\0" in uts, f"{uts}")


def check_readers(core, ours):
    """readelf and gdb take it for a core."""
    text = subprocess.run([need_program("readelf"), "-lnW", core], check=True,
                          capture_output=True, text=True).stdout
    check_equal(len(re.findall(r"^ +LOAD ", text, re.M)), len(loads(ours)),
                text)
    check(re.search(r"VMCOREINFO +0x[0-9a-f]+", text), text)
    gpa, address, _, offset = loads(ours)[-1]
    with open(core, "rb") as file:
        file.seek(offset)
        word, = struct.unpack("<Q", file.read(8))
    check_equal(gpa, address, "addresses")
    text = ours.gdb("/dev/null", f"x/gx {address:#x}")
    check(f"{word:#018x}" in text, f"{word:#x}: {text}")


@case
def linux_as_qemu_and_drgn_see_it(lab):
    machine = boot(lab, "-smp", "2")
    theirs = dump(lab, machine)
    folder = lab.path("layers")
    save(machine, folder)
    release = kernel().release
    path = lab.path("core")
    said_of = export(folder, path, "--core")
    machine.kill()
    check_equal((said_of["processors"], said_of["linux"]), (2, release),
                f"{said_of}")
    check_equal(said_of["length-bytes"], path.stat().st_size, "length")
    check_equal(path.stat().st_mode & 0o7777, 0o600, "mode")
    ours = Core(path)
    check(check_same_memory(ours, theirs) > 255 * MIB, "too little memory")
    check_same_processors(ours, theirs, 2)
    check(path.stat().st_blocks * 512 < 200 * MIB, "it has no holes")
    check_readers(path, ours)
    check_kernel(ours, release)


@case
def a_core_of_a_machine_without_linux(lab):
    qemu = stopped_qemu(lab)
    theirs = dump(lab, qemu)
    save(qemu, lab.path("layers"))
    text = said("layers", "export", lab.path("layers"), "--core", "--output",
                lab.path("core"))
    check("no Linux, 1 processor, 1 segment, 64 MiB" in text, text)
    ours = Core(lab.path("core"))
    check_same_memory(ours, theirs)
    # the guest never enters long mode, and QEMU writes 32-bit notes then
    rip, = struct.unpack_from("<Q", ours.of_kind(NT_PRSTATUS)[0], 240)
    note, = [x for x in theirs.of_kind(0)]
    check_equal(rip, struct.unpack_from("<Q", note, 8 + 16 * 8)[0], "rip")
    check_equal(ours.of_kind(0), [note], "QEMU's note")


@case
def a_core_of_a_smudge_vm(lab):
    source = lab.source()
    source.qmp.run("stop")
    source.checkpoint(lab.path("layers"))
    said_of = export(lab.path("layers"), lab.path("core"), "--core")
    check_equal((said_of["processors"], said_of["linux"],
                 said_of["segments"]), (1, None, 1), f"{said_of}")
    core = Core(lab.path("core"))
    check_equal(loads(core)[0][:3], (0, 0, 64 * MIB), "segment")
    rip, _, flags = struct.unpack_from("<3Q", core.of_kind(NT_PRSTATUS)[0],
                                       112 + 16 * 8)
    check(0 < rip < 64 * MIB and flags & 2, f"{rip:#x} {flags:#x}")


# Files of other VMMs.

def memory_of(qemu):
    """The memfd, copied, since it is no more when the machine ends."""
    path = qemu.lab.path("memory")
    subprocess.run(["cp", "--sparse=always", qemu.memory_path(), path],
                   check=True)
    return path


@case
def layouts_of_a_small_machine(lab):
    qemu = stopped_qemu(lab)
    memory = memory_of(qemu)
    folder = lab.path("layers")
    save(qemu, folder)
    for layout in ("flat", "qemu", "firecracker", "cloud-hypervisor"):
        path = lab.path(layout)
        said_of = export(folder, path, "--layout", layout)
        file, = said_of["files"]
        check_equal((file["file"], file["length-bytes"], file["ranges"],
                     said_of["layout"]),
                    (str(path), MEMORY, [{"address": 0, "size-bytes": MEMORY,
                                          "file-offset": 0}], layout),
                    f"{said_of}")
        check(same(path, memory), f"{layout}: other bytes")
        check_equal(path.stat().st_mode & 0o7777, 0o600, "mode")
        holes_where_zero(path)
    text = said("layers", "export", "--layout", "flat", folder, "--output",
                lab.path("text\x1b[31m"))
    # what steers a terminal is not printed
    check(re.search(r"text\?\[31m: flat of .*, 64 MiB\n$", text), text)
    text = said("layers", "export", "--core", folder, "--output",
                lab.path("core\x1b[31m"))
    check(re.search(r"core\?\[31m: guest at .*\n$", text), text)


@case
def layouts_around_the_hole(lab):
    """Memory from 4 GiB on follows in dense files, and is at its address in
    flat ones."""
    source = lab.source(memory="3200M", append="working-set=2M")
    source.qmp.run("stop")
    folder = lab.path("layers")
    source.checkpoint(folder)
    low = {"address": 0, "size-bytes": 3 * GIB, "file-offset": 0}
    high = {"address": 4 * GIB, "size-bytes": 128 * MIB}
    files = {}
    for layout, high_off in (("flat", 4 * GIB), ("firecracker", 3 * GIB),
                             ("cloud-hypervisor", 3 * GIB), ("qemu", 3 * GIB)):
        files[layout] = lab.path(layout)
        file, = export(folder, files[layout], "--layout", layout)["files"]
        check_equal(file["ranges"], [low, {**high, "file-offset": high_off}],
                    layout)
        check_equal(files[layout].stat().st_size, high_off + 128 * MIB, layout)
        check(files[layout].stat().st_blocks * 512 < 64 * MIB, "no holes")
    core = export(folder, lab.path("core"), "--core")
    check_equal(core["segments"], 2, "segments")
    check_equal([load[:3] for load in loads(Core(lab.path("core")))],
                [(0, 0, 3 * GIB), (4 * GIB, 4 * GIB, 128 * MIB)], "segments")


@case
def a_file_for_each_backend(lab):
    qemu = stopped_qemu(lab, memory=[
        "-machine", "pc-i440fx-3.1",
        "-object", "memory-backend-memfd,id=m0,size=40M,share=on",
        "-object", "memory-backend-memfd,id=m1,size=24M,share=on",
        "-numa", "node,memdev=m0", "-numa", "node,memdev=m1"])
    theirs = dump(lab, qemu)
    folder = lab.path("layers")
    save(qemu, folder)
    files = export(folder, lab.path("ram"), "--layout", "qemu")["files"]
    files.sort(key=lambda file: file["file"])
    check_equal([(f["file"], f["length-bytes"], f["ranges"][0]["address"])
                 for f in files],
                [(str(lab.path("ram.m0")), 40 * MIB, 0),
                 (str(lab.path("ram.m1")), 24 * MIB, 40 * MIB)], f"{files}")
    export(folder, lab.path("dense"), "--layout", "firecracker")
    check_equal(lab.path("dense").read_bytes(),
                lab.path("ram.m0").read_bytes() +
                lab.path("ram.m1").read_bytes(), "both")
    export(folder, lab.path("core"), "--core")
    check_same_memory(Core(lab.path("core")), theirs)
    # all or none: the name of one is taken
    lab.path("two.m1").write_text("mine")
    check_sentence(said("layers", "export", "--layout", "qemu", folder,
                        "--output", lab.path("two"), status=1).strip(),
                   "two.m1", "there already")
    check_equal([p.name for p in lab.folder.glob("two*")], ["two.m1"], "files")


# Diffs.

def memory_with(lab, name, pages):
    """64 pages, some of them with a byte."""
    path = lab.path(name)
    data = bytearray(64 * PAGE)
    for page, byte in pages.items():
        data[page * PAGE:(page + 1) * PAGE] = bytes([byte]) * PAGE
    path.write_bytes(data)
    return path


def apply(base, diff):
    """As Firecracker's snapshot-editor: what is data in the diff."""
    with open(base, "r+b") as file, open(diff, "rb") as data:
        for page in pages_present(diff):
            data.seek(page * PAGE)
            file.seek(page * PAGE)
            file.write(data.read(PAGE))


@case
def diffs_have_the_pages_that_differ(lab):
    """Pages that became zeros too; and of another folder."""
    first = memory_with(lab, "first", {0: 1, 1: 2, 7: 3, 9: 4, 63: 5})
    then = memory_with(lab, "then", {0: 1, 1: 9, 8: 3, 9: 4, 62: 5, 63: 5})
    for name, memory in (("a", first), ("b", then)):
        make_layer(lab, lab.path(name), memory, "ram", {})
    base, diff = lab.path("base"), lab.path("diff")
    export(lab.path("a"), base, "--layout", "firecracker")
    said_of = export(lab.path("b"), diff, "--layout", "firecracker", "--diff",
                     lab.path("a"))
    check_equal((said_of["files"][0]["pages"], said_of["since"]),
                (4, "layer-00000001.qcow2"), f"{said_of}")
    check_equal(diff.stat().st_size, 64 * PAGE, "length")
    check_equal(pages_present(diff), [1, 7, 8, 62], "pages")
    apply(base, diff)
    check(same(base, then), "the base with the diff")
    nothing = export(lab.path("b"), lab.path("nothing"), "--layout", "flat",
                     "--diff", f"{lab.path('b')}@1")
    check_equal((nothing["files"][0]["pages"],
                 pages_present(lab.path("nothing"))), (0, []), f"{nothing}")


def differing(a, b):
    a, b = a.read_bytes(), b.read_bytes()
    return [page for page in range(len(a) // PAGE)
            if a[page * PAGE:(page + 1) * PAGE] !=
            b[page * PAGE:(page + 1) * PAGE]]


@case
def diffs_of_a_machine_that_was_started_again(lab):
    """Its regions are at other addresses of another process."""
    folder = lab.path("layers")
    for number in (1, 2):
        qemu = stopped_qemu(lab)
        save(qemu, folder)
        qemu.kill()
        lab.path("source.serial").unlink()
        export(folder, lab.path(f"full.{number}"), "--layout", "firecracker")
    for number, since in ((2, 1), (1, 2)):
        diff = lab.path(f"diff.{number}")
        text = said("layers", "export", f"{folder}@{number}", "--layout",
                    "firecracker", "--since", since, "--output", diff)
        pages = differing(lab.path(f"full.{since}"),
                          lab.path(f"full.{number}"))
        check(pages, "nothing differs")
        check_equal(pages_present(diff), pages, "pages")
        check(f"64 MiB, {len(pages):,} pages that differ from "
              f"layer-{since:08}.qcow2\n" in text, text)
    apply(lab.path("full.1"), lab.path("diff.2"))
    check(same(lab.path("full.1"), lab.path("full.2")), "base and diff")


@case
def no_diff_where_memory_came_or_went(lab):
    small, large = lab.path("small"), lab.path("large")
    small.write_bytes(b"x" * 8 * PAGE)
    large.write_bytes(b"x" * 9 * PAGE)
    for name, memory in (("a", small), ("b", large)):
        make_layer(lab, lab.path(name), memory, "ram", {})
    check_sentence(said("layers", "export", lab.path("b"), "--layout", "flat",
                        "--diff", lab.path("a"), "--output", lab.path("diff"),
                        status=1).strip(), "added or removed")
    check(not lab.path("diff").exists(), "a file")


@case
def what_is_exported_is_imported(lab):
    """In each layout, around the hole; a diff as a delta on the base."""
    source = lab.source(memory="3200M", append="working-set=2M")
    folder = lab.path("layers")
    source.qmp.run("stop")
    source.checkpoint(folder)
    source.qmp.run("cont")
    source.wait_passes(2)
    source.qmp.run("stop")
    source.checkpoint(folder)
    first, second = listed(folder)
    for layout in ("flat", "firecracker", "cloud-hypervisor"):
        base, diff, again = (lab.path(f"{what}.{layout}")
                             for what in ("base", "diff", "again"))
        export(f"{folder}@1", base, "--layout", layout)
        export(folder, diff, "--layout", layout, "--since", 1)
        answer("layers", "import", base, "--layout", layout, "--to", again)
        answer("layers", "import", diff, "--layout", layout, "--diff", "--to",
               again)
        check_equal([layer["digest"] for layer in listed(again)],
                    [first["digest"], second["digest"]], layout)
        verify(again)


# What is refused, and what ends in the middle.

@case
def what_is_refused(lab):
    memory = memory_with(lab, "memory", {3: 1})
    folder = lab.path("layers")
    make_layer(lab, folder, memory, "ram", {})
    command = ["layers", "export", folder, "--layout", "flat", "--output"]
    path = lab.path("file")
    said(*command, path)
    check_sentence(said(*command, path, status=1).strip(), "there already")
    path.write_bytes(b"other")
    said(*command, path, "--force")
    check(same(path, memory), "replaced")
    os.mkfifo(lab.path("pipe"))
    lab.path("link").symlink_to("pipe")
    for name in (lab.path("pipe"), lab.path("link"), lab.folder):
        said(*command, name, "--force", status=1)
    lab.path("link").unlink()
    check_equal(sorted(os.listdir(lab.folder)),
                ["file", "layers", "memory", "pipe"], "files")
    make_layer(lab, lab.path("process"), memory, "ram", {"process": b"{}"})
    check_sentence(said("layers", "export", lab.path("process"), "--layout",
                        "flat", "--output", lab.path("x"), status=1).strip(),
                   "of a process")
    make_layer(lab, lab.path("old"), memory, "ram", {
        "qemu-machine": json.dumps({"arguments": []}).encode()})
    for how in (["--core"], ["--layout", "flat"]):
        check_sentence(said("layers", "export", lab.path("old"), *how,
                            "--output", lab.path("x"), status=1).strip(),
                       "does not say at which addresses")


def hostile(lab, name, memory, memory_map):
    machine = {"arguments": [], "exe": "/usr/bin/qemu-system-x86_64",
               "backends": [{"id": "m", "size": 64 * PAGE, "region": "ram",
                             "kind": "memfd"}], "memory-map": memory_map}
    make_layer(lab, lab.path(name), memory, "ram", {
        "qemu-machine": json.dumps(machine).encode()})
    return lab.path(name)


@case
def maps_that_are_not_right(lab):
    memory = memory_with(lab, "memory", {3: 1})

    def part(gpa, size, offset, backend="m"):
        return {"gpa": gpa, "size": size, "offset": offset, "backend": backend}
    wrong = {
        "behind": [part(0, 65 * PAGE, 0)],
        "unknown": [part(0, PAGE, 0, "x")],
        "overlap": [part(0, 2 * PAGE, 0), part(PAGE, PAGE, 2 * PAGE)],
        "order": [part(PAGE, PAGE, 0), part(0, PAGE, PAGE)],
        "torn": [part(100, PAGE, 0)],
        "twice": [part(0, 2 * PAGE, 0), part(8 * PAGE, 2 * PAGE, PAGE)],
        "end": [part(2**63 - PAGE, PAGE, 0)],
    }
    for name, memory_map in wrong.items():
        check_sentence(said("layers", "export", hostile(lab, name, memory,
                                                        memory_map), "--core",
                            "--output", lab.path("x"), status=1).strip(),
                       "map of the guest's memory is damaged")
    # gaps are where devices are, and the rest of the memory is there
    folder = hostile(lab, "right", memory, [
        part(0, 2 * PAGE, 0), part(5 * PAGE, 3 * PAGE, 5 * PAGE),
        part(2**32, 8 * PAGE, 48 * PAGE)])
    file, = export(folder, lab.path("x"), "--layout", "firecracker")["files"]
    check_equal([(r["address"], r["size-bytes"]) for r in file["ranges"]],
                [(0, 48 * PAGE), (2**32, 16 * PAGE)], f"{file}")
    check_equal(export(folder, lab.path("core"), "--core")["segments"], 3,
                "segments")


@case
def command_lines(_):
    for words, says in (
            ((), "--core or --layout LAYOUT is missing"),
            (("--core", "--layout", "flat", "--output", "x"), "one too many"),
            (("--core", "--since", "1", "--output", "x"), "a core has all"),
            (("--layout", "flat"), "--output FILE is missing"),
            (("--layout", "raw", "--output", "x"), "'raw'"),
            (("--layout", "flat", "--since", "0", "--output", "x"), "'0'"),
            (("--layout", "flat", "--since", "1", "--diff", "y", "--output",
              "x"), "one too many"),
            (("--layout", "flat", "--diff", "y@0", "--output", "x"),
             "'y@0' names no layer"),
            (("--core", "--output", "-"), "a file of that name is ./-")):
        check_sentence(said("layers", "export", "f", *words, status=2).strip(),
                       re.escape(says))
    check_sentence(said("layers", "show", "f", "--layout", "flat",
                        status=2).strip(), "--layout")


@case
def signals_leave_all_or_nothing(lab):
    first = lab.path("first")
    first.write_bytes(os.urandom(48 * MIB))
    for name, memory in (("a", first), ("b", lab.path("zeros"))):
        if name == "b":
            memory.write_bytes(bytes(48 * MIB))
        make_layer(lab, lab.path(name), memory, "ram", {})
    before = set(os.listdir(lab.folder))
    for how in (["--core"], ["--layout", "qemu"],
                ["--layout", "firecracker", "--diff", lab.path("b")]):
        for delay in (0.02, 0.1):
            process = subprocess.Popen(
                [TOOL, "layers", "export", lab.path("a"), *how, "--output",
                 lab.path("x")], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            lab.closers.append(process.kill)
            time.sleep(delay)
            (_, err), _ = end_in_time(
                process, signal.SIGINT, "export",
                lambda p=process: p.communicate(timeout=PATIENCE))
            made = set(os.listdir(lab.folder)) - before
            # it ends a command that a busy machine did not let end in time
            if process.returncode == -signal.SIGALRM:
                for name in made:
                    lab.path(name).unlink()
                continue
            check_equal(made, {"x"} if process.returncode == 0 else set(),
                        f"{process.returncode} {err}")
            if process.returncode == 1:
                check_equal(err, "smudge: interrupted before the end\n", "err")
            lab.path("x").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
