# SPDX-License-Identifier: MIT
"""The parts of a build that a row of the tests is about.

What other rows build and run in the same way finds nothing twice: a test
without threads nothing under ThreadSanitizer, the library's own tests nothing
in a build without an engine of the programs.
"""
import argparse
import json
import pathlib
import subprocess

# Their tests do not depend on the options of the programs.
LIBRARY_ONLY = ("tests/unit", "tests/fuzz")
# They walk places where one thread is cut or fails: neither threads nor another
# order of bytes change those.
WALKS = ("checkpoint/cut", "checkpoint/cut_prune", "checkpoint/cut_saves",
         "checkpoint/errors_chain", "checkpoint/errors_prune",
         "library/errors_begin_afresh")
# Their code is the same on every machine but for the order of bytes, which the
# emulated big-endian one tells.
BYTE_ORDER_ONLY = ("checkpoint/", "qcow2/")


def introspect(folder, what):
    done = subprocess.run(["meson", "introspect", folder, f"--{what}"],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


# A call of these is one that starts a thread. The library's other objects are
# in every program of tests, since a region that is discarded asks its pager.
STARTERS = {"pthread_create", "smudge_pager_create"}
IN_EVERY_PROGRAM = "lib/libsmudge.a"


def symbols(folder, files):
    """Of each object: what it defines, and what it wants. A file may have several."""
    done = subprocess.run(["nm", "-A", *files], cwd=folder, capture_output=True,
                          text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        place, _, rest = line.rpartition(":")
        kind, name = rest.split()[-2:]
        defines, wants = found.setdefault(place, (set(), set()))
        (wants if kind in "Uw" else defines).add(name)
    return found


def inputs_of(folder, programs):
    """Objects and archives that each is linked from, by the build's own file."""
    wanted = {str(pathlib.Path(p).relative_to(folder)): p for p in programs
              if pathlib.Path(p).is_relative_to(folder)}
    found = {}
    for line in (folder / "build.ninja").read_text().splitlines():
        if line.startswith("build ") and (p := wanted.get(line[6:].split(":")[0])):
            found[p] = [word for word in line.split()[2:]
                        if word.endswith((".o", ".a")) and
                        word != IN_EVERY_PROGRAM and not word.startswith("/")]
    return found


def starts_threads(folder, programs):
    """Those with an object, of their own or out of an archive, that starts one."""
    inputs = inputs_of(folder, programs)
    starters = {}
    for file in {f for files in inputs.values() for f in files}:
        starters[file] = [defines for defines, wants in
                          symbols(folder, [file]).values() if wants & STARTERS]
    threaded = set(programs) - set(inputs)
    for program, files in inputs.items():
        candidates = [d for f in files for d in starters[f]]
        if not candidates:
            continue
        has = set().union(*(d for d, _ in symbols(folder, [program]).values()))
        if any(defines & has for defines in candidates):
            threaded.add(program)
    return threaded


def threaded_tests(built, suites):
    """Names of tests in these suites of a finished build that start threads.

    Those of suite "alone" are all among them.
    """
    wanted = {f"smudge:{suite}" for suite in suites}
    tests = [t for t in introspect(built, "tests") if wanted & set(t["suite"])]
    threaded = starts_threads(pathlib.Path(built),
                              sorted({t["cmd"][0] for t in tests}))
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


def tests_of_suites(folder, suites=("unit", "fuzz")):
    wanted = {f"smudge:{suite}" for suite in suites}
    return [t["name"] for t in introspect(folder, "tests")
            if wanted & set(t["suite"])]


def tests_of_byte_order(folder):
    """Names of tests that another order of bytes may change."""
    return [name for name in tests_of_suites(folder) if name not in WALKS]


def tests_of_machine(folder):
    """Of these, what another order of bytes does not find."""
    return [name for name in tests_of_byte_order(folder)
            if not name.startswith(BYTE_ORDER_ONLY)]


MACHINES = {"little-endian": tests_of_machine, "big-endian": tests_of_byte_order}


def main():
    parser = argparse.ArgumentParser(
        description="What a row of an emulated machine runs.")
    parser.add_argument("what", choices=["names", "files"],
                        help="of its tests, or what ninja makes for them")
    parser.add_argument("machine", choices=MACHINES)
    parser.add_argument("folder", help="of the build")
    arguments = parser.parse_args()
    lines = MACHINES[arguments.machine](arguments.folder)
    if arguments.what == "files":
        folder = pathlib.Path(arguments.folder).resolve()
        lines = sorted({*files_of_tests(folder, lines),
                        *files_beside_library_tests(folder)})
    print("\n".join(lines))


if __name__ == "__main__":
    main()
