# SPDX-License-Identifier: MIT
"""A receiver and a sender of migration streams, written from
docs/protocol.md alone: what the page does not say, they do not know.

Receiver judges each record in the order of section 3, and keeps what it got
as an Image. Sender moves an Image; change() may alter what it sends.
"""
import struct

from stream import (ABORT, ACK, END, FINAL, GO, HEADER, MAGIC, PAGES, READY,
                    RECEIPT, RECEIVER, REFUSE, REGION_TABLE, ROUND,
                    ROUND_ACK, ROUND_BEGIN, ROUND_END, SENDER, STATE, VERSION,
                    ZERO, checksum, greeting, read_exactly, record)

PAGE = 4096
SKIPPABLE = 1
CAPS = {REGION_TABLE: 524288, ROUND_BEGIN: 16, PAGES: 1052680, ZERO: 65544,
        ROUND_END: 32, STATE: 67108864, END: 40, GO: 0, ABORT: 203,
        READY: 0, ROUND_ACK: 8, ACK: 0, REFUSE: 203, RECEIPT: 0}
SKIPPABLE_CAP = 1048576
MAX_SKIPPED, MAX_SKIPPED_BYTES = 4096, 16777216
MAX_ROUNDS = 1048576

GREETED, BETWEEN, IN_ROUND, WANTS_STATE, WANTS_END, WANTS_GO, FINISHED = \
    range(7)
DUE = {
    GREETED: (REGION_TABLE,), BETWEEN: (ROUND_BEGIN,),
    IN_ROUND: (PAGES, ZERO, ROUND_END), WANTS_STATE: (STATE,),
    WANTS_END: (END,), WANTS_GO: (GO,),
}


class Fault(Exception):
    """The peer did something wrong; code is that of REFUSE."""

    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Ended(Exception):
    """The peer sent ABORT or REFUSE."""

    def __init__(self, payload):
        self.code = None
        self.sentence = "malformed"
        if 5 <= len(payload) <= 203:
            self.code, = struct.unpack_from("<I", payload)
            self.sentence = "".join(
                chr(byte) if 0x20 <= byte <= 0x7e else "?"
                for byte in payload[4:])
        super().__init__(f"code {self.code}: {self.sentence}")


def need(condition, code, sentence):
    if not condition:
        raise Fault(code, sentence)


class Reader:
    """Records of one direction: steps 1 to 6 of section 3."""

    def __init__(self, sock, role):
        self.sock = sock
        self.role = role  # of the peer
        self.nrecords = 0
        self.skipped = [0, 0]

    def greet(self):
        data = read_exactly(self.sock, 40)
        version, role, mandatory, _, total = struct.unpack("<8xIIQQQ", data)
        need(data[:8] == MAGIC, None, "not smudge")
        need(version == VERSION, None, f"version {version}")
        need(total == checksum(data[:32]), 2, "greeting damaged")
        need(role == self.role, 3, f"role {role}")
        need(not mandatory, 7, f"features {mandatory:#x}")

    def header(self):
        data = read_exactly(self.sock, HEADER.size)
        kind, flags, length, total = HEADER.unpack(data)
        if kind in CAPS:
            need((kind > 0x100) == (self.role == RECEIVER), 3, "wrong side")
            need(not flags, 2, "flags")
            need(length <= CAPS[kind], 2, "length above the cap")
            self.skipped = [0, 0]
        else:
            need(kind and flags & SKIPPABLE, 3, f"unknown type {kind:#x}")
            need(flags == SKIPPABLE, 2, "flags")
            need(length <= SKIPPABLE_CAP, 2, "length above the cap")
            self.skipped[0] += 1
            self.skipped[1] += length
            need(self.skipped[0] <= MAX_SKIPPED and
                 self.skipped[1] <= MAX_SKIPPED_BYTES, 8, "skipped too many")
        return kind, flags, length, total

    def read(self):
        """(type, payload), type None when it is to be skipped"""
        kind, flags, length, total = self.header()
        payload = read_exactly(self.sock, length)
        need(checksum(HEADER.pack(kind, flags, length, 0) + payload) == total,
             2, "checksum")
        self.nrecords += 1
        if kind in (ABORT, REFUSE):
            raise Ended(payload)
        return (kind if kind in CAPS else None), payload


class Image:
    """What a stream carries: a table, pages with content, and a state."""

    def __init__(self):
        self.regions = []  # (page_shift, gpa, size, name)
        self.pages = {}    # (region, page): content; zeros are not here
        self.state = b""


def parse_table(payload):
    need(len(payload) >= 4, 2, "table")
    nregions, = struct.unpack_from("<I", payload)
    need(1 <= nregions <= 4096, 2, "number of regions")
    at, end, regions = 4, 0, []
    for index in range(nregions):
        need(at + 28 <= len(payload), 2, "table")
        number, shift, gpa, size, length = struct.unpack_from("<IIQQI",
                                                              payload, at)
        at += 28
        name = payload[at:at + length]
        at += length
        need(number == index and 12 <= shift <= 30, 2, "region")
        need(size and gpa % (1 << shift) == size % (1 << shift) == 0, 2,
             "region")
        need(gpa >= end and gpa + size < 1 << 64, 2, "region")
        need(1 <= length <= 63 and len(name) == length and b"\0" not in name,
             2, "region's name")
        end = gpa + size
        regions.append((shift, gpa, size, name))
    need(at == len(payload), 2, "table")
    return regions


class Receiver:
    """Receives one stream into image; answers and refuses as the page says."""

    def __init__(self, sock):
        self.sock = sock
        self.reader = Reader(sock, SENDER)
        self.image = Image()
        self.place = GREETED
        self.round = 0
        self.final = False
        self.of_round = [0, 0, 0]  # pages, zero pages, bytes of content
        self.of_stream = [0, 0, 0]
        self.seen = set()

    def run(self):
        """Until GO; a Fault is told to the sender and raised."""
        self.sock.sendall(greeting(role=RECEIVER))
        try:
            self.reader.greet()
            while self.place != FINISHED:
                kind, payload = self.reader.read()
                if kind is not None:
                    need(kind in DUE[self.place], 3, "out of order")
                    self.handle(kind, payload)
        except Fault as fault:
            if fault.code:
                self.sock.sendall(record(REFUSE, struct.pack(
                    "<I", fault.code) + fault.sentence.encode()))
            raise
        return self.image

    def handle(self, kind, payload):
        {REGION_TABLE: self.region_table, ROUND_BEGIN: self.round_begin,
         PAGES: self.runs, ZERO: self.runs, ROUND_END: self.round_end,
         STATE: self.state, END: self.end, GO: self.go}[kind](payload, kind)

    def region_table(self, payload, _):
        self.image.regions = parse_table(payload)
        self.place = BETWEEN
        self.sock.sendall(record(READY))

    def round_begin(self, payload, _):
        need(len(payload) == 16, 2, "length")
        number, flags, _ = struct.unpack("<IIQ", payload)
        need(not flags & ~FINAL, 2, "flags")
        need(number == self.round + 1, 3, "round number")
        need(not (number == 1 and flags), 3, "round 1 final")
        need(number <= MAX_ROUNDS, 8, "rounds")
        self.round, self.final = number, bool(flags)
        self.of_round = [0, 0, 0]
        self.place = IN_ROUND

    def runs(self, payload, kind):
        need(len(payload) >= 8, 2, "length")
        region, nruns = struct.unpack_from("<II", payload)
        need(region < len(self.image.regions), 2, "region")
        need(1 <= nruns <= (256 if kind == PAGES else 4096), 2, "runs")
        need(len(payload) >= 8 + 16 * nruns, 2, "length")
        limit, end, pages = self.image.regions[region][2] // PAGE, 0, []
        for index in range(nruns):
            first, npages = struct.unpack_from("<QQ", payload, 8 + 16 * index)
            need(npages and end <= first and first + npages <= limit, 2, "run")
            end = first + npages
            pages.append(range(first, end))
        count = sum(len(run) for run in pages)
        content = payload[8 + 16 * nruns:]
        need(kind == ZERO or count <= 256, 2, "pages")
        need(len(content) == (count * PAGE if kind == PAGES else 0), 2,
             "length")
        self.keep(region, [page for run in pages for page in run], content)

    def keep(self, region, pages, content):
        if self.round == 1:
            new = {(region, page) for page in pages}
            need(not new & self.seen, 3, "a page of round 1 twice")
            self.seen |= new
        for index, page in enumerate(pages):
            if content:
                self.image.pages[region, page] = \
                    content[index * PAGE:(index + 1) * PAGE]
            else:
                self.image.pages.pop((region, page), None)
        for counts in (self.of_round, self.of_stream):
            counts[0 if content else 1] += len(pages)
            counts[2] += len(content)

    def round_end(self, payload, _):
        need(len(payload) == 32, 2, "length")
        number, reserved, *totals = struct.unpack("<IIQQQ", payload)
        need(not reserved, 2, "reserved")
        need(number == self.round and totals == self.of_round, 3, "totals")
        memory = sum(size // PAGE for _, _, size, _ in self.image.regions)
        need(self.round > 1 or sum(totals[:2]) == memory, 3, "round 1")
        self.place = WANTS_STATE if self.final else BETWEEN
        if not self.final:
            self.sock.sendall(record(ROUND_ACK, ROUND.pack(number, 0)))

    def state(self, payload, _):
        need(payload[:11] == struct.pack("<I", 7) + b"machine", 2, "state")
        self.image.state = payload[11:]
        self.place = WANTS_END

    def end(self, payload, _):
        need(len(payload) == 40, 2, "length")
        nrecords, *totals, rounds, reserved = struct.unpack("<QQQQII", payload)
        need(not reserved, 2, "reserved")
        need(nrecords == self.reader.nrecords - 1 and rounds == self.round and
             totals == self.of_stream, 3, "totals")
        self.place = WANTS_GO
        self.sock.sendall(record(ACK))

    def go(self, _, __):
        self.place = FINISHED
        self.sock.sendall(record(RECEIPT))


def pack_table(regions):
    payload = struct.pack("<I", len(regions))
    for index, (shift, gpa, size, name) in enumerate(regions):
        payload += struct.pack("<IIQQI", index, shift, gpa, size,
                               len(name)) + name
    return payload


def runs_of(pages, most):
    """Ascending page numbers as lists of (first, npages), most pages each."""
    pages = sorted(pages)
    for at in range(0, len(pages), most):
        runs = []
        for page in pages[at:at + most]:
            if runs and sum(runs[-1]) == page:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((page, 1))
        yield runs


def pack_runs(region, runs):
    return struct.pack("<II", region, len(runs)) + \
        b"".join(struct.pack("<QQ", *run) for run in runs)


class Sender:
    """Sends an image. change(sender, type, payload) gives the bytes that are
    sent in a record's place, or None for the record itself."""

    def __init__(self, sock, image, change=lambda *_: None):
        self.sock = sock
        self.image = image
        self.change = change
        self.reader = Reader(sock, RECEIVER)
        self.nrecords = 0
        self.of_round = [0, 0, 0]
        self.of_stream = [0, 0, 0]

    def run(self):
        """Until RECEIPT. Ended is raised for a REFUSE."""
        self.sock.sendall(greeting(role=SENDER))
        self.reader.greet()
        try:
            self.send_all()
        except (BrokenPipeError, ConnectionResetError):
            self.wait(None)  # the reason may be there

    def send_all(self):
        self.send(REGION_TABLE, pack_table(self.image.regions))
        self.wait(READY)
        self.round(1, self.all_pages)
        need(self.wait(ROUND_ACK) == ROUND.pack(1, 0), 3, "round")
        self.round(2, lambda: None)
        self.send(STATE, struct.pack("<I", 7) + b"machine" + self.image.state)
        self.send(END, struct.pack("<QQQQII", self.nrecords, *self.of_stream,
                                   2, 0))
        self.wait(ACK)
        self.send(GO, b"")
        self.wait(RECEIPT)

    def send(self, kind, payload):
        data = self.change(self, kind, payload)
        self.sock.sendall(record(kind, payload) if data is None else data)
        self.nrecords += 1

    def wait(self, kind):
        while True:
            found, payload = self.reader.read()
            if found is not None:
                need(found == kind, 3, f"type {found:#x}")
                return payload

    def round(self, number, pages):
        self.of_round = [0, 0, 0]
        self.send(ROUND_BEGIN, struct.pack("<IIQ", number,
                                           FINAL if number > 1 else 0, 0))
        pages()
        self.send(ROUND_END, ROUND.pack(number, 0) +
                  struct.pack("<QQQ", *self.of_round))

    def count(self, index, npages, nbytes):
        for counts in (self.of_round, self.of_stream):
            counts[index] += npages
            counts[2] += nbytes

    def all_pages(self):
        for region, (_, _, size, _) in enumerate(self.image.regions):
            full = {page for number, page in self.image.pages
                    if number == region}
            for runs in runs_of(full, 256):
                content = b"".join(
                    self.image.pages[region, page] for first, npages in runs
                    for page in range(first, first + npages))
                self.count(0, len(content) // PAGE, len(content))
                self.send(PAGES, pack_runs(region, runs) + content)
            for runs in runs_of(set(range(size // PAGE)) - full, 4096):
                self.count(1, sum(npages for _, npages in runs), 0)
                self.send(ZERO, pack_runs(region, runs))
