/* SPDX-License-Identifier: MIT */
/*
 * A moment in a folder, and memory of each kind that it comes back into.
 */
#ifndef TESTS_UNIT_CHECKPOINT_LAZY_RIG_H
#define TESTS_UNIT_CHECKPOINT_LAZY_RIG_H

#include <stdbool.h>

#include <smudge/checkpoint.h>
#include <smudge/lazy.h>

#include "support.h"

#define LAZY_PAGE    UINT64_C(4096)
#define LAZY_HUGE    (UINT64_C(2) << 20)
#define LAZY_NPAGES  UINT64_C(2048) /* of "ram", whole huge pages */
#define LAZY_HIGH    UINT64_C(512)  /* of "high" */
#define LAZY_NLAYERS 4

enum lazy_kind {
	LAZY_PRIVATE,
	LAZY_THP,
	LAZY_SHARED,
	LAZY_MEMFD_SHARED,
	LAZY_MEMFD_PRIVATE,
	LAZY_HUGETLB, /* or LAZY_PRIVATE where there is none */
	LAZY_HUGETLB_SHARED,
	LAZY_NKINDS
};

struct lazy_rig {
	struct smudge_memory *memory;
	struct smudge_region *regions[2];
	uint8_t *ram[2];
	uint64_t npages[2];
	int fds[2]; /* or -1 */
	enum lazy_kind kind;
	bool is_huge;			  /* it came out so */
	struct smudge_source *sources[2]; /* uffd, or NULL */
	struct smudge_chain *chain;
	struct smudge_lazy *lazy;
	struct smudge_lazy_options options;
	uint8_t *model[2]; /* what the last layer has */
};

/*
 * Save LAZY_NLAYERS layers into the folder "chain": pages of random bytes, of
 * text, of zeros, and a hole that was never touched; keep the last one's
 * content. With @is_large also a region that nothing touches, so that digests
 * are summed up behind.
 */
void lazy_save(struct test_rng *rng, bool is_large);
void lazy_forget(void);

/* Set-up and tear-down of a test: a folder of its own with that moment. */
int lazy_enter(void **state, const char *test_name, bool is_large);
int lazy_leave(void **state);

const uint8_t *lazy_model(size_t region);
bool lazy_model_is_zero(size_t region, uint64_t page);

/* Regions of the layer's sizes, the chain open. */
void lazy_open(struct lazy_rig *rig, enum lazy_kind kind);
void lazy_track(struct lazy_rig *rig); /* by userfaultfd */
void lazy_close(struct lazy_rig *rig);

/* With rig->options; each fails the test when it cannot. */
void lazy_begin(struct lazy_rig *rig);
void lazy_end(struct lazy_rig *rig);

/* Is the page as in the layer? */
bool lazy_is_right(const struct lazy_rig *rig, size_t region, uint64_t page);
void lazy_check_all(const struct lazy_rig *rig);

struct smudge_lazy_stats lazy_stats(const struct lazy_rig *rig);

#endif
