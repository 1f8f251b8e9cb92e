#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long a process stands for a checkpoint of smudge, and for a dump of CRIU
with --track-mem, in an emulated machine with Debian's kernel 6.12.

usage: criu.py BUILD [--cache FOLDER] [--samples N] [--huge-pages always|never]

A process of 256 MiB writes 2 % of it per second. Both make a full checkpoint
first, and then incremental ones a second apart; both figures are the tools' own
("frozen_time" of CRIU's statistics, "stopped-ns" of smudge's). CRIU and its
libraries are fetched by apt, unpacked in the cache and not installed. One JSON
object per line. Exit status: 77 where it cannot be had; the last line says why.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))

# pylint: disable=wrong-import-position
import stopping

stopping.begin()

import kernel_initramfs
import kernel_machine
import kernel_package

SKIPPED = 77
SERIES = "6.12"
MIB, PAGES_PS = 256, 1311
SECONDS = 600  # until the machine is done
PACKAGES = ("criu", "libbsd0", "libnet1", "libnftables1", "libnftnl11",
            "libnl-3-200", "libprotobuf-c1")
MODULES = ("unix_diag", "inet_diag", "tcp_diag", "udp_diag", "raw_diag",
           "netlink_diag", "af_packet_diag", "tun", "nfnetlink", "nf_tables",
           "veth", "ip_tables", "iptable_filter")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
FROZEN = 2  # the field of dump_stats_entry, microseconds

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o size=1500M tmp /tmp
exec </dev/null >/dev/ttyS1 2>&1
while read -r module; do
	insmod "/modules/$module.ko" || echo "no module $module"
done </modules/order
ip link set lo up
echo @HUGE@ >/sys/kernel/mm/transparent_hugepage/enabled
cd /tmp
setsid /bin/target @MIB@ @PAGES@ </dev/null >/dev/null 2>&1 &
target=$!
sleep 10
smudge checkpoint --pid $target --to /tmp/layers --every 1 --look-ahead \\
	--count $((@SAMPLES@ + 2)) --json || echo "smudge failed"
rm -rf /tmp/layers
last=
number=0
while [ $number -le $((@SAMPLES@ + 1)) ]; do
	mkdir $number
	# shellcheck disable=SC2086
	criu dump --track-mem --leave-running --shell-job $last -t $target \\
		-D /tmp/$number -o log -v1 || { tail -n 2 $number/log
		echo "criu failed"; }
	echo "stats $(od -An -v -tx1 $number/stats-dump | tr -d '\\n')"
	last="--prev-images-dir ../$number"
	rm -f $((number - 1))/pages-*.img
	number=$((number + 1))
	sleep 1
done
echo end
poweroff -f
"""


class Skip(Exception):
    pass


def fetch_criu(cache):
    """The folder where it is unpacked."""
    root = cache / "criu"
    if (root / "usr/sbin/criu").exists():
        return root
    new = cache / "criu.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    kernel_package.run([*kernel_package.APT_GET, "download", *PACKAGES],
                       cwd=new)
    for deb in new.glob("*.deb"):
        kernel_package.run(["dpkg-deb", "-x", deb, new])
        deb.unlink()
    shutil.rmtree(root, ignore_errors=True)
    new.rename(root)
    return root


def make_initramfs(path, kernel, criu, build, arguments):
    programs = {"bin/criu": criu / "usr/sbin/criu",
                "bin/smudge": build / "tools/smudge",
                "bin/target": build / "bench/bench-criu-target"}
    os.environ["LD_LIBRARY_PATH"] = f"{criu / LIBRARIES}:{build / 'lib'}"
    libraries = kernel_initramfs.libraries(map(str, programs.values()))
    del os.environ["LD_LIBRARY_PATH"]
    init = INIT
    for name, value in {"HUGE": arguments.huge_pages, "MIB": MIB,
                        "PAGES": PAGES_PS,
                        "SAMPLES": arguments.samples}.items():
        init = init.replace(f"@{name}@", str(value))
    with open(path, "wb") as file:
        archive = kernel_initramfs.Archive(file)
        for name in ("proc", "sys", "dev", "tmp", "run"):
            archive.add_folder(name)
        archive.add_file("init", init.encode())
        archive.add_file("bin/busybox", kernel_initramfs.busybox())
        archive.add_link("bin/sh", "busybox")
        modules = kernel.with_dependencies(MODULES)
        for name, content in modules:
            archive.add_file(f"modules/{name}.ko", content)
        archive.add_file("modules/order", "".join(
            f"{name}\n" for name, _ in modules).encode())
        for name, program in programs.items():
            archive.add_file(name, program.read_bytes())
        for library in map(pathlib.Path, libraries):
            known = library if library.parts[1].startswith("lib") else \
                pathlib.Path("/lib/x86_64-linux-gnu") / library.name
            archive.add_file(known, library.read_bytes())
        archive.end()


def run_machine(kernel, initramfs, console):
    done = stopping.run(
        [*DIES_WITH_US, "timeout", "-s", "KILL", str(SECONDS), *DIES_WITH_US,
         *kernel_machine.QEMU, "-kernel", str(kernel.image),
         "-initrd", str(initramfs), "-append", kernel_machine.APPEND,
         "-serial", f"file:{console}", "-serial", "stdio"],
        stdout=subprocess.PIPE)
    return done.stdout.replace("\r", "").splitlines()


def fields(data):
    """The numbers of a message whose fields are all numbers."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        found[key >> 3] = varint()
    return found


def frozen_ms(line):
    """Two magic numbers and a length, then a message with one in field 1."""
    data = bytes.fromhex(line.removeprefix("stats").replace(" ", ""))[12:]
    return fields(data[2:])[FROZEN] / 1000


def figures(lines):
    """Without the full ones and the first increments, which have all that was
    written meanwhile."""
    smudge = [json.loads(line)["stopped-ns"] / 1e6 for line in lines
              if line.startswith("{") and '"layer"' in line]
    criu = [frozen_ms(line) for line in lines
            if re.fullmatch(r"stats( +[0-9a-f]{2})+", line)]
    if len(smudge) < 3 or len(criu) < 3 or "end" not in lines:
        raise Skip("not all could be measured: " + " | ".join(lines[-8:]))
    return smudge[2:], criu[2:]


def measure(arguments):
    build = arguments.build.resolve()
    try:
        kernel = kernel_package.Kernel(SERIES, arguments.cache)
        criu = fetch_criu(arguments.cache)
    except kernel_package.Unavailable as why:
        raise Skip(str(why)) from None
    with tempfile.TemporaryDirectory(prefix="smudge-criu-") as folder:
        folder = pathlib.Path(folder)
        make_initramfs(folder / "initramfs", kernel, criu, build, arguments)
        lines = run_machine(kernel, folder / "initramfs", folder / "console")
    smudge, criu = figures(lines)
    ours, theirs = statistics.median(smudge), statistics.median(criu)
    print(json.dumps({
        "case": "criu", "what": "stopped for a checkpoint",
        "huge-pages": arguments.huge_pages, "samples": len(smudge),
        "ms": round(ours, 3), "baseline": "criu dump --track-mem",
        "baseline_ms": round(theirs, 3), "ratio": round(ours / theirs, 3),
        "must": 0.333}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path,
                        default=SCRIPTS.parent / "build-test/kernels")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--huge-pages", default="always",
                        choices=["always", "never"])
    try:
        measure(parser.parse_args())
    except Skip as why:
        print(f"criu.py: skipped: {why}")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
