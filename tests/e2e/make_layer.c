/* SPDX-License-Identifier: MIT */
/*
 * A layer of memory and blobs that are in files.
 *
 * usage: make_layer FOLDER MEMORY REGION [BLOB FILE]...
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smudge/checkpoint.h>

static char **blobs;

static void *map(const char *path, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes;

	if (fd < 0 || fstat(fd, &status) < 0)
		exit(2);
	*ret_bytes = (size_t)status.st_size;
	bytes = mmap(NULL, *ret_bytes + 1, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		exit(2);
	close(fd);
	return bytes;
}

static int save_state(void *opaque, struct smudge_checkpointer *checkpointer,
		      struct smudge_error *err)
{
	int ret = 0;

	(void)opaque;
	for (; !ret && blobs[0] && blobs[1]; blobs += 2) {
		size_t length;
		void *bytes = map(blobs[1], &length);

		ret = smudge_checkpoint_add_blob(checkpointer, blobs[0], bytes,
						 length, err);
	}
	return ret;
}

static int save(struct smudge_memory *memory, const char *folder,
		struct smudge_error *err)
{
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = folder,
		.save_state = save_state,
	};
	struct smudge_checkpointer *checkpointer;
	uint64_t ticket;
	int ret = smudge_checkpointer_create(memory, &options, &checkpointer,
					     err);

	if (ret)
		return ret;
	ret = smudge_checkpointer_save(checkpointer, NULL, &ticket, err);
	if (!ret)
		ret = smudge_checkpointer_wait(checkpointer, ticket, NULL, err);
	smudge_checkpointer_destroy(checkpointer);
	return ret;
}

int main(int argc, char *argv[])
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_region_options options = {.size = sizeof(options)};
	struct smudge_memory *memory;
	struct smudge_region *region;
	size_t length;
	int ret;

	if (argc < 4)
		return 2;
	blobs = argv + 4;
	options.hva = map(argv[2], &length);
	options.size_bytes = length;
	options.name = argv[3];
	ret = smudge_memory_create(&memory);
	if (!ret)
		ret = smudge_region_add(memory, &options, &region, &err);
	if (!ret)
		ret = save(memory, argv[1], &err);
	if (ret)
		fprintf(stderr, "%s\n", err.message);
	return ret ? 1 : 0;
}
