# SPDX-License-Identifier: MIT
"""Files of memory, as programs that map them or look for their holes see
them."""
import errno
import filecmp
import hashlib
import os

PAGE = 4096


def same(a, b):
    return filecmp.cmp(a, b, shallow=False)


def sha(file, length):
    digest = hashlib.sha1()
    while length:
        data = file.read(min(length, 1 << 20))
        digest.update(data)
        length -= len(data)
    return digest.hexdigest()


def extents(path):
    """(first byte, end) of what SEEK_DATA finds."""
    found = []
    with open(path, "rb") as file:
        end = os.fstat(file.fileno()).st_size
        at = 0
        while at < end:
            try:
                first = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError as why:
                if why.errno != errno.ENXIO:
                    raise
                break
            at = os.lseek(file.fileno(), first, os.SEEK_HOLE)
            found.append((first, at))
    return found


def pages_present(path):
    return [page for first, end in extents(path)
            for page in range(first // PAGE, end // PAGE)]


def holes_where_zero(path):
    """Each page that is data has a byte that is not zero."""
    with open(path, "rb") as file:
        for page in pages_present(path):
            file.seek(page * PAGE)
            assert file.read(PAGE) != bytes(PAGE), f"page {page} of {path}"
