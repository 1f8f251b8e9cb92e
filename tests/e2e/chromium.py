# SPDX-License-Identifier: MIT
"""A headless Chromium, driven over a pair of pipes by its DevTools protocol."""
import base64
import json
import os
import select
import shutil
import subprocess
import time

from smudgetest import PATIENCE, Skip, check, note, wait_until

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-proxy-server",
         "--force-device-scale-factor=1", "--window-size=900,700",
         "--remote-debugging-pipe"]


def need(program, package):
    path = shutil.which(program)
    if path:
        return path
    if "web" in os.environ.get("SMUDGE_REQUIRE", "").split(","):
        raise AssertionError(f"web is required, but {program} is not there")
    raise Skip(f"{program} (package {package}) is not installed")


class Chromium:
    """One browser with one page."""

    def __init__(self, lab):
        program = need("chromium", "chromium")
        to_browser, self.out = os.pipe()
        self.input, from_browser = os.pipe()
        self.log = lab.path("chromium.log")
        with open(self.log, "wb") as log:
            # the browser reads descriptor 3 and writes descriptor 4
            self.process = subprocess.Popen(
                ["sh", "-c", f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"',
                 "sh", program, *FLAGS,
                 f"--user-data-dir={lab.path('profile')}", "about:blank"],
                pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.session = b"", 0, None
        self.events = []
        lab.closers.append(self.close)

    def open(self, url):
        target = self.call("Target.createTarget", url=url)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        self.call("Page.enable")
        loads = 1
        while self._waits_in_vain():
            check(loads < 5, f"{url} is not loaded: {self.shown()}")
            note(f"the browser shows an error, and loads {url} again")
            self.call("Page.navigate", url=url)
            loads += 1

    def _waits_in_vain(self):
        """Is an error shown instead of the page? Its request may have been so
        late that the server took the connection for a viewer's."""
        def frame():
            found = self.call("Page.getFrameTree")["frameTree"]["frame"]
            return found["url"] not in ("", ":", "about:blank") and found
        return "unreachableUrl" in wait_until(frame, "the page or an error")

    def close(self):
        self.process.kill()
        self.process.wait()
        for fd in (self.out, self.input):
            os.close(fd)

    def _read(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.input], [], [],
                                        max(0, end - time.monotonic()))
            part = os.read(self.input, 1 << 20) if ready else b""
            check(part, "the browser is silent: "
                  f"{self.log.read_text(errors='replace')[-500:]}")
            self.buffer += part
        line, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(line)

    def send(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        return self.number

    def call(self, method, **params):
        number = self.send(method, **params)
        while True:
            message = self._read()
            if message.get("id") == number:
                check("error" not in message, f"{method}: {message}")
                return message["result"]
            self.events.append(message)

    def wait_event(self, method):
        while True:
            for event in self.events:
                if event.get("method") == method:
                    self.events.remove(event)
                    return event["params"]
            self.events.append(self._read())

    def evaluate(self, expression):
        reply = self.call("Runtime.evaluate", expression=expression,
                          returnByValue=True)
        check("exceptionDetails" not in reply, f"{expression}: {reply}")
        return reply["result"].get("value")

    def wait_text(self, element, part):
        try:
            return wait_until(
                lambda: part in (self.evaluate(
                    f"document.getElementById('{element}')?.textContent") or ""),
                f"the page's {element} says {part}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.shown()}") from None

    def shown(self):
        """What a person sees, for a message; an error of the browser's, too."""
        try:
            text = self.evaluate("location.href + ' ' + document.body?.innerText")
        except AssertionError as error:
            text = f"{error}"
        return f"{text[:500]!r}; {self.log.read_text(errors='replace')[-300:]!r}"

    def canvas_png(self, path):
        url = self.evaluate("document.querySelector('#screen canvas').toDataURL()")
        path.write_bytes(base64.b64decode(url.partition(",")[2]))
        return path

    def screenshot_png(self, path, selector):
        """What the browser draws where this element is."""
        place = self.evaluate(
            f"(({{x, y, width, height}}) => ({{x, y, width, height}}))"
            f"(document.querySelector('{selector}').getBoundingClientRect())")
        shot = self.call("Page.captureScreenshot", format="png",
                         clip={**place, "scale": 1})
        path.write_bytes(base64.b64decode(shot["data"]))
        return path
