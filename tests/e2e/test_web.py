#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A browser opens the page of --vnc :N,web and shows what the guest shows."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from chromium import Chromium, need
from screen import PAINT, check_same, check_unwatched, painter, read_png, screendump
from smudgetest import PATIENCE, Skip, case, check, check_equal, main, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["SMUDGE_VM"]).parents[1]


def need_page():
    """The page is made here, where it is not there yet."""
    need("npm", "npm")
    run = subprocess.run([ROOT / "scripts/make-web.sh", BUILD],
                         capture_output=True, text=True, timeout=PATIENCE * 4)
    if run.returncode and "web" not in os.environ.get("SMUDGE_REQUIRE", ""):
        raise Skip(f"the page cannot be made: {run.stderr.strip()}")
    check(run.returncode == 0, run.stderr)


def web_painter(lab, vnc=",web", **arguments):
    machine = painter(lab, vnc=vnc, **arguments)
    found = re.search(r"in a browser (http://\S+)", machine.log())
    check(found, f"no address in {machine.log()!r}")
    machine.url = found[1]
    return machine


def ask(machine, request, count=65536):
    """The answer to plain bytes; empty when the connection is closed."""
    with socket.create_connection(("127.0.0.1", machine.port), PATIENCE) as sock:
        sock.settimeout(PATIENCE)
        sock.sendall(request.encode())
        answer = b""
        while len(answer) < count:
            try:
                part = sock.recv(65536)
            except ConnectionResetError:
                break
            if not part:
                break
            answer += part
        return answer.decode(errors="replace")


@case
def chromium_shows_the_guests_picture(lab):
    need_page()
    machine = web_painter(lab, append="scenes=text+box+scroll rate=30")
    browser = Chromium(lab)
    browser.open(machine.url)
    browser.wait_text("status", "Connected")
    check_equal(machine.qmp.run("query-vnc")["clients"][0]["websocket"], True,
                "websocket")
    for moment in range(3):
        machine.qmp.run("stop")
        shown = screendump(lab, machine)
        canvas = lab.path("canvas.png")
        wait_until(lambda: read_png(browser.canvas_png(canvas)) == shown,
                   f"the canvas shows the guest's picture, moment {moment}")
        # what a person sees, not only what the page holds
        wait_until(lambda: read_png(browser.screenshot_png(
            lab.path("screenshot.png"), "#screen canvas")) == shown,
            f"the screenshot shows the guest's picture, moment {moment}")
        machine.qmp.run("cont")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="a", code="KeyA",
                     text="a" if kind == "keyDown" else "")
    wait_until(lambda: "paint: key 97 down\npaint: key 97 up\n" in machine.serial(),
               "the guest sees the key")
    browser.call("Page.navigate", url="about:blank")
    check_unwatched(machine)


def enter(browser, password):
    check_equal(browser.evaluate("document.getElementById('login').hidden"),
                False, "the form is hidden")
    # seen at once: after a wrong password it comes again
    is_hidden = browser.evaluate(
        f"document.getElementById('password').value = '{password}';"
        "document.getElementById('login').requestSubmit();"
        "document.getElementById('login').hidden")
    check(is_hidden, "the form stays")


@case
def the_page_scales_a_large_picture(lab):
    need_page()
    machine = web_painter(lab, size="3840x2160", memory="64M",
                          append="scenes=text rate=5")
    browser = Chromium(lab)
    browser.open(machine.url)
    browser.wait_text("status", "Connected")
    wait_until(lambda: browser.evaluate(
        "(() => { const s = document.getElementById('screen');"
        "const c = s.querySelector('canvas');"
        "return c.width === 3840 && c.offsetWidth <= s.clientWidth &&"
        " c.offsetHeight <= s.clientHeight; })()"), "all of it is in the window")


@case
def the_page_says_that_the_guest_left(lab):
    need_page()
    machine = web_painter(lab)
    destination = painter(lab, "destination", "--incoming", lab.uri,
                          kernel=None)
    browser = Chromium(lab)
    browser.open(machine.url)
    browser.wait_text("status", "Connected")
    machine.qmp.run("migrate", uri=lab.uri)
    destination.qmp.wait_migration("completed")
    browser.wait_text("status", "Disconnected: the guest has been migrated")


@case
def the_page_connects_again(lab):
    need_page()
    machine = web_painter(lab)
    browser = Chromium(lab)
    browser.open(machine.url)
    browser.wait_text("status", "Connected")
    number = machine.display
    machine.kill()
    browser.wait_text("status", "connecting again")
    again = lab.machine("again", "--display", "320x200", "--vnc",
                        f":{number},web", "--kernel", PAINT, memory="16M")
    again.connect().close()
    browser.wait_text("status", "Connected")


@case
def the_page_asks_for_the_password(lab):
    need_page()
    machine = web_painter(lab, vnc=",web,password=sesame")
    browser = Chromium(lab)
    browser.open(machine.url)
    browser.wait_text("status", "wants a password")
    enter(browser, "wrong")
    # it asks again by itself
    browser.wait_text("status", "wants a password")
    enter(browser, "sesame")
    browser.wait_text("status", "Connected")
    machine.qmp.run("stop")
    shown = screendump(lab, machine)
    wait_until(lambda: read_png(browser.canvas_png(lab.path("c.png"))) == shown,
               "the canvas shows the guest's picture")


@case
def one_file_and_nothing_else(lab):
    page = lab.path("page.html")
    page.write_text("<p>hello</p>" * 100000)
    machine = web_painter(lab, vnc=f",web={page}")
    answer = ask(machine, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1 << 22)
    head, _, body = answer.partition("\r\n\r\n")
    check(head.startswith("HTTP/1.1 200 ") and "text/html" in head, head)
    check_same_text(body, page.read_text())
    check("200" in ask(machine, "GET /?x=1 HTTP/1.0\r\n\r\n").split("\r\n")[0],
          "a query is ignored")
    for path in ("/favicon.ico", "/../../etc/passwd", "//", "/page.html"):
        answer = ask(machine, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        check(answer.startswith("HTTP/1.1 404 "), f"{path}: {answer[:100]}")


def header_lines(answer):
    return dict(line.lower().split(": ", 1)
                for line in answer.partition("\r\n\r\n")[0].split("\r\n")[1:])


@case
def answers_are_guarded(lab):
    page = lab.path("page.html")
    page.write_text("<p>hello</p>")
    machine = web_painter(lab, vnc=f",web={page}")
    for request in ("GET / HTTP/1.1", "GET /x HTTP/1.1", "POST / HTTP/1.1"):
        head = header_lines(ask(machine, request + "\r\nHost: x\r\n\r\n"))
        check_equal(head["x-content-type-options"], "nosniff", request)
        check_equal(head["referrer-policy"], "no-referrer", request)
        check("default-src 'none'" in head["content-security-policy"],
              f"{request}: {head}")


@case
def head_has_no_body(lab):
    page = lab.path("page.html")
    page.write_text("hello\r\n\r\nthere")
    machine = web_painter(lab, vnc=f",web={page}")
    for path in ("/", "/x"):
        whole = ask(machine, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        head = ask(machine, f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        check_equal(head, whole.partition("\r\n\r\n")[0] + "\r\n\r\n", path)


@case
def other_methods_are_refused(lab):
    page = lab.path("page.html")
    page.write_text("x")
    machine = web_painter(lab, vnc=f",web={page}")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        answer = ask(machine, f"{method} / HTTP/1.1\r\nHost: x\r\n"
                              "Content-Length: 3\r\n\r\nabc")
        check(answer.startswith("HTTP/1.1 405 "), f"{method}: {answer[:80]}")
        check_equal(header_lines(answer)["allow"], "get, head", method)


def check_same_text(found, expected):
    check(found == expected, f"{len(found)} bytes, expected {len(expected)}")


def upgrade(origin, host="127.0.0.1:1"):
    return (f"GET / HTTP/1.1\r\nHost: {host}\r\n{origin}Upgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def ask_late(machine, wait):
    """The first bytes of the answer to a browser that connects, and sends its
    request after wait()."""
    with socket.create_connection(("127.0.0.1", machine.port), PATIENCE) as late:
        late.settimeout(PATIENCE)
        # connections are accepted in their order
        check("404" in ask(machine, "GET /x HTTP/1.1\r\n\r\n"), "another's answer")
        wait()
        late.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return late.recv(4)


@case
def a_browser_may_be_late(lab):
    """By itself, or since all of the host stood."""
    page = lab.path("page.html")
    page.write_text("x")
    machine = web_painter(lab, vnc=f",web={page}")

    def stand():
        machine.process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        machine.process.send_signal(signal.SIGCONT)
    for wait in (lambda: time.sleep(1), stand):
        # this test, too, may be late: later than a browser may be
        answers = (ask_late(machine, wait) for _ in range(5))
        check(b"HTTP" in answers, "the page")


@case
def other_pages_may_not_look(lab):
    page = lab.path("page.html")
    page.write_text("x")
    machine = web_painter(lab, vnc=f",web={page}")
    for origin in ("", "Origin: http://evil.example\r\n", "Origin: null\r\n",
                   "Origin: http://127.0.0.1:12\r\n"):
        check_equal(ask(machine, upgrade(origin)), "", f"answer to {origin!r}")
    answer = ask(machine, upgrade("Origin: http://127.0.0.1:1\r\n"), 12)
    check(answer.startswith("HTTP/1.1 101"), f"the own page: {answer!r}")


@case
def without_web_there_is_no_page(lab):
    machine = painter(lab)
    check_equal(ask(machine, "GET / HTTP/1.1\r\n\r\n"), "", "answer")
    check_equal(ask(machine, upgrade("Origin: http://127.0.0.1:1\r\n")), "",
                "answer")


main()
