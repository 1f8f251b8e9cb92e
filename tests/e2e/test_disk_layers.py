#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reading a layer from a disk behind an NBD server: it is what its file is, or
one sentence, also from servers that lie, hang and end."""
import os
import signal
import subprocess

from cores import Target, ended
from ending import end_orderly, wait_for_handler
from layers import answer, file_of, said, tool
from smudgetest import PATIENCE, TOOL, Over, case, check, check_equal, check_sentence, \
    main
from stores import Nbdkit, certificates, raw_of


def make(lab):
    """A folder with one layer of a process, and its flat disk."""
    target = Target(lab)
    folder = lab.path("layers")
    said("checkpoint", "--pid", target.pid, "--to", folder)
    return folder, raw_of(lab, file_of(folder, 1))


@case
def it_is_what_the_file_is(lab):
    folder, disk = make(lab)
    server = Nbdkit(lab, "file", disk)
    shown, wanted = answer("layers", "show", server.uri), answer("layers", "show", folder)
    check_equal(shown["file"], "disk", "name")
    for name in ("digest", "regions", "blobs", "time-ns", "memory-bytes", "full"):
        check_equal(shown[name], wanted[name], name)
    check(wanted["digest"] in said("layers", "show", server.uri), "as text")
    check_sentence(said("layers", "verify", server.uri).strip(), "^disk is whole",
                   wanted["digest"])
    for name, place in (("a", folder), ("b", server.uri)):
        said("layers", "export", "--core", place, "--output", lab.path(name))
    check_equal(lab.path("a").read_bytes(), lab.path("b").read_bytes(), "core files")


@case
def with_a_key_over_tls(lab):
    _, disk = make(lab)
    keys = lab.path("keys.psk")
    keys.write_text("alice:" + "5a" * 32 + "\n")
    keys.chmod(0o600)
    server = Nbdkit(lab, "--tls=require", f"--tls-psk={keys}", "file", disk)
    uri = server.uri.replace("nbd+unix://", "nbds+unix://alice@")
    said("layers", "verify", f"{uri}&tls-psk-file={keys}")
    check_sentence(said("layers", "verify", server.uri, status=1).strip(), "(?i)tls")
    others = lab.path("others.psk")
    others.write_text("alice:" + "77" * 32 + "\n")
    check_sentence(said("layers", "verify", f"{uri}&tls-psk-file={others}",
                        status=1).strip(),
                   "(?i)tls|gnutls|handshake")


@case
def with_certificates_over_tls(lab):
    """Both sides prove who they are."""
    _, disk = make(lab)
    folder = certificates(lab)
    server = Nbdkit(lab, "--tls=require", f"--tls-certificates={folder}",
                    "--tls-verify-peer", "file", disk)
    uri = server.uri.replace("nbd+unix://", "nbds+unix://")
    said("layers", "verify", f"{uri}&tls-certificates={folder}")
    # of no authority that it knows
    check_sentence(said("layers", "verify", uri, status=1).strip(), "(?i)tls|gnutls")


@case
def a_smudge_vm_begins_with_it(lab):
    folder = lab.path("layers")
    source = lab.source()
    source.qmp.run("stop")
    source.checkpoint(folder)
    server = Nbdkit(lab, "file", raw_of(lab, file_of(folder, 1)))
    restored = lab.restored("restored", "--restore", server.uri)
    check_equal(restored.qmp.run("x-smudge-memory-digest"),
                source.qmp.run("x-smudge-memory-digest"), "digests")
    check_equal(restored.sentences(), [], "sentences")
    server.kill()
    check_equal(restored.qmp.run("query-status")["status"], "paused", "state")


@case
def a_torn_one_and_a_damaged_one(lab):
    _, disk = make(lab)
    content = disk.read_bytes()
    server = Nbdkit(lab, "file", disk)
    with open(disk, "r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(bytes(4096))
    check_sentence(said("layers", "show", server.uri, status=1).strip(),
                   str(server.socket), "torn|no layer")
    disk.write_bytes(content)
    at = next(at for at in range(0, len(content), 4096) if any(content[at:at + 4096]))
    with open(disk, "r+b") as file:
        file.seek(at)
        file.write(bytes([content[at] ^ 1]))
    said("layers", "show", server.uri)
    check_sentence(said("layers", "verify", server.uri, status=1).strip(), "page")
    done = tool("layers", "export", "--core", server.uri, "--output", lab.path("core"))
    check_equal(done.returncode, 1, "status")
    check(not lab.path("core").exists(), "nothing was left")


@case
def servers_that_fail_end_and_hang(lab):
    _, disk = make(lab)
    server = Nbdkit(lab, "--filter=error", "file", disk, "error-pread=EIO",
                    "error-pread-rate=1")
    check_sentence(said("layers", "verify", server.uri, status=1).strip(),
                   "Input/output error")
    server.kill()
    check_sentence(said("layers", "verify", server.uri, status=1).strip(),
                   str(server.socket), "refused")
    slow = Nbdkit(lab, "--filter=delay", "file", disk, "delay-read=300ms", name="slow")
    process = subprocess.Popen([TOOL, "layers", "verify", slow.uri], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        slow.process.wait(0.4)
    except subprocess.TimeoutExpired:
        pass
    slow.kill()
    status, _, err = ended(process)
    if status == 0:
        raise Over("it had read all")
    check_equal(status, 1, "status")
    check_sentence(err.strip(), str(slow.socket))


@case
def a_signal_ends_the_wait_for_a_server(lab):
    _, disk = make(lab)
    server = Nbdkit(lab, "file", disk)
    server.signal(signal.SIGSTOP)
    process = subprocess.Popen([TOOL, "layers", "export", "--core", server.uri, "--output",
                                lab.path("core")], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    wait_for_handler(process, signal.SIGINT)
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        pass
    _, err = end_orderly(process, signal.SIGINT, "smudge layers export",
                         lambda: process.communicate(timeout=PATIENCE))
    check_equal(process.returncode, 1, "status")
    check_sentence(err.strip(), "cancelled|interrupted")
    check_equal([name for name in os.listdir(lab.folder) if "core" in name], [], "left")


main()
