/* SPDX-License-Identifier: MIT */
/*
 * The rig of the tests of dropped content.
 */
#include "drops_rig.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool drops_harvest(struct drops_rig *r)
{
	struct smudge_error err = {0};

	if (smudge_region_harvest(r->region, &err) == 0)
		return true;
	fprintf(stderr, "%s\n", err.message);
	return false;
}

bool drops_clean(struct drops_rig *r)
{
	return smudge_client_skip(r->client, r->region, 0, r->npages, NULL) ==
	       0;
}

bool drops_start_tracking(struct drops_rig *r)
{
	struct smudge_region_options region = {
		.size = sizeof(region),
		.name = "ram",
		.hva = r->ram,
		.size_bytes = r->npages * PAGE,
	};
	struct smudge_client_options client = {.size = sizeof(client),
					       .name = "test"};

	r->stats.size = sizeof(r->stats);
	CHECK(smudge_memory_create(&r->memory) == 0);
	CHECK(smudge_region_add(r->memory, &region, &r->region, NULL) == 0);
	CHECK(smudge_uffd_create(&r->source, NULL) == 0);
	CHECK(smudge_region_attach(r->region, r->source, 0, 0, NULL) == 0);
	CHECK(smudge_client_open(r->memory, &client, &r->client, NULL) == 0);
	return drops_clean(r);
}

/* None is dirty without a reason. */
bool drops_open_rig(struct drops_rig *r)
{
	return drops_start_tracking(r) && drops_harvest(r) &&
	       smudge_client_dirty_pages(r->client) == 0;
}

bool drops_close_rig(struct drops_rig *r)
{
	CHECK(smudge_client_close(r->client) == 0);
	smudge_source_destroy(r->source);
	return smudge_memory_destroy(r->memory, NULL) == 0;
}

bool drops_is_dirty(const struct drops_rig *r, uint64_t page)
{
	return smudge_client_test(r->client, r->region, page);
}

/* Exactly the pages are dirty; then they are clean. */
bool drops_expect(struct drops_rig *r, const uint64_t *pages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!drops_is_dirty(r, pages[i]))
			fprintf(stderr, "page %llu is clean\n",
				(unsigned long long)pages[i]);
		CHECK(drops_is_dirty(r, pages[i]));
	}
	CHECK(smudge_client_dirty_pages(r->client) == n);
	return drops_clean(r);
}

bool drops_read_stats(struct drops_rig *r)
{
	return smudge_source_stats(r->source, &r->stats) == 0;
}

uint8_t *drops_map_at(uint8_t *at, uint64_t npages, int flags, int fd)
{
	return mmap(at, npages * PAGE, PROT_READ | PROT_WRITE,
		    flags | MAP_FIXED, fd, 0);
}

uint8_t *drops_reserve(uint64_t npages)
{
	return mmap(NULL, npages * PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int drops_memfd(uint64_t npages)
{
	int fd = memfd_create("drops", MFD_CLOEXEC);

	return ftruncate(fd, (off_t)(npages * PAGE)) < 0 ? -1 : fd;
}

bool drops_drop(struct drops_rig *r, uint64_t page, int advice)
{
	return madvise(r->ram + page * PAGE, PAGE, advice) == 0;
}

bool drops_open_private(struct drops_rig *r, uint64_t npages)
{
	int fd = drops_memfd(npages);

	r->npages = npages;
	r->ram = drops_reserve(npages);
	CHECK(fd >= 0 && r->ram != MAP_FAILED);
	drops_map_at(r->ram, npages, MAP_PRIVATE, fd);
	close(fd);
	memset(r->ram, 'W', npages / 2 * PAGE);
	return drops_open_rig(r);
}
