#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The units of this folder: systemd knows all that they say, smudge takes the
command line, and nothing in them needs a seccomp filter, with which smudge could
not suspend QEMU's.

usage: test_units.py SMUDGE
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
INSTALLED = "/usr/local/bin/smudge"
SKIPPED = 77
USAGE = 2  # status of a wrong command line
FILTERS = """LockPersonality MemoryDenyWriteExecute PrivateDevices ProtectClock
    ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables
    RestrictAddressFamilies RestrictNamespaces RestrictRealtime
    RestrictSUIDSGID SystemCallArchitectures SystemCallFilter""".split()
KINDS = ("service", "timer")


def text_of(kind):
    return (FOLDER / f"smudge-checkpoint@.{kind}").read_text()


def complaints(texts):
    """What systemd says of these units, {kind: text}."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, f"smudge-checkpoint@vm.{kind}")
                 for kind in texts]
        for path, text in zip(paths, texts.values()):
            path.write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths],
                              text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    return done.stdout or (f"status {done.returncode}" if done.returncode else "")


def check_known(smudge):
    texts = {kind: text_of(kind).replace(INSTALLED, smudge) for kind in KINDS}
    found = complaints(texts)
    assert not found, found
    # it would have said so
    wrong = dict(texts, service=texts["service"].replace("Nice=", "Nise="))
    assert "Nise" in complaints(wrong)


def check_command(smudge):
    line = re.search(r"^ExecStart=(.*)", text_of("service"), re.M)[1]
    words = line.replace(INSTALLED, smudge).replace("%i", "no-such-machine")
    done = subprocess.run(words.split(), text=True, capture_output=True)
    assert done.returncode not in (0, USAGE), done
    assert "no-such-machine" in done.stderr, done


def check_filters():
    for setting in FILTERS:
        assert not re.search(rf"^{setting}=", text_of("service"), re.M), setting


def main(smudge):
    check_filters()
    check_command(smudge)
    if not shutil.which("systemd-analyze"):
        print("no systemd-analyze")
        sys.exit(SKIPPED)
    check_known(smudge)


if __name__ == "__main__":
    main(sys.argv[1])
