# SPDX-License-Identifier: MIT
"""What test-kernels.py does when a machine hangs or dies, when a signal ends
it, and without network: one sentence, its status, and nothing left behind. The
programs that it starts are scripts here, but for one real qemu.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

SCRIPT = pathlib.Path(__file__).resolve().parent / "test-kernels.py"
PATIENCE = 120
GOOD = """echo '## kernel 6.1 up 1'
echo '## begin demo'
echo '## end demo 0 1 2'
echo '## done up 2'
"""
WAIT = "exec sleep 1000\n"
# what QEMU does; the script's arguments; its status, what it says
ENDINGS = [
    (GOOD, [], 0, "1 passed, 0 failed"),
    ("echo no such kernel >&2\nexit 3\n", [], 1,
     "boot: end qemu-system-x86_64 ended with status 3 before the tests did"),
    ("echo no such kernel >&2\nexit 3\n", [], 1, "\nno such kernel\n"),
    ("kill -KILL $$\n", [], 1, "was ended by signal 9"),
    (WAIT, ["--limit", "boot=0.2"], 1,
     "boot: end it did not boot within 0.2 s"),
    (GOOD.replace("## end", "##"[:1]).replace("## done", "#") + WAIT,
     ["--limit", "silence=0.2"], 1, "demo: end it printed nothing for 0.2 s"),
    ("echo '## kernel 6.1 up 1'\nwhile :; do echo; sleep 0.05; done\n",
     ["--limit", "all=0.3"], 1, "machine: end it was not done within 0.3 s"),
]
NO_NETWORK = """echo "W: some warning" >&2
echo "W: Failed to fetch http://x/y.deb  Could not resolve 'x'" >&2
echo "E: Some index files failed to download." >&2
exit 100
"""


class World:
    """A folder with programs for PATH, a build and a kernel."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.cache = self.folder / "cache"
        self.pids = self.folder / "pids"
        self.build = self.folder / "build"
        for name in ("pids", "bin", "cache/6.1/boot", "cache/6.1/lib",
                     "build/vm", "build/tools", "build/tests/process"):
            (self.folder / name).mkdir(parents=True)
        for name in ("cache/6.1/boot/vmlinuz-6.1", "cache/6.1/lib/modules.order",
                     "build/build.ninja"):
            (self.folder / name).write_text("")
        for name in ("vm/smudge-vm", "tools/smudge",
                     "tests/process/target_exec"):
            shutil.copy(shutil.which("true"), self.build / name)
        self.program("dpkg-query", 'for a; do echo "$a installed"; done\n')
        self.program("meson", "echo '[]'\n")
        for name in ("ninja", "mkfs.ext4", "busybox", "apt-get"):
            self.program(name, "")
        self.program("apt-cache", "echo '  Depends: linux-image-x'\n")

    def program(self, name, body):
        """Each that is started leaves a file named by its number."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n: >'{self.pids}'/$$\n{body}")
        path.chmod(0o755)

    def forget_kernel(self):
        shutil.rmtree(self.cache / "6.1")

    def start(self, *arguments):
        return subprocess.Popen(
            [SCRIPT, "--kernel", "6.1", "--test", "demo", "--build", self.build,
             "--cache", self.cache, *arguments], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ,
                 "PATH": f"{self.folder}/bin:{os.environ['PATH']}"})

    def finish(self, process):
        """(status, what it said), with nothing left behind."""
        try:
            said = process.communicate(timeout=PATIENCE)[0]
        finally:
            process.kill()
        for path in self.pids.iterdir():
            assert not pathlib.Path("/proc", path.name).exists() or \
                not is_of(path.name, self.folder), (path, said)
            path.unlink()
        left = [p for p in self.cache.iterdir()
                if p.name not in ("6.1", "meson-logs")]
        assert not left, (left, said)
        return process.returncode, said


def is_of(pid, folder):
    """Whether the process was started by a script of the folder: numbers come
    again."""
    try:
        environment = pathlib.Path("/proc", pid, "environ").read_bytes()
    except OSError:
        return False
    return str(folder).encode() in environment


def test_endings(world):
    for qemu, arguments, status, sentence in ENDINGS:
        world.program("qemu-system-x86_64", qemu)
        found, said = world.finish(world.start(*arguments))
        assert found == status and sentence in said, (qemu, found, said)


def test_real_qemu(world):
    """A kernel that is none."""
    qemu = shutil.which("qemu-system-x86_64")
    if not qemu:
        return
    world.program("qemu-system-x86_64", f'exec {qemu} "$@"\n')
    image = world.cache / "6.1/boot/vmlinuz-6.1"
    image.write_bytes(random.Random(1).randbytes(1 << 20))
    found, said = world.finish(world.start("--limit", "boot=20"))
    image.write_text("")
    assert found == 1 and "failed: Linux 6.1: boot: end" in said, (found, said)


def check_stopped(world, process, number):
    process.send_signal(number)
    found, said = world.finish(process)
    sentence = f"test-kernels.py: ended by {number.name}"
    assert found == 128 + number and said.splitlines()[-1] == sentence and \
        "Traceback" not in said, (number, found, said)


def wait_for(path, process):
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end, process.args
        time.sleep(0.01)


def test_signals(world):
    """While a program of each kind runs."""
    running = world.folder / "running"
    for name, number in [("qemu-system-x86_64", signal.SIGINT),
                         ("qemu-system-x86_64", signal.SIGTERM),
                         ("mkfs.ext4", signal.SIGTERM),
                         ("meson", signal.SIGINT),
                         ("ninja", signal.SIGHUP),
                         ("dpkg-query", signal.SIGTERM)]:
        path = world.folder / "bin" / name
        before = path.read_text() if path.exists() else ""
        world.program(name, f": >'{running}'\n{WAIT}")
        process = world.start()
        wait_for(running, process)
        check_stopped(world, process, number)
        running.unlink()
        if before:
            path.write_text(before)


def test_random_moments(world):
    world.program("qemu-system-x86_64", WAIT)
    for _ in range(5):
        process = world.start()
        # the interpreter alone is not ours yet
        wait_for(world.folder / "pids", process)
        while not list(world.pids.iterdir()) and process.poll() is None:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.3))
        check_stopped(world, process, signal.SIGTERM)


def test_fetch(world):
    """The kernel is not there, apt-get has no network, or is waited for."""
    running = world.folder / "running"
    world.forget_kernel()
    world.program("apt-get", NO_NETWORK)
    found, said = world.finish(world.start())
    assert (found, said) == (
        77, "linux-image-cloud-amd64 cannot be fetched: apt-get: Failed to "
        "fetch http://x/y.deb Could not resolve 'x'\n"), (found, said)
    world.program("apt-get", f": >'{running}'\n: >x.deb\n{WAIT}")
    process = world.start()
    wait_for(running, process)
    check_stopped(world, process, signal.SIGTERM)


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        for test in (test_endings, test_real_qemu, test_signals,
                     test_random_moments, test_fetch):
            test(world)
