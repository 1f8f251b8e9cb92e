/* SPDX-License-Identifier: MIT */
/*
 * Looks at KVM's log. With manual protection a look is exact, and the takes
 * after it clear nothing in the kernel; nothing is lost beside a guest that
 * runs. In legacy mode KVM cannot be asked without re-protecting: looks and
 * quiesced clients are refused, and nothing has changed.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "kvm_track.h"

#define NPAGES	500
#define BEFORE	29
#define NPASSES 60 /* of the guest, each over all pages */

static void store(struct kvm_track *k, uint64_t page)
{
	tiny_vm_store(&k->vm, page, 1);
}

static void test_exact(void **state)
{
	const uint64_t pages[] = {BEFORE, BEFORE + 64, BEFORE + NPAGES - 1};
	struct smudge_client *client;
	struct kvm_track k;

	kvm_track_open(&k, SMUDGE_KVM_LOG_MANUAL, NPAGES, BEFORE, 12);
	client = kvm_track_clean_client(&k, "test");
	track_look(&k.track);
	track_expect_none(&k.track, client);
	for (int i = 0; i < 3; i++)
		store(&k, pages[i] - BEFORE);
	for (int i = 0; i < 3; i++) {
		track_look(&k.track);
		track_expect_pages(&k.track, client, pages, 3);
		track_clean(&k.track, client);
	}
	track_harvest(&k.track);
	track_expect_pages(&k.track, client, pages, 3);
	track_clean(&k.track, client);
	track_look(&k.track);
	track_expect_none(&k.track, client);
	store(&k, 64);
	track_look(&k.track);
	track_expect(&k.track, client, BEFORE + 64);
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

/*
 * Page 3 was harvested and waits for the take that clears it. A look comes
 * between, so the take clears neither it nor what the look gave.
 */
static void test_mixed(void **state)
{
	struct smudge_client *client;
	struct kvm_track k;

	kvm_track_open(&k, SMUDGE_KVM_LOG_MANUAL, NPAGES, 0, 12);
	client = kvm_track_clean_client(&k, "test");
	store(&k, 3);
	track_harvest(&k.track);
	store(&k, 4);
	track_look(&k.track);
	assert_int_equal(track_take(&k.track, client, 0, NPAGES), 2);
	track_harvest(&k.track);
	track_expect(&k.track, client, 3, 4);
	assert_int_equal(track_take(&k.track, client, 0, NPAGES), 2);
	track_harvest(&k.track);
	track_expect_none(&k.track, client);
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

/* It clears at once; takes beside the quiesced client never do. */
static void test_quiesced(void **state)
{
	struct smudge_client *plain, *quiesced;
	struct kvm_track k;

	kvm_track_open(&k, SMUDGE_KVM_LOG_MANUAL, NPAGES, 0, 12);
	plain = kvm_track_clean_client(&k, "plain");
	quiesced =
		track_client_with(&k.track, "quiesced", SMUDGE_REARM_QUIESCED);
	track_harvest_quiesced(&k.track);
	track_clean(&k.track, quiesced);
	store(&k, 7);
	for (int i = 0; i < 2; i++) {
		track_harvest(&k.track);
		track_expect(&k.track, plain, 7);
		track_expect(&k.track, quiesced, 7);
		track_clean(&k.track, plain);
		track_clean(&k.track, quiesced);
	}
	track_harvest_quiesced(&k.track);
	store(&k, 8); /* after it, and known to the kernel alone */
	track_expect(&k.track, plain, 7);
	track_clean(&k.track, plain);
	track_clean(&k.track, quiesced);
	track_harvest(&k.track);
	track_expect(&k.track, plain, 8);
	track_expect(&k.track, quiesced, 8);
	assert_int_equal(smudge_client_close(quiesced), 0);
	assert_int_equal(smudge_client_close(plain), 0);
	kvm_track_close(&k);
}

static void *run_guest(void *opaque)
{
	struct tiny_vm *vm = opaque;

	return tiny_vm_run(vm, 0, NPAGES, 1) ? vm : NULL;
}

static void check_round(struct kvm_track *k, struct watch *w, int n,
			struct test_rng *rng)
{
	uint64_t how = test_rng_below(rng, 6);

	if (how < 3)
		track_look(&k->track);
	else if (how < 5)
		track_harvest(&k->track);
	else
		track_harvest_quiesced(&k->track);
	for (int i = 0; i < n; i++) {
		uint64_t first = test_rng_below(rng, k->track.npages);

		watch_check(&w[i]);
		watch_take(&w[i], i ? first : 0,
			   i ? k->track.npages - first : k->track.npages);
		watch_suspect(&w[i]);
	}
}

static void check_loss(const char *name, enum smudge_rearm_policy second)
{
	struct test_rng rng = test_rng_start(name);
	unsigned int npasses = test_rounds(NPASSES);
	struct watch watches[2];
	struct kvm_track k;
	pthread_t thread;
	void *result;

	kvm_track_open(&k, SMUDGE_KVM_LOG_MANUAL, NPAGES, BEFORE, 12);
	watch_open(&watches[0], &k.track, "plain");
	watch_open_with(&watches[1], &k.track, "second", second);
	for (int i = 0; i < 2; i++)
		watch_guest(&watches[i], BEFORE, NPAGES);
	assert_int_equal(pthread_create(&thread, NULL, run_guest, &k.vm), 0);
	while (!tiny_vm_did_passes(&k.vm, npasses) || !watches[0].nsuspects)
		check_round(&k, watches, 2, &rng);
	/* Release: pairs with the acquire in tiny_vm_run. */
	atomic_store_explicit(&k.vm.stop, true, memory_order_release);
	pthread_join(thread, &result);
	assert_ptr_equal(result, &k.vm);
	assert_true(watches[0].nsuspects > 0);
	track_look(&k.track);
	for (int i = 0; i < 2; i++) {
		watch_finish(&watches[i]);
		watch_close(&watches[i]);
	}
	kvm_track_close(&k);
}

static void test_loss(void **state)
{
	check_loss("kvm looks", SMUDGE_REARM_ALWAYS);
	check_loss("kvm looks, quiesced", SMUDGE_REARM_QUIESCED);
}

static void test_legacy(void **state)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = "quiesced",
		.rearm_policy = SMUDGE_REARM_QUIESCED,
	};
	struct smudge_client *client, *refused = NULL;
	struct smudge_error err = {0};
	struct kvm_track k;

	kvm_track_open(&k, SMUDGE_KVM_LOG_LEGACY, NPAGES, 0, 12);
	client = kvm_track_clean_client(&k, "test");
	store(&k, 5);
	assert_int_equal(smudge_memory_look(k.track.memory, &err), -EOPNOTSUPP);
	assert_string_equal(err.where, "kvm_log");
	assert_non_null(strstr(err.message, "ram"));
	track_expect_none(&k.track, client);
	memset(&err, 0, sizeof(err));
	assert_int_equal(
		smudge_client_open(k.track.memory, &options, &refused, &err),
		-EOPNOTSUPP);
	assert_string_equal(err.where, "kvm_log");
	assert_null(refused);
	track_harvest(&k.track); /* the kernel still had it */
	track_expect(&k.track, client, 5);
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

TEST_MAIN(test_exact, test_mixed, test_quiesced, test_loss, test_legacy)
