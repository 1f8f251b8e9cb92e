#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The row "kernels" of make test: the suite "kernel", smudge features and smudge
demo on Debian's own kernels, 6.1 and 6.12, in machines that qemu emulates.

The kernels are fetched by apt, unpacked below build-test/kernels and kept
there; nothing is installed but the packages of scripts/packages.txt for
"kernels". Both machines run at once. Real kvm-amd runs in them, with nested
paging: QEMU emulates SVM.

kernel-skips.txt has the skips that each kernel is expected to have; any other
is a failure. The tables in docs/kernel-support.md are compared with the run;
--update writes them.

Results: build-test/kernels/meson-logs/testlog.junit.xml
Exit status: 77 where it cannot be had; the last line says why.
"""
import stopping

stopping.begin()  # before what takes a moment to import

# pylint: disable=wrong-import-position
import argparse
import contextlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

import kernel_initramfs
import kernel_machine
import kernel_package
import kernel_results
import kernel_tables

SCRIPTS = pathlib.Path(__file__).resolve().parent
WORK = SCRIPTS.parent / "build-test"
SKIPPED = 77
# Beside other tests everything takes several times as long.
TEST_SECONDS = 300
LIMITS = kernel_machine.Limits(boot_s=180, silence_s=TEST_SECONDS + 60,
                               all_s=1500)


class Skip(Exception):
    """It cannot be had here."""


def say(text):
    print(text, flush=True)


def must(command, **options):
    if stopping.run(command, **options).returncode:
        raise RuntimeError(f"{command[0]} failed")


def build(folder):
    if not (folder / "build.ninja").exists():
        must(["meson", "setup", folder, "-Dwerror=true"], cwd=SCRIPTS.parent,
             env=dict(os.environ, CC="gcc"))
    must(["ninja", "-C", folder])


def get_kernels(names, cache):
    if platform.machine() != "x86_64":
        raise Skip("the kernels and the guests are of x86_64")
    done = stopping.run([SCRIPTS / "install-packages.sh", "kernels"],
                        is_patient=True, stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT)
    if done.returncode:
        raise Skip(done.stdout.strip().splitlines()[-1])
    try:
        return [kernel_package.Kernel(name, cache) for name in names]
    except kernel_package.Unavailable as why:
        raise Skip(str(why)) from None


@contextlib.contextmanager
def work_folder(cache):
    folder = pathlib.Path(tempfile.mkdtemp(dir=cache, prefix="run."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def run_machines(kernels, payload, cache, arguments):
    """{kernel: cases}, of machines that run at once."""
    words = [f"limit={TEST_SECONDS}", *(f"only={n}" for n in arguments.test)]
    limits = LIMITS._replace(**{f"{name}_s": seconds for name, seconds in
                                arguments.limit})
    machines = []
    with work_folder(cache) as work, contextlib.ExitStack() as running:
        for kernel in kernels:
            folder = work / kernel.series
            folder.mkdir()
            kernel_initramfs.make(folder / "initramfs", payload, kernel)
            reader = kernel_results.Reader(
                lambda line, series=kernel.series:
                say(f"[kernels] {series}: {line}"))
            machine = kernel_machine.Machine(kernel, folder / "initramfs",
                                             folder, words, reader)
            running.callback(machine.kill)
            machines.append(machine)
        for machine, why in kernel_machine.follow(machines, limits).items():
            if not machine.reader.is_done:
                machine.reader.broken_off(why, machine.console_tail())
    return {kernel: machine.reader for kernel, machine in zip(kernels, machines)}


def judge(kernel, reader, arguments):
    """The cases, with what is wrong about their skips and the tables."""
    is_whole = reader.is_done and not arguments.test
    cases = list(reader.cases)
    if is_whole:
        cases += list(kernel_tables.check_features(kernel.release, cases))
        if arguments.update:
            kernel_tables.document({kernel.series: cases})
        cases += list(kernel_tables.check_tables(kernel.series, cases))
    elif arguments.update:
        say(f"[kernels] {kernel.series}: the tables stay, the run is not whole")
    return list(kernel_results.Skips(kernel.series, is_whole).judge(cases))


def tell(judged):
    cases = [c for per_kernel in judged.values() for c in per_kernel]
    for kernel, per_kernel in judged.items():
        for case in per_kernel:
            if case.outcome == "failed":
                say(f"failed: Linux {kernel}: {case.test}: {case.name} "
                    f"{case.reason}\n{case.output}")
    counts = [sum(c.outcome == o for c in cases)
              for o in ("passed", "failed", "skipped")]
    say("[kernels] {} passed, {} failed, {} skipped as expected".format(*counts))
    return 1 if counts[1] else 0


def limit(text):
    name, seconds = text.split("=")
    if f"{name}_s" not in LIMITS._fields:
        raise ValueError
    return name, float(seconds)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", action="append", metavar="SERIES",
                        choices=list(kernel_package.PACKAGES),
                        help="only this kernel")
    parser.add_argument("--test", action="append", metavar="NAME", default=[],
                        help="only this test")
    parser.add_argument("--build", type=pathlib.Path,
                        default=WORK / "gcc-release", metavar="FOLDER",
                        help="a build with tests (default: the first row's)")
    parser.add_argument("--cache", type=pathlib.Path, metavar="FOLDER",
                        default=WORK / "kernels",
                        help="where the kernels are kept")
    parser.add_argument("--limit", type=limit, action="append", default=[],
                        metavar="WHAT=SECONDS",
                        help="boot, silence (printed nothing) or all")
    parser.add_argument("--update", action="store_true",
                        help="write the tables in docs/kernel-support.md")
    return parser.parse_args()


def main():
    arguments = parse()
    cache = arguments.cache.resolve()
    kernels = get_kernels(arguments.kernel or list(kernel_package.PACKAGES),
                          cache)
    folder = arguments.build.resolve()
    build(folder)
    results = run_machines(kernels, kernel_initramfs.Payload(folder), cache,
                           arguments)
    judged = {kernel.series: judge(kernel, reader, arguments)
              for kernel, reader in results.items()}
    kernel_results.write_report(cache / "meson-logs/testlog.junit.xml", judged)
    return tell(judged)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Skip as reason:
        say(reason)
        sys.exit(SKIPPED)
    except stopping.Stopped as stopped:
        print(f"test-kernels.py: {stopped}", file=sys.stderr)
        sys.exit(stopped.status)
    except (RuntimeError, OSError) as failure:
        sys.exit(f"test-kernels.py: {failure}")
