/* SPDX-License-Identifier: MIT */
/*
 * New pages that have no content.
 */
#include "rate/fresh.h"

#include <smudge/smudge.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/range.h"
#include "rate/report.h"
#include "rate/resident.h"

/* A region as it was at the last harvest. */
struct known {
	uint32_t id;
	uint64_t npages;
};

struct rate_fresh {
	int pagemap_fd;
	struct known *known; /* ascending by id */
	size_t nknown;
	uint64_t replaced; /* of the process's statistics */
	uint64_t counted;
};

struct rate_fresh *rate_fresh_create(pid_t pid, struct smudge_error *err)
{
	struct rate_fresh *fresh = calloc(1, sizeof(*fresh));

	if (!fresh) {
		smudge_error_set(err, -ENOMEM, "rate", "out of memory");
		return NULL;
	}
	fresh->pagemap_fd = rate_resident_open(pid);
	if (fresh->pagemap_fd >= 0)
		return fresh;
	smudge_error_set(err, fresh->pagemap_fd, "rate",
			 "/proc/%d/pagemap cannot be read: %s", (int)pid,
			 strerror(-fresh->pagemap_fd));
	free(fresh);
	return NULL;
}

void rate_fresh_destroy(struct rate_fresh *fresh)
{
	if (!fresh)
		return;
	close(fresh->pagemap_fd);
	free(fresh->known);
	free(fresh);
}

static int by_id(const void *a, const void *b)
{
	const struct known *one = a;
	const struct known *two = b;

	return one->id < two->id ? -1 : one->id > two->id;
}

/* Pages of the region that are not new; 0 for a region that is. */
static uint64_t known_pages(const struct rate_fresh *fresh,
			    const struct smudge_region *region)
{
	const struct known wanted = {.id = smudge_region_id(region)};
	const struct known *found =
		fresh->nknown ? bsearch(&wanted, fresh->known, fresh->nknown,
					sizeof(wanted), by_id)
			      : NULL;

	return found ? found->npages : 0;
}

int rate_fresh_know(struct rate_fresh *fresh,
		    struct smudge_region *const *regions, size_t n)
{
	struct known *known = calloc(n + 1, sizeof(*known));

	if (!known)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		known[i] = (struct known){smudge_region_id(regions[i]),
					  smudge_region_npages(regions[i])};
	qsort(known, n, sizeof(*known), by_id);
	free(fresh->known);
	fresh->known = known;
	fresh->nknown = n;
	return 0;
}

/* Marks of one trim. */
struct trim {
	struct rate_fresh *fresh;
	struct smudge_client *const *clients;
	struct smudge_region *region;
};

static void mark_run(void *opaque, uint64_t address, uint64_t npages)
{
	struct trim *trim = opaque;
	unsigned int shift = smudge_region_page_shift(trim->region);
	uint64_t first = (address - smudge_region_gpa(trim->region)) >> shift;
	uint64_t n = npages * RATE_PAGE_BYTES >> shift;

	for (int w = 0; w < RATE_NWINDOWS; w++)
		smudge_client_mark(trim->clients[w], trim->region, first, n);
	trim->fresh->counted += npages;
}

static int skip(const struct trim *trim, uint64_t first, uint64_t npages,
		struct smudge_error *err)
{
	int ret = 0;

	for (int w = 0; w < RATE_NWINDOWS && !ret; w++)
		ret = smudge_client_skip(trim->clients[w], trim->region, first,
					 npages, err);
	return ret;
}

/*
 * From page @first on only what has content is dirty. If the process has ended
 * meanwhile nothing is.
 */
static int trim_pages(struct trim *trim, uint64_t first,
		      struct smudge_error *err)
{
	unsigned int shift = smudge_region_page_shift(trim->region);
	uint64_t npages = smudge_region_npages(trim->region) - first;
	uint64_t size_bytes = npages << shift;
	int ret = skip(trim, first, npages, err);

	if (ret || size_bytes > RATE_RESIDENT_MAX_BYTES)
		return ret;
	(void)rate_resident_each(trim->fresh->pagemap_fd,
				 smudge_region_gpa(trim->region) +
					 (first << shift),
				 size_bytes, mark_run, trim);
	return 0;
}

/* The ranges that every harvest makes dirty, since they are not tracked. */
struct untracked {
	struct {
		uint64_t first, end;
	} list[64];
	size_t n;
};

static void add_untracked(void *opaque,
			  const struct smudge_process_untracked *one)
{
	struct untracked *all = opaque;

	if (!one->is_dirty ||
	    all->n == sizeof(all->list) / sizeof(all->list[0]))
		return;
	all->list[all->n].first = one->first_address;
	all->list[all->n++].end = one->end_address;
}

static int skip_untracked(struct trim *trim, const struct untracked *all,
			  struct smudge_error *err)
{
	unsigned int shift = smudge_region_page_shift(trim->region);
	uint64_t gpa = smudge_region_gpa(trim->region);
	uint64_t end = gpa + (smudge_region_npages(trim->region) << shift);
	int ret = 0;

	for (size_t i = 0; i < all->n && !ret; i++) {
		uint64_t from = max_u64(gpa, all->list[i].first);
		uint64_t to = min_u64(end, all->list[i].end);

		if (from < to)
			ret = skip(trim, (from - gpa) >> shift,
				   (to - from) >> shift, err);
	}
	return ret;
}

/* Is the region all dirty, so that it may be new at an old one's place? */
static bool may_be_replaced(const struct trim *trim)
{
	return smudge_client_all(trim->clients[RATE_WINDOW_TENTH], trim->region,
				 0, smudge_region_npages(trim->region));
}

static int trim_region(struct trim *trim, bool has_replaced,
		       const struct untracked *untracked,
		       struct smudge_error *err)
{
	uint64_t known = known_pages(trim->fresh, trim->region);
	int ret = 0;

	if (has_replaced && may_be_replaced(trim))
		known = 0;
	if (known < smudge_region_npages(trim->region))
		ret = trim_pages(trim, known, err);
	if (!ret && untracked->n)
		ret = skip_untracked(trim, untracked, err);
	return ret;
}

int rate_fresh_trim(struct rate_fresh *fresh, struct smudge_process *process,
		    struct smudge_client *const *clients,
		    struct smudge_region *const *regions, size_t n,
		    struct smudge_error *err)
{
	struct smudge_process_stats stats = {.size = sizeof(stats)};
	struct trim trim = {.fresh = fresh, .clients = clients};
	struct untracked untracked = {.n = 0};
	bool has_replaced;
	int ret = smudge_process_stats(process, &stats);

	fresh->counted = 0;
	has_replaced = stats.mappings_replaced != fresh->replaced;
	fresh->replaced = stats.mappings_replaced;
	if (stats.untracked_mappings)
		smudge_process_each_untracked(process, add_untracked,
					      &untracked);
	for (size_t i = 0; i < n && !ret; i++) {
		trim.region = regions[i];
		ret = trim_region(&trim, has_replaced, &untracked, err);
	}
	if (!ret && rate_fresh_know(fresh, regions, n))
		ret = smudge_error_set(err, -ENOMEM, "rate", "out of memory");
	return ret;
}

uint64_t rate_fresh_counted(const struct rate_fresh *fresh)
{
	return fresh->counted;
}
