/* SPDX-License-Identifier: MIT */
/*
 * Events, between lossy_record.c, which notes them, and lossy_crash.c.
 */
#ifndef TESTS_SUPPORT_LOSSY_EVENTS_H
#define TESTS_SUPPORT_LOSSY_EVENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LOSSY_MAX_EVENTS 4096
#define LOSSY_MAX_FILES	 256
#define LOSSY_NAME_BYTES 64

enum lossy_kind {
	LOSSY_CREATE, /* to */
	LOSSY_WRITE,  /* off, length, bytes */
	LOSSY_FSYNC,
	LOSSY_RENAME, /* from, to */
	LOSSY_LINK,   /* to */
	LOSSY_UNLINK, /* from */
	LOSSY_FOLDER_SYNC,
};

struct lossy_noted {
	enum lossy_kind kind;
	size_t file; /* all but FOLDER_SYNC */
	uint64_t off;
	size_t length;
	uint8_t *bytes; /* owned */
	char from[LOSSY_NAME_BYTES], to[LOSSY_NAME_BYTES];
};

struct lossy_log {
	char folder[256];
	struct lossy_noted events[LOSSY_MAX_EVENTS];
	size_t nevents;
	size_t nfiles;
	/* Names before the first event, and their files. */
	char first_names[LOSSY_MAX_FILES][LOSSY_NAME_BYTES];
	size_t nfirst; /* these are files 0 to nfirst - 1 */
};

extern struct lossy_log lossy_log;

#endif
