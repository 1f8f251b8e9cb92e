#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""All tests: builds in several ways, their suites, and the checks of the tree.

Ends with "N passed, N failed, N skipped", counting every single case; the
exit status is 1 if any failed. Each skip is named with its reason. Builds
are kept in build-test/, so that a second run is quick.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build-test"
SKIPPED = 77  # exit status of what the machine cannot do
SANITIZED = ["-Dbuildtype=debugoptimized", "-Db_lundef=false"]

# name, compiler, meson options, suites (None: build only)
ROWS = [
    ("gcc-release", "gcc", [], []),
    ("clang-asan-ubsan", "clang",
     SANITIZED + ["-Db_sanitize=address,undefined", "-Dbench=false"],
     ["unit", "kernel", "fuzz", "examples"]),
    ("clang-tsan", "clang",
     SANITIZED + ["-Db_sanitize=thread", "-Dbench=false"], ["unit"]),
    ("clang-release-no-unicorn", "clang", ["-Dunicorn=disabled", "-Dvnc=disabled"], None),
]
CROSS = ["aarch64", "s390x"]  # rows cross-<machine>
CHECKS = [
    ("includes point downwards", ["scripts/check-includes.py"]),
    ("calls point downwards", ["scripts/check-calls.py",
                               "build-test/gcc-release"]),
    ("public headers compile alone", ["scripts/check-headers.sh"]),
    ("calls that take an error are tested", ["scripts/check-errors.py"]),
    ("format and size of files", ["scripts/check-format.sh"]),
    ("exported symbols", ["scripts/check-symbols.sh",
                          "build-test/gcc-release/lib/libsmudge.so"]),
    ("checks find what they look for", ["scripts/test-checks.py"]),
    ("one dialect", ["scripts/check-dialect.py"]),
    ("size and complexity of functions", ["scripts/check-complexity.py"]),
]


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.notes = []

    def case(self, row, name, outcome, reason=""):
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome != "passed":
            self.notes.append(f"{outcome}: {row}: {name}{reason and ': ' + reason}")


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


def build(name, compiler, options, log):
    folder = WORK / name
    env = dict(os.environ, CC=compiler)
    if not (folder / "build.ninja").exists():
        shutil.rmtree(folder, ignore_errors=True)
        if run(["meson", "setup", folder, *options], log, env):
            return False
    return run(["ninja", "-C", folder], log, env) == 0


def outcome_of(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed", ""
    if case.find("skipped") is None:
        return "passed", ""
    # meson's report has the reason, or all the output of a file that skipped
    reason = case.findtext("system-out") or ""
    return "skipped", reason.partition("# SKIP")[2].strip() or reason.strip()


def count(tally, row, report):
    tree = xml.etree.ElementTree.parse(report)
    for case in tree.iter("testcase"):
        name = f"{case.get('classname') or ''} {case.get('name')}".strip()
        tally.case(row, name, *outcome_of(case))


def count_suites(tally, row, command, log):
    """Runs what writes the row's report, and counts it; returns its status."""
    report = WORK / row / "meson-logs" / "testlog.junit.xml"
    report.unlink(missing_ok=True)
    status = run(command, log)
    before = tally.failed
    if report.exists():
        count(tally, row, report)
    if status not in (0, SKIPPED) and tally.failed == before:
        tally.case(row, f"{command[0]} exited with {status}", "failed")
    if status not in (0, SKIPPED):
        show_tail(log, 120)
    return status


def run_row(tally, name, compiler, options, suites, tests=()):
    log = WORK / f"{name}.log"
    log.write_text("")
    started = time.monotonic()
    say(f"[{name}] building")
    if not build(name, compiler, options, log):
        tally.case(name, "build", "failed")
        show_tail(log)
        return
    tally.case(name, "build", "passed")
    if suites is not None:
        say(f"[{name}] testing")
        chosen = [a for s in suites for a in ("--suite", s)]
        count_suites(tally, name, ["meson", "test", "-C", WORK / name,
                                   "--no-rebuild", "--print-errorlogs",
                                   *chosen, *tests], log)
    say(f"[{name}] done in {time.monotonic() - started:.0f} s")


def run_cross(tally, machine):
    """A build for another machine, where its packages can be had."""
    name = f"cross-{machine}"
    log = WORK / f"{name}.log"
    log.write_text("")
    started = time.monotonic()
    say(f"[{name}] building and testing")
    status = count_suites(tally, name, ["scripts/test-cross.sh", machine], log)
    if status == SKIPPED:
        required = "cross" in os.environ.get("SMUDGE_REQUIRE", "").split(",")
        tally.case(name, "build", "failed" if required else "skipped",
                   log.read_text(errors="replace").splitlines()[-1])
    elif status == 0:
        tally.case(name, "build", "passed")
    say(f"[{name}] done in {time.monotonic() - started:.0f} s")


def run_check(tally, name, command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    tally.case("check", name, "failed" if done.returncode else "passed")
    if done.returncode or done.stdout:
        say(f"[check] {name}:\n{(done.stdout + done.stderr).rstrip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", action="append", metavar="NAME",
                        choices=[r[0] for r in ROWS] +
                        [f"cross-{m}" for m in CROSS] + ["checks"],
                        help="only this row; may be given several times")
    parser.add_argument("--suite", action="append", metavar="NAME",
                        help="only this suite of the rows (unit, kernel, "
                        "fuzz, examples, model, e2e)")
    parser.add_argument("--test", action="append", metavar="NAME", default=[],
                        help="only this test of the rows")
    arguments = parser.parse_args()
    wanted = arguments.row
    WORK.mkdir(exist_ok=True)
    tally = Tally()
    for row in ROWS:
        if not wanted or row[0] in wanted:
            name, compiler, options, suites = row
            run_row(tally, name, compiler, options,
                    arguments.suite or suites, arguments.test)
    for machine in CROSS:
        if not wanted or f"cross-{machine}" in wanted:
            run_cross(tally, machine)
    for name, command in CHECKS:
        if not wanted or "checks" in wanted:
            run_check(tally, name, command)
    for note in tally.notes:
        say(note)
    say(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return bool(tally.failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
