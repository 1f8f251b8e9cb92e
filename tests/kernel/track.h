/* SPDX-License-Identifier: MIT */
/*
 * One region with sources and clients, for tests of sources through the
 * public calls; and the watch that finds lost writes.
 *
 * A watch is a client together with a copy of the memory as that client knows
 * it. It takes pages and copies them, as a migration does, and looks for
 * pages that differ from the copy and are clean: each must be dirty after the
 * next harvest. A page's first 32-bit word stands for its content.
 */
#ifndef TESTS_KERNEL_TRACK_H
#define TESTS_KERNEL_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "support.h"

struct track {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_batch *batch;
	uint64_t npages;
	size_t page_bytes;
	uint8_t *hva;
};

/* Each fails the running test when it cannot. page_shift 0 means 12. */
void track_open(struct track *t, void *hva, uint64_t gpa, uint64_t npages,
		unsigned int page_shift);
void track_close(struct track *t);
void track_attach(struct track *t, struct smudge_source *source,
		  uint64_t first_page, uint64_t npages);
struct smudge_client *track_client(struct track *t, const char *name);
struct smudge_client *track_client_with(struct track *t, const char *name,
					enum smudge_rearm_policy policy);
void track_harvest(struct track *t);
void track_look(struct track *t);
void track_harvest_quiesced(struct track *t);

/* From now on only later writes are dirty for the client. */
void track_clean(struct track *t, struct smudge_client *client);

/* Take and commit a range; the number of pages there were. */
uint64_t track_take(struct track *t, struct smudge_client *client,
		    uint64_t first_page, uint64_t npages);

/* The client's dirty pages are exactly those given, in ascending order. */
#define track_expect(t, client, ...)                                   \
	track_expect_pages(t, client, (const uint64_t[]){__VA_ARGS__}, \
			   sizeof((const uint64_t[]){__VA_ARGS__}) /   \
				   sizeof(uint64_t))
void track_expect_pages(struct track *t, struct smudge_client *client,
			const uint64_t *pages, size_t n);
void track_expect_none(struct track *t, struct smudge_client *client);

struct watch {
	struct track *track;
	struct smudge_client *client;
	uint32_t *copy;	  /* first word of each page, as last read */
	uint8_t *suspect; /* differed and was clean: dirty next time, or lost */
	uint64_t nsuspects; /* that were found, to know the test tests */
	/* see watch_guest; 0: any page may have any number */
	uint64_t guest_first_page, guest_npages;
};

void watch_open(struct watch *w, struct track *t, const char *name);
void watch_open_with(struct watch *w, struct track *t, const char *name,
		     enum smudge_rearm_policy policy);
void watch_close(struct watch *w);

/*
 * The writer is tiny_vm_run, over @npages from @first_page on: number n goes to
 * page (n - 1) modulo @npages of them. A KVM that emulates a store copies its
 * bytes one by one and sets the page's bit after the last, so other values are
 * stores that have not ended: 0x0f7f is seen while 0x117f replaces 0x0f8b.
 */
void watch_guest(struct watch *w, uint64_t first_page, uint64_t npages);

/* Take a range and copy its pages. */
void watch_take(struct watch *w, uint64_t first_page, uint64_t npages);

/* After a harvest or look: every suspect is dirty now. */
void watch_check(struct watch *w);

/*
 * Look for suspects. A writer's numbers increase; the newest one is passed
 * over, since its store may not have ended: where KVM emulates a store, the
 * value is in memory a moment before the page's bit is set. So is one that is
 * there in part.
 */
void watch_suspect(struct watch *w);

/* Writers are stopped, the last harvest is done: take all and compare. */
void watch_finish(struct watch *w);

#endif
