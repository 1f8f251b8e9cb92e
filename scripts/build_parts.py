# SPDX-License-Identifier: MIT
"""The parts of a build that a row of the tests is about.

What other rows build and run in the same way finds nothing twice: a test
without threads nothing under ThreadSanitizer, the library's own tests nothing
in a build without an engine of the programs.
"""
import json
import pathlib
import subprocess

# Their tests do not depend on the options of the programs.
LIBRARY_ONLY = ("tests/unit", "tests/fuzz")


def introspect(folder, what):
    done = subprocess.run(["meson", "introspect", folder, f"--{what}"],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def starts_threads(programs):
    """Those that may call pthread_create; what cannot be read may, too."""
    done = subprocess.run(
        ["nm", "-D", "-A", "--undefined-only", *programs],
        capture_output=True, text=True)
    lines = done.stdout.splitlines()
    threaded = {line.partition(":")[0] for line in lines
                if " pthread_create@" in line}
    readable = {line.partition(":")[0] for line in lines}
    return {p for p in programs if p in threaded or p not in readable}


def threaded_tests(built, suites):
    """Names of tests in these suites of a finished build that start threads.

    Those of suite "alone" are all among them.
    """
    wanted = {f"smudge:{suite}" for suite in suites}
    tests = [t for t in introspect(built, "tests") if wanted & set(t["suite"])]
    threaded = starts_threads(sorted({t["cmd"][0] for t in tests}))
    return [t["name"] for t in tests
            if t["cmd"][0] in threaded or "smudge:alone" in t["suite"]]


def files_of_tests(folder, names):
    """What ninja must make for these tests, relative to the build's folder."""
    files = {t["id"]: t["filename"] for t in introspect(folder, "targets")}
    return relative(folder, {
        name for test in introspect(folder, "tests") if test["name"] in names
        for target in test["depends"] for name in files.get(target, ())})


def files_beside_library_tests(folder):
    root = pathlib.Path(__file__).resolve().parent.parent
    return relative(folder, {
        name for target in introspect(folder, "targets")
        if target["build_by_default"] and not target["defined_in"].startswith(
            tuple(f"{root}/{room}/" for room in LIBRARY_ONLY))
        for name in target["filename"]})


def relative(folder, names):
    return sorted(str(pathlib.Path(name).relative_to(folder)) for name in names)
