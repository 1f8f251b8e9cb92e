/* SPDX-License-Identifier: MIT */
/*
 * The threads that write and the threads that use the memory. The screen has a
 * line per page, so that line Y is page Y; the counter's place in it differs
 * from page to page.
 */
#include "clients_live.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>

#include <smudge/code.h>
#include <smudge/display.h>

#include "fake_source.h"
#include "loss.h"
#include "racing.h"

#define NPAGES	 1000
#define PIXELS	 1024
#define NWRITERS 2
#define NUSERS	 3
#define EVERY	 20000 /* writes, then one waits for all users */

struct user;

struct live {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *uffd; /* NULL: the writers mark */
	uint32_t *pixels;
	struct loss loss;
	struct user *users; /* [NUSERS] */
	atomic_ullong nwrites;
};

/* A user on its thread; what went wrong is read when it has ended. */
struct user {
	struct live *live;
	int (*pass)(struct user *user);
	pthread_t thread;
	struct test_rng rng;
	struct loss_viewer viewer;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct smudge_display *display;
	struct smudge_code *code;
	atomic_ullong npasses; /* the last one is UINT64_MAX */
	uint64_t nall, nbroken, nmissing, ncopied, page;
	int error;
};

static uint64_t place_of(uint64_t page)
{
	return page * PIXELS + page * 37 % PIXELS;
}

static void saw(struct user *user, uint64_t page, uint32_t value)
{
	user->viewer.copied[page] = value;
	user->viewer.last_pass[page] = user->viewer.pass;
}

static void copy(struct user *user, uint64_t page)
{
	saw(user, page, racing_load(&user->live->pixels[place_of(page)]));
}

/* Slow enough that the users work meanwhile. */
static void wait_for_users(struct live *live)
{
	for (int i = 0; i < NUSERS; i++) {
		atomic_ullong *npasses = &live->users[i].npasses;
		unsigned long long before =
			atomic_load_explicit(npasses, memory_order_relaxed);

		while (before != UINT64_MAX &&
		       atomic_load_explicit(npasses, memory_order_relaxed) ==
			       before)
			sched_yield();
	}
}

/* After it the page is written, and marked unless it is seen. */
static void write_page(void *opaque, uint64_t first_page, uint64_t npages)
{
	struct live *live = opaque;
	uint32_t value = atomic_load_explicit(&live->loss.content[first_page],
					      memory_order_relaxed);
	unsigned long long nwrites;

	racing_store(&live->pixels[place_of(first_page)], value);
	if (!live->uffd)
		smudge_region_mark(live->region, first_page, npages);
	nwrites = atomic_fetch_add_explicit(&live->nwrites, 1,
					    memory_order_relaxed);
	if (nwrites % EVERY == 0)
		wait_for_users(live);
}

/* Windows, some returned first, as a migration whose line breaks. */
static int migrate(struct user *user)
{
	struct live *live = user->live;
	int ret = smudge_memory_harvest(live->memory, NULL);
	uint64_t at = 0;

	while (at < NPAGES && !ret) {
		uint64_t n = 1 + test_rng_below(&user->rng, NPAGES - at);

		ret = smudge_client_take(user->client, live->region, at, n,
					 user->batch, NULL);
		if (ret)
			break;
		if (test_rng_below(&user->rng, 4) == 0) {
			ret = smudge_client_return(user->client, user->batch);
			continue;
		}
		at = smudge_batch_end_page(user->batch);
		for (size_t i = 0; i < smudge_batch_nruns(user->batch); i++) {
			struct smudge_run run =
				smudge_batch_run(user->batch, i);

			for (uint64_t p = 0; p < run.npages; p++)
				copy(user, run.first_page + p);
		}
		ret = smudge_client_commit(user->client, user->batch);
	}
	return ret;
}

static int refresh(struct user *user)
{
	struct smudge_rect rects[8];
	const uint32_t *frame;
	size_t n;
	int ret = smudge_display_refresh(user->display, rects, 8, &n, NULL);

	frame = smudge_display_frame(user->display, NULL);
	for (uint64_t page = 0; page < NPAGES; page++) {
		uint32_t value = frame[place_of(page)];

		if (value != user->viewer.copied[page])
			saw(user, page, value);
	}
	return ret;
}

/* Read the code, add its block, and repeat both on -EAGAIN. */
static int translate(struct user *user, uint64_t page)
{
	uint64_t since;
	int ret;

	do {
		since = smudge_code_now(user->code);
		copy(user, page);
		ret = smudge_code_add(user->code, page << 12, 100, since, NULL);
	} while (ret == -EAGAIN);
	return ret;
}

static int translate_stale(struct user *user)
{
	struct smudge_code_range ranges[16];
	int ret = smudge_memory_harvest(user->live->memory, NULL);
	size_t n;

	do {
		n = smudge_code_stale(user->code, ranges, 16);
		for (size_t i = 0; i < n && !ret; i++) {
			uint64_t page = ranges[i].gpa >> 12;
			uint64_t end = page + (ranges[i].length_bytes >> 12);

			for (; page < end && !ret; page++)
				ret = translate(user, page);
		}
	} while (n && !ret);
	/* dropped by the translator, and translated anew */
	smudge_code_forget(user->code, user->nall % NPAGES << 12, 1);
	return ret ? ret : translate(user, user->nall % NPAGES);
}

static void *user_main(void *opaque)
{
	struct user *user = opaque;
	struct loss *loss = &user->live->loss;
	bool is_last = false;

	loss_viewer_init(&user->viewer, loss);
	for (uint64_t p = 0; user->code && p < NPAGES && !user->error; p++)
		user->error = translate(user, p);
	while (!user->error && !is_last) {
		/* after the last write there is one pass more */
		is_last = !loss_is_running(loss);
		loss_viewer_begin(&user->viewer);
		user->error = user->pass(user);
		user->nbroken += loss_viewer_end(&user->viewer, &user->page);
		atomic_store_explicit(&user->npasses, ++user->nall,
				      memory_order_relaxed);
	}
	atomic_store_explicit(&user->npasses, UINT64_MAX, memory_order_relaxed);
	user->nmissing = loss_viewer_missing(&user->viewer, &user->page);
	user->ncopied = loss_viewer_copied(&user->viewer);
	loss_viewer_free(&user->viewer);
	return NULL;
}

static void start(struct live *live, bool with_uffd)
{
	size_t bytes = (size_t)NPAGES << 12;
	struct smudge_region_options options = {
		.size = sizeof(options), .name = "vram", .size_bytes = bytes};

	live->pixels = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(live->pixels != MAP_FAILED);
	options.hva = live->pixels;
	assert_int_equal(smudge_memory_create(&live->memory), 0);
	assert_int_equal(
		smudge_region_add(live->memory, &options, &live->region, NULL),
		0);
	if (!with_uffd)
		return;
	assert_int_equal(smudge_uffd_create(&live->uffd, NULL), 0);
	assert_int_equal(
		smudge_region_attach(live->region, live->uffd, 0, 0, NULL), 0);
}

static void open_users(struct live *live, struct user users[NUSERS])
{
	const struct smudge_display_mode mode = {
		.size = sizeof(mode),
		.stride_bytes = PIXELS * 4,
		.width = PIXELS,
		.height = NPAGES,
	};
	/* writers that mark need no source, as in an emulator */
	const struct smudge_code_options options = {.size = sizeof(options),
						    .marks_only = !live->uffd};

	users[0].pass = migrate;
	users[0].client = fake_client(live->memory, "migrate", false);
	assert_int_equal(smudge_batch_create(0, &users[0].batch, NULL), 0);
	users[1].pass = refresh;
	assert_int_equal(smudge_display_open(live->memory, live->region, &mode,
					     &users[1].display, NULL),
			 0);
	users[2].pass = translate_stale;
	assert_int_equal(
		smudge_code_open(live->memory, &options, &users[2].code, NULL),
		0);
}

static void close_all(struct live *live, struct user users[NUSERS])
{
	assert_int_equal(smudge_batch_destroy(users[0].batch), 0);
	assert_int_equal(smudge_client_close(users[0].client), 0);
	smudge_display_close(users[1].display);
	smudge_code_close(users[2].code);
	assert_int_equal(fake_stats(live->memory).nclients, 0);
	assert_int_equal(fake_stats(live->memory).bitmap_bytes, 0);
	assert_int_equal(fake_stats(live->memory).nsources_running, 0);
	smudge_source_destroy(live->uffd);
	assert_int_equal(smudge_memory_destroy(live->memory, NULL), 0);
	munmap(live->pixels, (size_t)NPAGES << 12);
}

static void check_user(struct user *user, uint64_t nwrites)
{
	static const char *const names[NUSERS] = {"migration", "display",
						  "code"};
	const char *name = names[user->client ? 0 : user->display ? 1 : 2];

	assert_int_equal(user->error, 0);
	if (user->nbroken || user->nmissing || user->ncopied != nwrites)
		fail_msg("%s: %llu times late, %llu pages missing, %llu of "
			 "%llu writes seen, one is of page %llu",
			 name, (unsigned long long)user->nbroken,
			 (unsigned long long)user->nmissing,
			 (unsigned long long)user->ncopied,
			 (unsigned long long)nwrites,
			 (unsigned long long)user->page);
	fprintf(stderr, "# %s: %llu writes in %llu passes\n", name,
		(unsigned long long)nwrites, (unsigned long long)user->nall);
}

void clients_live_run(const char *name, bool with_uffd, uint64_t nmarks,
		      uint64_t total)
{
	struct test_rng rng = test_rng_start(name);
	struct user users[NUSERS] = {0};
	struct live live = {.users = users};

	live.loss = (struct loss){
		.npages = NPAGES,
		.nmarkers = NWRITERS,
		.nmarks = loss_marks(nmarks, total) / NWRITERS,
		.seed = test_rng_next(&rng),
		.mark = write_page,
		.opaque = &live,
	};
	start(&live, with_uffd);
	open_users(&live, users);
	loss_start(&live.loss);
	for (int i = 0; i < NUSERS; i++) {
		users[i].live = &live;
		users[i].rng.state = test_rng_next(&rng);
		assert_int_equal(pthread_create(&users[i].thread, NULL,
						user_main, &users[i]),
				 0);
	}
	while (loss_is_running(&live.loss)) {
		struct smudge_client *guest =
			fake_client(live.memory, "guest", false);

		fake_take(guest, live.region);
		assert_int_equal(smudge_client_close(guest), 0);
	}
	loss_join(&live.loss);
	for (int i = 0; i < NUSERS; i++)
		pthread_join(users[i].thread, NULL);
	for (int i = 0; i < NUSERS; i++)
		check_user(&users[i], live.loss.nwrites);
	loss_free(&live.loss);
	close_all(&live, users);
}
