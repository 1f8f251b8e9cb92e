/* SPDX-License-Identifier: MIT */
/*
 * Every event in every kind of memory. The truth is not a table: each event
 * happens to four pages (kinds.h), then their content is compared with what it
 * was, and with what the harvest reported (kind_events.h). Nothing else may be
 * reported, and what was reported once is not reported for ever.
 */
#include "kind_table.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kind_events.h"
#include "support.h"

static bool harvest_and_clean(struct cell *c)
{
	uint64_t npages = smudge_region_npages(c->region);

	return smudge_region_harvest(c->region, NULL) == 0 &&
	       smudge_client_skip(c->client, c->region, 0, npages, NULL) == 0;
}

static bool open_cell(struct cell *c, const struct kind_source *source)
{
	struct smudge_region_options region = {
		.size = sizeof(region),
		.name = "ram",
		.hva = c->m.ram,
		.gpa = (uintptr_t)c->m.ram,
		.size_bytes = c->m.bytes,
	};
	struct smudge_client_options client = {.size = sizeof(client),
					       .name = "test"};

	return smudge_memory_create(&c->memory) == 0 &&
	       smudge_region_add(c->memory, &region, &c->region, NULL) == 0 &&
	       (c->source = source->create()) &&
	       smudge_region_attach(c->region, c->source, 0, 0, NULL) == 0 &&
	       smudge_client_open(c->memory, &client, &c->client, NULL) == 0 &&
	       harvest_and_clean(c);
}

static void close_cell(struct cell *c)
{
	if (c->client)
		smudge_client_close(c->client);
	smudge_source_destroy(c->source);
	smudge_memory_destroy(c->memory, NULL);
}

static bool is_dirty(const struct cell *c, enum page_class class)
{
	return smudge_client_test(c->client, c->region, c->m.at[class] / 4096);
}

/* What was known: before the event, and its first half if it has two. */
static uint8_t known(const struct cell *c, const struct event *event,
		     enum page_class class)
{
	if (event->changes_own && !c->m.kind->is_shared && class == OWN)
		class = SEEN;
	return kind_content(&c->m, class);
}

static char verdict(const struct cell *c, const struct event *event,
		    enum page_class class, bool was_reported)
{
	bool is_changed = *(volatile uint8_t *)(c->m.ram + c->m.at[class]) !=
			  known(c, event, class);

	if (is_changed)
		return was_reported ? 'x' : 'L';
	return was_reported ? 'o' : '.';
}

/* Reading the pages may settle what was unsure; then all is quiet. */
static bool is_quiet(struct cell *c)
{
	return harvest_and_clean(c) &&
	       smudge_region_harvest(c->region, NULL) == 0 &&
	       smudge_client_dirty_pages(c->client) == 0;
}

/* What is reported of the four pages, one bit each; the client is clean then.
 */
static unsigned int reported(struct cell *c, uint64_t *ret_others)
{
	uint64_t npages = smudge_region_npages(c->region);
	unsigned int bits = 0;

	*ret_others = smudge_client_dirty_pages(c->client);
	for (int i = 0; i < NCLASSES; i++) {
		if (!is_dirty(c, i))
			continue;
		bits |= 1u << i;
		*ret_others -= c->m.page_bytes / 4096;
	}
	smudge_client_skip(c->client, c->region, 0, npages, NULL);
	return bits;
}

/* Two looks report the same pages as the harvest after them. */
static void judge(struct cell *c, const struct event *event, char *got)
{
	uint64_t npages = smudge_region_npages(c->region);
	unsigned int bits, looked[2];
	uint64_t others;
	int ret;

	for (int i = 0; i < 2 && !event->is_marked; i++) {
		/* after a failure all is dirty, which is looked at below */
		ret = smudge_memory_look(c->memory, NULL);
		looked[i] = reported(c, &others);
	}
	ret = smudge_region_harvest(c->region, NULL);
	if (ret < 0) {
		bool is_all =
			smudge_client_all(c->client, c->region, 0, npages);

		strcpy(got, ret == -EPERM && is_all ? "E" : "wrong error");
		return;
	}
	bits = reported(c, &others);
	for (int i = 0; i < NCLASSES; i++)
		got[i] = verdict(c, event, i, bits >> i & 1);
	got[NCLASSES] = 0;
	if (others && !event->is_wide)
		strcat(got, " and others");
	if (!event->is_marked && (looked[0] != bits || looked[1] != bits))
		strcat(got, " looks differ");
	if (!is_quiet(c))
		strcat(got, " for ever");
}

/* A call that the memory has, and that fails on tracked pages, is F. */
static void run_cell(const struct kind_source *source, size_t e, size_t k,
		     char *got)
{
	const struct event *event = &events[e];
	struct cell c = {0};
	bool happened = false;

	if (!kind_open(&c.m, &kinds[k])) {
		strcpy(got, "none to be had");
		return;
	}
	if (!open_cell(&c, source)) {
		strcpy(got, c.client ? "not tracked" : "R");
		close_cell(&c);
		kind_close(&c.m);
		return;
	}
	for (int i = 0; event->before && i < NCLASSES; i++)
		event->before(&c, c.m.ram + c.m.at[i]);
	if (event->before)
		harvest_and_clean(&c);
	for (int i = 0; i < NCLASSES; i++)
		happened |= event->happen(&c, c.m.ram + c.m.at[i]);
	if (happened)
		judge(&c, event, got);
	else
		strcpy(got, strcmp(event->expected[k], "-") ? "F" : "-");
	close_cell(&c);
	kind_close(&c.m);
}

struct row {
	const struct kind_source *source;
	struct kind_table *table;
	size_t event;
};

/*
 * On one processor: pages that another one has just made are in a list of its
 * own for a while, where reclaim does not look.
 */
static bool fill_row(void *opaque)
{
	const struct row *row = opaque;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	for (size_t k = 0; k < nkinds; k++)
		run_cell(row->source, row->event, k,
			 row->table->cell[row->event][k]);
	return true;
}

struct kind_table *kind_table_run(const struct kind_source *source,
				  bool as_nobody)
{
	struct kind_table *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(t, MAP_FAILED);
	assert_true(nevents <= MAX_EVENTS && nkinds <= MAX_KINDS);
	for (size_t e = 0; e < nevents; e++) {
		struct row row = {source, t, e};

		/* a child for each returns all memory as it ends */
		run_as(as_nobody, fill_row, &row);
	}
	return t;
}

void kind_table_free(struct kind_table *table)
{
	munmap(table, sizeof(*table));
}

/* @got is @wanted, or more of it is reported. */
static bool is_at_least(const char *got, const char *wanted)
{
	size_t i = 0;

	while (wanted[i] &&
	       (got[i] == wanted[i] || (got[i] == 'o' && wanted[i] == '.')))
		i++;
	return !wanted[i] && (!got[i] || !strcmp(got + i, " and others"));
}

static bool is_right(const struct kind_source *source, const char *got,
		     size_t e, size_t k, bool as_nobody)
{
	const char *wanted = source->expected(e, k, as_nobody);
	const char *older = events[e].older[k];

	return !strcmp(got, wanted) || (older && !strcmp(got, older)) ||
	       (source->is_coarse && is_at_least(got, wanted));
}

static int compare_row(const struct kind_source *source,
		       const struct kind_table *t, size_t e, bool as_nobody,
		       bool hugetlb)
{
	int nwrong = 0;

	if (events[e].exists && !events[e].exists())
		return 0;
	for (size_t k = 0; k < nkinds; k++) {
		const char *wanted = source->expected(e, k, as_nobody);

		if (kind_is_hugetlb(&kinds[k]) != hugetlb ||
		    is_right(source, t->cell[e][k], e, k, as_nobody))
			continue;
		print_error("%s, %s%s: %s, wanted %s\n", kinds[k].name,
			    events[e].name, as_nobody ? ", as nobody" : "",
			    t->cell[e][k], wanted);
		nwrong++;
	}
	return nwrong;
}

static void need_huge_pages(void)
{
	struct kind_memory m;

	for (size_t k = 0; k < nkinds; k++) {
		if (!kind_is_hugetlb(&kinds[k]))
			continue;
		if (!kind_open(&m, &kinds[k]))
			test_skip_without("hugetlbfs",
					  "8 huge pages of 2 MiB are not to be "
					  "had");
		kind_close(&m);
	}
}

void kind_table_check(const struct kind_source *source, bool as_nobody,
		      bool hugetlb)
{
	struct kind_table *t;
	int nwrong = 0;

	if (hugetlb)
		need_huge_pages();
	t = kind_table_run(source, as_nobody);
	for (size_t e = 0; e < nevents; e++)
		nwrong += compare_row(source, t, e, as_nobody, hugetlb);
	kind_table_free(t);
	assert_int_equal(nwrong, 0);
}
