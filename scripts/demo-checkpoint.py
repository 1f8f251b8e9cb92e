#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make demo-checkpoint: a stock QEMU with Linux inside is checkpointed from
outside, each second, then killed, and restored from the last checkpoint and
from one in the middle. The guest is the witness: it says that it continues, and
that every page is as it wrote it.

It needs neither KVM nor root. The kernel is Debian's, fetched by apt, unpacked
in BUILD/kernels and kept there. All else is in a folder of its own, which is
removed at the end, however it ends.
"""
import stopping

stopping.begin()  # before what takes a moment to import

# pylint: disable=wrong-import-position
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import kernel_package
import linux_guest
import qemu_program

ROOT = pathlib.Path(__file__).resolve().parent.parent
MIB = 1 << 20
# ticks of the guest until it is checkpointed
FIRST_TICKS = 5
# what the guest does after its last checkpoint is lost
LOST_S = 3
# how much before its time a layer may have been saved
SLACK_NS = 50_000_000
ROW = "{:>5}  {:>5}  {:>5}  {:>7}  {:>9}  {:>8}  {:>12}"


def say(text=""):
    print(text, flush=True)


def say_command(*words):
    say("\n$ " + " ".join(map(str, words)))


def run(command, **options):
    done = stopping.run(list(map(os.fspath, command)), stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT, **options)
    if done.returncode:
        raise linux_guest.Broken(f"{' '.join(map(str, command))} ended with "
                                 f"status {done.returncode}: {done.stdout}")
    return done.stdout


class Demo:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.smudge = arguments.build / "tools/smudge"
        self.qmp = folder / "qmp"
        self.layers = folder / "layers"
        self.console = linux_guest.Console(folder / "console")
        self.processes = []
        # the guest's last tick, and when it had been said
        self.seen = []
        # of each layer: the guest's ticks between which it was saved
        self.moments = {}

    def start(self, command, **options):
        """In a session of its own: Ctrl-C is ours."""
        process = subprocess.Popen(
            linux_guest.ends_with_us(command), stdin=subprocess.DEVNULL,
            start_new_session=True, cwd=self.folder, **options)
        self.processes.append(process)
        return process

    def kill_all(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes = []

    def wait(self, machine, condition, what):
        return self.console.wait(condition, what,
                                 is_there=lambda: machine.poll() is None)

    def last_tick(self):
        tick = self.console.ticks()[-1].number
        self.seen.append((time.time_ns(), tick))
        return tick

    def boot(self, kernel):
        started = time.monotonic()
        initramfs = self.folder / "initramfs"
        linux_guest.make_initramfs(
            initramfs, self.arguments.build / "guests/linux/witness")
        version = run([qemu_program.PROGRAM, "--version"]).split()[3]
        say(f"QEMU {version} boots Debian's Linux {kernel.release}, without KVM:")
        command = linux_guest.command(kernel, initramfs, "console", "qmp")
        say_command(os.path.basename(qemu_program.PROGRAM),
                    *linux_guest.checkpointable(), "...")
        machine = self.start(command)
        self.wait(machine, lambda: len(self.console.ticks()) >= FIRST_TICKS,
                  "the guest's first ticks")
        say(f"{self.console.lines()[-1]}\n(after "
            f"{time.monotonic() - started:.0f} s; a tick is 0.2 s)")
        return machine

    def row(self, layer):
        """Its line may be read when later ones are saved."""
        after = self.last_tick()
        before_ns = layer["time-ns"] - SLACK_NS
        self.moments[layer["layer"]] = (max(
            (tick for seen_ns, tick in self.seen if seen_ns < before_ns),
            default=0), after)
        say(ROW.format(layer["layer"], after,
                       "full" if layer["full"] else "delta",
                       f"{layer['pages']:,}",
                       f"{layer['file-bytes'] / MIB:.1f} MiB",
                       f"{layer['stopped-ns'] / 1e6:.1f} ms",
                       f"{layer['own-pause-ns'] / 1e6:.1f} ms"))

    def checkpoint(self, machine):
        words = ["checkpoint", "--qemu", "qmp", "--to", "layers", "--every",
                 "1", "--count", str(self.arguments.count)]
        say_command("smudge", *words)
        say(ROW.format("layer", "tick", "kind", "pages", "bytes", "stopped",
                       "smudge's own"))
        self.last_tick()
        saver = self.start([self.smudge, *words, "--json"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with saver:
            while True:
                with stopping.allowed():
                    line = saver.stdout.readline()
                if not line:
                    break
                self.row(json.loads(line))
            errors = saver.stderr.read().decode()
        if saver.returncode or len(self.moments) != self.arguments.count:
            raise linux_guest.Broken(
                f"smudge checkpoint ended with status {saver.returncode} after "
                f"{len(self.moments)} layers: {errors}")
        if machine.poll() is not None:
            raise linux_guest.Broken("QEMU ended meanwhile")

    def kill(self, machine):
        """Late enough that its clocks tell it that it was restored."""
        since = time.monotonic()
        before = self.last_tick()
        self.wait(machine, lambda: time.monotonic() - since > LOST_S and
                  self.last_tick() > before, "more ticks")
        say(f"\n$ kill -9 {machine.pid}    # QEMU")
        linux_guest.check_witness(self.console)
        say(f"the last words of the guest: {self.console.lines()[-1]}")
        self.kill_all()

    def check_chain(self):
        """Each layer is a qcow2 image on the one before it."""
        say_command("qemu-img check layers/layer-*.qcow2")
        images = sorted(self.layers.glob("layer-*.qcow2"))
        for image in images:
            run(["qemu-img", "check", "-q", image])
        say(f"{len(images)} images, no error")

    def restore(self, number):
        words = ["restore", f"layers@{number}", "--qemu", "--memory",
                 f"memory-{number}", "--run"]
        say_command("smudge", *words)
        mark = self.console.mark()
        log = self.folder / f"restore-{number}.log"
        with open(log, "wb") as out:
            machine = self.start([self.smudge, *words], stdout=out, stderr=out)
        try:
            first = linux_guest.check_restored(
                self.console, mark, *self.moments[number],
                is_there=lambda: machine.poll() is None)
        except linux_guest.Broken as why:
            raise linux_guest.Broken(f"{why}; {log.read_text()}") from None
        say(log.read_text().strip())
        said = [line for line in self.console.lines(mark)
                if line.startswith("witness: ")]
        say("\n".join([*said[:3], "...", said[-1]]))
        say(f"It continues with tick {first}, and has checked every page.")
        self.kill_all()


def get_kernel(arguments):
    for cache in (arguments.kernels, arguments.build / "kernels",
                  ROOT / "build-test/kernels"):
        if cache and list((cache / arguments.kernel).glob("boot/vmlinuz-*")):
            break
    else:
        cache = arguments.kernels or arguments.build / "kernels"
        say(f"fetching Debian's Linux {arguments.kernel} by apt into {cache}")
        cache.mkdir(parents=True, exist_ok=True)
    return kernel_package.Kernel(arguments.kernel, cache)


def demonstrate(arguments, folder):
    demo = Demo(arguments, folder)
    try:
        machine = demo.boot(get_kernel(arguments))
        demo.checkpoint(machine)
        demo.kill(machine)
        demo.check_chain()
        demo.restore(arguments.count)
        demo.restore((arguments.count + 1) // 2)
    finally:
        demo.kill_all()


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path, nargs="?",
                        default=ROOT / "build", metavar="BUILD",
                        help="a folder that is built (default: build)")
    parser.add_argument("--count", type=int, default=10, metavar="N",
                        help="checkpoints, one a second (default 10)")
    parser.add_argument("--kernel", default="6.1",
                        choices=list(kernel_package.PACKAGES))
    parser.add_argument("--kernels", type=pathlib.Path, metavar="FOLDER",
                        help="where kernels are kept (default: BUILD/kernels)")
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    return arguments


def main():
    started = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="smudge-demo-"))
    try:
        demonstrate(parse(), folder)
    finally:
        shutil.rmtree(folder)
    with stopping.allowed():
        say("\nRestored twice, no error; "
            f"{time.monotonic() - started:.0f} s in all.")


if __name__ == "__main__":
    try:
        main()
    except stopping.Stopped as stopped:
        print(f"demo-checkpoint: {stopped}", file=sys.stderr)
        sys.exit(stopped.status)
    except (linux_guest.Broken, kernel_package.Unavailable, RuntimeError,
            OSError) as failure:
        sys.exit(f"demo-checkpoint: {failure}")
