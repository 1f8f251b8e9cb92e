# SPDX-License-Identifier: MIT
"""Debian's kernels, fetched by apt and unpacked in a folder; none is installed."""
import gzip
import lzma
import pathlib
import re
import shutil
import subprocess

import stopping

# Debian 12 has both. The names stay, the kernels that they depend on do not.
PACKAGES = {"6.1": "linux-image-cloud-amd64",
            "6.12": "linux-image-6.12-cloud-amd64"}
APT_GET = ["apt-get", "-q", "-o", "APT::Update::Error-Mode=any",
           "-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1"]
OPEN = {".ko": open, ".xz": lzma.open, ".gz": gzip.open}


class Unavailable(Exception):
    """The archive does not have it, or cannot be reached."""


def run(command, cwd=None):
    done = stopping.run(command, cwd=cwd, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or "it failed"
        causes = re.findall(r"^[EW]: (Failed to fetch .*)", said, re.M)
        why = causes[0] if causes else said.splitlines()[-1]
        raise Unavailable(f"{command[0]}: {' '.join(why.split())}")
    return done.stdout


def newest(package):
    """The kernel that the package depends on today."""
    found = re.findall(r"Depends: (linux-image-\S+)",
                       run(["apt-cache", "depends", "--important", package]))
    if not found:
        raise Unavailable("apt does not know it (is bookworm-security among "
                          "its sources?)")
    return found[0]


def download(package, folder):
    """Tried again after an update: the archive keeps a kernel for a while."""
    try:
        run([*APT_GET, "download", newest(package)], cwd=folder)
    except Unavailable:
        run([*APT_GET, "update"])
        run([*APT_GET, "download", newest(package)], cwd=folder)


class Kernel:
    """An unpacked kernel of the series ("6.1") in the folder @cache."""

    def __init__(self, series, cache):
        self.series = series
        self.root = pathlib.Path(cache) / series
        if not self.is_there():
            self.fetch(pathlib.Path(cache) / f"{series}.new")
        self.image = next(self.root.glob("boot/vmlinuz-*"))
        self.release = self.image.name.removeprefix("vmlinuz-")
        modules = next(self.root.glob("**/modules.order")).parent
        self.modules = {re.split(r"\.ko", path.name)[0].replace("-", "_"): path
                        for path in modules.rglob("*.ko*")}

    def is_there(self):
        return all(list(self.root.glob(name))
                   for name in ("boot/vmlinuz-*", "**/modules.order"))

    def fetch(self, new):
        """Into a new folder first: a fetch that broke off leaves no kernel."""
        package = PACKAGES[self.series]
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            download(package, new)
            for deb in new.glob("*.deb"):
                run(["dpkg-deb", "-x", deb, new])
                deb.unlink()
            shutil.rmtree(self.root, ignore_errors=True)
            new.rename(self.root)
        except Unavailable as why:
            raise Unavailable(f"{package} cannot be fetched: {why}") from None
        finally:
            shutil.rmtree(new, ignore_errors=True)
        if not self.is_there():
            raise Unavailable(f"{package} has no kernel with modules")

    def with_dependencies(self, names):
        """(name, content) of the modules in the order to load them in; what is
        no module is in the kernel."""
        done = {}

        def add(name):
            if name in done or name not in self.modules:
                return
            path = self.modules[name]
            with OPEN[path.suffix](path, "rb") as file:
                content = file.read()
            for needed in re.search(rb"\0depends=([^\0]*)",
                                    content)[1].decode().split(","):
                add(needed.replace("-", "_"))
            done[name] = content

        for name in names:
            add(name)
        return list(done.items())
