/* SPDX-License-Identifier: MIT */
/*
 * Two clients of one KVM slot take at different times. In manual mode each take
 * clears in the kernel; none may remove a write from the log that the other
 * client has not received. Every interleaving is built store by store.
 */
#include <stdio.h>

#include "kvm_track.h"

#define NPAGES 300
#define PAGE   130

struct fixture {
	struct kvm_track k;
	struct smudge_client *a;
	struct smudge_client *b;
};

static void open_fixture(struct fixture *f, enum smudge_kvm_log_mode mode)
{
	kvm_track_open(&f->k, mode, NPAGES, 0, 12);
	f->a = kvm_track_clean_client(&f->k, "a");
	f->b = track_client(&f->k.track, "b");
	track_clean(&f->k.track, f->b);
}

static void close_fixture(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->a), 0);
	assert_int_equal(smudge_client_close(f->b), 0);
	kvm_track_close(&f->k);
}

static bool is_dirty(struct fixture *f, struct smudge_client *client)
{
	return smudge_client_test(client, f->k.track.region, PAGE);
}

static uint64_t take(struct fixture *f, struct smudge_client *client)
{
	return track_take(&f->k.track, client, PAGE, 1);
}

static void store(struct fixture *f, uint32_t value)
{
	tiny_vm_store(&f->k.vm, PAGE, value);
}

/* The case that clearing what was taken, unmasked, gets wrong. */
static void late_taker(enum smudge_kvm_log_mode mode)
{
	struct fixture f;

	open_fixture(&f, mode);
	store(&f, 1);
	track_harvest(&f.k.track);
	assert_int_equal(take(&f, f.a), 1);
	store(&f, 2); /* after a's take, known to the kernel alone */
	assert_int_equal(take(&f, f.b), 1);
	track_harvest(&f.k.track);
	assert_true(is_dirty(&f, f.a));
	assert_true(is_dirty(&f, f.b));
	assert_int_equal(take(&f, f.a), 1);
	assert_int_equal(take(&f, f.b), 1);
	track_harvest(&f.k.track);
	track_expect_none(&f.k.track, f.a);
	track_expect_none(&f.k.track, f.b);
	close_fixture(&f);
}

/* Written between harvest and take: the take clears it, the other has it. */
static void written_before_the_take(enum smudge_kvm_log_mode mode)
{
	struct fixture f;

	open_fixture(&f, mode);
	store(&f, 1);
	track_harvest(&f.k.track);
	store(&f, 2);
	assert_int_equal(take(&f, f.a), 1); /* a reads 2 */
	assert_true(is_dirty(&f, f.b));
	track_harvest(&f.k.track);
	assert_int_equal(take(&f, f.b), 1); /* b reads 2 */
	store(&f, 3);
	track_harvest(&f.k.track);
	assert_true(is_dirty(&f, f.a));
	assert_true(is_dirty(&f, f.b));
	close_fixture(&f);
}

/* A harvest between the takes reports what b's take would have hidden. */
static void harvest_between(enum smudge_kvm_log_mode mode)
{
	struct fixture f;

	open_fixture(&f, mode);
	store(&f, 1);
	track_harvest(&f.k.track);
	assert_int_equal(take(&f, f.a), 1);
	store(&f, 2);
	track_harvest(&f.k.track);
	assert_int_equal(take(&f, f.b), 1); /* clears, a has its bit */
	assert_true(is_dirty(&f, f.a));
	store(&f, 3);
	assert_int_equal(take(&f, f.a), 1); /* clears nothing */
	track_harvest(&f.k.track);
	assert_true(is_dirty(&f, f.a));
	assert_true(is_dirty(&f, f.b));
	close_fixture(&f);
}

/* A client that comes late owes nothing and loses nothing. */
static void client_opened_between(enum smudge_kvm_log_mode mode)
{
	struct smudge_client *c;
	struct fixture f;

	open_fixture(&f, mode);
	store(&f, 1);
	track_harvest(&f.k.track);
	c = track_client(&f.k.track, "c");
	assert_int_equal(take(&f, f.a), 1);
	store(&f, 2);
	assert_int_equal(take(&f, c), 1);
	track_harvest(&f.k.track);
	assert_true(is_dirty(&f, f.a));
	assert_true(is_dirty(&f, f.b));
	assert_true(is_dirty(&f, c));
	assert_int_equal(smudge_client_close(c), 0);
	close_fixture(&f);
}

/* Returned: dirty again for its client, armed or not in the kernel. */
static void returned_batch(enum smudge_kvm_log_mode mode)
{
	struct track *t;
	struct fixture f;

	open_fixture(&f, mode);
	t = &f.k.track;
	store(&f, 1);
	track_harvest(t);
	assert_int_equal(
		smudge_client_take(f.a, t->region, 0, NPAGES, t->batch, NULL),
		0);
	store(&f, 2);
	assert_int_equal(smudge_client_return(f.a, t->batch), 0);
	assert_true(is_dirty(&f, f.a));
	assert_int_equal(take(&f, f.a), 1);
	track_harvest(t);
	assert_true(is_dirty(&f, f.a));
	assert_true(is_dirty(&f, f.b));
	close_fixture(&f);
}

static const struct {
	const char *name;
	void (*run)(enum smudge_kvm_log_mode mode);
} cases[] = {
	{"late taker", late_taker},
	{"written before the take", written_before_the_take},
	{"harvest between", harvest_between},
	{"client opened between", client_opened_between},
	{"returned batch", returned_batch},
};

static void run_all(enum smudge_kvm_log_mode mode)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fprintf(stderr, "# %s\n", cases[i].name);
		cases[i].run(mode);
	}
}

static void test_legacy(void **state)
{
	run_all(SMUDGE_KVM_LOG_LEGACY);
}

static void test_manual(void **state)
{
	run_all(SMUDGE_KVM_LOG_MANUAL);
}

TEST_MAIN(test_legacy, test_manual)
