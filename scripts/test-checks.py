#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checks of the tree find what they look for, and nothing else."""
import contextlib
import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import build_parts
import c_source
import circles
import complexity
import tally
import test_kernel_machines as kernel_machines
import test_kernel_results as kernels

calls = importlib.import_module("check-calls")
changelog = importlib.import_module("check-changelog")
dialect = importlib.import_module("check-dialect")
errors = importlib.import_module("check-errors")
includes = importlib.import_module("check-includes")
probes = importlib.import_module("check-probes")
references = importlib.import_module("check-references")
version = importlib.import_module("check-version")

# a function's body, its cognitive complexity
COMPLEXITY = [
    ("\treturn a;\n", 0),
    ("\tif (a)\n\t\treturn b;\n\telse if (c)\n\t\treturn d;\n"
     "\telse\n\t\treturn e;\n", 3),
    ("\tfor (int i = 0; i < a; i++)\n\t\tfor (int j = 0; j < b; j++)\n"
     "\t\t\tif (i == j)\n\t\t\t\twhile (a--)\n\t\t\t\t\tb++;\n", 10),
    ("\tif (a)\n\t\tif (b)\n\t\t\tc();\n", 3),
    ("\tdo {\n\t\tif (a)\n\t\t\tbreak;\n\t} while (b && c);\n", 4),
    ("\tswitch (a) {\n\tcase 1:\n\t\tb();\n\t\tbreak;\n\tdefault:\n"
     "\t\tif (c)\n\t\t\tgoto out;\n\t}\nout:\n\treturn d;\n", 4),
    ("\treturn a == 1 || b == 2 || c >= 3;\n", 1),
    ("\treturn (a && b) || (c && d);\n", 3),
    ("\treturn a && (b && c);\n", 1),
    ("\treturn a ? b : c ? d : e;\n", 3),
    ("\tif (a) /* if (b) */\n\t\tputs(\"if (c)\");\n", 1),
    ("\treturn a ? function(a - 1) : 0;\n", 2),
    ("\tlist_for_each(a, b)\n\t{\n\t\tif (a)\n\t\t\tc();\n\t}\n", 3),
    ("\tconst struct {\n\t\tint a;\n\t\tint b;\n\t} x[] = {{1, 2}, {3, 4}};\n"
     "\n\tif (x[0].a)\n\t\ta();\n", 1),
]

# what is not installed, what is asked for, the status and what it says
UNICORN = "left out: the Unicorn engine (libunicorn-dev is not installed)\n"
NAMED = "missing packages; as root: apt-get install "
PACKAGES = [
    ("", "build", 0, ""),
    ("libunicorn-dev", "build", 0, UNICORN),
    ("libunicorn-dev", "test", 1, f"{NAMED}libunicorn-dev\n"),
    ("libpng-dev libunicorn-dev", "build", 1, f"{NAMED}libpng-dev\n"),
    ("libpng-dev qemu-utils", "demo", 1, f"{NAMED}qemu-utils\n"),
]

START = "/* SPDX-License-Identifier: MIT */\n/*\n * Counts sheep.\n */\n"
# what is planted in a function's body or a comment, what the check says of it
DIALECT = [
    ("int ret = f();\n\n\treturn ret;", None),
    ("int rc = f();\n\n\treturn rc;", "in ret"),
    ("struct x *p, r = {0};", None),
    ("int fd, r;", "in ret"),
    ("int ret = f(code, r, 1);", None),
    ("int error = f();", "in ret"),
    ("int error = errno;", None),
    ("int error = 0;\n\n\tgetsockopt(&error);\n\treturn error;", None),
    ("int status;\n\n\twaitpid(pid, &status, 0);\n\treturn status;", None),
    ("int status = f();", "in ret"),
    ("int i;\n\n\tfor (i = 0; i < 3; i++)\n\t\tf(i);", "declare i"),
    ("int i;\n\n\tfor (i = 0; i < 3; i++)\n\t\tif (a)\n\t\t\tf(i);"
     "\n\t\telse\n\t\t\tg(i);\n\tfor (i = 3; i--;) {\n\t\tf(i);\n\t}",
     "declare i"),
    ("int i;\n\n\tfor (i = 0; i < 3; i++)\n\t\tf(i);\n\treturn i;", None),
    ("for (int i = 0; i < 3; i++)\n\t\tf(i);", None),
    ("return __atomic_load_n(p, 0);", "stdatomic"),
    ("int fd = ioctl(kvm_fd,\n\t\t       KVM_CREATE_VM, 0);", "kvm_vm_create"),
    ("int fd = ioctl(kvm_fd, KVM_RUN, 0);\n\n\tf(KVM_CREATE_VM);", None),
    ('return smudge_error_set(err, -EIO, "disk", "the disk "\n\t\t"fails");',
     None),
    ('return smudge_error_set(err, -EIO, "disk", "The disk fails");',
     "lower case"),
    ('return smudge_error_set(err, -EIO, "disk", "the disk "\n\t\t"fails.");',
     "full stop"),
    ('return smudge_error_set(err, -EIO, "disk", "no disk \\"%s\\"", name);',
     "quote with"),
    ('return smudge_error_set(err, -EIO, "kvm", "KVM_RUN fails...");', None),
    ('say("The disk fails.");', None),
    ("/* the bits that nobody needs */", "nobody"),
    ("/* chown to nobody: run as nobody, or as user nobody */", "nobody"),
    ("/* run as\n\t * nobody */", None),
    ("/* one bit a page */", "per"),
    ("/* It marks pages a client watches. */", None),
    ("/* what it is stands\n\t * in x.h */", "is in"),
    ("/* the regions stand in order; a walk stands in for it */", None),
    ("int smi_speech_bytes;", "reason"),
    ("int generation, camera;", None),
    ('puts("nobody");', None),
]


# a comment, the name in it that the tree does not have
REFERENCES = [
    ("see lib/sys/page.h, page.h and sys/page.c", "sys/page.c"),
    ("sys/page.[ch]", None),
    ("p*.h; q*.h", "q*.h"),
    ("../docs/testing.md, <stdio.h>, 0.1", None),
    ("x.page.h", "x.page.h"),
    ("smi_page_copy() and smi_page_copied()", "smi_page_copied"),
    ("smi_page_* and smi_page_", None),
    ("smi_pages_*", "smi_pages_"),
    ("SMUDGE_TEST_SEED=1, SMUDGE_TEST_SEEDS=1", "SMUDGE_TEST_SEEDS"),
    ("copy(), poll(2), paste()", "paste()"),
    ("decisions/0012, decision 12, decision 13", "decision 13"),
    ("a file like NAME.c, smudge_thing_do", None),
]


def functions(text):
    return list(c_source.Source(text).functions())


def test_complexity():
    for body, expected in COMPLEXITY:
        text = f"static int function(int a)\n{{\n{body}}}\n"
        found = functions(text)
        assert [f.name for f in found] == ["function"], text
        assert complexity.of(found[0]) == expected, \
            (text, expected, complexity.of(found[0]))


def test_functions():
    text = ("#define X(a) \\\n\tif (a)\nstruct s {\n\tint a;\n};\n\n"
            "/* f(x)\n{\n} */\n"
            "static __attribute__((format(printf, 1, 2))) void\nf(char *a, ...)\n"
            "{\n\ta = \"}\";\n}\n\nint g(void)\n{\n\treturn 1;\n}\n")
    assert [(f.name, f.line, f.body.count("\n") - 1)
            for f in functions(text)] == [("f", 10, 1), ("g", 16, 1)], \
        functions(text)


def test_version():
    will_be = "## Unreleased\n\nThe first release will be 0.1.0. Until then\n"
    assert version.of_changelog(will_be) == "0.1.0"
    assert version.of_changelog(will_be + "\n## 0.3.0 (2027)\n\n## 0.2.9\n") == \
        "0.3.0"
    assert version.of_changelog("## Unreleased\n") == "none"
    parts = zip(("MAJOR", "MINOR", "PATCH"), (0, 12, 3))
    macros = "".join(f"#define SMUDGE_VERSION_{n} {v}\n" for n, v in parts)
    assert version.of_headers(macros) == "0.12.3"
    assert version.of_headers(macros.replace("MINOR", "MIDDLE")) != "0.12.3"
    assert version.of_number(12003) == "0.12.3"
    nodes = "SMUDGE_0.9 {\n};\nSMUDGE_0.10 {\n} SMUDGE_0.9;\n"
    assert list(version.nodes_ahead("0.9.5", nodes)) == ["0.10"]
    assert not list(version.nodes_ahead("0.10.0", nodes))


def said(name, text):
    source = c_source.Source(text)
    return [what for check in dialect.CHECKS for _, what in check(name, source)]


def test_dialect():
    for planted, expected in DIALECT:
        text = f"{START}int f(void)\n{{\n\t{planted}\n}}\n"
        found = said("lib/sheep.c", text)
        assert len(found) == bool(expected) and \
            all(expected in what for what in found), (planted, expected, found)


def test_guard_and_purpose():
    guard = "#ifndef LIB_SYS_X_H\n#define LIB_SYS_X_H\n#endif\n"
    assert not said("lib/sys/x.h", START + guard)
    assert "TOOLS_X_H" in said("tools/x.h", START + guard)[0]
    assert not said("include/smudge/x.h", START +
                    guard.replace("LIB_SYS", "SMUDGE"))
    for purpose in ("/* x.h. */", "/*\n * See sys/x.h.\n */"):
        text = START.splitlines()[0] + f"\n{purpose}\n"
        assert "what the file is for" in said("lib/sys/x.c", text)[0], purpose
    assert said("lib/sys/x.c", START.splitlines()[0] + "\n")


@contextlib.contextmanager
def fakes(programs):
    with tempfile.TemporaryDirectory() as folder:
        for name, body in programs.items():
            path = pathlib.Path(folder, name)
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        yield {"PATH": f"{folder}:{os.environ['PATH']}", "FOLDER": folder}


def start_install(command, environment):
    return subprocess.Popen(
        ["scripts/install-packages.sh", command], cwd=c_source.ROOT, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)


def test_packages():
    """A user who is not root, and packages that are not there."""
    with fakes({"id": "echo 1000", "dpkg-query": """for a; do
            case " $HIDDEN " in *" $a "*) ;; *) echo "$a installed" ;; esac
            done"""}) as environment:
        for hidden, command, status, says in PACKAGES:
            process = start_install(command, {**environment, "HIDDEN": hidden})
            found = process.communicate()[1], process.returncode
            assert found == (says, status), (hidden, command, found)


def test_packages_at_once():
    with fakes({"id": "echo 0", "apt-get": """mkdir "$FOLDER/lock" || exit 100
            [ "$1" = update ] || touch "$FOLDER/done"
            sleep 0.2; rmdir "$FOLDER/lock" """, "dpkg-query": """
            [ -e "$FOLDER/done" ] && for a; do echo "$a installed"; done"""}
               ) as environment:
        both = [start_install("kernels", environment) for _ in range(2)]
        assert [(p.communicate()[1], p.returncode) for p in both] == \
            [("", 0)] * 2


def test_circles():
    graph = {"a": {"b", "e"}, "b": {"c"}, "c": {"a"}, "d": {"a", "d"}}
    assert list(circles.circles(graph)) == [{"a", "b", "c"}]
    assert circles.arrows(graph, {"a", "b", "c"}) == \
        [("a", "b"), ("b", "c"), ("c", "a")]


def test_calls():
    defined = {"smi_page_copy": "lib/sys/page.c", "smi_take": "lib/memory/take.c",
               "smi_view_find": "lib/memory/view.c", "qmp_send": "vm/qmp/q.c",
               "smudge_client_take": "lib/memory/take.c",
               "machine_stop": "vm/machine/machine.c"}
    for file, symbol, is_wrong in [
            ("lib/memory/take.c", "smi_page_copy", False),
            ("lib/sys/page.c", "smi_take", True),
            ("lib/display/refresh.c", "smudge_client_take", False),
            ("vm/vnc/screen.c", "machine_stop", False),
            ("vm/machine/run.c", "qmp_send", True),
            ("vm/machine/run.c", "smudge_client_take", False),
            ("vm/machine/run.c", "smi_take", True),
            ("vm/machine/run.c", "memcpy", False)]:
        found = list(calls.check(defined, {file: {symbol}}))
        assert len(found) == is_wrong, (file, symbol, found)
    used = {"lib/memory/take.c": {"smi_view_find"},
            "lib/memory/view.c": {"smi_take"}}
    assert len(list(calls.check(defined, used))) == 2


def test_includes():
    with tempfile.TemporaryDirectory() as folder:
        includes.ROOT = pathlib.Path(folder)
        room = includes.ROOT / "lib/sys"
        room.mkdir(parents=True)
        for name, text in {"a.h": "", "a.c": '#include "sys/a.h"\n',
                           "b.h": '#include "sys/c.h"\n',
                           "c.h": '#include "b.h"\n#include <a.h>\n',
                           "c.c": '#include "sys/b.h"\n',
                           "d.h": '#include "memory/view.h"\n',
                           "e.h": '#include "common/clock.h"\n',
                           "f.h": '#include "common/file.h"\n'}.items():
            (room / name).write_text(text)
        (includes.ROOT / "common").mkdir()
        (includes.ROOT / "common/file.c").write_text("")
        files = sorted(room.iterdir())
        assert list(includes.check_circles(files)) == [
            "in a circle: lib/sys/b.h includes lib/sys/c.h",
            "in a circle: lib/sys/c.h includes lib/sys/b.h"]
        assert [len(list(includes.check(f))) for f in files] == \
            [0, 0, 0, 0, 0, 1, 0, 1]


def test_references():
    tree = references.Tree(
        ["lib/sys/page.h", "docs/testing.md", "docs/decisions/0012-why.md"],
        {"smi_page_copy", "copy", "SMUDGE_TEST_SEED"})
    for text, expected in REFERENCES:
        found = {what.removeprefix("there is no ").removeprefix("file ")
                 for _, what in references.missing(tree, text, True)}
        assert {name.removesuffix("()") for name in found} == \
            ({expected.removesuffix("()")} if expected else set()), \
            (text, expected, found)
    assert not list(references.missing(tree, "paste()", False))


def test_changelog():
    entry = "- `smudge-vm` reads sheep from files,\n  pipes and sockets.\n"
    other = "- It counts goats, also at night.\n"
    again = "- `smudge-vm`: sheep are read from files, pipes and sockets.\n"
    start = "# Changelog\n\n## Unreleased\n\n"
    assert not list(changelog.twice(start + entry + other))
    assert not list(changelog.twice(start + entry + "\n## 0.1\n\n" + again))
    for planted in (entry, again):
        assert len(list(changelog.twice(start + entry + other + "\n" +
                                        planted))) == 1


REPORT = """<testsuites>
<testsuite name="smudge.smudge:unit / a">
<testcase name="1 - one" classname="smudge.smudge:unit / a"/>
<testcase name="2 - two" classname="smudge.smudge:unit / a"><failure/></testcase>
<testcase name="3 - no" classname="smudge.smudge:unit / a"><failure/></testcase>
</testsuite>
<testsuite name="smudge.smudge:unit / b">
<testcase name="1 - x" classname="smudge.smudge:unit / b"><skipped/>
<system-out>no sheep</system-out></testcase>
<testcase name="2 - y" classname="smudge.smudge:unit / b"><skipped/>
<system-out>no sheep</system-out></testcase>
</testsuite>
<testsuite name="smudge.smudge:unit / c">
<testcase name="1 - begins" classname="smudge.smudge:unit / c"/></testsuite>
<testsuite name="smudge">
<testcase name="smudge:fuzz / d e" classname="smudge"><failure/>
<system-out>not replayed</system-out></testcase>
</testsuite>
</testsuites>"""
ENDS = [{"name": "smudge:unit / a", "result": "FAIL", "stdout": "not ok",
         "stderr": "\n".join(f"line {i}" for i in range(30))},
        {"name": "smudge:unit / b", "result": "SKIP"},
        {"name": "smudge:unit / c", "result": "TIMEOUT", "stderr": "waits"}]

FAILED_CASE = "ok 1 - a\nnot ok 2 - b\n# x > 0\nok 3 - c\n# not ok - tests\n"


def test_tally():
    counted = tally.Tally()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "testlog.junit.xml"
        report.write_text(REPORT)
        (report.parent / "testlog.json").write_text(
            "\n".join(map(json.dumps, ENDS)))
        for row in ("gcc", "clang"):
            tally.count_report(counted, row, report)
    lines = list(counted.summary())
    assert lines[0] == "skipped: gcc, clang: b (2 cases): no sheep"
    assert lines[1] == "failed: gcc: a: 2 - two, 3 - no"
    assert lines[2:8] == [f"    line {i}" for i in range(24, 30)]
    assert lines[8:12] == ["failed: gcc: d e", "    not replayed",
                           "failed: gcc: c: timeout", "    waits"]
    assert lines[-1] == "4 passed, 8 failed, 4 skipped"
    for i in range(20):
        counted.case("row", str(i), "failed", output="\n".join("abcdefgh"))
    kept = list(counted.summary())[-60:]
    assert all(f"failed: row: {i}" in kept for i in range(20))
    assert tally.excerpt(FAILED_CASE + "and\na\nlong\nend", 4) == \
        ["not ok 2 - b", "# x > 0", "long", "end"]
    assert tally.excerpt(FAILED_CASE + "end", 9) == \
        (FAILED_CASE + "end").splitlines()


def test_errors():
    comment = "/*\n * smudge_x - does it\n *\n * Return: 0, %s.\n */\n"
    two = comment % "-EINVAL (a), -ENOMEM"
    takes = "int smudge_x(int a, struct smudge_error *err);\n"
    silent = "int smudge_x(int a);\n"
    assert not errors.too_silent(errors.calls_in(two + takes))
    assert errors.too_silent(errors.calls_in(two + silent))
    assert errors.too_silent(errors.calls_in(
        two + silent + comment % "-EBUSY" + silent)) == [
            "smudge_x returns -EINVAL, -ENOMEM and takes no error"]
    assert not errors.too_silent(errors.calls_in(comment % "-EBUSY" + silent))
    assert not errors.too_silent(errors.calls_in(
        comment % "-EBUSY, -EPERM (in a\n * child)" + silent))
    assert not errors.too_silent(errors.calls_in("/* none */\n" + silent))
    callback = "\tint (*found)(void *opaque, const struct smudge_error *why),\n"
    asks = "int smudge_x(int a,\n" + callback + "\tstruct smudge_error *err);\n"
    assert list(errors.calls_in(two + asks)) == [
        ("smudge_x", True, ["-EINVAL", "-ENOMEM"])]
    assert errors.too_silent(errors.calls_in(
        two + asks.replace("struct smudge_error *err", "int b")))
    refusal = 'return smudge_error_set(err, -f(x), WHERE, "%%.%ds "\n\t"is %s");\n'
    assert list(errors.hiding(refusal % (121, "in use"))) == ["%.121s is in use"]
    assert not list(errors.hiding(refusal % (120, "in use")))
    assert not list(errors.hiding('smudge_error_set(err, ret, "a", "no: %.199s");'))


def test_probes():
    page = probes.documented("| probe | arguments | when |\n|---|---|---|\n"
                             "| `take` | `npages`, `ns` it took (0, 1) | when |\n"
                             "| `log` | `link` (a pointer) | `when` |\n")
    assert page == {"take": 2, "log": 1}, page
    note = ("    Provider: {}\n    Name: {}\n    Location: 0x1, Base: 0x2, "
            "Semaphore: 0x0\n    Arguments: {}\n")
    both = note.format("smudge", "take", "8@%rdi -4@8(%rdi, %rax, 8)")
    log = note.format("smudge", "log", "8@[x0, 24]")
    for notes, nwrong in [(both + log, 0), (both + both + log, 0), (both, 1),
                          (both + log + note.format("libc", "take", ""), 0),
                          (both + log + note.format("smudge", "x", ""), 1),
                          (both + note.format("smudge", "log", ""), 1),
                          (both + log + note.format("smudge", "log", ""), 1)]:
        found = list(probes.compare(page, probes.present(notes)))
        assert len(found) == nwrong, (notes, found)


def test_threads_are_found():
    sources = {
        "own": "#include <pthread.h>\nstatic void *f(void *a) { return a; }\n"
               "int main(void) { pthread_t t; return pthread_create(&t, 0, f, 0); }",
        "none": "int main(void) { return 0; }",
        "pulls": "int start(void); int main(void) { return start(); }",
        "start": "#include <pthread.h>\nint start(void) { pthread_t t; "
                 "return pthread_create(&t, 0, (void *(*)(void *))start, 0); }"}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for part, text in sources.items():
            subprocess.run(["gcc", "-x", "c", "-", "-c", "-o", f"{part}.o"],
                           input=text, text=True, check=True, cwd=folder)
        subprocess.run(["ar", "rc", "rig.a", "start.o"], check=True, cwd=folder)
        rules = []
        for part in ("own", "none", "pulls"):
            subprocess.run(["gcc", "-o", part, f"{part}.o", "rig.a"], check=True,
                           cwd=folder)
            rules.append(f"build {part}: c_LINKER {part}.o | /lib/libm.a rig.a "
                         f"{build_parts.IN_EVERY_PROGRAM}\n LINK_ARGS = rig.a\n")
        (folder / "build.ninja").write_text("".join(rules))
        programs = [str(folder / part) for part in ("own", "none", "pulls")]
        threaded = build_parts.starts_threads(folder, [*programs, __file__])
        assert threaded == {programs[0], programs[2], __file__}, threaded


def test_kernels():
    kernels.main()
    kernel_machines.main()


def main():
    tests = [t for name, t in globals().items() if name.startswith("test_")]
    for test in tests:
        test()
    print(f"{len(tests)} tests of the checks passed")


if __name__ == "__main__":
    sys.exit(main())
