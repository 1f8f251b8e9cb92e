/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a process were written in the last second?
 *
 *	process_pages PID
 *
 * Without an argument it looks at a child of its own, which writes one page,
 * and exits 1 unless it finds a page; 77 where no process can be
 * tracked.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <smudge/smudge.h>

static struct smudge_error err;

static void check(int ret)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "process_pages: %s\n", err.message);
	exit(ret == -EOPNOTSUPP || ret == -EPERM || ret == -ENOSYS ? 77 : 1);
}

/* Every page that is dirty for the client, by address; how many there are. */
static uint64_t print_pages(struct smudge_memory *memory,
			    struct smudge_client *client)
{
	static struct smudge_region *regions[SMUDGE_MAX_REGIONS];
	size_t n = smudge_memory_regions(memory, regions, SMUDGE_MAX_REGIONS);
	uint64_t npages = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned int shift = smudge_region_page_shift(regions[i]);
		uint64_t gpa = smudge_region_gpa(regions[i]);
		struct smudge_run run = {0, 0};

		while (smudge_client_next_dirty(client, regions[i],
						run.first_page + run.npages,
						UINT64_MAX, &run)) {
			printf("%" PRIx64 " %" PRIu64 " pages of %s\n",
			       gpa + (run.first_page << shift), run.npages,
			       smudge_region_name(regions[i]));
			npages += run.npages;
		}
	}
	return npages;
}

/* What was written before does not count. */
static void forget(struct smudge_memory *memory, struct smudge_client *client)
{
	static struct smudge_region *regions[SMUDGE_MAX_REGIONS];
	size_t n = smudge_memory_regions(memory, regions, SMUDGE_MAX_REGIONS);

	for (size_t i = 0; i < n; i++)
		check(smudge_client_skip(client, regions[i], 0,
					 smudge_region_npages(regions[i]),
					 &err));
}

/* A child with one page of shared memory that it writes every millisecond. */
static pid_t start_child(void)
{
	volatile unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = page == MAP_FAILED ? -1 : fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pid == 0) {
		++*page;
		usleep(1000);
	}
	return pid;
}

int main(int argc, char **argv)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "pages"};
	pid_t child = argc > 1 ? 0 : start_child();
	pid_t pid = argc > 1 ? atoi(argv[1]) : child;
	struct smudge_process *process;
	struct smudge_memory *memory;
	struct smudge_client *client;
	uint64_t npages;

	if (pid <= 0 || smudge_memory_create(&memory))
		return 1;
	check(smudge_process_open(memory, pid, NULL, &process, &err));
	check(smudge_client_open(memory, &options, &client, &err));
	check(smudge_process_harvest(process, &err));
	forget(memory, client);
	do { /* on a busy machine the child may have had no turn */
		sleep(1);
		check(smudge_process_harvest(process, &err));
		npages = print_pages(memory, client);
	} while (child && !npages);
	smudge_client_close(client);
	check(smudge_process_close(process, &err));
	smudge_memory_destroy(memory, NULL);
	if (child)
		kill(child, SIGKILL);
	return 0;
}
