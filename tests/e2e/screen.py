# SPDX-License-Identifier: MIT
"""Screens in end-to-end tests: pictures, machines that paint, and a viewer.

Viewer is a small VNC client of this test's own. It stays connected and keeps
its picture up to date by incremental updates alone, on a thread, so a change
that the server missed stays wrong in it for ever.
"""
import collections
import os
import shutil
import socket
import struct
import subprocess
import threading
import zlib

from display_number import free_display
from smudgetest import PATIENCE, Skip, any_engine, check, need_engine, wait_until
from stopwatch import Stopwatch

PAINT = os.environ["SMUDGE_PAINT"]
RAW, DESKTOP_SIZE = 0, -223
# what painters draw unless told otherwise: changes of all kinds
SCENES = "text+box+scroll+redraw+touch"


class Picture:
    """Width, height, and three bytes a pixel."""

    def __init__(self, width, height, rgb):
        self.width, self.height, self.rgb = width, height, bytes(rgb)

    def __eq__(self, other):
        return (self.width, self.height, self.rgb) == \
            (other.width, other.height, other.rgb)

    def at(self, x, y):
        start = (y * self.width + x) * 3
        return self.rgb[start:start + 3]

    def colours(self):
        """How many pixels have each colour."""
        return collections.Counter(self.rgb[i:i + 3]
                                   for i in range(0, len(self.rgb), 3))

    def differs(self, other):
        """Where two pictures differ, for a message."""
        if (self.width, self.height) != (other.width, other.height):
            return f"{self.width}x{self.height} and {other.width}x{other.height}"
        wrong = [i // 3 for i in range(0, len(self.rgb), 3)
                 if self.rgb[i:i + 3] != other.rgb[i:i + 3]]
        if not wrong:
            return "nowhere"
        lines = sorted({i // self.width for i in wrong})
        return (f"{len(wrong)} pixels, the first at {wrong[0] % self.width},"
                f"{wrong[0] // self.width}, lines {lines[0]} to {lines[-1]}")


def check_same(found, expected, what):
    check(found == expected, f"{what}: differs in {found.differs(expected)}")


def read_ppm(path):
    data = path.read_bytes()
    kind, width, height, rest = data.split(None, 3)
    check(kind == b"P6" and rest.startswith(b"255\n"), f"{path} is no picture")
    rgb = rest[4:]
    check(len(rgb) == int(width) * int(height) * 3, f"{path} is cut off")
    return Picture(int(width), int(height), rgb)


def _unfilter(kind, line, above, step):
    for i, byte in enumerate(line):
        left = line[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            add = left
        elif kind == 2:
            add = up
        elif kind == 3:
            add = (left + up) // 2
        else:
            guess = left + up - corner
            near = [abs(guess - c) for c in (left, up, corner)]
            add = (left, up, corner)[near.index(min(near))]
        line[i] = (byte + add) & 255


def read_png(path):
    """Eight bits a channel, with or without alpha, which is dropped."""
    data = path.read_bytes()
    check(data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG file")
    pos, packed, step = 8, b"", 3
    while pos < len(data):
        length, kind = struct.unpack_from(">I4s", data, pos)
        body = data[pos + 8:pos + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
            check(depth == 8 and colour in (2, 6), f"{path}: colours {colour}")
            step = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        pos += 12 + length
    raw = zlib.decompress(packed)
    above, rgb = bytes(width * step), bytearray()
    for y in range(height):
        start = y * (width * step + 1)
        line = bytearray(raw[start + 1:start + 1 + width * step])
        if raw[start]:
            _unfilter(raw[start], line, above, step)
        above = line
        if step == 4:
            line = bytearray(b for i, b in enumerate(line) if i % 4 != 3)
        rgb += line
    return Picture(width, height, rgb)


def screendump(lab, machine, name="dump.ppm"):
    machine.qmp.run("screendump", filename=str(lab.path(name)))
    return read_ppm(lab.path(name))


def painter(lab, name="source", *arguments, engine=None, size="320x200",
            append="rate=60", vnc="", kernel=PAINT, memory="16M"):
    """A machine with a display; kernel=None for a destination's arguments."""
    engine = engine or any_engine()
    need_engine(engine)
    number = free_display()
    if kernel == PAINT and "scenes=" not in append:
        append = f"scenes={SCENES} {append}"
    if kernel:
        arguments = ("--kernel", kernel, "--append", append, *arguments)
    machine = lab.machine(name, "--display", size, "--vnc", f":{number}{vnc}",
                          *arguments, engine=engine, memory=memory)
    machine.display = number
    machine.port = 5900 + number
    machine.connect().close()
    if kernel:
        wait_until(lambda: ": ready " in machine.serial(), "the guest is ready")
    return machine


def check_unwatched(machine):
    """Nobody looks: no bitmap, no source, no display."""
    def is_closed():
        about = machine.qmp.run("query-vnc")
        return about["clients"] == [] and not about["x-smudge"]["open"] and \
            about["x-smudge"]["refreshes"] == 0
    wait_until(is_closed, "the display closes")
    machine.check_tracking_off()


def connect(machine):
    sock = socket.create_connection(("127.0.0.1", machine.port), PATIENCE)
    sock.settimeout(PATIENCE)
    return sock


def goes_on(viewer, what):
    """It gets pictures as long as nobody is waited for."""
    updates = viewer.updates
    with Stopwatch() as watch:
        wait_until(lambda: viewer.updates > updates + 3 or viewer.error,
                   f"the viewer goes on beside {what}")
    check(viewer.error is None, f"{what}: {viewer.error}")
    # one who is waited for would take five seconds
    watch.check(4, f"stopped by {what}")


def capture(lab, machine, name="capture.png"):
    """What gvnccapture, Debian's own VNC client, gets."""
    tool = shutil.which("gvnccapture")
    if not tool:
        if "gvnccapture" in os.environ.get("SMUDGE_REQUIRE", "").split(","):
            raise AssertionError("gvnccapture is required, but not there")
        raise Skip("gvnccapture (package gvncviewer) is not installed")
    run = subprocess.run([tool, "-q", f"127.0.0.1:{machine.display}",
                          str(lab.path(name))], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=PATIENCE)
    check(run.returncode == 0, f"gvnccapture: {run.stdout}{run.stderr}")
    return read_png(lab.path(name))


class Viewer:
    """Connected until close(); `error` says why it ended before."""

    def __init__(self, machine, rest=0.0):
        self.sock = socket.create_connection(("127.0.0.1", machine.port),
                                             PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lock = threading.Lock()
        self.rest, self.updates, self.error = rest, 0, None
        self.ended = threading.Event()
        self._shake_hands()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _read(self, count):
        data = bytearray()
        while len(data) < count:
            part = self.sock.recv(min(count - len(data), 1 << 20))
            if not part:
                raise EOFError("the server closed the connection")
            data += part
        return data

    def _shake_hands(self):
        check(self._read(12)[:4] == b"RFB ", "no VNC server")
        self.sock.sendall(b"RFB 003.008\n")
        kinds = self._read(self._read(1)[0])
        check(1 in kinds, f"the server wants a password: {kinds}")
        self.sock.sendall(b"\x01")
        check(self._read(4) == bytes(4), "refused")
        self.sock.sendall(b"\x01")
        width, height = struct.unpack(">HH", self._read(4))
        self._read(16)
        self._read(struct.unpack(">I", self._read(4))[0])
        self._resize(width, height)
        # 32 bits, little-endian, 0x00rrggbb; raw pixels and new sizes
        self.sock.sendall(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1,
                                      255, 255, 255, 16, 8, 0) +
                          struct.pack(">BxHii", 2, 2, RAW, DESKTOP_SIZE))

    def _resize(self, width, height):
        self.width, self.height = width, height
        self.pixels = bytearray(width * height * 4)

    def _request(self, incremental):
        self.sock.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0,
                                      self.width, self.height))

    def round_trip(self):
        """Until the server has read all that was sent to it before.

        An update may be on its way, as the answer to an earlier request, of
        which there is one at a time: the second one is the answer to a later.
        """
        for _ in range(2):
            updates = self.updates
            self._request(0)
            wait_until(lambda: self.updates > updates or self.error,
                       "an answer to the viewer")

    def _rectangle(self):
        x, y, width, height, kind = struct.unpack(">HHHHi", self._read(12))
        if kind == DESKTOP_SIZE:
            with self.lock:
                self._resize(width, height)
            return False
        check(kind == RAW, f"encoding {kind}")
        data = self._read(width * height * 4)
        check(x + width <= self.width and y + height <= self.height,
              f"pixels outside: {x},{y} {width}x{height}")
        with self.lock:
            for line in range(height):
                start = ((y + line) * self.width + x) * 4
                self.pixels[start:start + width * 4] = \
                    data[line * width * 4:(line + 1) * width * 4]
        return True

    def _run(self):
        try:
            self._request(0)
            while not self.ended.wait(self.rest):
                kind = self._read(1)[0]
                if kind == 0:
                    count = struct.unpack(">xH", self._read(3))[0]
                    known = [self._rectangle() for _ in range(count)]
                    self.updates += 1
                    # after a new size nothing is known
                    self._request(0 if False in known else 1)
                elif kind == 3:
                    self._read(3)
                    self._read(struct.unpack(">I", self._read(4))[0])
                else:
                    check(kind == 2, f"message {kind}")
        except (OSError, EOFError, AssertionError, struct.error) as error:
            if not self.ended.is_set():
                self.error = error

    def picture(self):
        with self.lock:
            rgb = bytearray(self.width * self.height * 3)
            for channel in range(3):
                rgb[channel::3] = self.pixels[2 - channel::4]
            return Picture(self.width, self.height, rgb)

    def wait_for(self, expected, what):
        """Until it shows this picture, which stands still."""
        def there():
            check(self.error is None, f"the viewer ended: {self.error}")
            return self.picture() == expected
        try:
            wait_until(there, what)
        except AssertionError as error:
            raise AssertionError(
                f"{error}: the viewer's picture differs in "
                f"{self.picture().differs(expected)}") from None

    def wait_for_end(self):
        """Until the server disconnects it; its last picture."""
        wait_until(lambda: self.error, "the viewer's end")
        check(isinstance(self.error, EOFError), f"{self.error!r}")
        return self.picture()

    def key(self, keysym, down):
        self.sock.sendall(struct.pack(">BBxxI", 4, down, keysym))

    def close(self):
        self.ended.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(PATIENCE)
        self.sock.close()
