/* SPDX-License-Identifier: MIT */
/*
 * The README's example: which pages of a buffer did this program write? The
 * kernel detects the writes (userfaultfd), so the stores are plain C. Exits 77
 * if the kernel cannot do that, 1 if anything else fails.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/smudge.h>

enum {
	PAGE = 4096,
	NPAGES = 100
};

static int failed(const struct smudge_error *err, int status)
{
	fprintf(stderr, "twenty_lines: %s\n",
		err->code ? err->message : "no memory");
	return status;
}

/* Where pages would be copied. Return: how many there are. */
static uint64_t print_runs(const struct smudge_batch *batch)
{
	for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		printf("%d pages from page %d\n", (int)run.npages,
		       (int)run.first_page);
	}
	return smudge_batch_npages(batch);
}

int main(void)
{
	char *buffer = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct smudge_region_options ram = {.size = sizeof(ram),
					    .name = "buffer",
					    .hva = buffer,
					    .size_bytes = NPAGES * PAGE};
	struct smudge_client_options me = {.size = sizeof(me), .name = "me"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct smudge_run rest = {0, NPAGES};
	uint64_t npages = 0;
	int ret = smudge_uffd_create(&source, &err);

	if (ret == -ENOSYS || ret == -EOPNOTSUPP || ret == -EPERM)
		return failed(&err, 77);
	if (ret || smudge_memory_create(&memory) ||
	    smudge_region_add(memory, &ram, &region, &err) ||
	    smudge_region_attach(region, source, 0, 0, &err) ||
	    smudge_client_open(memory, &me, &client, &err) ||
	    smudge_client_skip(client, region, 0, NPAGES, &err) ||
	    smudge_batch_create(0, &batch, &err))
		return failed(&err, 1);

	buffer[3 * PAGE] = 1;
	memset(buffer + 40 * PAGE, 1, 2 * PAGE);

	if (smudge_memory_harvest(memory, &err))
		return failed(&err, 1);
	while ((ret = smudge_client_take_next(client, region, &rest, 1024,
					      batch, &err)) > 0) {
		npages += print_runs(batch);
		/* smudge_client_return, had the copying failed */
		smudge_client_commit(client, batch);
	}
	if (ret)
		return failed(&err, 1);
	smudge_batch_destroy(batch);
	smudge_client_close(client);
	smudge_source_destroy(source);
	smudge_memory_destroy(memory, NULL);
	munmap(buffer, NPAGES * PAGE);
	return npages == 3 ? 0 : 1;
}
