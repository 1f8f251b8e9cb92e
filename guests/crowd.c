/* SPDX-License-Identifier: MIT */
/*
 * crowd: a guest whose vCPUs all write and check memory, each a part of its
 * own. pages.h describes the writes and the errors. Besides, all of them
 * increment one counter, once per pass, which must add up.
 *
 * Command line: that of pages.h, and passes=N (0: for ever). A vCPU halts after
 * its last pass; the first one waits for the others.
 *
 * Serial output, by the first vCPU, one line each (errors is the total so far):
 *   crowd: ready pages N vcpus V
 *   crowd: pass P pages VISITED errors E
 *   crowd: done passes P errors E
 */
#include <stdatomic.h>

#include "pages.h"

const char guest_name[] = "crowd";

/* One per vCPU, on a page of its own. */
struct member {
	struct pages pages;
	_Atomic uint64_t passes; /* done; all its writes come before */
	_Atomic bool is_ready;
} __attribute__((aligned(4096)));

static struct member members[GUEST_MAX_VCPUS];
static _Atomic uint64_t counter;
static _Atomic bool is_configured, may_begin;
static uint64_t npasses; /* 0: for ever */

static void wait_for(_Atomic bool *flag)
{
	/* Acquire: pairs with the release in set. */
	while (!atomic_load_explicit(flag, memory_order_acquire))
		__asm__ volatile("pause");
}

static void set(_Atomic bool *flag)
{
	/* Release: pairs with the acquire in wait_for. */
	atomic_store_explicit(flag, true, memory_order_release);
}

static uint64_t passes_of(struct member *member)
{
	/* Acquire: pairs with the release in do_pass. */
	return atomic_load_explicit(&member->passes, memory_order_acquire);
}

static void do_pass(struct member *member, uint64_t pass)
{
	pages_pass(&member->pages, pass);
	/* Relaxed: only the sum counts. */
	atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
	/* Release: pairs with the acquire in passes_of. */
	atomic_store_explicit(&member->passes, pass, memory_order_release);
}

void guest_secondary(uint32_t vcpu)
{
	struct member *member = &members[vcpu];
	uint64_t pass = 0;

	wait_for(&is_configured);
	pages_start(&member->pages);
	set(&member->is_ready);
	wait_for(&may_begin);
	do {
		do_pass(member, ++pass);
	} while (pass != npasses);
}

static void configure(const char *cmdline, uint64_t ram_bytes,
		      struct pages *pages)
{
	struct guest_word word;

	pages_init(pages);
	while (guest_next_word(&cmdline, &word)) {
		if (guest_is(word.key, word.key_len, "passes"))
			npasses = guest_number(&word, false);
		else if (!pages_apply(pages, &word, ram_bytes))
			guest_refuse("unknown parameter", word.key,
				     word.key_len);
	}
}

/* Each vCPU has an equal part of the pages and of the rate. */
static void share_out(const struct pages *all)
{
	for (uint32_t i = 0; i < guest_nvcpus; i++) {
		struct pages *pages = &members[i].pages;

		*pages = *all;
		pages->npages = all->npages / guest_nvcpus;
		pages->first_page = i * pages->npages;
		pages->rate_pps = all->rate_pps / guest_nvcpus;
		if (all->rate_pps && !pages->rate_pps)
			pages->rate_pps = 1;
	}
}

static uint64_t count_errors(void)
{
	uint64_t errors = 0;

	for (uint32_t i = 0; i < guest_nvcpus; i++)
		errors += members[i].pages.errors;
	return errors;
}

static void check_counter(void)
{
	/* Relaxed: the passes of all members were waited for. */
	uint64_t found = atomic_load_explicit(&counter, memory_order_relaxed);

	if (found == npasses * guest_nvcpus)
		return;
	members[0].pages.errors++;
	guest_begin_error("counter");
	guest_end_error(" expected ", npasses * guest_nvcpus, found);
}

static _Noreturn void finish(void)
{
	uint64_t errors;

	for (uint32_t i = 1; i < guest_nvcpus; i++)
		while (passes_of(&members[i]) != npasses)
			__asm__ volatile("pause");
	check_counter();
	errors = count_errors();
	guest_tell((struct guest_count[]){
		{"done passes", npasses}, {"errors", errors}, {0}});
	guest_finish(errors);
}

void guest_main(const char *cmdline, uint64_t ram_bytes)
{
	struct pages all;
	uint64_t pass = 0;

	configure(cmdline, ram_bytes, &all);
	share_out(&all);
	set(&is_configured);
	pages_start(&members[0].pages);
	for (uint32_t i = 1; i < guest_nvcpus; i++)
		wait_for(&members[i].is_ready);
	guest_tell((struct guest_count[]){
		{"ready pages", all.npages}, {"vcpus", guest_nvcpus}, {0}});
	set(&may_begin);
	do {
		do_pass(&members[0], ++pass);
		guest_tell((struct guest_count[]){
			{"pass", pass},
			{"pages", members[0].pages.visited},
			{"errors", count_errors()},
			{0}});
	} while (pass != npasses);
	finish();
}
