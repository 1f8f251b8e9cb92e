#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Install what a build folder has, or remove it again.

usage: install.py install|uninstall BUILD PREFIX

The environment's DESTDIR is put before every path, as for meson install. An
install without it adds to BUILD/installed.txt what it wrote and which folders
it made. uninstall removes what is listed there for PREFIX, and what this build
would install now, so that it also works from a fresh build. A folder is removed
when it is empty and an install made it, or when its name is one of ours.
"""
import json
import os
import pathlib
import subprocess
import sys

RECORD = "installed.txt"
OWN_FOLDERS = ("smudge", "docs", "examples", "decisions", "phys_ram_dirty",
               "systemd")


def introspect(build, what):
    done = subprocess.run(["meson", "introspect", what, build], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def set_prefix(build, prefix):
    options = introspect(build, "--buildoptions")
    if prefix not in [o["value"] for o in options if o["name"] == "prefix"]:
        done = subprocess.run(
            ["meson", "configure", build, f"-Dprefix={prefix}"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(done.stdout.strip().splitlines()[-1])
        subprocess.run(["ninja", "-C", build], check=True)


def staged(path):
    """The path below DESTDIR."""
    return pathlib.Path(os.environ.get("DESTDIR", "") + str(path))


def page(build):
    """Of smudge-vm --vnc :N,web. A script installs it, so no list has it."""
    options = {o["name"]: o["value"] for o in introspect(build, "--buildoptions")}
    return pathlib.Path(options["prefix"], options["datadir"], "smudge/novnc.html")


def install(build):
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet"],
                   check=True)
    log = pathlib.Path(build, "meson-logs/install-log.txt").read_text()
    paths = [line for line in log.splitlines() if not line.startswith("#")]
    if staged(page(build)).exists():
        paths.append(staged(page(build)))
    if not os.environ.get("DESTDIR"):
        with open(pathlib.Path(build, RECORD), "a") as record:
            record.writelines(f"{path}\n" for path in paths)
    print(f"{sum(not os.path.isdir(p) for p in paths)} files installed below"
          f" {staged(page(build).parents[2])}")


def installed_now(build):
    """Where this build installs its files; its folders file by file."""
    for source, target in introspect(build, "--installed").items():
        yield staged(target)
        for path in pathlib.Path(source).rglob("*"):
            yield staged(target) / path.relative_to(source)
    yield staged(page(build))


def is_removed(path, record):
    """Removes a file, or an empty folder that an install made."""
    if not path.is_dir() or path.is_symlink():
        path.unlink()
        return True
    if path in record or path.name in OWN_FOLDERS:
        if not any(path.iterdir()):
            path.rmdir()
            return True
    return False


def recorded(build, prefix):
    """What earlier installs below the prefix wrote and made, and the rest."""
    log = pathlib.Path(build, RECORD)
    lines = set(log.read_text().splitlines()) if log.exists() else set()
    paths = {pathlib.Path(line) for line in lines}
    ours = {p for p in paths if not os.environ.get("DESTDIR") and
            (p.is_relative_to(prefix) or pathlib.Path(prefix).is_relative_to(p))}
    return ours, paths - ours


def uninstall(build, prefix):
    record, rest = recorded(build, prefix)
    paths = record.union(installed_now(build))
    paths |= {p.parent for p in paths if p.parent.name in OWN_FOLDERS}
    # the deepest first, so that a folder comes after what is in it
    order = sorted(paths, key=lambda p: len(p.parts), reverse=True)
    count = sum(is_removed(p, record) for p in order if os.path.lexists(p))
    pathlib.Path(build, RECORD).write_text("".join(f"{p}\n" for p in rest))
    print(f"{count} files and folders removed")


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("install", "uninstall"):
        sys.exit(__doc__)
    command, build, prefix = sys.argv[1:]
    try:
        set_prefix(build, prefix)
        if command == "install":
            install(build)
        else:
            uninstall(build, prefix)
    except subprocess.CalledProcessError as failure:
        return failure.returncode
    except OSError as failure:
        sys.exit(f"{command}: {failure}")


if __name__ == "__main__":
    sys.exit(main())
