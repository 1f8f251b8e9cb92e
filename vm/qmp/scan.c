/* SPDX-License-Identifier: MIT */
/*
 * The bracket scanner.
 *
 * Between values depth is 0. Strings matter because brackets inside them do
 * not count.
 */
#include "qmp/scan.h"

#include <string.h>

static void reset(struct qmp_scan *scan)
{
	scan->depth = 0;
	scan->in_junk = false;
	scan->in_string = false;
	scan->escaped = false;
	scan->skipping = false;
}

/* The value in progress ends here, and is no good. */
static enum qmp_scan_result break_off(struct qmp_scan *scan)
{
	bool said = scan->skipping;

	reset(scan);
	return said ? QMP_SCAN_MORE : QMP_SCAN_BROKEN;
}

static enum qmp_scan_result end_of_value(struct qmp_scan *scan)
{
	bool said = scan->skipping;

	reset(scan);
	return said ? QMP_SCAN_MORE : QMP_SCAN_VALUE;
}

static enum qmp_scan_result in_string(struct qmp_scan *scan, char c)
{
	if (c == '\n')
		return break_off(scan);
	if (scan->escaped)
		scan->escaped = false;
	else if (c == '\\')
		scan->escaped = true;
	else if (c == '"')
		scan->in_string = false;
	return QMP_SCAN_MORE;
}

static enum qmp_scan_result in_value(struct qmp_scan *scan, char c)
{
	if (c == QMP_RESYNC_BYTE)
		return break_off(scan);
	if (scan->len < QMP_MESSAGE_MAX) {
		scan->bytes[scan->len++] = c;
	} else if (!scan->skipping) {
		scan->skipping = true;
		/* the byte still counts as structure */
		if (in_value(scan, c) != QMP_SCAN_MORE)
			reset(scan);
		return QMP_SCAN_TOO_LONG;
	}
	if (scan->in_string)
		return in_string(scan, c);
	if (c == '"')
		scan->in_string = true;
	else if (c == '{' || c == '[')
		scan->depth++;
	else if ((c == '}' || c == ']') && --scan->depth == 0)
		return end_of_value(scan);
	return QMP_SCAN_MORE;
}

static bool opens(char c)
{
	return c == '{' || c == '[';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' ||
	       c == QMP_RESYNC_BYTE;
}

/* Returns true when the byte belongs to a value and is not used yet. */
static bool between_values(struct qmp_scan *scan, char c,
			   enum qmp_scan_result *ret)
{
	*ret = QMP_SCAN_MORE;
	if (scan->in_junk) {
		if (c != '\n' && c != QMP_RESYNC_BYTE && !opens(c))
			return false;
		scan->in_junk = false;
		*ret = QMP_SCAN_JUNK;
		return opens(c);
	}
	if (opens(c)) {
		scan->len = 0;
		return true;
	}
	scan->in_junk = !is_blank(c);
	return false;
}

enum qmp_scan_result qmp_scan_feed(struct qmp_scan *scan, const char **bytes,
				   size_t *len)
{
	while (*len) {
		enum qmp_scan_result result = QMP_SCAN_MORE;
		char c = **bytes;

		if (scan->depth || between_values(scan, c, &result)) {
			/* junk is reported before the value that ended it */
			if (result != QMP_SCAN_MORE)
				return result;
			result = in_value(scan, c);
		}
		(*bytes)++;
		(*len)--;
		if (result != QMP_SCAN_MORE)
			return result;
	}
	return QMP_SCAN_MORE;
}
