/* SPDX-License-Identifier: MIT */
/*
 * A few pages that a source is tried on. They lie between pages without access,
 * so that no neighbour's mapping merges with theirs.
 */
#include "feature_scrap.h"

#include <smudge/smudge.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WHERE "features"

static int map_ram(struct scrap *scrap, struct smudge_error *err)
{
	size_t length = SCRAP_PAGES * scrap->page_bytes;
	unsigned char *all =
		mmap(NULL, length + 2 * scrap->page_bytes, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (all == MAP_FAILED ||
	    mprotect(all + scrap->page_bytes, length, PROT_READ | PROT_WRITE)) {
		ret = -errno;
		return smudge_error_set(err, ret, WHERE,
					"no memory for the trial: %s",
					strerror(-ret));
	}
	scrap->ram = all + scrap->page_bytes;
	memset(scrap->ram, 1, length);
	return 0;
}

int scrap_open(struct scrap *scrap, struct smudge_error *err)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "scrap"};
	int ret;

	scrap->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	ret = map_ram(scrap, err);
	if (ret)
		return ret;
	options.hva = scrap->ram;
	options.size_bytes = SCRAP_PAGES * scrap->page_bytes;
	options.page_shift = (unsigned int)__builtin_ctzl(scrap->page_bytes);
	ret = smudge_memory_create(&scrap->memory);
	if (ret)
		return smudge_error_set(err, ret, WHERE, "out of memory");
	return smudge_region_add(scrap->memory, &options, &scrap->region, err);
}

static int open_client(struct scrap *scrap, struct smudge_client **ret_client,
		       struct smudge_error *err)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = WHERE};

	return smudge_client_open(scrap->memory, &options, ret_client, err);
}

/* All pages clean and armed: a log may begin with every page in it. */
static int clean(struct scrap *scrap, struct smudge_client *client,
		 struct smudge_error *err)
{
	int ret = smudge_memory_harvest(scrap->memory, err);

	if (ret)
		return ret;
	return smudge_client_skip(client, scrap->region, 0, SCRAP_PAGES, err);
}

static int check(struct scrap *scrap, struct smudge_client *client,
		 struct smudge_error *err)
{
	if (!smudge_client_test(client, scrap->region, SCRAP_WRITTEN))
		return smudge_error_set(err, -EIO, WHERE,
					"a page that was written is not "
					"reported");
	/* a source may report too much, but not always all there is */
	if (smudge_client_dirty_pages(client) == SCRAP_PAGES)
		return smudge_error_set(err, -EIO, WHERE,
					"every page is reported, and one was "
					"written");
	return 0;
}

int scrap_track(struct scrap *scrap, struct smudge_source *source,
		int (*write)(void *opaque, struct smudge_error *err),
		void *opaque, struct smudge_error *err)
{
	struct smudge_client *client = NULL;
	int ret = smudge_region_attach(scrap->region, source, 0, 0, err);

	if (!ret)
		ret = open_client(scrap, &client, err);
	if (!ret)
		ret = clean(scrap, client, err);
	if (!ret)
		ret = write(opaque, err);
	if (!ret)
		ret = smudge_memory_harvest(scrap->memory, err);
	return ret ? ret : check(scrap, client, err);
}

int scrap_store(void *opaque, struct smudge_error *err)
{
	struct scrap *scrap = opaque;

	(void)err;
	((volatile unsigned char *)
		 scrap->ram)[SCRAP_WRITTEN * scrap->page_bytes] = 2;
	return 0;
}
