#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""All tests: builds in several ways, their suites, and the checks of the tree.

Ends with "N passed, N failed, N skipped", counting every single case; the
exit status is 1 if any failed. Each skip is named with its reason before that,
and after the skips each failed test with the end of its own output. Builds are
kept in build-test/, so that a second run is quick.

The end-to-end tests of the first row wait most of their time, so two of them
run at once; those of suite "kernel" run one at a time before. The model, the
other rows and the checks are run beside both, and give way to them; two of
these at once when both are done. Tests that need the processors for themselves
are in suite "alone", and come when the rest is done.
"""
import argparse
import functools
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading
import time

import build_parts
from tally import Tally, count_report

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build-test"
SKIPPED = 77  # exit status of what the machine cannot do
# Suites of the first row that leave processors idle, in this order.
WAITS = ("kernel", "e2e")
MODEL = "model"
OVERLAP = (*WAITS, MODEL)
# What gives way to those that wait, with time for it.
BESIDE = ["nice", "-n", "10"]
BESIDE_TIME = ["--timeout-multiplier", "5"]
# End-to-end tests. Each starts guests, so not more on any machine.
AT_ONCE = ["--num-processes", "2"]
# A sanitizer names functions and lines, for which types are not needed.
SANITIZED = ["-Dbuildtype=debugoptimized", "-Db_lundef=false",
             "-Dc_args=-gline-tables-only"]

# name, compiler, meson options, suites (None: build only)
ROWS = [
    ("gcc-release", "gcc", [], []),
    ("clang-asan-ubsan", "clang",
     SANITIZED + ["-Db_sanitize=address,undefined", "-Dbench=false"],
     ["unit", "kernel", "fuzz", "examples"]),
    ("clang-tsan", "clang",
     SANITIZED + ["-Db_sanitize=thread", "-Dbench=false"], ["unit"]),
    ("clang-no-unicorn", "clang",
     ["-Doptimization=0", "-Dunicorn=disabled", "-Dvnc=disabled"], None),
]
# What a row builds and runs, unless everything is asked for.
THREADED_ONLY = ("clang-tsan",)
# What they look for needs one thread.
ONE_THREAD = (*build_parts.WALKS, "checkpoint/interop", "checkpoint/interop_deep")
NOT_THE_LIBRARYS = ("clang-no-unicorn",)
# name, command, word of SMUDGE_REQUIRE
OPTIONAL = [
    ("bare", ["scripts/test-bare.sh"], "bare"),
    ("cross-aarch64", ["scripts/test-cross.sh", "aarch64"], "cross"),
    ("cross-s390x", ["scripts/test-cross.sh", "s390x"], "cross"),
    ("abi", ["scripts/test-abi.sh"], "abi"),
    ("kernels", ["scripts/test-kernels.py"], "kernels"),
]
CHECKS = [
    ("includes point downwards", ["scripts/check-includes.py"]),
    ("calls point downwards", ["scripts/check-calls.py",
                               "build-test/gcc-release"]),
    ("public headers compile alone", ["scripts/check-headers.sh"]),
    ("calls that take an error are tested", ["scripts/check-errors.py"]),
    ("format and size of files", ["scripts/check-format.sh"]),
    ("code in the guide is the examples'", ["scripts/check-quotes.py"]),
    ("manual pages", ["scripts/check-man.sh"]),
    ("exported symbols", ["scripts/check-symbols.sh",
                          "build-test/gcc-release/lib/libsmudge.so"]),
    ("exported symbols of checkpoints",
     ["scripts/check-symbols.sh",
      "build-test/gcc-release/lib/libsmudge-checkpoint.so"]),
    ("trace points as documented", ["scripts/check-probes.py",
                                    "build-test/gcc-release/lib/libsmudge.so"]),
    ("one version everywhere", ["scripts/check-version.py",
                                "build-test/gcc-release"]),
    ("checks find what they look for", ["scripts/test-checks.py"]),
    ("one dialect", ["scripts/check-dialect.py"]),
    ("names in documents and comments", ["scripts/check-references.py"]),
    ("changelog says everything once", ["scripts/check-changelog.py"]),
    ("size and complexity of functions", ["scripts/check-complexity.py"]),
]


def run(command, log, env=None):
    with open(log, "a") as out:
        out.write(f"$ {' '.join(map(str, command))}\n")
        out.flush()
        return subprocess.run(command, cwd=ROOT, stdout=out, env=env,
                              stdin=subprocess.DEVNULL,
                              stderr=subprocess.STDOUT).returncode


def say(text):
    print(text, flush=True)


def show_tail(log, lines=40):
    say("\n".join(log.read_text(errors="replace").splitlines()[-lines:]))


def build(name, compiler, options, log, prefix, parts=lambda folder: ()):
    folder = WORK / name
    env = dict(os.environ, CC=compiler)
    if not (folder / "build.ninja").exists():
        shutil.rmtree(folder, ignore_errors=True)
        if run([*prefix, "meson", "setup", folder, "-Dwerror=true", *options],
               log, env):
            return False
    return run([*prefix, "ninja", "-C", folder, *parts(folder)], log, env) == 0


def count_suites(tally, row, command, log, report):
    """Runs what writes the row's report, and counts it; returns its status."""
    report.unlink(missing_ok=True)
    status = run(command, log)
    before = tally.failed
    if report.exists():
        count_report(tally, row, report)
    if status not in (0, SKIPPED) and tally.failed == before:
        tally.case(row, f"exit status {status}", "failed",
                   output=log.read_text(errors="replace"))
    if status not in (0, SKIPPED):
        show_tail(log, 120)
    return status


class Step:
    """A part of a row: says when it begins and ends, and has a log."""

    def __init__(self, tally, row, part=""):
        self.tally, self.row, self.part = tally, row, part
        self.title = f"{row} {part}".strip()
        self.log = WORK / f"{self.title.replace(' ', '-')}.log"

    def __enter__(self):
        self.log.write_text("")
        self.started = time.monotonic()
        return self

    def __exit__(self, kind, value, traceback):
        say(f"[{self.title}] done in {time.monotonic() - self.started:.0f} s")

    def build(self, compiler, options, prefix, parts):
        say(f"[{self.title}] building")
        is_built = build(self.row, compiler, options, self.log, prefix, parts)
        self.tally.case(self.row, "build", "passed" if is_built else "failed",
                        output="" if is_built else
                        self.log.read_text(errors="replace"))
        if not is_built:
            show_tail(self.log)
        return is_built

    def test(self, prefix=(), suites=(), but=(), names=()):
        say(f"[{self.title}] testing")
        base = f"testlog-{self.part or 'rest'}"
        chosen = [a for s in suites for a in ("--suite", s)]
        chosen += [a for s in but for a in ("--no-suite", s)]
        count_suites(self.tally, self.row,
                     [*prefix, "meson", "test", "-C", WORK / self.row,
                      "--no-rebuild", "--print-errorlogs", "--logbase", base,
                      *(BESIDE_TIME if prefix else ()),
                      *(AT_ONCE if "e2e" in suites else ()), *chosen, *names],
                     self.log, WORK / self.row / "meson-logs" / f"{base}.junit.xml")


def parts_of_row(name, suites, names, is_everything):
    """(which files of the build's folder, which tests); empty: all."""
    first = WORK / ROWS[0][0]
    if is_everything or names:
        return lambda folder: (), names
    if name in NOT_THE_LIBRARYS and suites is None:
        return build_parts.files_beside_library_tests, ()
    if name in THREADED_ONLY and (first / "build.ninja").exists():
        names = [name for name in build_parts.threaded_tests(first, suites)
                 if name not in ONE_THREAD]
        return lambda folder: build_parts.files_of_tests(folder, names), names
    return lambda folder: (), names


def run_row(tally, row, suites, prefix=(), but=(), names=(), is_everything=True):
    """Whether it was built; suites None: only that."""
    name, compiler, options, _ = row
    parts, names = parts_of_row(name, suites, names, is_everything)
    with Step(tally, name) as step:
        if not step.build(compiler, options, prefix, parts):
            return False
        if suites is not None:
            step.test(prefix, suites, but, names)
    return True


def run_suite(tally, name, suite, prefix=()):
    try:
        with Step(tally, name, suite) as step:
            step.test(prefix, [suite])
    except Exception as why:  # a thread's would be lost
        tally.case(name, f"suite {suite}: {why!r}", "failed")


def run_optional(tally, row, prefix):
    """A row with a script of its own, which skips where it cannot be had."""
    name, command, requirement = row
    with Step(tally, name) as step:
        say(f"[{name}] building and testing")
        status = count_suites(
            tally, name, [*prefix, *command], step.log,
            WORK / name / "meson-logs" / "testlog.junit.xml")
        if status == SKIPPED:
            required = os.environ.get("SMUDGE_REQUIRE", "").split(",")
            tally.case(name, "build",
                       "failed" if requirement in required else "skipped",
                       step.log.read_text(errors="replace").splitlines()[-1])
        elif status == 0:
            tally.case(name, "build", "passed")


def run_check(tally, name, command, prefix):
    missing = [a for a in command if a.startswith("build-test/") and
               not (ROOT / a).exists()]
    if missing:
        tally.case("check", name, "skipped",
                   f"{missing[0]} is not there: the row {ROWS[0][0]} makes it")
        return
    done = subprocess.run([*prefix, *command], cwd=ROOT, capture_output=True,
                          text=True)
    output = done.stdout + done.stderr
    tally.case("check", name, "failed" if done.returncode else "passed",
               output=output)
    if done.returncode or done.stdout:
        say(f"[check] {name}:\n{output.rstrip()}")


def run_checks(tally, prefix):
    for name, command in CHECKS:
        run_check(tally, name, command, prefix)


def run_first(tally, arguments):
    """The first row without what is to overlap; whether it was built."""
    if arguments.test:
        return run_row(tally, ROWS[0], [], names=arguments.test)
    suites = arguments.suite and [s for s in arguments.suite if s not in OVERLAP]
    # all of those asked for overlap: only the build
    return run_row(tally, ROWS[0], None if suites == [] else suites or [],
                   but=OVERLAP)


def run_other(tally, arguments, row, prefix, alone):
    """A row but the first; notes if its tests of suite "alone" are left."""
    suites = row[3] and (arguments.suite or row[3])
    but = () if arguments.test else ("alone",)
    is_built = run_row(tally, row, suites, prefix, but, arguments.test,
                       arguments.everything)
    if is_built and but and suites and "unit" in suites:
        alone.append(row[0])


def run_jobs(tally, jobs):
    """One after the other, until none is left; a second thread may, too."""
    while True:
        try:
            name, job = jobs.get_nowait()
        except queue.Empty:
            return
        try:
            job()
        except Exception as why:  # a thread's would be lost
            tally.case(name, repr(why), "failed")


def jobs_beside(tally, arguments, overlap, alone):
    """What may run beside the suites that wait: the longest first."""
    prefix = BESIDE if set(WAITS) & set(overlap) else ()
    jobs = queue.SimpleQueue()
    for row in ROWS[1:]:
        if is_wanted(arguments, row[0]):
            jobs.put((row[0], functools.partial(
                run_other, tally, arguments, row, prefix, alone)))
    if MODEL in overlap:
        jobs.put((MODEL, functools.partial(
            run_suite, tally, ROWS[0][0], MODEL, prefix)))
    for name, command, requirement in OPTIONAL:
        if arguments.everything and requirement == "cross":
            command = [command[0], "--everything", *command[1:]]
        if is_wanted(arguments, name):
            jobs.put((name, functools.partial(
                run_optional, tally, (name, command, requirement), prefix)))
    if is_wanted(arguments, "checks"):
        jobs.put(("checks", functools.partial(run_checks, tally, prefix)))
    return jobs


def is_wanted(arguments, row):
    return not arguments.row or row in arguments.row


def run_rows(tally, arguments):
    first = ROWS[0][0]
    is_built = is_wanted(arguments, first) and run_first(tally, arguments)
    overlap = [s for s in OVERLAP if is_built and not arguments.test and
               (not arguments.suite or s in arguments.suite)]
    waiting = [s for s in WAITS if s in overlap]
    alone = []
    jobs = jobs_beside(tally, arguments, overlap, alone)

    def run_waits():
        for suite in waiting:
            run_suite(tally, first, suite)
        run_jobs(tally, jobs)

    waits = threading.Thread(target=run_waits)
    try:
        if waiting:
            waits.start()
        run_jobs(tally, jobs)
        if waiting:
            waits.join()
    except KeyboardInterrupt:
        while not jobs.empty():
            jobs.get_nowait()
        raise
    for name in alone:
        run_suite(tally, name, "alone")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", action="append", metavar="NAME",
                        choices=[r[0] for r in ROWS] +
                        [r[0] for r in OPTIONAL] + ["checks"],
                        help="only this row; may be given several times")
    parser.add_argument("--suite", action="append", metavar="NAME",
                        help="only this suite of the rows (unit, kernel, "
                        "fuzz, examples, bench, model, e2e, ending)")
    parser.add_argument("--test", action="append", metavar="NAME", default=[],
                        help="only this test of the rows")
    parser.add_argument("--everything", action="store_true",
                        help="also what other rows build and run in the same "
                        "way: all tests under ThreadSanitizer, without "
                        "Unicorn and on aarch64")
    return parser.parse_args()


def main():
    arguments = parse()
    WORK.mkdir(exist_ok=True)
    tally = Tally()
    run_rows(tally, arguments)
    for line in tally.summary():
        say(line)
    return bool(tally.failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
