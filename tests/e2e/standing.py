# SPDX-License-Identifier: MIT
"""What the processes of a test do while one of them does not end."""
import os
import pathlib


def _fields(pid):
    """State, parent and session of a process."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    state, parent, _, session = text.rsplit(")", 1)[1].split()[:4]
    return state, int(parent), int(session)


def _text(path):
    try:
        return path.read_text(errors="replace").strip()
    except OSError as error:
        return f"({error.strerror})"


def _threads(pid):
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir()):
        state = _text(task / "stat").rsplit(")", 1)[-1].split()[:1]
        yield (f"  {task.name} {' '.join(state)}, in {_text(task / 'wchan')}, "
               f"call {_text(task / 'syscall').split()[:1]}")
        yield from ("    " + line
                    for line in _text(task / "stack").splitlines())


def describe():
    """Lines: each process of this session, also without its parent, and each
    of its threads."""
    own = os.getsid(0)
    for entry in sorted(pathlib.Path("/proc").iterdir()):
        if not entry.name.isdigit():
            continue
        try:
            state, parent, session = _fields(entry.name)
            if session != own:
                continue
            command = (entry / "cmdline").read_bytes().split(b"\0")
            yield (f"{entry.name} {state}, child of {parent}: "
                   f"{' '.join(os.fsdecode(word) for word in command)[:120]}")
            yield from _threads(entry.name)
        except OSError:  # it has ended
            continue
