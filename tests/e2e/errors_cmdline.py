#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wrong command lines and images: one line on stderr, status 1 or 2."""
import os
import pathlib
import re
import struct
import subprocess

from smudgetest import GUEST, PATIENCE, TOOL, VM, case, check, check_equal, \
    check_sentence, main, need_engine, any_engine

USAGE = 2
ERROR = 1


def refused(arguments, status, *parts, program=VM):
    run = subprocess.run([program, *map(str, arguments)], text=True,
                         stdin=subprocess.DEVNULL, capture_output=True,
                         timeout=PATIENCE)
    check_equal(run.returncode, status, f"{arguments}: {run.stderr!r}")
    check_equal(run.stdout, "", f"stdout of {arguments}")
    lines = run.stderr.splitlines()
    check_equal(len(lines), 1, f"lines on stderr of {arguments}: {lines}")
    check_sentence(lines[0], *parts)


@case
def usage_of_smudge_vm(lab):
    for arguments, says in (
            ([], "--kernel"),
            (["--kernel", GUEST, "--no-such"], "--no-such"),
            (["guest.elf"], "guest.elf"),
            (["--kernel"], "value.*--kernel"),
            (["-m"], "-m"),
            (["-S=1", "--kernel", GUEST], "-S"),
            (["-S", "--kernel", GUEST], "paused-start.*needs --qmp"),
            (["--incoming", "defer"], "defer.*needs --qmp"),
            (["--kernel", GUEST, "--incoming", "tcp:h:1"], "exclude")):
        refused(arguments, USAGE, "smudge-vm: ", says)


@case
def memory_sizes(lab):
    for size in ("0", "", "-1", "x", "1X", "16", "15M", "33554431",
                 "99999999999999999999", "17179869184G", "1000T", "0x1000000",
                 "64 M", "16 "):
        refused(["-m", size, "--kernel", GUEST], USAGE, "--memory")


@case
def values_of_options(lab):
    base = ["-m", "16M", "--kernel", GUEST]
    for arguments, says in (
            (["--engine", "tcg"], "--engine.*tcg"),
            (["--dirty", "magic"], "--dirty.*magic"),
            (["--serial", "pty"], "serial.*pty"),
            (["--serial", "file:"], "serial.*file:"),
            (["--display", "640x480", "--vnc", "5901"], "--vnc.*N is missing"),
            (["--display", "640x480", "--vnc", ":1,password=123456789"],
             "8 characters"),
            (["--qmp", "tcp:127.0.0.1:1"], "unix:PATH"),
            (["--qmp", "unix:"], "path"),
            (["--qmp", "unix:" + "x" * 200], "107.*xxx.*200"),
            (["--qmp", f"unix:{lab.path('q')},wait=on"], "wait=on")):
        refused(base + arguments, USAGE, says)
    for uri, says in (("pipe:x", "tcp:HOST:PORT"), ("tcp:1", "HOST:PORT"),
                      ("tcp:127.0.0.1:99999", "port"), ("unix:", "path"),
                      ("unix:" + "x" * 108, "107.*xxx.*108")):
        refused(["-m", "16M", "--incoming", uri], USAGE, says)


@case
def well_written_but_not_there(lab):
    """What a word names is not there: an error, and not of the command line."""
    base = ["-m", "16M", "--kernel", GUEST]
    for arguments, says in (
            (["--serial", "file:/no/such/folder/x"], "/no/such/folder/x"),
            (["--qmp", "unix:/no/such/folder/x"], "/no/such/folder/x"),
            (["--display", "640x480", "--vnc",
              ":83,password-file=/no/such/file"], "/no/such/file")):
        refused(base + arguments, ERROR, says)
    refused(["-m", "16M", "--incoming", "tcp:no-such-host.invalid:1"], ERROR,
            "no-such-host")


@case
def words_are_checked_before_anything_is_made(lab):
    log = lab.path("log")
    refused(["-m", "16M", "--kernel", GUEST, "--serial", f"file:{log}",
             "--qmp", "unix:"], USAGE, "path")
    check(not log.exists(), "the serial log was made")


@case
def dirty_sources_of_the_other_engine(lab):
    need_engine("unicorn")
    refused(["-m", "16M", "--kernel", GUEST, "--engine", "unicorn", "--dirty",
             "kvm-manual"], ERROR, "kvm")
    need_engine("kvm")
    refused(["-m", "16M", "--kernel", GUEST, "--engine", "kvm", "--dirty",
             "hook"], ERROR, "hook")


def edited(lab, name, form, value, *offsets):
    """The guest image with a value written to some offsets."""
    data = bytearray(pathlib.Path(GUEST).read_bytes())
    for offset in offsets:
        struct.pack_into(form, data, offset, value)
    path = lab.path(name)
    path.write_bytes(data)
    return path


def first_load(data):
    offset = struct.unpack_from("<Q", data, 32)[0]
    while struct.unpack_from("<I", data, offset)[0] != 1:
        offset += 56
    return offset


@case
def guest_images(lab):
    data = pathlib.Path(GUEST).read_bytes()
    load = first_load(data)
    address = (load + 16, load + 24)  # virtual and physical
    empty = lab.path("empty")
    empty.write_bytes(b"")
    text = lab.path("text")
    text.write_text("#!/bin/sh\n" * 20)
    cut = lab.path("cut")
    cut.write_bytes(data[:len(data) // 4])
    header = lab.path("header")
    header.write_bytes(data[:40])
    fifo = lab.path("fifo")
    os.mkfifo(fifo)
    for path, *says in (
            (fifo, "no regular file"), ("/dev/zero", "no regular file"),
            (lab.path("absent"), "absent", "No such file"),
            (lab.folder, "directory|regular file|ELF"),
            (empty, "ELF|truncated|short"), (text, "ELF"),
            (header, "ELF|truncated|short"), (cut, "truncated|end"),
            (edited(lab, "elf32", "B", 1, 4), "ELF64|64"),
            (edited(lab, "big", "B", 2, 5), "little|endian|ELF64"),
            (edited(lab, "arm", "<H", 183, 18), "x86-64|machine"),
            (edited(lab, "dyn", "<H", 3, 16), "EXEC|type|executable"),
            (edited(lab, "outside", "<Q", 1 << 40, *address), "outside|RAM"),
            (edited(lab, "wraps", "<Q", (1 << 64) - 4096, *address),
             "outside|RAM"),
            (edited(lab, "low", "<Q", 0x1000, *address),
             "table|loader|overlap"),
            (edited(lab, "hole", "<Q", 3 << 30, *address), "outside|RAM"),
            (edited(lab, "huge", "<Q", 1 << 60, load + 32, load + 40),
             "truncated|end|memory|outside|larger")):
        refused(["-m", "16M", "--engine", any_engine(), "--kernel", path],
                ERROR, *says)


@case
def guest_parameters(lab):
    for append, says in (("working-set=1G", "fit"), ("speed=1", "speed"),
                         ("rate=", "number"), ("rate=x", "number"),
                         ("pattern=zigzag", "pattern"), ("fast", "name=value")):
        run = subprocess.run(
            [VM, "-m", "16M", "--engine", any_engine(), "--kernel", GUEST,
             "--append", append], text=True, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=PATIENCE)
        check_equal(run.returncode, ERROR, f"{append}: {run}")
        check_sentence(run.stdout.strip(), "scribble: ", says)


@case
def guest_parameters_are_in_the_manual(lab):
    root = pathlib.Path(__file__).parents[2]
    page = root.joinpath("man/smudge-vm.1").read_text().replace("\\-", "-")
    table = page.partition(".TS\n")[2].partition(".TE\n")[0]
    sources = {path.name: path.read_text()
               for path in root.glob("guests/*.c")}
    for name, text in sources.items():
        for word in re.findall(r'guest_is\(word(?:->|\.)key, word(?:->|\.)key_len,'
                               r'\s+"([\w-]+)"', text):
            check(f"\t{word}=" in table or f", {word}" in table,
                  f"{word} of {name} is not in smudge-vm(1)")
    names = re.search(r"names\[PAINT_NSCENES\] = \{([^}]*)", sources["paint_config.c"])
    for word in re.findall(r'"([\w-]+)"', names[1]):
        check(re.search(rf"\b{word}\b", table), f"scene {word}")


@case
def usage_of_smudge(lab):
    for arguments, says in (
            ([], "command"), (["fly"], "fly"), (["demo", "--fast"], "--fast"),
            (["demo", "now"], "now"), (["demo", "--max-bandwidth", "x"], "x"),
            (["demo", "--rate", "-1"], "-1"), (["demo", "--rate", " -1"], "-1"),
            (["demo", "--rate", "+1"], "[+]1"), (["demo", "--rate", ""], "''"),
            (["demo", "--rate", "18446744073709551616"], "1844"),
            (["migrate", "--qmp", "x", "--max-bandwidth", " 1", "y"], "' 1'"),
            (["screenshot", "--vnc", ":+1", "x.png"], ":[+]1"),
            (["screenshot", "--vnc", ": 1", "x.png"], ": 1"),
            (["migrate"], "--qmp"), (["migrate", "--qmp", "x"], "URI is missing"),
            (["migrate", "--qmp", "x", "--downtime-limit", "soon", "y"],
             "soon"),
            (["migrate", "--qmp", "x", "pipe:y"], "tcp:HOST:PORT.*pipe:y"),
            (["migrate", "--qmp", "x", "tcp:1"], "tcp:HOST:PORT.*tcp:1"),
            (["migrate", "--qmp", "x", "unix:"], "unix:PATH"),
            (["demo", "--engine", "tcg"], "auto, kvm or unicorn.*tcg"),
            (["demo", "--dest-engine", "tcg"], "dest-engine.*tcg"),
            (["demo", "--memory", "much"], "memory.*much"),
            (["demo", "--working-set", "1MB"], "working-set.*1MB"),
            (["screenshot", "--vnc", ":1", "x.jpg"], "PNG.*x.jpg"),
            (["qmp", "--qmp", "x", "stop", "[1]"], "JSON object"),
            (["qmp", "stop"], "--qmp"), (["qmp", "--qmp", "x"], "COMMAND"),
            (["qmp", "--qmp", "x", "stop", "{"], "JSON"),
            (["qmp", "--qmp", "x", "stop", "{}", "y"], "'y' is too much"),
            (["migrate", "--qmp", "x", "unix:y", "z"], "'z' is too much"),
            (["migrate", "--qmp", "x", "--max-bandwidth", "1MB", "unix:y"],
             "K, M, G or T.*1MB"),
            (["migrate", "--qmp", "x", "--max-bandwidth", "9000000T", "unix:y"],
             "9000000T"),
            (["demo", "--max-bandwidth", "M"], "K, M, G or T.*'M'"),
            (["demo", "--memory", "3"], "at least 16M.*'3'"),
            (["demo", "--memory", "16777217"], "multiple of 4K"),
            (["demo", "--memory", "32M", "--working-set", "64M"],
             "does not fit"),
            (["demo", "--rate"], "value is missing after '--rate'"),
            (["demo", "--json=1"], "no value belongs to '--json=1'"),
            (["screenshot", "-q", "--vnc", ":1"], "no option '-q'"),
            (["screenshot", "--vnc", ":1"], "FILE.png is missing"),
            (["features", "uffd", "fly"], "there is no kind 'fly'"),
            (["features", "--json=1"], "no value belongs to '--json=1'"),
            (["-x"], "no option '-x'"),
            (["help", "fly"], "fly"), (["help", "demo", "x"], "x"),
            (["qmp", "--qmp", "x", "stop", "--fast"], "no option '--fast'")):
        refused(arguments, USAGE, "smudge: ", says, program=TOOL)


@case
def usage_sentences_name_the_help_of_their_command(lab):
    for command in ("demo", "features", "migrate", "qmp", "screenshot"):
        refused([command, "--fast"], USAGE,
                f"^smudge: {command}: there is no option '--fast'; "
                f"see smudge {command} --help$", program=TOOL)
    refused(["fly"], USAGE, "see smudge --help$", program=TOOL)


@case
def files_that_cannot_be_made_are_refused_first(lab):
    file = lab.path("file")
    file.write_text("")
    for arguments, *says in (
            (["demo", "--screen", "/nope"], "/nope", "No such file"),
            (["demo", "--screen", file], str(file), "Not a directory"),
            (["screenshot", "--vnc", ":1", "/nope/x.png"], "/nope/x.png",
             "No such file")):
        refused(arguments, ERROR, *says, program=TOOL)


@case
def help_and_version(lab):
    for program in (VM, TOOL):
        for option in ("--help", "--version"):
            run = subprocess.run([program, option], text=True, timeout=PATIENCE,
                                 capture_output=True)
            check_equal((run.returncode, run.stderr), (0, ""), f"{run}")
            check("smudge" in run.stdout, f"{run}")
    for command in ("checkpoint", "demo", "features", "migrate", "qmp", "rate",
                    "restore", "screenshot"):
        for arguments in ([command, "--help"], [command, "-h"],
                          [command, "--help", "--no-such-option"],
                          [command, "word", "--help"], ["help", command]):
            run = subprocess.run([TOOL, *arguments], text=True,
                                 timeout=PATIENCE, capture_output=True)
            check_equal((run.returncode, run.stderr), (0, ""), f"{run}")
            check(f"usage: smudge {command}" in run.stdout, f"{run}")
    run = subprocess.run([TOOL, "help"], text=True, timeout=PATIENCE,
                         capture_output=True)
    check_equal((run.returncode, run.stderr), (0, ""), f"{run}")
    check("usage: smudge COMMAND" in run.stdout, f"{run}")


@case
def manual_pages_have_every_option(lab):
    man = pathlib.Path(__file__).resolve().parents[2] / "man"
    for page, *command in (["smudge-vm.1", VM], ["smudge.1", TOOL],
                           *(["smudge.1", TOOL, c] for c in
                             ("demo", "features", "migrate", "qmp", "screenshot"))):
        text = re.sub(r"\\f.", "", (man / page).read_text()).replace("\\-", "-")
        run = subprocess.run([*command, "--help"], text=True, timeout=PATIENCE,
                             capture_output=True)
        option = r"(?<![\w-])--?[a-zA-Z][\w-]*"
        missing = set(re.findall(option, run.stdout)) - set(re.findall(option, text))
        check_equal(missing, set(), f"options of {command} not in {page}")


@case
def escape_codes_in_words_do_not_reach_the_terminal(lab):
    word = "a\n\x1b[31mb"
    for arguments in ([TOOL, word], [TOOL, "qmp", "--" + word],
                      [TOOL, "qmp", "--qmp", lab.path("none"), word],
                      [TOOL, "migrate", "--qmp", "x", word],
                      [TOOL, "migrate", "--qmp", "x", "--max-bandwidth", word,
                       "unix:y"],
                      [TOOL, "demo", word], [TOOL, "demo", "--memory", word],
                      [TOOL, "screenshot", "--vnc", word, "x.png"],
                      [VM, "--" + word], [VM, "--qmp", "unix:" + word],
                      [VM, "--kernel", word]):
        run = subprocess.run(arguments, capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=PATIENCE)
        check(run.returncode in (1, 2), f"{run}")
        check(run.stderr.endswith("\n"), f"{run}")
        check("\x1b" not in run.stderr, f"{run}")
        check_equal(run.stderr.count("\n"), 1, f"lines of {run}")


main()
