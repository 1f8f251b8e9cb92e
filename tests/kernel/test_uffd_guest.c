/* SPDX-License-Identifier: MIT */
/*
 * A guest's stores under the userfaultfd source: protecting a page of the
 * process protects it from the guest too, so the vCPU's next store is detected.
 */
#include <pthread.h>

#include "tiny_vm.h"
#include "track.h"

#define NPAGES	700
#define NPASSES 40

struct fixture {
	struct track track;
	struct tiny_vm vm;
	struct smudge_source *source;
};

static void open_fixture(struct fixture *f)
{
	struct smudge_error err = {0};

	test_need_uffd();
	test_need_kvm();
	tiny_vm_open(&f->vm, NULL, NPAGES);
	track_open(&f->track, f->vm.ram, TINY_RAM_GPA, NPAGES, 12);
	assert_int_equal(smudge_uffd_create(&f->source, &err), 0);
	track_attach(&f->track, f->source, 0, 0);
}

static void close_fixture(struct fixture *f)
{
	smudge_source_destroy(f->source);
	track_close(&f->track);
	tiny_vm_close(&f->vm);
}

static void test_exact(void **state)
{
	struct smudge_client *client;
	struct fixture f;

	open_fixture(&f);
	client = track_client(&f.track, "test");
	track_clean(&f.track, client);
	for (uint32_t round = 1; round <= 3; round++) {
		tiny_vm_store(&f.vm, 0, round);
		tiny_vm_store(&f.vm, 333, round);
		tiny_vm_store(&f.vm, NPAGES - 1, round);
		track_harvest(&f.track);
		track_expect(&f.track, client, 0, 333, NPAGES - 1);
		track_clean(&f.track, client);
		track_harvest(&f.track);
		track_expect_none(&f.track, client);
	}
	assert_int_equal(smudge_client_close(client), 0);
	close_fixture(&f);
}

static void *run_guest(void *opaque)
{
	struct tiny_vm *vm = opaque;

	return tiny_vm_run(vm, 0, NPAGES, 1) ? vm : NULL;
}

static void test_loss(void **state)
{
	unsigned int npasses = test_rounds(NPASSES);
	struct watch watch;
	struct fixture f;
	pthread_t thread;
	void *result;

	open_fixture(&f);
	watch_open(&watch, &f.track, "watch");
	watch_guest(&watch, 0, NPAGES);
	assert_int_equal(pthread_create(&thread, NULL, run_guest, &f.vm), 0);
	while (!tiny_vm_did_passes(&f.vm, npasses) || !watch.nsuspects) {
		track_harvest(&f.track);
		watch_check(&watch);
		watch_take(&watch, 0, NPAGES);
		watch_suspect(&watch);
	}
	/* Release: pairs with the acquire in tiny_vm_run. */
	atomic_store_explicit(&f.vm.stop, true, memory_order_release);
	pthread_join(thread, &result);
	assert_ptr_equal(result, &f.vm);
	assert_true(watch.nsuspects > 0);
	track_harvest(&f.track);
	watch_finish(&watch);
	watch_close(&watch);
	close_fixture(&f);
}

TEST_MAIN(test_exact, test_loss)
