# SPDX-License-Identifier: MIT
"""Folders of layers, as the tests of checkpoints look at them."""
import json
import os
import pathlib
import re
import subprocess

from smudgetest import PATIENCE, TOOL, Over, check, check_equal, check_sentence


def does_not_stop(text):
    """Had a thread no processor for the second that it has to stop?"""
    return re.search(r"thread \d+ of process \d+ .*does not stop", text)


def tool(*arguments, **kwargs):
    """Where a thread did not stop the case begins again: there may be layers
    already, which count."""
    done = subprocess.run([TOOL, *map(str, arguments)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, **kwargs)
    if does_not_stop(done.stderr):
        raise Over(done.stderr)
    return done


def without_progress(out):
    """Of stdout: a command that takes more than a second says how far it is."""
    return re.sub(r"^(\w+ +\d+ %|waiting for) .*\n", "", out, flags=re.M)


def said(*arguments, status=0):
    """stdout, without progress; of a failure the one sentence."""
    done = tool(*arguments)
    check_equal(done.returncode, status, f"{arguments}: {done}")
    if status:
        check_sentence(done.stderr.rstrip("\n"), "^smudge: ")
        return done.stderr
    check_equal(done.stderr, "", "stderr")
    return without_progress(done.stdout)


def answer(*arguments):
    """The JSON of a command that must succeed."""
    done = tool(*arguments, "--json")
    check_equal(done.returncode, 0, f"status of {arguments}: {done.stderr}")
    return json.loads(done.stdout)


def listed(folder):
    """What layers list says, oldest first; none may be damaged."""
    return answer("layers", "list", folder)["layers"]


def verify(folder, number=None):
    name = folder if number is None else f"{folder}@{number}"
    layers = answer("layers", "verify", name)["layers"]
    check(layers and all(layer["whole"] for layer in layers), layers)
    return layers[0]


def file_of(folder, number):
    return pathlib.Path(folder) / f"layer-{number:08}.qcow2"


def left_beside(folder):
    """Names in the folder that are no layers."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [name for name in names if not name.startswith("layer-")]
