/* SPDX-License-Identifier: MIT */
/*
 * The same writes under several sources: kinds of memory, seeded programs of
 * writes, and a table of sources.
 *
 * A watcher is a source with a memory, region and clients of its own. Several
 * watchers watch one world at once, none knows of the other.
 */
#ifndef TESTS_KERNEL_AGREE_H
#define TESTS_KERNEL_AGREE_H

#include "pinned_calls.h"
#include "tiny_vm.h"
#include "track.h"

#define AGREE_MAX_PAGES	 1024
#define AGREE_MAX_BYTES	 ((size_t)16 << 20)
#define AGREE_EVENTS	 24		 /* at most, of one round */
#define AGREE_LONGEST	 ((size_t)20480) /* bytes of most events */
#define AGREE_HUGE_BYTES ((size_t)2 << 20)

#define AGREE_BIT(n) (1U << (n))

/* ---- memory ----------------------------------------------------------- */

enum agree_memory_kind {
	AGREE_PRIVATE, /* anonymous */
	AGREE_THP,     /* the same, transparent huge pages */
	AGREE_PRIVATE_MEMFD,
	AGREE_SHARED_MEMFD,
	AGREE_PRIVATE_HUGETLB, /* anonymous */
	AGREE_SHARED_HUGETLB,  /* memfd */
	AGREE_NMEMORIES
};

struct agree_memory {
	const char *name;
	bool is_shared, is_file, is_hugetlb;
	bool is_discarded; /* discards of any page change it */
	unsigned int page_shift;
	uint64_t npages;
};
extern const struct agree_memory agree_memories[AGREE_NMEMORIES];

/* RAM of that kind, between pages without access. */
struct agree_ram {
	uint8_t *map, *bytes;
	size_t map_bytes;
};

/* Skips the test where there are too few huge pages. */
void agree_ram_open(struct agree_ram *ram, const struct agree_memory *memory);
void agree_ram_close(struct agree_ram *ram);

/* ---- programs --------------------------------------------------------- */

/* Who writes, and how. */
enum agree_kind {
	AGREE_STORE,   /* a thread of the process stores */
	AGREE_COPY,    /* memcpy(3), over several pages */
	AGREE_READ,    /* the kernel writes for read(2) */
	AGREE_PINNED,  /* a call that pins pages, ended: pinned_calls.h */
	AGREE_DISCARD, /* MADV_DONTNEED, also of pages without content */
	AGREE_GUEST,   /* a vCPU stores */
	AGREE_NKINDS
};
extern const char *const agree_names[AGREE_NKINDS];

#define AGREE_ALL (AGREE_BIT(AGREE_NKINDS) - 1)

struct agree_event {
	enum agree_kind kind;
	uint64_t first, npages;
	size_t offset, length; /* bytes of the memory that are written */
	size_t call;	       /* of pinned_calls */
};

/* How a round ends: what was written is asked for, then taken. */
enum agree_end {
	AGREE_HARVEST,
	AGREE_QUIESCED_HARVEST,
	AGREE_LOOK,
	AGREE_NENDS
};

struct agree_program {
	size_t nevents;
	struct agree_event events[AGREE_EVENTS];
	enum agree_end end;
};

/* The next round's, of the kinds in @kinds. */
void agree_draw(struct test_rng *rng, const struct agree_memory *memory,
		unsigned int kinds, struct agree_program *ret);

/* ---- the world -------------------------------------------------------- */

/* What the VM of a world must be: a VM logs in one way. */
enum agree_vm {
	AGREE_VM_ANY, /* or none, where no guest writes */
	AGREE_VM_LOG_LEGACY,
	AGREE_VM_LOG_MANUAL,
	AGREE_VM_RING
};

struct agree_world {
	const struct agree_memory *memory;
	struct agree_ram ram;
	struct tiny_vm vm; /* if has_vm */
	bool has_vm;
	int file; /* for read(2) */
	struct pinned_target target;
	unsigned int calls; /* of pinned_calls, by bit, that are open */
	uint32_t value;	    /* each write has another */
};

/* For events of @kinds. Skips the test where KVM lacks it. */
void agree_world_open(struct agree_world *world,
		      const struct agree_memory *memory, enum agree_vm vm,
		      unsigned int kinds);
void agree_world_close(struct agree_world *world);
/* One event; all of it is done on return. */
void agree_play(struct agree_world *world, const struct agree_event *event);

/* ---- sources ---------------------------------------------------------- */

struct agree_watcher {
	const struct agree_source *row;
	enum smudge_rearm_policy policy;
	struct track track;
	struct smudge_client *clients[2]; /* one takes, one skips */
	struct smudge_source *source;	  /* NULL: marks only */
	struct smudge_kvm *kvm;
	void *log; /* of vhost */
};

/* What a look reports. */
enum agree_looks {
	AGREE_LOOKS,	/* all since it was re-armed, as often as it is asked */
	AGREE_NO_LOOKS, /* it is refused */
	AGREE_MARKS	/* what was not taken: there is nothing to re-arm */
};

struct agree_source {
	const char *name;
	unsigned int sees; /* kinds of events that it reports */
	/*
	 * Memories, by bit, where its start is refused, and where it may report
	 * pages that were not written: none but what docs/kernel-support.md
	 * says.
	 */
	unsigned int refuses, over_reports;
	enum agree_looks looks;
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

/* A source of the program's own, as examples/own_source.c; one at a time. */
struct smudge_source *agree_guard_create(void);

/*
 * Everything is clean for it afterwards, and armed. The first client has the
 * policy, the second one lets every harvest re-arm.
 */
void agree_watcher_open(struct agree_watcher *watcher,
			const struct agree_source *row,
			const struct agree_world *world,
			enum smudge_rearm_policy policy);
void agree_watcher_close(struct agree_watcher *watcher);
/*
 * End a round: note each page's bit in @ret_pages, the same for both clients,
 * and take all. A look, also a harvest that is one, is done twice and must be
 * the same. One that is refused notes nothing.
 */
void agree_watcher_end(struct agree_watcher *watcher, enum agree_end end,
		       uint8_t ret_pages[AGREE_MAX_PAGES]);

#endif
