/* SPDX-License-Identifier: MIT */
/*
 * A child of fork(2): what the parent created fails with -EPERM and a sentence,
 * also if a thread that the child does not have held the locks. The child's own
 * objects work, and the parent's tracking continues.
 */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "fake_source.h"
#include "fixture.h"

#define NPAGES 64
#define FORKS  50

struct world {
	struct fixture f;
	struct fake_source fake, other;
	struct smudge_display *display;
	struct smudge_code *code;
	struct smudge_hub *hub;
};

typedef int call(struct world *w, struct smudge_error *err);

static int client_open(struct world *w, struct smudge_error *err)
{
	struct smudge_client_options o = {.size = sizeof(o), .name = "child"};
	struct smudge_client *client;

	return smudge_client_open(w->f.memory, &o, &client, err);
}

static int client_take(struct world *w, struct smudge_error *err)
{
	return fixture_take(&w->f, 0, NPAGES, err);
}

static int client_take_next(struct world *w, struct smudge_error *err)
{
	struct smudge_run rest = {0, NPAGES};

	return smudge_client_take_next(w->f.client, w->f.region, &rest, 1,
				       w->f.batch, err);
}

static int client_skip(struct world *w, struct smudge_error *err)
{
	return smudge_client_skip(w->f.client, w->f.region, 0, NPAGES, err);
}

static int memory_harvest(struct world *w, struct smudge_error *err)
{
	return smudge_memory_harvest(w->f.memory, err);
}

static int memory_harvest_quiesced(struct world *w, struct smudge_error *err)
{
	return smudge_memory_harvest_quiesced(w->f.memory, err);
}

static int memory_look(struct world *w, struct smudge_error *err)
{
	return smudge_memory_look(w->f.memory, err);
}

static int region_harvest(struct world *w, struct smudge_error *err)
{
	return smudge_region_harvest(w->f.region, err);
}

static int region_harvest_quiesced(struct world *w, struct smudge_error *err)
{
	return smudge_region_harvest_quiesced(w->f.region, err);
}

static int region_look(struct world *w, struct smudge_error *err)
{
	return smudge_region_look(w->f.region, err);
}

static int region_add(struct world *w, struct smudge_error *err)
{
	struct smudge_region_options o = {.size = sizeof(o),
					  .name = "child",
					  .hva = (void *)4096,
					  .gpa = UINT64_C(1) << 40,
					  .size_bytes = 4096};
	struct smudge_region *region;

	return smudge_region_add(w->f.memory, &o, &region, err);
}

static int region_remove(struct world *w, struct smudge_error *err)
{
	return smudge_region_remove(w->f.region, err);
}

static int region_resize(struct world *w, struct smudge_error *err)
{
	return smudge_region_resize(w->f.region, NPAGES / 2, err);
}

static int region_discard(struct world *w, struct smudge_error *err)
{
	return smudge_region_discard(w->f.region, 0, 1, -1, err);
}

static int region_next_populated(struct world *w, struct smudge_error *err)
{
	struct smudge_run run;

	return smudge_region_next_populated(w->f.region, 0, 1, &run, err);
}

static int region_attach(struct world *w, struct smudge_error *err)
{
	return smudge_region_attach(w->f.region, w->other.source, 0, 0, err);
}

static int source_detach(struct world *w, struct smudge_error *err)
{
	return smudge_source_detach(w->fake.source, err);
}

static int memory_destroy(struct world *w, struct smudge_error *err)
{
	return smudge_memory_destroy(w->f.memory, err);
}

static int display_refresh(struct world *w, struct smudge_error *err)
{
	struct smudge_rect rects[4];
	size_t nrects;

	return smudge_display_refresh(w->display, rects, 4, &nrects, err);
}

static int code_add(struct world *w, struct smudge_error *err)
{
	return smudge_code_add(w->code, 8, 8, UINT64_MAX, err);
}

static int hub_collect(struct world *w, struct smudge_error *err)
{
	return smudge_hub_collect(w->hub, err);
}

static int hub_join(struct world *w, struct smudge_error *err)
{
	struct smudge_hub_member_options o = {
		.size = sizeof(o), .npages = 1, .page_shift = 12};
	struct smudge_hub_member *member;
	struct smudge_source *source;

	return smudge_hub_join(w->hub, &o, &source, &member, err);
}

static call *const calls[] = {
	client_open,
	client_take,
	client_take_next,
	client_skip,
	memory_harvest,
	memory_harvest_quiesced,
	memory_look,
	region_harvest,
	region_harvest_quiesced,
	region_look,
	region_add,
	region_remove,
	region_discard,
	region_resize,
	region_attach,
	source_detach,
	memory_destroy,
	display_refresh,
	code_add,
	hub_collect,
	hub_join,
	region_next_populated,
};

#define NCALLS (sizeof(calls) / sizeof(calls[0]))

/* Return: what _exit gets: 0, or the number of the call that is wrong. */
static int inherited(struct world *w)
{
	struct smudge_error err;

	for (size_t i = 0; i < NCALLS; i++) {
		if (calls[i](w, &err) != -EPERM || err.code != -EPERM ||
		    !strstr(err.message,
			    "was created before fork(2), by the parent"))
			return (int)i + 1;
	}
	if (smudge_client_close(w->f.client) != -EPERM)
		return NCALLS + 1;
	/* Marks are free, and lost. */
	smudge_region_mark(w->f.region, 0, NPAGES);
	smudge_memory_mark_gpa(w->f.memory, 0, 4096);
	/* And what is the child's own of a source can be freed. */
	smudge_source_destroy(w->fake.source);
	smudge_source_destroy(w->other.source);
	return w->fake.is_running ? NCALLS + 4 : 0;
}

static int exit_status_of(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The child's own memory works, and a child of the child may not use it. */
static int own_memory(void)
{
	struct fixture f;
	pid_t child;

	fixture_open(&f, NPAGES);
	fixture_watch(&f, true);
	smudge_region_mark(f.region, 3, 1);
	fixture_harvest(&f);
	if (fixture_take(&f, 0, NPAGES, NULL) ||
	    smudge_batch_npages(f.batch) != 1)
		return NCALLS + 2;
	smudge_client_commit(f.client, f.batch);
	child = fork();
	if (!child)
		_exit(smudge_memory_harvest(f.memory, NULL) != -EPERM);
	if (exit_status_of(child))
		return NCALLS + 3;
	fixture_close(&f);
	return 0;
}

static int nothing(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void open_world(struct world *w)
{
	const struct smudge_display_mode mode = {.size = sizeof(mode),
						 .stride_bytes = 256,
						 .width = 64,
						 .height = 64};
	const struct smudge_code_options how = {.size = sizeof(how)};
	const struct smudge_hub_ops ops = {
		.size = sizeof(ops), .name = "hub", .collect = nothing};

	fixture_open(&w->f, NPAGES);
	fake_create(&w->fake, true);
	fake_create(&w->other, true);
	fixture_attach(&w->f, w->fake.source);
	fixture_watch(&w->f, true);
	assert_int_equal(smudge_display_open(w->f.memory, w->f.region, &mode,
					     &w->display, NULL),
			 0);
	assert_int_equal(smudge_code_open(w->f.memory, &how, &w->code, NULL),
			 0);
	assert_int_equal(smudge_code_add(w->code, 8, 8, UINT64_MAX, NULL), 0);
	assert_int_equal(smudge_hub_create(&ops, NULL, &w->hub, NULL), 0);
}

static void close_world(struct world *w)
{
	smudge_hub_destroy(w->hub);
	smudge_code_close(w->code);
	smudge_display_close(w->display);
	fake_destroy(&w->fake);
	fake_destroy(&w->other);
	fixture_close(&w->f);
}

static atomic_bool stop;

/* It often has the locks when the process forks. */
static void *harvest_always(void *memory)
{
	/* Relaxed: it only ends the loop. */
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		if (smudge_memory_harvest(memory, NULL))
			abort();
	}
	return NULL;
}

/* Emulators of programs may take the advice and do nothing. */
static bool children_find_pages_empty(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int kept;

	assert_true(page != MAP_FAILED);
	*page = 1;
	madvise(page, 4096, MADV_WIPEONFORK);
	child = fork();
	if (!child)
		_exit(*page);
	kept = exit_status_of(child);
	munmap(page, 4096);
	return !kept;
}

static void test_fork(void **state)
{
	struct world w = {0};
	pthread_t thread;

	if (!children_find_pages_empty())
		test_skip_without("wipeonfork", "a child is not told apart");
	open_world(&w);
	atomic_init(&stop, false);
	assert_int_equal(
		pthread_create(&thread, NULL, harvest_always, w.f.memory), 0);
	for (int i = 0; i < FORKS; i++) {
		pid_t child = fork();
		int ret;

		if (!child) {
			alarm(120); /* a lock that is never released */
			ret = inherited(&w);
			_exit(ret ? ret : own_memory());
		}
		assert_int_equal(exit_status_of(child), 0);
	}
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	fake_write(&w.fake, 9);
	fixture_harvest(&w.f);
	assert_int_equal(smudge_client_dirty_pages(w.f.client), 1);
	close_world(&w);
}

TEST_MAIN(test_fork)
