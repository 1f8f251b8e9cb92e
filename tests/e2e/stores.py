# SPDX-License-Identifier: MIT
"""Block engines for tests of checkpoints onto disks: nbdkit, and
qemu-storage-daemon with a qcow2 image that keeps snapshots. Both are killed when
the lab ends."""
import json
import pathlib
import shutil
import subprocess

from smudgetest import MIB, PATIENCE, TOOL, Skip, check_equal, wait_until

DISK_BYTES = 64 * MIB


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"no {program}")


def need_libnbd():
    done = subprocess.run([TOOL, "layers", "show", "nbd+unix:///?socket=no-such-socket"],
                          capture_output=True, text=True, timeout=PATIENCE)
    if "libnbd" in done.stderr:
        raise Skip(done.stderr.strip())


def is_listening(path):
    """Its name is there before that."""
    lines = pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]
    return any(int(words[3], 16) & 0x10000 and words[7:] == [str(path)]
               for words in map(str.split, lines))  # __SO_ACCEPTCON


class Server:
    """A process behind a socket, whose name stays the same when it is started
    again."""

    def __init__(self, lab, name):
        need_libnbd()
        self.lab = lab
        self.socket = lab.path(f"{name}.sock")
        self.uri = f"nbd+unix:///?socket={self.socket}"
        self.process = None
        lab.closers.append(self.end)

    def run(self, *words):
        self.log = open(self.lab.path("server.log"), "ab")
        self.process = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)

    def wait_for(self, *sockets):
        """Until it listens at all of them."""
        wait_until(lambda: all(map(is_listening, sockets)) or
                   self.process.poll() is not None, f"{self.process.args[0]} listens")
        check_equal(self.process.poll(), None, f"{self.process.args[0]} runs")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.log.close()

    def end(self):
        if self.process and self.process.poll() is None:
            self.kill()


class Nbdkit(Server):
    """nbdkit's words, without those of the socket."""

    def __init__(self, lab, *words, name="nbdkit"):
        need("nbdkit")
        super().__init__(lab, name)
        self.words = words
        self.start()

    def start(self):
        pid_file = self.lab.path("nbdkit.pid")
        for path in (pid_file, self.socket):
            path.unlink(missing_ok=True)
        self.run("nbdkit", "-f", "--exit-with-parent", "-P", pid_file, "-U", self.socket,
                 *self.words)
        wait_until(lambda: pid_file.exists() or self.process.poll() is not None, "nbdkit")
        check_equal(self.process.poll(), None, "nbdkit runs")


class StorageDaemon(Server):
    """A qcow2 image, its NBD export and its QMP."""
    NODE = "live"

    def __init__(self, lab, size=DISK_BYTES):
        need("qemu-storage-daemon", "qemu-img")
        super().__init__(lab, "qsd")
        self.image = lab.path("live.qcow2")
        self.qmp = lab.path("qsd.qmp")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.image, str(size)],
                       check=True)
        self.start()

    def start(self):
        for path in (self.socket, self.qmp):
            path.unlink(missing_ok=True)
        self.run("qemu-storage-daemon",
                 "--blockdev", f"driver=file,node-name=file,filename={self.image}",
                 "--blockdev", f"driver=qcow2,node-name={self.NODE},file=file",
                 "--nbd-server", f"addr.type=unix,addr.path={self.socket}",
                 "--export", f"type=nbd,id=export,node-name={self.NODE},name=,"
                 "writable=on",
                 "--chardev", f"socket,id=qmp,path={self.qmp},server=on,wait=off",
                 "--monitor", "chardev=qmp")
        self.wait_for(self.socket, self.qmp)

    def options(self):
        """Of smudge checkpoint."""
        return ["--to", self.uri, "--snapshot-qmp", self.qmp, "--snapshot-node", self.NODE]

    def snapshots(self):
        """The names of those in the image."""
        text = subprocess.run(["qemu-img", "info", "-U", "--output=json", self.image],
                              check=True, capture_output=True, text=True).stdout
        return [snapshot["name"] for snapshot in json.loads(text).get("snapshots", [])]

    def layer_of(self, name):
        """A folder with the snapshot as its layer."""
        folder = self.lab.path(f"of-{name}")
        folder.mkdir(mode=0o700)
        subprocess.run(["qemu-img", "convert", "-U", "-l", f"snapshot.name={name}", "-O",
                        "qcow2", self.image, folder / "layer-00000001.qcow2"], check=True)
        return folder


def copied(lab, uri):
    """A command that is an engine's snapshot: snap-N has the disk then."""
    need("qemu-img")
    return f"qemu-img convert -O raw '{uri}' {lab.path('snap')}-$SMUDGE_NUMBER"


def layer_of_copy(lab, number):
    """A folder with that snapshot as its layer."""
    path = lab.path(f"snap-{number}")
    folder = lab.path(f"of-{number}")
    folder.mkdir(mode=0o700)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", path,
                    folder / "layer-00000001.qcow2"], check=True)
    return folder


def certificates(lab):
    """A folder as nbdkit and libnbd want it: an authority, and what it signed for a
    server and a client on this machine."""
    need("certtool")
    folder = lab.path("pki")
    folder.mkdir(mode=0o700)

    def make(*words):
        subprocess.run(["certtool", *map(str, words)], check=True, capture_output=True)

    for name, text in (
            ("ca", "cn = test\nca\ncert_signing_key\n"),
            ("server", "cn = localhost\ndns_name = localhost\ntls_www_server\n"),
            ("client", "cn = client\ntls_www_client\nsigning_key\n")):
        key, template = folder / f"{name}-key.pem", folder / f"{name}.info"
        template.write_text(f"{text}expiration_days = 2\n")
        make("--generate-privkey", "--key-type=ecdsa", "--outfile", key)
        make(*(["--generate-self-signed"] if name == "ca" else
               ["--generate-certificate", "--load-ca-certificate",
                folder / "ca-cert.pem", "--load-ca-privkey", folder / "ca-key.pem"]),
             "--load-privkey", key, "--template", template, "--outfile",
             folder / f"{name}-cert.pem")
    return folder


def raw_of(lab, layer, name="disk.raw"):
    """A layer's virtual disk as a flat file."""
    need("qemu-img")
    path = lab.path(name)
    subprocess.run(["qemu-img", "convert", "-O", "raw", layer, path], check=True)
    return path
