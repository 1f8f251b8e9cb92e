/* SPDX-License-Identifier: MIT */
/*
 * Cuts a byte stream into JSON values.
 *
 * A QMP client may send a value over several lines, several values on one
 * line, and anything in between; only brackets and strings tell where a value
 * ends. The scanner knows no more JSON than that. It holds at most
 * QMP_MESSAGE_MAX bytes. After input that it refuses it finds the next value:
 * at the end of the refused value, at a newline inside a string (JSON has none
 * there), or at a byte 0xFF, which clients send to resync.
 */
#ifndef VM_QMP_SCAN_H
#define VM_QMP_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define QMP_MESSAGE_MAX ((size_t)64 << 10)
#define QMP_RESYNC_BYTE '\xff'

enum qmp_scan_result {
	QMP_SCAN_MORE,	   /* all input used, no value ended in it */
	QMP_SCAN_VALUE,	   /* scan->bytes[0..len) is a bracketed value */
	QMP_SCAN_JUNK,	   /* something that begins no object or array */
	QMP_SCAN_BROKEN,   /* a value that was cut off */
	QMP_SCAN_TOO_LONG, /* a value above QMP_MESSAGE_MAX; reported once */
};

/* Zeroed to begin with. */
struct qmp_scan {
	size_t len;
	size_t depth;
	bool in_junk;
	bool in_string;
	bool escaped;
	bool skipping; /* inside a value that was too long */
	char bytes[QMP_MESSAGE_MAX];
};

/*
 * qmp_scan_feed - scan input until something is found
 * @bytes, @len: moved past the input that was used
 *
 * A found value stays in @scan until the next call.
 */
enum qmp_scan_result qmp_scan_feed(struct qmp_scan *scan, const char **bytes,
				   size_t *len);

#endif
