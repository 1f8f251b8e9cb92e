# SPDX-License-Identifier: MIT
"""Which QEMU is tried, and on which accelerator: the one that PATH has, by
emulation, unless SMUDGE_TEST_QEMU names another program, or
SMUDGE_TEST_QEMU_ACCEL another value of -accel, such as kvm.
"""
import functools
import os
import re
import subprocess

PROGRAM = os.environ.get("SMUDGE_TEST_QEMU") or "qemu-system-x86_64"
ACCELERATOR = os.environ.get("SMUDGE_TEST_QEMU_ACCEL") or "tcg"


def has_kvm():
    return ACCELERATOR.split(",")[0] == "kvm"


@functools.lru_cache(None)
def version():
    """As (10, 0, 13)."""
    text = subprocess.run([PROGRAM, "--version"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return tuple(map(int, re.search(r"(\d+)\.(\d+)\.(\d+)", text).groups()))


def shared_memory():
    """A backend that QEMU leaves out of its stream: from 8.1 on it must be a
    file, which has no name where mem-path is a folder.
    """
    if version() < (8, 1):
        return "memory-backend-memfd,share=on"
    return "memory-backend-file,share=on,mem-path=/dev/shm"
