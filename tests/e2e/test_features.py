#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge features: what it says is what there is, for this process."""
import ctypes
import errno
import json
import os
import pathlib
import platform
import pty
import re
import shutil
import struct
import subprocess
import tempfile
import termios

from smudgetest import PATIENCE, TOOL, Skip, case, check, check_equal, \
    check_sentence, main

KINDS = ["uffd", "kvm-legacy", "kvm-manual", "kvm-ring", "soft-dirty",
         "mprotect", "vhost-log", "membarrier"]
INSTEAD = {"uffd": ("soft-dirty", "mprotect"), "kvm-legacy": ("uffd",),
           "kvm-manual": ("kvm-legacy",),
           "kvm-ring": ("kvm-manual", "kvm-legacy"),
           "soft-dirty": ("uffd", "mprotect"),
           "mprotect": ("uffd", "soft-dirty"), "vhost-log": ("uffd",)}
OTHERWISE = {"membarrier": "fences in marks"}
NOBODY = 65534
SIGSYS = 31

# system calls, by processor
USERFAULTFD = {"x86_64": 323, "aarch64": 282}
IOCTL = {"x86_64": 16, "aarch64": 29}
PRCTL = {"x86_64": 157, "aarch64": 167}
RT_SIGACTION = {"x86_64": 13, "aarch64": 134}
MEMBARRIER = {"x86_64": 324, "aarch64": 283}
USERFAULTFD_IOC_NEW = 0xaa00

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_KILL_PROCESS = 0x80000000
SECCOMP_RET_ERRNO = 0x00050000
SECCOMP_RET_ALLOW = 0x7fff0000
BPF_LOAD = 0x20
BPF_JUMP_EQUAL = 0x15
BPF_RETURN = 0x06


def run(*arguments, before=(), **kwargs):
    return subprocess.run([*before, TOOL, "features", *arguments], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, **kwargs)


def report(*arguments, **kwargs):
    done = run("--json", *arguments, **kwargs)
    check(done.returncode in (0, 1) and not done.stderr, f"{done}")
    found = json.loads(done.stdout)
    return {f["kind"]: f for f in found["features"]}, found["process"]


def number(calls):
    machine = platform.machine()
    if machine not in calls:
        raise Skip(f"system calls of {machine} are not known here")
    return calls[machine]


def filtered(answer):
    """For preexec_fn: userfaultfd is answered so, as a call and as a device."""
    return installer([
        (BPF_LOAD, 0, 0, 0),
        (BPF_JUMP_EQUAL, 4, 0, number(USERFAULTFD)),
        (BPF_JUMP_EQUAL, 0, 2, number(IOCTL)),
        (BPF_LOAD, 0, 0, 24),  # the low half of the second argument
        (BPF_JUMP_EQUAL, 1, 0, USERFAULTFD_IOC_NEW),
        (BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW),
        (BPF_RETURN, 0, 0, answer)])


def without(calls):
    """For preexec_fn: the call is denied."""
    return installer([
        (BPF_LOAD, 0, 0, 0),
        (BPF_JUMP_EQUAL, 1, 0, number(calls)),
        (BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW),
        (BPF_RETURN, 0, 0, SECCOMP_RET_ERRNO | errno.EPERM)])


def installer(rules):
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = ctypes.create_string_buffer(
        struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or \
                libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program):
            raise OSError(ctypes.get_errno(), "no filter")
        return code  # lives as long as this function

    try:
        subprocess.run(["true"], preexec_fn=install, check=True)
    except subprocess.SubprocessError:
        raise Skip("no filter can be installed") from None
    return install


def rows(table):
    """The kinds of a table: works, since, instead, why."""
    found = {}
    for line in table.splitlines()[1:]:
        if line.startswith("Tried on"):
            break
        if line.startswith(" "):
            found[kind][3] = line.strip()
            continue
        kind, works, since, *instead = re.split(r" +", line, maxsplit=3)
        found[kind] = [works == "yes", since, *(instead or [None]), None]
    return found


@case
def the_table_and_json_say_the_same(lab):
    features, process = report()
    check_equal(list(features), KINDS, "kinds")
    done = run()
    table = {k: [f["works"], f["since"], f["instead"], f["why"]]
             for k, f in features.items()}
    check_equal(rows(done.stdout), table, "the table")
    last = done.stdout.splitlines()[-1]
    for name in ("uid", "capabilities", "seccomp", "user-namespace"):
        check(str(process[name]) in last, f"{name} in {last}")
    check_equal(process["release"], os.uname().release, "release")
    for kind, feature in features.items():
        check_equal(feature["works"], feature["errno"] == 0, kind)
        if not feature["works"]:
            check_sentence(feature["why"], "")


@case
def the_status_is_the_answer(lab):
    features, _ = report()
    for kind, feature in features.items():
        done = run(kind)
        check_equal(done.returncode, 0 if feature["works"] else 1, f"{done}")
        check_equal(list(rows(done.stdout)), [kind], "rows")
    work = [k for k, f in features.items() if f["works"]]
    fail = [k for k, f in features.items() if not f["works"]]
    check_equal(run(*work).returncode, 0, f"status of {work}")
    if fail:
        check_equal(run(*work, fail[0]).returncode, 1, f"with {fail[0]}")
    check_equal(run().returncode, 0, "status of any")


@case
def what_needs_nothing_works(lab):
    features, _ = report()
    check(features["vhost-log"]["works"], features["vhost-log"])
    if platform.machine() in ("x86_64", "aarch64"):
        check(features["mprotect"]["works"], features["mprotect"])


@case
def kvm_is_there_if_it_can_be_opened(lab):
    features, _ = report()
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as why:
        for kind in ("kvm-legacy", "kvm-manual", "kvm-ring"):
            check_equal(features[kind]["errno"], why.errno, kind)
            check_sentence(features[kind]["why"], "/dev/kvm", why.strerror)
            if why.errno in (errno.ENOENT, errno.EACCES):
                check_sentence(features[kind]["why"], r"\?\)$")  # what helps
        return
    if platform.machine() == "x86_64":
        check(features["kvm-legacy"]["works"], features["kvm-legacy"])


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@case
def nobody_has_what_needs_no_privilege(lab):
    if os.getuid() != 0:
        raise Skip("only root becomes nobody")
    try:
        features, process = report(preexec_fn=become_nobody, cwd="/")
    except PermissionError:
        raise Skip("nobody may not read this folder") from None
    check_equal((process["uid"], process["capabilities"]), (NOBODY, "none"),
                "nobody")
    roots, _ = report()
    for kind in ("uffd", "soft-dirty", "mprotect", "vhost-log", "membarrier"):
        # past a filter root may have a device, nobody has not
        if kind == "uffd" and process["seccomp"] != "none":
            continue
        check_equal(features[kind], roots[kind], kind)


@case
def a_filter_that_denies_userfaultfd(lab):
    features, process = report(
        preexec_fn=filtered(SECCOMP_RET_ERRNO | errno.EPERM))
    check_equal(process["seccomp"], "filter", "seccomp")
    check_equal((features["uffd"]["works"], features["uffd"]["errno"]),
                (False, errno.EPERM), "uffd")
    check_sentence(features["uffd"]["why"], r"userfaultfd\(2\) is forbidden",
                   "seccomp")
    without, _ = report()
    for kind in KINDS[1:]:
        for name in ("works", "errno", "why"):
            check_equal(features[kind][name], without[kind][name], kind)


def check_instead(features):
    """Only what works here is named, the best first."""
    for kind, feature in features.items():
        kinds = [k for k in INSTEAD.get(kind, ()) if features[k]["works"]]
        expected = ", ".join(kinds) or OTHERWISE.get(kind)
        check_equal(feature["instead"],
                    None if feature["works"] else expected, kind)


@case
def what_works_instead(lab):
    for before in (None, filtered(SECCOMP_RET_ERRNO | errno.EPERM),
                   without(IOCTL), without(RT_SIGACTION),
                   without(MEMBARRIER)):
        features, _ = report(preexec_fn=before)
        check_instead(features)
        check_equal(rows(run(preexec_fn=before).stdout),
                    {k: [f["works"], f["since"], f["instead"], f["why"]]
                     for k, f in features.items()}, "the table")
        for kind in KINDS:  # what may work instead is tried for it
            alone, _ = report(kind, preexec_fn=before)
            check_equal(alone, {kind: features[kind]}, kind)


@case
def a_process_that_is_not_dumpable(lab):
    """Of a program that its user may not read."""
    if os.getuid() != 0:
        raise Skip("only root becomes nobody")
    if os.environ["SMUDGE_SANITIZE"] != "none":
        raise Skip("the sanitizers read /proc")
    library = pathlib.Path(TOOL).resolve().parents[1] / "lib"
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        program = pathlib.Path(folder, "smudge")
        shutil.copy(TOOL, program)
        os.chmod(folder, 0o755)
        os.chmod(program, 0o711)
        try:
            done = subprocess.run(
                [program, "features", "--json"], text=True, cwd="/",
                stdin=subprocess.DEVNULL, capture_output=True,
                timeout=PATIENCE, preexec_fn=become_nobody,
                check=False,
                env={**os.environ, "LD_LIBRARY_PATH": str(library)})
        except PermissionError:
            raise Skip("nobody runs no program of /tmp") from None
    if done.returncode == 127:
        raise Skip("nobody may not read the library")
    features = {f["kind"]: f for f in json.loads(done.stdout)["features"]}
    if features["uffd"]["errno"] != errno.EPERM:
        raise Skip(f"uffd: {features['uffd']['why']}")
    check_sentence(features["uffd"]["why"], "dumpable")


@case
def a_filter_that_denies_what_the_trials_do(lab):
    """It hides nothing that works, and what it breaks has a sentence."""
    before, _ = report()
    features, _ = report(preexec_fn=without(PRCTL))
    check_equal(features, before, "without prctl")
    features, _ = report(preexec_fn=without(RT_SIGACTION))
    if before["mprotect"]["works"]:
        check_equal(features["mprotect"]["errno"], errno.EPERM, "mprotect")
        check_sentence(features["mprotect"]["why"], "handler of SIGSEGV")
    check_equal(features["uffd"], before["uffd"], "uffd")


@case
def a_filter_that_kills(lab):
    folder = lab.path("cwd")
    folder.mkdir()
    done = run("--json", preexec_fn=filtered(SECCOMP_RET_KILL_PROCESS),
               cwd=folder)
    check_equal(done.returncode, 0, f"{done}")
    features = {f["kind"]: f for f in json.loads(done.stdout)["features"]}
    check_sentence(features["uffd"]["why"], f"ended by signal {SIGSYS} ")
    check(features["vhost-log"]["works"], features["vhost-log"])
    check_equal(os.listdir(folder), [], "files left behind")


@case
def a_source_that_begins_and_then_fails_does_not_work(lab):
    without, _ = report()
    if not without["kvm-legacy"]["works"]:
        raise Skip(without["kvm-legacy"]["why"])
    switch = lab.path("fails")
    switch.touch()
    features, _ = report(env={
        **os.environ, "LD_PRELOAD": os.environ["SMUDGE_FAIL_IOCTL_MODULE"],
        "SMUDGE_FAIL_IOCTL": str(switch)})
    for kind in ("kvm-legacy", "kvm-manual", "kvm-ring"):
        if not without[kind]["works"]:
            continue
        check_equal(features[kind]["errno"], errno.EIO, kind)
        check_sentence(features[kind]["why"], "error")
    check_equal(features["mprotect"], without["mprotect"], "mprotect")


def unshared(*options):
    """A prefix that runs a program in namespaces of its own."""
    before = ["unshare", *options]
    if not shutil.which("unshare") or subprocess.run(
            [*before, "true"], capture_output=True, check=False).returncode:
        raise Skip("no namespaces can be made here")
    return before


@case
def in_a_user_namespace(lab):
    _, process = report(before=unshared("--user", "--map-root-user"))
    check_equal((process["uid"], process["user-namespace"]), (0, "another"),
                "process")


@case
def in_a_container_without_proc_and_dev(lab):
    if os.environ["SMUDGE_SANITIZE"] != "none":
        raise Skip("the sanitizers need /proc")
    hide = "mount -t tmpfs none /proc && mount -t tmpfs none /dev || exit 3; " \
        "exec \"$@\""
    before = [*unshared("--user", "--map-root-user", "--mount"), "sh", "-c",
              hide, "sh"]
    if run("--help", before=before).returncode == 3:
        raise Skip("nothing can be mounted here")
    # without /proc the program does not find its library beside itself
    library = pathlib.Path(TOOL).resolve().parents[1] / "lib"
    without, _ = report()
    features, process = report(
        before=before, env={**os.environ, "LD_LIBRARY_PATH": str(library)})
    check_equal(features["kvm-legacy"]["errno"], errno.ENOENT, "kvm")
    if without["uffd"]["works"]:
        check_equal(features["uffd"]["errno"], errno.ENOSYS, "uffd")
        check_sentence(features["uffd"]["why"], "/proc is not mounted")
    if without["mprotect"]["works"]:
        check_sentence(features["mprotect"]["why"], "/proc is not mounted")
    check(features["vhost-log"]["works"], features["vhost-log"])
    check_equal((process["seccomp"], process["user-namespace"]),
                ("unknown", "unknown"), "process")


@case
def the_table_fits_the_terminal(lab):
    columns = 60
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    with subprocess.Popen([TOOL, "features"], stdin=subprocess.DEVNULL,
                          stdout=theirs, stderr=theirs, preexec_fn=filtered(
                              SECCOMP_RET_ERRNO | errno.EPERM)) as process:
        os.close(theirs)
        text = b""
        try:
            while data := os.read(ours, 4096):
                text += data
        except OSError:  # the end of a terminal
            pass
        check_equal(process.wait(PATIENCE), 0, "status")
    os.close(ours)
    lines = text.decode().splitlines()
    check("seccomp filter?" in " ".join(text.decode().split()), text)
    check_equal([x for x in lines if len(x) > columns], [], "lines too long")


main()
