#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The version is the same wherever it is written: Meson's project, the headers,
the library (its answers and its file), the .pc file, the manual pages, the newest
release of CHANGELOG.md. No symbol node names a later one, and the soname is the
one of docs/abi.md.

usage: check-version.py BUILD
"""
import ctypes
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUMBER = r"(\d+\.\d+\.\d+)"


def first(pattern, text):
    found = re.search(pattern, text, re.M)
    return found[1] if found else "none"


def of_headers(text):
    return ".".join(first(rf"^#define SMUDGE_VERSION_{part} (\d+)$", text)
                    for part in ("MAJOR", "MINOR", "PATCH"))


def of_changelog(text):
    """Its newest release; before the first one, what it will be."""
    released = first(rf"^## {NUMBER}\b", text)
    return released if released != "none" else \
        first(rf"^The first release will be {NUMBER}\.", text)


def of_number(number):
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"


def soname(library):
    text = subprocess.run(["readelf", "-d", library], check=True,
                          capture_output=True, text=True).stdout
    return first(r"SONAME.*\[(.*)\]", text)


def of_tree():
    for name, pattern in [
            ("meson.build", rf"^  version: '{NUMBER}'"),
            *((page.relative_to(ROOT), rf'^\.TH .* "smudge {NUMBER}"')
              for page in sorted(ROOT.glob("man/*.[1-9]")))]:
        yield name, first(pattern, (ROOT / name).read_text())
    yield "include/smudge/smudge.h", \
        of_headers((ROOT / "include/smudge/smudge.h").read_text())
    yield "CHANGELOG.md", of_changelog((ROOT / "CHANGELOG.md").read_text())


def of_build(build):
    library = (build / "lib/libsmudge.so").resolve()
    yield f"file {library.name}", library.name.partition(".so.")[2]
    loaded = ctypes.CDLL(str(library))
    loaded.smudge_version.restype = ctypes.c_char_p
    yield "smudge_version", loaded.smudge_version().decode()
    yield "smudge_version_number", of_number(loaded.smudge_version_number())
    yield "smudge.pc", first(rf"^Version: {NUMBER}$",
                             (build / "meson-private/smudge.pc").read_text())
    for page in sorted((build / "man/man3").glob("*.3")):
        text = page.read_text()
        if not text.startswith(".so "):
            yield page.name, first(rf'^\.TH .* "smudge {NUMBER}"', text)


def nodes_ahead(version, symbol_map):
    """Nodes of the symbol map that name a later release."""
    release = [int(n) for n in version.split(".")[:2]]
    for node in re.findall(r"^SMUDGE_(?:CHECKPOINT_)?(\d+\.\d+) \{", symbol_map, re.M):
        if [int(n) for n in node.split(".")] > release:
            yield node


def main(build):
    build = pathlib.Path(build)
    places = [*of_tree(), *of_build(build)]
    version = places[0][1]
    wrong = [f"{place} has version {found}, {places[0][0]} has {version}"
             for place, found in places if found != version]
    wrong += [f"{file.relative_to(ROOT)} has node {node}, and the version is {version}"
              for file in sorted(ROOT.glob("lib/*.map"))
              for node in nodes_ahead(version, file.read_text())]
    name = soname(build / "lib/libsmudge.so")
    said = first(r"`(libsmudge\.so\.\d+)` today",
                 (ROOT / "docs/abi.md").read_text())
    if name != said:
        wrong.append(f"the soname is {name}, and docs/abi.md says {said}")
    print("\n".join(wrong) if wrong else
          f"{len(places)} places have version {version}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
