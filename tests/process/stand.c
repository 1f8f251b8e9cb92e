/* SPDX-License-Identifier: MIT */
/*
 * The public calls only.
 */
#include "stand.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc_of.h"
#include "process/proc.h"
#include "support.h"

#define PAGE_BYTES  4096
#define MAX_REGIONS 1024
#define STILL_US    3000
#define TIMEOUT_MS  20000

static void expect_success(const char *call, int ret,
			   const struct smudge_error *err)
{
	if (ret < 0)
		fail_msg("%s: %d: %s", call, ret, err->message);
}

const struct smudge_process_options stand_by_uffd = {
	.size = sizeof(stand_by_uffd),
	.method = SMUDGE_PROCESS_UFFD,
	.stop_timeout_ms = TIMEOUT_MS};

void stand_open(struct stand *s, pid_t pid,
		const struct smudge_process_options *options)
{
	const struct smudge_client_options client = {.size = sizeof(client),
						     .name = "stand"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret;

	*s = (struct stand){.pid = pid};
	assert_int_equal(smudge_memory_create(&s->memory), 0);
	do { /* with a short limit: it was not given a processor */
		ret = smudge_process_open(s->memory, pid, options, &s->process,
					  &err);
	} while (ret == -ETIMEDOUT && options->stop_timeout_ms < TIMEOUT_MS);
	expect_success("open", ret, &err);
	expect_success("client",
		       smudge_client_open(s->memory, &client, &s->client, &err),
		       &err);
}

void stand_close(struct stand *s)
{
	assert_int_equal(smudge_client_close(s->client), 0);
	assert_int_equal(smudge_process_close(s->process, NULL), 0);
	assert_int_equal(smudge_memory_destroy(s->memory, NULL), 0);
}

/*
 * One that ends is no more traced, and has no memory any more; a worker of the
 * kernel runs no code of the process.
 */
static void expect_stands(pid_t pid, pid_t tid)
{
	struct smi_proc_stat stat;

	if (smi_proc_stat(pid, tid, &stat) < 0 || strchr("ZX", stat.state) ||
	    stat.is_kernel_worker)
		return;
	if (stat.state != 't' || !proc_of_tracer(pid, tid))
		fail_msg("thread %d is not stopped: %c", (int)tid, stat.state);
}

static void expect_all_stand(pid_t pid)
{
	const struct dirent *entry;
	char path[64];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	folder = opendir(path);
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid > 0)
			expect_stands(pid, tid);
	}
	closedir(folder);
}

void stand_stop(struct stand *s)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	expect_success("stop", smudge_process_stop(s->process, &err), &err);
	expect_all_stand(s->pid);
}

void stand_continue(struct stand *s)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	expect_success("continue", smudge_process_continue(s->process, &err),
		       &err);
	assert_int_equal(proc_of_tracer(s->pid, s->pid), 0);
}

void stand_harvest(struct stand *s)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	expect_success("harvest",
		       smudge_process_harvest_quiesced(s->process, &err), &err);
}

struct smudge_process_stats stand_stats(struct stand *s)
{
	struct smudge_process_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_process_stats(s->process, &stats), 0);
	return stats;
}

void stand_expect_still(const struct rig *rig)
{
	uint64_t before[RIG_MAX_WORKERS];

	for (unsigned int i = 0; i < rig->nworkers; i++)
		before[i] = atomic_load(&rig->shared->rounds[i]);
	usleep(STILL_US);
	for (unsigned int i = 0; i < rig->nworkers; i++)
		assert_int_equal(atomic_load(&rig->shared->rounds[i]),
				 before[i]);
}

static struct smudge_region *find_region(struct stand *s, uint64_t at)
{
	struct smudge_region *regions[MAX_REGIONS];
	size_t n = smudge_memory_regions(s->memory, regions, MAX_REGIONS);

	for (size_t i = 0; i < n && i < MAX_REGIONS; i++) {
		uint64_t first = smudge_region_gpa(regions[i]);

		if (at >= first &&
		    at - first < smudge_region_npages(regions[i]) * PAGE_BYTES)
			return regions[i];
	}
	fail_msg("no region");
	return NULL;
}

static uint64_t number_in(struct smudge_region *region, uint64_t page)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char content[PAGE_BYTES];
	uint64_t number;

	expect_success("read",
		       smudge_region_read(region, page, 1, content, &err),
		       &err);
	memcpy(&number, content, sizeof(number));
	return number;
}

void stand_expect_memory(struct stand *s, const struct rig *rig,
			 uint64_t numbers[STAND_PAGES])
{
	uint64_t at = rig->shared->first_page * PAGE_BYTES, first, number = 0;
	struct smudge_region *region;

	stand_harvest(s);
	region = find_region(s, at);
	first = (at - smudge_region_gpa(region)) / PAGE_BYTES;
	for (uint64_t i = 0; i < rig->shared->npages; i++) {
		uint64_t now = number_in(region, first + i);

		if (i && now != number && now != number - 1)
			fail_msg("page %u is of another moment",
				 (unsigned int)i);
		if (now != numbers[i] &&
		    !smudge_client_test(s->client, region, first + i))
			fail_msg("page %u was written and is clean",
				 (unsigned int)i);
		numbers[i] = number = now;
	}
	assert_int_equal(smudge_client_skip(s->client, region, first,
					    rig->shared->npages, NULL),
			 0);
}
