/* SPDX-License-Identifier: MIT */
/*
 * A dirty ring feeds three regions through a hub, live: virtual CPUs store and
 * drain their full rings themselves, a device writes pinned pages, two clients
 * take, two threads harvest and look, regions leave and come back.
 *
 * The oracle is naive: each client copies the content of what it takes. A page
 * that differs from the copy and is clean must be dirty after the next harvest
 * or look of its region, and at the end nothing differs. Broken writes are
 * counted, so that the same test shows that mutants lose some.
 */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <smudge/bitmap.h>

#include "ring_world.h"

#define NWRITERS     RING_DEVICE
#define NEPISODES    8
#define NROUNDS	     60
#define MAX_EPISODES 100 /* until something is checked, or a mutant noticed */

/*
 * A harvest collects and then takes what is pending. Between the two, other
 * threads may collect, so takes wait for them here.
 */
int __real_smudge_bitmap_take(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t npages, struct smudge_batch *batch);
int __wrap_smudge_bitmap_take(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t npages, struct smudge_batch *batch);

static _Thread_local bool is_harvesting;

int __wrap_smudge_bitmap_take(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t npages, struct smudge_batch *batch)
{
	if (is_harvesting)
		usleep(100);
	return __real_smudge_bitmap_take(bitmap, first_page, npages, batch);
}

/* What a run saw. */
struct outcome {
	uint64_t nlost, nsuspects, nfull;
};

struct thread {
	pthread_t id;
	struct world *world;
	struct test_rng rng;
	unsigned int index;
};

static bool goes_on(struct world *w)
{
	/* Relaxed: it only ends loops. */
	return !atomic_load_explicit(&w->stop, memory_order_relaxed);
}

/* Few pages are hot, so that they are written again and again. */
static uint64_t random_page(struct test_rng *rng, unsigned int slot)
{
	uint64_t n = world_slot_pages[slot];

	return test_rng_below(rng, test_rng_below(rng, 2) ? n : 20);
}

static void *store_pages(void *opaque)
{
	struct thread *t = opaque;
	struct world *w = t->world;

	for (uint64_t n = 0; goes_on(w); n++) {
		unsigned int slot =
			(unsigned int)test_rng_below(&t->rng, RING_NSLOTS);

		ring_store(&w->machine, t->index, slot,
			   random_page(&t->rng, slot));
		if (n % 32 == 0)
			sched_yield();
		/* The first fills its ring, the others seldom do. */
		if (t->index && n % 4 == 0)
			usleep(50);
	}
	return NULL;
}

/* Only a client that lets quiesced harvests alone re-arm is right with it. */
static void *do_pinned_io(void *opaque)
{
	struct thread *t = opaque;
	struct world *w = t->world;

	while (goes_on(w)) {
		unsigned int slot =
			(unsigned int)test_rng_below(&t->rng, RING_NSLOTS);
		uint64_t page = random_page(&t->rng, slot);

		pthread_rwlock_rdlock(&w->io);
		ring_pin(&w->machine, slot, page);
		usleep((useconds_t)test_rng_below(&t->rng, 300));
		ring_write_pinned(&w->machine, slot, page);
		pthread_rwlock_unlock(&w->io);
		usleep(50);
	}
	return NULL;
}

static void expect_ok(int ret, const struct smudge_error *err)
{
	if (ret != 0)
		fail_msg("error %d: %s", ret, err->message);
}

/* A harvest, a look or a quiesced harvest of one region. */
static void report_region(struct world *w, unsigned int slot, uint64_t how)
{
	struct smudge_region *region = w->regions[slot];
	struct smudge_error err = {0};

	if (!region)
		return;
	atomic_store_explicit(&w->machine.harvested_slot, slot,
			      memory_order_relaxed);
	is_harvesting = true;
	if (how == 0)
		expect_ok(smudge_region_look(region, &err), &err);
	else
		expect_ok(smudge_region_harvest(region, &err), &err);
	is_harvesting = false;
}

static void *report_regions(void *opaque)
{
	struct thread *t = opaque;
	struct world *w = t->world;

	while (goes_on(w)) {
		unsigned int slot =
			(unsigned int)test_rng_below(&t->rng, RING_NSLOTS);

		pthread_rwlock_rdlock(&w->life[slot]);
		report_region(w, slot, test_rng_below(&t->rng, 4));
		pthread_rwlock_unlock(&w->life[slot]);
		usleep(200);
	}
	return NULL;
}

/* Its entries stay in the rings; its source may end too. */
static void change_region(struct world *w, unsigned int slot)
{
	pthread_rwlock_wrlock(&w->life[slot]);
	if (w->regions[slot]) {
		assert_int_equal(smudge_region_remove(w->regions[slot], NULL),
				 0);
		w->regions[slot] = NULL;
	} else {
		if (test_rng_below(&w->rng, 2)) {
			ring_leave(&w->machine, slot);
			ring_join(&w->machine, slot);
		}
		world_add_region(w, slot);
	}
	pthread_rwlock_unlock(&w->life[slot]);
	for (int i = 0; i < WORLD_NWATCHES; i++)
		memset(w->watches[i].suspect[slot], 0,
		       sizeof(w->watches[i].suspect[slot]));
}

/* While no I/O is in flight. */
static void harvest_quiesced(struct world *w)
{
	struct smudge_error err = {0};

	pthread_rwlock_wrlock(&w->io);
	expect_ok(smudge_memory_harvest_quiesced(w->memory, &err), &err);
	pthread_rwlock_unlock(&w->io);
}

static void report_memory(struct world *w)
{
	struct smudge_error err = {0};
	uint64_t how = test_rng_below(&w->rng, 8);

	if (how == 0)
		harvest_quiesced(w);
	else if (how < 3)
		expect_ok(smudge_memory_look(w->memory, &err), &err);
	else
		expect_ok(smudge_memory_harvest(w->memory, &err), &err);
}

static void one_round(struct world *w)
{
	unsigned int slot = (unsigned int)test_rng_below(&w->rng, RING_NSLOTS);

	if (test_rng_below(&w->rng, 3) == 0) {
		report_region(w, slot, test_rng_below(&w->rng, 3));
		world_check_suspects(w, slot);
	} else {
		report_memory(w);
		for (unsigned int s = 0; s < RING_NSLOTS; s++)
			world_check_suspects(w, s);
	}
	world_take_all(w, &w->watches[0]);
	world_take_some(w, &w->watches[1]);
	usleep(100); /* writers run */
	for (unsigned int s = 0; s < RING_NSLOTS; s++)
		world_find_suspects(w, s);
	if (test_rng_below(&w->rng, 10) == 0)
		change_region(w, slot);
}

static void start(struct world *w, struct thread *t, unsigned int n)
{
	atomic_init(&w->stop, false);
	for (unsigned int i = 0; i < n; i++) {
		t[i].world = w;
		t[i].index = i;
		t[i].rng.state = test_rng_next(&w->rng);
		assert_int_equal(pthread_create(&t[i].id, NULL,
						i < NWRITERS	? store_pages
						: i == NWRITERS ? report_regions
								: do_pinned_io,
						&t[i]),
				 0);
	}
}

/* Every writer has stopped: the last harvest and take, and nothing differs. */
static void finish(struct world *w)
{
	harvest_quiesced(w);
	for (unsigned int s = 0; s < RING_NSLOTS; s++)
		world_check_suspects(w, s);
	for (int i = 0; i < WORLD_NWATCHES; i++)
		world_take_all(w, &w->watches[i]);
	world_compare(w);
}

static void run(struct test_rng *rng, enum ring_mutant mutant, bool is_quiesced,
		struct outcome *sum)
{
	static struct world w; /* large */
	struct thread threads[NWRITERS + 2];
	unsigned int n = NWRITERS + 1 + is_quiesced;
	memset(&w, 0, sizeof(w));
	w.is_quiesced = is_quiesced;
	w.rng.state = test_rng_next(rng);
	world_open(&w, mutant);
	start(&w, threads, n);
	for (int round = 0; round < NROUNDS; round++)
		one_round(&w);
	atomic_store_explicit(&w.stop, true, memory_order_relaxed);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i].id, NULL);
	finish(&w);
	sum->nlost += w.nlost;
	sum->nsuspects += w.nsuspects;
	sum->nfull += w.machine.nfull;
	world_close(&w);
}

/* Until there was something to check, which a busy machine may delay. */
static bool is_needed(const struct outcome *sum, int episode)
{
	return episode < NEPISODES ||
	       (episode < MAX_EPISODES && (!sum->nsuspects || !sum->nfull));
}

static void expect_right(const char *name, bool is_quiesced)
{
	struct test_rng rng = test_rng_start(name);
	struct outcome sum = {0, 0, 0};

	for (int i = 0; is_needed(&sum, i); i++) {
		run(&rng, RING_RIGHT, is_quiesced, &sum);
		assert_int_equal(sum.nlost, 0);
	}
	assert_true(sum.nsuspects > 0);
	assert_true(sum.nfull > 0);
}

static void test_always(void **state)
{
	expect_right("ring, each harvest re-arms", false);
}

/* With pinned I/O in flight. */
static void test_quiesced(void **state)
{
	expect_right("ring, quiesced harvests re-arm", true);
}

/* The test notices collectors that lose writes. */
static void expect_noticed(enum ring_mutant mutant, const char *name)
{
	struct test_rng rng = test_rng_start(name);
	struct outcome sum = {0, 0, 0};

	for (int i = 0; i < MAX_EPISODES && !sum.nlost; i++)
		run(&rng, mutant, false, &sum);
	assert_true(sum.nlost > 0);
}

static void test_posts_first(void **state)
{
	expect_noticed(RING_POSTS_FIRST, "mutant: posts, then re-arms");
}

static void test_drops_others(void **state)
{
	expect_noticed(RING_DROPS_OTHERS, "mutant: drops other regions'");
}

static void test_drops_full(void **state)
{
	expect_noticed(RING_DROPS_FULL, "mutant: drops full rings'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always),
		cmocka_unit_test(test_quiesced),
		cmocka_unit_test(test_posts_first),
		cmocka_unit_test(test_drops_others),
		cmocka_unit_test(test_drops_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
