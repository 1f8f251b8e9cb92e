#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A benchmark runs: results on stdout, progress on stderr, a clean Ctrl-C.

usage: test_bench.py BENCHMARK [ARGUMENT...]

It measures the least there is, so that this takes seconds on a busy machine,
and judges no figure.
"""
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios

CANNOT = 77  # exit status: the machine lacks what is measured
COLUMNS = 32
ATTEMPTS = 20
NAME = pathlib.Path(sys.argv[1]).name
# Of those that start guests, what is enough to look at the output.
SHORT = {"bench-checkpoint": ["--case", "full"]}
# Long enough to interrupt: of those that fill GiBs first, many small samples.
LONG = {"bench-checkpoint": ["--quick", "--samples", "101"]}


def values(text):
    """The results: an array, or an object per line."""
    if text.startswith("["):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines()]


def check_progress(text, is_needed=True):
    """Lines with name, elapsed time and case, or sentences of the program."""
    lines = text.splitlines()
    shown = [line for line in lines
             if re.fullmatch(re.escape(NAME) + r" \d+:\d\d \S.*", line)]
    assert shown or not is_needed, "no progress was shown"
    others = [line for line in lines
              if line not in shown and not line.startswith(NAME + ": ")]
    assert not others, f"on stderr: {others}"
    assert "\033" not in text and "\r" not in text, "escape codes in a pipe"


def quick(command):
    done = subprocess.run([*command, "--quick", "--json"], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode == CANNOT:
        return done.stderr.splitlines()[-1]
    assert done.returncode == 0, done.stderr
    found = values(done.stdout)
    assert found and all(v.get("case") for v in found), done.stdout
    check_progress(done.stderr)
    return None


def text_only(command):
    """Without --json, and with nowhere to write to."""
    command = [*command, *SHORT.get(NAME, [])]
    done = subprocess.run([*command, "--quick"], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not re.search(re.escape(NAME) + r" \d+:\d\d ", done.stdout)
    check_progress(done.stderr)
    with open("/dev/full", "w") as full:
        done = subprocess.run([*command, "--quick"], text=True, stdout=full,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(
        NAME + ": "), done.stderr


def terminal(command):
    """One line that is written again, fits, and is gone at the end."""
    command = [*command, *SHORT.get(NAME, [])]
    reader, writer = pty.openpty()
    results = tempfile.TemporaryFile("w+")
    fcntl.ioctl(writer, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with subprocess.Popen([*command, "--quick", "--json"], stderr=writer,
                          stdin=subprocess.DEVNULL, stdout=results) as child:
        os.close(writer)
        shown = b""
        while True:
            try:
                data = os.read(reader, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            shown += data
    os.close(reader)
    assert child.returncode == 0, shown
    results.seek(0)
    assert values(results.read())
    lines = shown.decode().split("\r\033[K")
    lines = [line for line in lines if not line.startswith(NAME + ": ")]
    assert any(line.startswith(NAME) for line in lines), shown
    assert all(len(line) < COLUMNS for line in lines), lines
    assert lines[-1] == "", f"left on the terminal: {lines[-1]!r}"


def interrupted_once(command, number):
    command = [*command, *LONG.get(NAME, ["--full"]), "--json"]
    with subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        line = child.stderr.readline()
        child.send_signal(number)
        out, err = child.communicate()
    values(out)
    check_progress(line + err)
    if child.returncode == 0:  # it had ended before
        return False
    assert child.returncode == 128 + number, (child.returncode, err)
    return True


def interrupt(command):
    """What was measured is complete; the rest of a long run is left out."""
    for number in signal.SIGINT, signal.SIGTERM:
        assert any(interrupted_once(command, number)
                   for _ in range(ATTEMPTS)), "it ends too early to interrupt"


def wrong_usage(command):
    for wrong in ["--unknown"], ["--samples", "0"], ["--samples", "many"]:
        done = subprocess.run([*command, *wrong], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 2 and not done.stdout, wrong
        assert f"usage: {NAME}" in done.stderr
    done = subprocess.run([*command, "--help"], text=True, capture_output=True)
    assert done.returncode == 0 and not done.stderr
    for option in "--json", "--quick", "--full", "--samples":
        assert option in done.stdout, option


def main():
    command = sys.argv[1:]
    tests = [quick, text_only, terminal, interrupt, wrong_usage]
    print(f"1..{len(tests)}")
    failed = 0
    why = None
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("_", " ")
        try:
            if not why:
                why = test(command)
            if why and "uffd" in os.environ.get("SMUDGE_REQUIRE", ""):
                raise AssertionError(f"required: {why}")
            print(f"ok {number} {name}{why and ' # SKIP ' + why or ''}")
        except (AssertionError, ValueError) as failure:
            print(f"# {failure}", file=sys.stderr)
            print(f"not ok {number} {name}")
            failed += 1
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
