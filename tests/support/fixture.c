/* SPDX-License-Identifier: MIT */
/*
 * Creates the objects, each after those that it uses, and destroys them in the
 * opposite order.
 */
#include "fixture.h"

#include "fake_source.h"

void fixture_open(struct fixture *f, uint64_t npages)
{
	*f = (struct fixture){0};
	assert_int_equal(smudge_memory_create(&f->memory), 0);
	f->region = fake_region(f->memory, 0, npages);
	assert_int_equal(smudge_batch_create(1, &f->batch, NULL), 0);
}

void fixture_close(struct fixture *f)
{
	assert_int_equal(smudge_batch_destroy(f->batch), 0);
	assert_int_equal(smudge_client_close(f->client), 0);
	assert_int_equal(smudge_memory_destroy(f->memory, NULL), 0);
}

int fixture_set_up(void **state)
{
	static struct fixture fixture;

	fixture_open(&fixture, FIXTURE_PAGES);
	fixture_watch(&fixture, false);
	*state = &fixture;
	return 0;
}

int fixture_tear_down(void **state)
{
	fixture_close(*state);
	return 0;
}

void fixture_watch(struct fixture *f, bool is_clean)
{
	f->client = fake_client(f->memory, "fixture", is_clean);
}

void fixture_unwatch(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	f->client = NULL;
}

struct smudge_client *fixture_open_quiesced(struct fixture *f)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = "quiesced",
		.rearm_policy = SMUDGE_REARM_QUIESCED,
	};
	struct smudge_client *client = NULL;

	assert_int_equal(smudge_client_open(f->memory, &options, &client, NULL),
			 0);
	return client;
}

void fixture_attach(struct fixture *f, struct smudge_source *source)
{
	assert_int_equal(smudge_region_attach(f->region, source, 0, 0, NULL),
			 0);
}

void fixture_harvest(struct fixture *f)
{
	assert_int_equal(smudge_memory_harvest(f->memory, NULL), 0);
}

void fixture_harvest_quiesced(struct fixture *f)
{
	assert_int_equal(smudge_memory_harvest_quiesced(f->memory, NULL), 0);
}

void fixture_look(struct fixture *f)
{
	assert_int_equal(smudge_memory_look(f->memory, NULL), 0);
}

int fixture_take(struct fixture *f, uint64_t first_page, uint64_t npages,
		 struct smudge_error *err)
{
	return smudge_client_take(f->client, f->region, first_page, npages,
				  f->batch, err);
}
