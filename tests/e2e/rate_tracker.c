/* SPDX-License-Identifier: MIT */
/*
 * Another tracker of a process, for smudge rate to be beside: it arms pages
 * again when it is told to.
 *
 * usage: rate_tracker PID uffd|soft-dirty [PATTERN]
 *
 * It prints "ready", and for each line of its input, after a harvest, how many
 * pages were written since the one before. Exit status: 77 if the process
 * cannot be tracked so.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/smudge.h>

struct tracker {
	struct smudge_memory *memory;
	struct smudge_process *process;
	struct smudge_client *client;
};

static int track(struct tracker *t, int argc, char *argv[],
		 struct smudge_error *err)
{
	const struct smudge_client_options me = {.size = sizeof(me),
						 .name = "tracker"};
	struct smudge_process_options options = {.size = sizeof(options)};

	options.method = strcmp(argv[2], "uffd") == 0
				 ? SMUDGE_PROCESS_UFFD
				 : SMUDGE_PROCESS_SOFT_DIRTY;
	if (argc > 3) {
		options.select = SMUDGE_PROCESS_NAMED;
		options.pattern = argv[3];
	}
	if (smudge_memory_create(&t->memory))
		return -1;
	if (smudge_process_open(t->memory, (pid_t)atoi(argv[1]), &options,
				&t->process, err))
		return -1;
	return smudge_client_open(t->memory, &me, &t->client, err);
}

/* Arm all pages again. Return: how many were written, or -1. */
static int64_t arm(struct tracker *t, struct smudge_error *err)
{
	struct smudge_region *regions[SMUDGE_MAX_REGIONS];
	uint64_t pages = 0;
	size_t n;

	if (smudge_process_harvest(t->process, err))
		return -1;
	n = smudge_memory_regions(t->memory, regions, SMUDGE_MAX_REGIONS);
	for (size_t i = 0; i < n; i++) {
		uint64_t npages = smudge_region_npages(regions[i]);

		pages += smudge_client_count(t->client, regions[i], 0, npages);
		if (smudge_client_skip(t->client, regions[i], 0, npages, err))
			return -1;
	}
	return (int64_t)pages;
}

static int run(struct tracker *t, struct smudge_error *err)
{
	int64_t pages = arm(t, err);

	puts("ready");
	fflush(stdout);
	while (pages >= 0) {
		int letter = getchar();

		if (letter == EOF)
			return 0;
		if (letter != '\n')
			continue;
		pages = arm(t, err);
		printf("%lld\n", (long long)pages);
		fflush(stdout);
	}
	return 1;
}

int main(int argc, char *argv[])
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct tracker t = {0};
	int status;

	if (argc < 3)
		return 2;
	if (track(&t, argc, argv, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return 77;
	}
	status = run(&t, &err);
	if (status)
		fprintf(stderr, "%s\n", err.message);
	if (smudge_client_close(t.client) ||
	    smudge_process_close(t.process, NULL) ||
	    smudge_memory_destroy(t.memory, NULL))
		return 1;
	return status;
}
