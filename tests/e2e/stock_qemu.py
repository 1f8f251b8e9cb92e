# SPDX-License-Identifier: MIT
"""A stock QEMU with the guest qemu_guest.S, for tests of what is done to it from
outside. SMUDGE_TEST_QEMU and SMUDGE_TEST_QEMU_ACCEL say which one, and that it is
to do other than emulate."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

from smudgetest import MIB, PATIENCE, Qmp, Skip, check, check_equal, \
    need_engine, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

# pylint: disable=wrong-import-position
import qemu_program

QEMU = qemu_program.PROGRAM
GUEST_IMAGE = os.environ.get("SMUDGE_QEMU_GUEST")
MEMORY = 64 * MIB


def need_qemu():
    if not shutil.which(QEMU) or not GUEST_IMAGE:
        raise Skip(f"no {QEMU}")
    if qemu_program.has_kvm():
        need_engine("kvm")


def newest_type():
    """What QEMU takes for "pc"."""
    return "pc-i440fx-{}.{}".format(*qemu_program.version())


def one_backend(backend):
    return ["-machine", "pc,memory-backend=mem", "-object",
            f"{backend},id=mem,size={MEMORY}"]


def arguments(lab, name, *more, backend=None, memory=None):
    """A command line; its sockets and files are in the lab's folder."""
    return [QEMU, "-accel", qemu_program.ACCELERATOR, *(memory or one_backend(
        backend or qemu_program.shared_memory())),
            "-m", f"{MEMORY // MIB}M",
            "-display", "none", "-vga", "none", "-net", "none", "-boot", "a",
            "-serial", f"file:{lab.path(name + '.serial')}",
            "-drive", f"if=floppy,format=raw,file={GUEST_IMAGE},readonly=on",
            "-qmp", f"unix:{lab.path(name + '.qmp')},server=on,wait=off", *more]


def passes_in(text):
    check("wrong" not in text, f"the guest found wrong memory: {text[-200:]!r}")
    return [int(n, 16) for n in re.findall(r"^pass ([0-9a-f]{8})$", text, re.M)]


class Console:
    """What the guest said on its serial line, in a file."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def text(self):
        try:
            return self.path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def passes(self):
        return passes_in(self.text())

    def last_pass(self):
        """The number of the pass it said last, of which it may have been stopped
        within the line."""
        line = self.text().rpartition("\n")[2]
        is_torn = line and not re.fullmatch("pass [0-9a-f]{8}", line)
        return self.passes()[-1] + bool(is_torn)

    def disk_was_wrong(self):
        return "disk" in self.text()

    def wait_passes(self, more):
        goal = len(self.passes()) + more
        wait_until(lambda: len(self.passes()) >= goal, f"{more} more passes")


class StockQemu:
    """Started now, in the lab's folder; killed when the lab ends."""

    def __init__(self, lab, name, *more, **options):
        need_qemu()
        self.lab = lab
        self.arguments = arguments(lab, name, *more, **options)
        self.console = Console(lab.path(name + ".serial"))
        self.qmp_path = lab.path(name + ".qmp")
        self.log_path = lab.path(name + ".log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.arguments, cwd=lab.folder,
                                            stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        lab.closers.append(self.end)

    def connect(self):
        """A QMP client; QEMU has one at a time."""
        return connect(self.qmp_path, self.process)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def end(self):
        if self.process.poll() is None:
            self.kill()

    def save(self, folder, **more):
        """A layer, made by hand; the guest is gone then."""
        with self.connect_closing() as qmp:
            if more.pop("is_stopped", False):
                qmp.run("stop")
            qmp.run("migrate-set-capabilities", capabilities=[
                {"capability": "x-ignore-shared", "state": True}])
            state = self.lab.path("state")
            qmp.run("migrate", uri=f"exec:cat > {state}")
            qmp.wait_migration("completed")
        memory = self.lab.path("memory")
        subprocess.run(["cp", "--sparse=always", self.memory_path(), memory],
                       check=True)
        self.kill()
        machine = {"arguments": self.arguments, "cwd": str(self.lab.folder),
                   "machine-type": newest_type(), "was-running": True,
                   "backends": [{"id": "mem", "size": MEMORY, "region": "mem",
                                 "kind": "memfd"}], **more}
        make_layer(self.lab, folder, memory, "mem",
                   {"qemu-machine": json.dumps(machine).encode(),
                    "qemu-state": state.read_bytes()})
        return memory

    def memory_path(self):
        folder = pathlib.Path(f"/proc/{self.process.pid}/fd")
        return next(path for path in folder.iterdir()
                    if os.readlink(path).startswith(
                        ("/memfd:mem", "/dev/shm/qemu_back_mem.mem.")))

    def connect_closing(self):
        return Closing(self.connect())


class Closing:
    def __init__(self, qmp):
        self.qmp = qmp

    def __enter__(self):
        return self.qmp

    def __exit__(self, *exception):
        self.qmp.close()


def connect(path, process=None):
    def try_once():
        check(process is None or process.poll() is None, "QEMU has ended")
        try:
            return Qmp(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
    return wait_until(try_once, f"QMP at {path}")


def make_layer(lab, folder, memory, region, blobs):
    words = []
    for name, content in blobs.items():
        path = lab.path("blob-" + name)
        path.write_bytes(content)
        words += [name, str(path)]
    done = subprocess.run([os.environ["SMUDGE_MAKE_LAYER"], str(folder),
                           str(memory), region, *words], capture_output=True,
                          text=True, timeout=PATIENCE)
    check_equal(done.returncode, 0, f"make_layer: {done.stderr}")


def end(process, number=signal.SIGTERM):
    """A process that became QEMU; its status."""
    process.send_signal(number)
    return process.wait(PATIENCE)
