/* SPDX-License-Identifier: MIT */
/*
 * The same writes under several sources: a table of sources, seeded programs of
 * writes, and the memory that they run on.
 *
 * A watcher is a source with a memory, region and client of its own. Several
 * watchers watch one world at once, none knows of the other.
 */
#ifndef TESTS_KERNEL_AGREE_H
#define TESTS_KERNEL_AGREE_H

#include "tiny_vm.h"
#include "track.h"

#define AGREE_PAGE   4096
#define AGREE_PAGES  200
#define AGREE_EVENTS 24 /* at most, of one round */

/* Who writes, and how. */
enum agree_kind {
	AGREE_STORE,   /* a thread of the process stores */
	AGREE_COPY,    /* memcpy(3), over several pages */
	AGREE_READ,    /* the kernel writes for read(2) */
	AGREE_DISCARD, /* MADV_DONTNEED, also of pages without content */
	AGREE_GUEST,   /* a vCPU stores */
	AGREE_NKINDS
};
extern const char *const agree_names[AGREE_NKINDS];

#define AGREE_BIT(kind) (1U << (kind))
#define AGREE_ALL	(AGREE_BIT(AGREE_NKINDS) - 1)

/* ---- programs --------------------------------------------------------- */

struct agree_event {
	enum agree_kind kind;
	uint64_t first, npages;
	size_t offset, length; /* bytes of the memory that are written */
};

struct agree_program {
	size_t nevents;
	struct agree_event events[AGREE_EVENTS];
};

/* The next round's, of the kinds in @kinds. */
void agree_draw(struct test_rng *rng, unsigned int kinds,
		struct agree_program *ret);

/* ---- the world -------------------------------------------------------- */

/* What the VM of a world must be: a VM logs in one way. */
enum agree_vm {
	AGREE_VM_ANY, /* or none, where no guest writes */
	AGREE_VM_LOG_LEGACY,
	AGREE_VM_LOG_MANUAL,
	AGREE_VM_RING
};

struct agree_world {
	struct tiny_vm vm; /* if has_vm */
	bool has_vm;
	uint8_t *map, *ram; /* ram is between pages without access */
	int file;	    /* for read(2) */
	uint32_t value;	    /* each write has another */
};

/* Skips the test where KVM lacks it. */
void agree_world_open(struct agree_world *world, enum agree_vm vm,
		      bool has_guest);
void agree_world_close(struct agree_world *world);
/* One event; all of it is done on return. */
void agree_play(struct agree_world *world, const struct agree_event *event);

/* ---- sources ---------------------------------------------------------- */

struct agree_watcher {
	const struct agree_source *row;
	struct track track;
	struct smudge_client *client;
	struct smudge_source *source; /* NULL: marks only */
	struct smudge_kvm *kvm;
	void *log; /* of vhost */
};

struct agree_source {
	const char *name;
	unsigned int sees; /* kinds of events that it reports */
	/*
	 * Kinds of events that may make it report pages that were not written:
	 * none but what docs/kernel-support.md says. 0: it is exact.
	 */
	unsigned int over_reports;
	enum agree_vm vm;
	bool protects;	    /* it changes what mprotect(2) changes */
	void (*need)(void); /* skips the test without it; may be NULL */
	/* makes watcher->source, and what it needs; NULL: none */
	void (*create)(struct agree_watcher *watcher,
		       const struct agree_world *world);
	/* what the program itself does after a write; may be NULL */
	void (*after)(struct agree_watcher *watcher,
		      const struct agree_event *event);
	void (*destroy)(struct agree_watcher *watcher); /* may be NULL */
};

extern const struct agree_source agree_sources[];
extern const size_t agree_nsources;

/* Everything is clean for it afterwards, and armed. */
void agree_watcher_open(struct agree_watcher *watcher,
			const struct agree_source *row,
			const struct agree_world *world);
void agree_watcher_close(struct agree_watcher *watcher);
/* Harvest, note each page's bit in @ret_pages, and take all. */
void agree_watcher_take(struct agree_watcher *watcher,
			uint8_t ret_pages[AGREE_PAGES]);

/* A source of the program's own, as examples/own_source.c; one at a time. */
struct smudge_source *agree_guard_create(void);

#endif
