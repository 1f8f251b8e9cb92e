#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The row "kernels" of make test: the suite "kernel" and smudge demo on
Debian's own kernels, 6.1 and 6.12, in machines that qemu emulates.

The kernels are fetched by apt, unpacked below build-test/kernels and kept
there; nothing is installed but the packages of scripts/packages.txt for
"kernels". Both machines run at once. Real kvm-amd runs in them, with nested
paging: QEMU emulates SVM.

kernel-skips.txt has the skips that each kernel is expected to have; any other
is a failure. The table in docs/kernel-support.md is compared with the run;
--update writes it.

Results: build-test/kernels/meson-logs/testlog.junit.xml
Exit status: 77 where it cannot be had; the last line says why.
"""
import argparse
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import threading

import kernel_initramfs
import kernel_machine
import kernel_package
import kernel_results

SCRIPTS = pathlib.Path(__file__).resolve().parent
WORK = SCRIPTS.parent / "build-test"
CACHE = WORK / "kernels"
REPORT = CACHE / "meson-logs/testlog.junit.xml"
SKIPPED = 77
# Beside other tests everything takes several times as long.
TEST_SECONDS, ALL_SECONDS = 300, 1500


def say(text):
    print(text, flush=True)


def skip(reason):
    say(reason)
    sys.exit(SKIPPED)


def build(folder):
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", folder, "-Dwerror=true"], check=True,
                       cwd=SCRIPTS.parent, env=dict(os.environ, CC="gcc"))
    subprocess.run(["ninja", "-C", folder], check=True)


def get_kernels(names):
    if platform.machine() != "x86_64":
        skip("the kernels and the guests are of x86_64")
    done = subprocess.run([SCRIPTS / "install-packages.sh", "kernels"],
                          capture_output=True, text=True)
    if done.returncode:
        skip((done.stdout + done.stderr).strip().splitlines()[-1])
    try:
        return [kernel_package.Kernel(name, CACHE) for name in names]
    except kernel_package.Unavailable as why:
        skip(str(why))


def run_machine(kernel, build_folder, folder, only):
    """The cases on a kernel, and the end of a machine that did not end well."""
    initramfs = folder / "initramfs"
    kernel_initramfs.make(initramfs, build_folder, kernel)
    reader = kernel_results.Reader()
    cases = []
    words = [f"limit={TEST_SECONDS}", *(f"only={name}" for name in only)]
    why = "the machine ended early"
    try:
        for line in kernel_machine.run(kernel, initramfs, folder, words,
                                       (TEST_SECONDS + 60, ALL_SECONDS)):
            ended = reader.read(line)
            cases += ended
            if ended or "##" in line and "begin" not in line:
                say(f"[kernels] {kernel.series}: {line}")
    except kernel_machine.Hung as hung:
        why = str(hung)
    if not reader.is_done:
        cases.append(reader.broken_off(
            why, kernel_machine.console_tail(folder)))
    return cases


def run_machines(kernels, build_folder, only):
    """{kernel: cases}, of machines that run at once."""
    results = {}

    def run(kernel, folder):
        try:
            results[kernel.series] = run_machine(kernel, build_folder, folder,
                                                 only)
        except Exception as why:  # a thread's would be lost
            results[kernel.series] = [kernel_results.Case(
                "machine", "start", "failed", repr(why), "")]

    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run.") as work:
        threads = []
        for kernel in kernels:
            folder = pathlib.Path(work) / kernel.series
            folder.mkdir()
            threads.append(threading.Thread(target=run, args=(kernel, folder),
                                            daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()
    return {kernel.series: results[kernel.series] for kernel in kernels}


def judge(results, is_whole):
    """The cases, with what is wrong about their skips and the table."""
    judged = {name: list(kernel_results.Skips(name, is_whole).judge(cases))
              for name, cases in results.items()}
    if is_whole and len(results) == len(kernel_package.PACKAGES):
        judged[list(results)[-1]].append(kernel_results.check_document(results))
    return judged


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
    parser.add_argument("--update", action="store_true",
                        help="write the table in docs/kernel-support.md")
    return parser.parse_args()


def main():
    arguments = parse()
    kernels = get_kernels(arguments.kernel or list(kernel_package.PACKAGES))
    folder = arguments.build.resolve()
    build(folder)
    results = run_machines(kernels, folder, arguments.test)
    if arguments.update:
        kernel_results.document(results)
    judged = judge(results, not arguments.test)
    kernel_results.write_report(REPORT, judged)
    return tell(judged)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
