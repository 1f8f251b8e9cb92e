/* SPDX-License-Identifier: MIT */
/*
 * Memory of every kind that a process can map, each prepared alike, so that a
 * test can ask the same of all of them.
 */
#ifndef TESTS_KERNEL_KINDS_H
#define TESTS_KERNEL_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum backing {
	ANONYMOUS,
	HUGE_ANONYMOUS, /* transparent huge pages */
	FILE_ON_DISK,
	MEMFD,
	HUGETLB_ANONYMOUS,
	HUGETLB_MEMFD,
};

struct kind {
	const char *name;
	bool is_shared;
	enum backing backing;
};

/*
 * The pages that events happen to. Files hold 'f' in each but the hole; own
 * is overwritten with 'W' through the mapping.
 */
enum page_class {
	OWN,  /* written through the mapping */
	SEEN, /* read through the mapping */
	IDLE, /* not touched by the mapping */
	HOLE, /* never had content */
	NCLASSES
};

struct kind_memory {
	const struct kind *kind;
	int fd; /* -1 without a file */
	uint8_t *map;
	size_t map_bytes;
	uint8_t *ram;
	size_t bytes;
	size_t page_bytes; /* that an event happens to */
	size_t at[NCLASSES];
};

extern const struct kind kinds[];
extern const size_t nkinds;

bool kind_is_hugetlb(const struct kind *kind);

/* False, and nothing is open, when the system has none (huge pages). */
bool kind_open(struct kind_memory *m, const struct kind *kind);
void kind_close(struct kind_memory *m);

/* What a page of the class holds as its memory was opened. */
uint8_t kind_content(const struct kind_memory *m, enum page_class class);

/*
 * For good, in a child process: become the user nobody, and dumpable again,
 * without which a process may not open its own pagemap. False when it cannot.
 */
bool become_nobody(void);

/*
 * Run @body in a child process, as the user nobody or not; fails the running
 * test unless it returns true, and skips it for a user who may not change.
 * @body must not use cmocka's assertions.
 */
void run_as(bool nobody, bool (*body)(void *opaque), void *opaque);

#endif
