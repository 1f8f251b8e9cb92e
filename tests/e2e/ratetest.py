# SPDX-License-Identifier: MIT
"""What the tests of smudge rate share."""
import json
import os
import subprocess

from smudgetest import PATIENCE, TOOL, Skip, check_equal


def rate(*arguments, **kwargs):
    return subprocess.run([TOOL, "rate", *map(str, arguments)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, **kwargs)


def start(*arguments, **kwargs):
    return subprocess.Popen([TOOL, "rate", *map(str, arguments)], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **kwargs)


def lines_of(*arguments):
    """The objects of --json."""
    done = rate("--json", *arguments)
    check_equal((done.returncode, done.stderr), (0, ""), "status and stderr")
    return [json.loads(line) for line in done.stdout.splitlines()]


def need_method(pid, method):
    done = rate(pid, "--method", method, "--count", 1, "--interval", "0.1")
    if done.returncode == 0:
        return
    if method in os.environ.get("SMUDGE_REQUIRE", "").split(","):
        raise AssertionError(f"{method} is required: {done.stderr}")
    raise Skip(f"no method {method}: {done.stderr.strip()}")
