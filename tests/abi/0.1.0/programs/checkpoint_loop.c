/* SPDX-License-Identifier: MIT */
/*
 * A program that saves its own memory over and over, each time only the pages
 * it wrote since: a file holds the memory of the last checkpoint. The kernel
 * watches (userfaultfd), so the stores are plain C. When a page cannot be
 * written to the file its batch is returned, and the next checkpoint has it.
 * Exits 77 where the kernel cannot watch, 1 where the file differs.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/smudge.h>

enum {
	PAGE = 4096,
	NPAGES = 1024,
	CHUNK = 64, /* pages copied at a time */
};

struct saver {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;
	int fd;
	bool fail_once; /* as a full disk would */
	uint64_t saved_pages;
	unsigned char copy[CHUNK * PAGE];
};

static int write_all(int fd, const unsigned char *bytes, size_t length,
		     off_t offset)
{
	while (length) {
		ssize_t n = pwrite(fd, bytes, length, offset);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
			offset += n;
		}
	}
	return 0;
}

/* A run is copied first, since it may be written meanwhile, and then saved. */
static int save_run(struct saver *saver, struct smudge_run run,
		    struct smudge_error *err)
{
	while (run.npages) {
		uint64_t npages = run.npages < CHUNK ? run.npages : CHUNK;
		int ret = smudge_region_read(saver->region, run.first_page,
					     npages, saver->copy, err);

		if (!ret)
			ret = saver->fail_once
				      ? -ENOSPC
				      : write_all(saver->fd, saver->copy,
						  npages * PAGE,
						  (off_t)run.first_page * PAGE);
		saver->fail_once = false;
		if (ret)
			return ret;
		run.first_page += npages;
		run.npages -= npages;
	}
	return 0;
}

static int save_batch(struct saver *saver, struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < smudge_batch_nruns(saver->batch) && !ret; i++)
		ret = save_run(saver, smudge_batch_run(saver->batch, i), err);
	if (ret) {
		smudge_client_return(saver->client, saver->batch);
		return ret;
	}
	saver->saved_pages += smudge_batch_npages(saver->batch);
	return smudge_client_commit(saver->client, saver->batch);
}

/* All that was written before the call is in the file after it. */
static int checkpoint(struct saver *saver, struct smudge_error *err)
{
	struct smudge_run rest = {0, NPAGES};
	int ret = smudge_region_harvest(saver->region, err);

	if (ret)
		return ret;
	saver->saved_pages = 0;
	while ((ret = smudge_client_take_next(saver->client, saver->region,
					      &rest, CHUNK, saver->batch,
					      err)) > 0) {
		ret = save_batch(saver, err);
		if (ret)
			return ret;
	}
	return ret;
}

/* The file and the memory are the same. */
static bool is_saved(struct saver *saver, const unsigned char *memory)
{
	for (int page = 0; page < NPAGES; page++) {
		if (pread(saver->fd, saver->copy, PAGE, (off_t)page * PAGE) !=
			    PAGE ||
		    memcmp(saver->copy, memory + page * PAGE, PAGE))
			return false;
	}
	return true;
}

static int work_and_save(struct saver *saver, unsigned char *memory,
			 struct smudge_error *err)
{
	int ret = 0;

	for (int round = 0; round < 8 && !ret; round++) {
		for (int i = 0; i < round * 20; i++)
			memory[(size_t)rand() % (NPAGES * PAGE)]++;
		saver->fail_once = round == 5;
		ret = checkpoint(saver, err);
		if (ret == -ENOSPC) { /* try again: nothing was lost */
			puts("a page could not be saved");
			ret = checkpoint(saver, err);
		}
		printf("%d pages saved\n", (int)saver->saved_pages);
		if (!ret && !is_saved(saver, memory))
			ret = smudge_error_set(err, -EIO, "checkpoint_loop",
					       "the file differs");
	}
	return ret;
}

static int open_saver(struct saver *saver, void *buffer,
		      struct smudge_source *source, struct smudge_error *err)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "heap",
						.hva = buffer,
						.size_bytes = NPAGES * PAGE};
	struct smudge_client_options client = {.size = sizeof(client),
					       .name = "checkpoint"};
	int ret = smudge_memory_create(&saver->memory);

	if (!ret)
		ret = smudge_batch_create(0, &saver->batch, err);
	if (!ret)
		ret = smudge_region_add(saver->memory, &options, &saver->region,
					err);
	if (!ret)
		ret = smudge_region_attach(saver->region, source, 0, 0, err);
	if (!ret)
		ret = smudge_client_open(saver->memory, &client, &saver->client,
					 err);
	return ret;
}

int main(void)
{
	static struct saver saver;
	FILE *file = tmpfile();
	void *buffer = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_source *source;
	int ret = smudge_uffd_create(&source, &err);

	if (ret == -ENOSYS || ret == -EOPNOTSUPP || ret == -EPERM)
		return 77;
	if (ret || !file || buffer == MAP_FAILED)
		return 1;
	saver.fd = fileno(file);
	ret = open_saver(&saver, buffer, source, &err);
	if (!ret)
		ret = work_and_save(&saver, buffer, &err);
	if (ret)
		fprintf(stderr, "checkpoint_loop: %s\n", err.message);
	smudge_client_close(saver.client);
	smudge_source_destroy(source);
	smudge_memory_destroy(saver.memory, NULL);
	smudge_batch_destroy(saver.batch);
	munmap(buffer, NPAGES * PAGE);
	fclose(file);
	return ret ? 1 : 0;
}
