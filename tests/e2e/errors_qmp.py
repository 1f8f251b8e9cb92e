#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wrong QMP gets an error reply; the connection and the guest stay."""
import os
import random
import threading

from smudgetest import case, check, check_equal, check_sentence, main, note


def check_error(qmp, kind, *parts):
    reply = qmp.reply()
    check("error" in reply, f"no error: {reply}")
    check_equal(reply["error"]["class"], kind, "class")
    check_sentence(reply["error"]["desc"], *parts)
    return reply


def check_alive(source):
    check_equal(source.qmp.run("query-status"),
                {"status": "running", "running": True}, "status")


@case
def before_the_negotiation(lab):
    source = lab.source()
    qmp = source.connect(negotiate=False)
    qmp.send('{"execute": "quit", "id": 1}')
    check_equal(check_error(qmp, "CommandNotFound", "qmp_capabilities")["id"],
                1, "id")
    qmp.run("qmp_capabilities")
    qmp.send('{"execute": "qmp_capabilities"}')
    check_error(qmp, "CommandNotFound", "already")
    qmp.close()
    check_alive(source)


@case
def what_is_no_json(lab):
    source = lab.source()
    for text in ("hello\n", "{nonsense}", "{]", '{"a" "b"}', "[1, 2]",
                 '{"execute": "x\n', b'{"execute": "\xc3\x28"}', "\x00\x01\n"):
        source.qmp.send(text)
        check_error(source.qmp, "GenericError", "JSON")
    check_alive(source)


@case
def what_is_too_long(lab):
    source = lab.source()
    for size in (65537, 1 << 20, 8 << 20):
        source.qmp.send('{"execute": "' + "x" * size + '"}')
        check_error(source.qmp, "GenericError", "longer than 65536")
        check_alive(source)
    source.qmp.send("[" * 60000 + "]" * 60000)
    check_error(source.qmp, "GenericError", "longer than 65536")
    source.qmp.send("{" * 1000 + "}" * 1000)
    check_error(source.qmp, "GenericError", "JSON")
    check_alive(source)


@case
def what_is_no_command(lab):
    source = lab.source()
    for text, kind, says in (
            ("{}", "GenericError", "execute"),
            ('{"execute": 1}', "GenericError", "string"),
            ('{"execute": "stop", "arguments": 1}', "GenericError", "object"),
            ('{"execute": "stop", "x": 1}', "GenericError", "'x'"),
            ('{"execute": "device_add"}', "CommandNotFound", "device_add"),
            ('{"execute": ""}', "CommandNotFound", "found")):
        source.qmp.send(text)
        check_error(source.qmp, kind, says)
    check_alive(source)


@case
def arguments_that_do_not_fit(lab):
    source = lab.source()
    for command, arguments, says in (
            ("stop", {"now": True}, "'now' is unexpected"),
            ("migrate", {}, "'uri' is missing"),
            ("migrate", {"uri": 5}, "'uri'.*string"),
            ("migrate", {"uri": "exec:cat"}, "tcp:HOST:PORT or unix:PATH"),
            ("migrate", {"uri": "tcp:here"}, "HOST:PORT"),
            ("migrate", {"uri": "tcp:here:http"}, "port"),
            ("migrate", {"uri": "tcp:here:65536"}, "port"),
            ("migrate", {"uri": "tcp:" + "h" * 300 + ":1"}, "host"),
            ("migrate", {"uri": "unix:"}, "path"),
            ("migrate", {"uri": "unix:/" + "p" * 200}, "path"),
            ("migrate-incoming", {"uri": "tcp:127.0.0.1:0"}, "--incoming"),
            ("migrate-set-parameters", {"max-bandwidth": -1}, "max-bandwidth"),
            ("migrate-set-parameters", {"downtime-limit": 2000001},
             "downtime-limit"),
            ("migrate-set-parameters", {"downtime-limit": 1.5}, "integer"),
            ("migrate-set-parameters", {"multifd-channels": 2},
             "'multifd-channels' is unexpected"),
            ("x-smudge-memory-digest", {}, "running"),
            ("x-smudge-take-back", {}, "unconfirmed")):
        error = source.qmp.fails(command, **arguments)
        check_equal(error.kind, "GenericError", f"class for {command}")
        check_sentence(error.desc, says)
    check_equal(source.qmp.run("query-migrate"), {"status": "none"},
                "query-migrate")
    # a refused parameter leaves the others of its command alone
    check_equal(source.qmp.run("query-migrate-parameters")["max-bandwidth"],
                0, "max-bandwidth")
    check_alive(source)


@case
def at_the_wrong_time(lab):
    destination = lab.destination()
    check_sentence(destination.qmp.fails("migrate", uri=lab.uri).desc,
                   "incoming")
    check_sentence(destination.qmp.fails("migrate_cancel").desc, "incoming")
    check_sentence(destination.qmp.fails("migrate-incoming",
                                         uri=lab.uri).desc, "already")
    check_sentence(destination.qmp.fails("x-smudge-memory-digest").desc,
                   "migration")


@case
def random_bytes(lab):
    source = lab.source()
    seed = int(os.environ.get("SMUDGE_TEST_SEED", "0"), 0) or \
        random.SystemRandom().getrandbits(32)
    note(f"SMUDGE_TEST_SEED={seed:#x}")
    rng = random.Random(seed)
    alphabet = b'{}[]"\\,: \n\xffexecut1\x00'
    data = bytes(rng.choice(alphabet) for _ in range(50000))
    # whatever is open at its end is closed by a resync
    data += b'\xff\n{"execute": "query-name", "id": "mark"}'
    # the server does not read from those who do not read
    writer = threading.Thread(target=source.qmp.send, args=(data,), daemon=True)
    writer.start()
    while source.qmp.reply().get("id") != "mark":
        pass
    check_alive(source)


main()
