/* SPDX-License-Identifier: MIT */
/*
 * smudge_region_discard: what each kind of memory holds afterwards, that the
 * pages are dirty for all clients, and that the mark comes after the content
 * has gone.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "kinds.h"
#include "racing.h"
#include "tiny_vm.h"
#include "track.h"

#define PAGE   4096
#define NPAGES 256
#define NLIVE  400 /* discards of NPAGES, each of other pages */

/* What a page of the class holds after a discard: the file's, or zero. */
static uint8_t content_after(const struct kind_memory *m, enum page_class class)
{
	if (m->kind->is_shared || m->fd < 0 || class == HOLE)
		return 0;
	return 'f';
}

static void discard_kind(const struct kind *kind, bool with_fd)
{
	struct smudge_client_options marks_only = {.size = sizeof(marks_only),
						   .name = "marks",
						   .marks_only = true};
	struct smudge_client *client, *marks;
	struct smudge_error err = {0};
	struct kind_memory m;
	struct track t;

	if (!kind_open(&m, kind))
		return;
	track_open(&t, m.ram, 0, m.bytes / PAGE, 12);
	client = track_client(&t, "test");
	assert_int_equal(
		smudge_client_open(t.memory, &marks_only, &marks, &err), 0);
	track_clean(&t, client);
	track_clean(&t, marks);
	for (int i = 0; i < NCLASSES; i++) {
		uint64_t page = m.at[i] / PAGE, n = m.page_bytes / PAGE;

		if (smudge_region_discard(t.region, page, n,
					  with_fd ? m.fd : -1, &err))
			fail_msg("%s: %s", kind->name, err.message);
		/* no source, no harvest: only the mark */
		assert_true(smudge_client_all(client, t.region, page, n));
		assert_true(smudge_client_all(marks, t.region, page, n));
		if (m.ram[m.at[i]] != content_after(&m, i))
			fail_msg("%s, class %d: %u", kind->name, i,
				 m.ram[m.at[i]]);
	}
	assert_int_equal(smudge_client_dirty_pages(client),
			 NCLASSES * m.page_bytes / PAGE);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_client_close(marks), 0);
	track_close(&t);
	kind_close(&m);
}

static void test_contents(void **state)
{
	for (size_t i = 0; i < nkinds; i++) {
		discard_kind(&kinds[i], false);
		discard_kind(&kinds[i], true);
	}
}

/* Half a huge page of private memory stays; it is dirty all the same. */
static void test_part_of_huge_page(void **state)
{
	struct smudge_error err = {0};
	struct smudge_client *client;
	struct kind_memory m;
	struct track t;
	size_t k = 0;
	uint64_t n;

	while (kinds[k].backing != HUGETLB_ANONYMOUS)
		k++;
	if (!kind_open(&m, &kinds[k]))
		test_skip_without("hugetlbfs",
				  "4 huge pages of 2 MiB are not to be had");
	n = m.page_bytes / PAGE;
	track_open(&t, m.ram, 0, m.bytes / PAGE, 12);
	client = track_client(&t, "test");
	track_clean(&t, client);
	m.ram[m.page_bytes] = 'W';
	assert_int_equal(
		smudge_region_discard(t.region, 0, n + n / 2, -1, &err), 0);
	assert_int_equal(m.ram[0], 0);
	assert_int_equal(m.ram[m.page_bytes], 'W');
	assert_true(smudge_client_all(client, t.region, 0, n + n / 2));
	track_clean(&t, client);
	assert_int_equal(smudge_region_discard(t.region, n + 1, n, -1, &err),
			 -EINVAL);
	assert_int_equal(m.ram[m.page_bytes], 'W');
	assert_true(smudge_client_all(client, t.region, n + 1, n));
	assert_int_equal(smudge_client_close(client), 0);
	track_close(&t);
	kind_close(&m);
}

/* The file of a private mapping may be in use, as a snapshot for example. */
static void test_private_file_is_kept(void **state)
{
	struct smudge_error err = {0};
	struct kind_memory m;
	struct track t;
	uint8_t *file;

	for (size_t i = 0; i < nkinds; i++) {
		if (kinds[i].is_shared || !kind_open(&m, &kinds[i]))
			continue;
		track_open(&t, m.ram, 0, m.bytes / PAGE, 12);
		assert_int_equal(smudge_region_discard(t.region, 0, t.npages,
						       m.fd, &err),
				 0);
		track_close(&t);
		file = m.fd < 0 ? MAP_FAILED
				: mmap(NULL, m.bytes, PROT_READ, MAP_SHARED,
				       m.fd, 0);
		for (int c = OWN; file != MAP_FAILED && c < HOLE; c++)
			assert_int_equal(file[m.at[c]], 'f');
		kind_close(&m);
	}
}

/* A range of several mappings and kinds, discarded by one call. */
static void test_several_mappings(void **state)
{
	struct smudge_error err = {0};
	struct smudge_client *client;
	uint8_t *ram = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct track t;

	assert_ptr_not_equal(ram, MAP_FAILED);
	assert_ptr_equal(mmap(ram + PAGE, PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 ram + PAGE);
	memset(ram, 'W', 3 * PAGE);
	track_open(&t, ram, 0, 3, 12);
	client = track_client(&t, "test");
	track_clean(&t, client);
	assert_int_equal(smudge_region_discard(t.region, 0, 3, -1, &err), 0);
	assert_int_equal(ram[0] | ram[PAGE] | ram[2 * PAGE], 0);
	track_expect(&t, client, 0, 1, 2);
	assert_int_equal(smudge_client_close(client), 0);
	track_close(&t);
	munmap(ram, 3 * PAGE);
}

/* ---- order ------------------------------------------------------------ */

struct reader {
	struct track *track;
	struct smudge_client *client;
	uint8_t *known; /* [track->npages] */
	atomic_bool stop;
};

static void copy_taken(struct reader *r)
{
	struct track *t = r->track;

	/* after a failure the batch is empty */
	if (smudge_client_take(r->client, t->region, 0, t->npages, t->batch,
			       NULL) < 0)
		return;
	for (size_t i = 0; i < smudge_batch_nruns(t->batch); i++) {
		struct smudge_run run = smudge_batch_run(t->batch, i);

		for (uint64_t p = 0; p < run.npages; p++) {
			uint64_t page = run.first_page + p;

			/* Relaxed: compared later, it orders nothing. */
			r->known[page] = racing_load_byte(t->hva + page * PAGE);
		}
	}
	smudge_client_commit(r->client, t->batch);
}

static void *read_on(void *opaque)
{
	struct reader *r = opaque;

	/* Relaxed: it orders nothing, joining does. */
	while (!atomic_load_explicit(&r->stop, memory_order_relaxed))
		copy_taken(r);
	return NULL;
}

/*
 * A client that takes all the time never keeps old content: no page is taken
 * and read between its mark and its discard.
 */
static void test_mark_comes_last(void **state)
{
	const uint64_t npages = NLIVE * NPAGES;
	uint8_t *ram = mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct reader r = {.known = test_calloc(npages, 1)};
	pthread_t thread;
	struct track t;

	assert_ptr_not_equal(ram, MAP_FAILED);
	track_open(&t, ram, 0, npages, 12);
	r.track = &t;
	r.client = track_client(&t, "reader");
	assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
	for (uint64_t at = 0; at < npages; at += NPAGES) {
		for (uint64_t p = at; p < at + NPAGES; p++)
			racing_store_byte(ram + p * PAGE, 'W');
		smudge_region_mark(t.region, at, NPAGES);
		assert_int_equal(
			smudge_region_discard(t.region, at, NPAGES, -1, NULL),
			0);
	}
	atomic_store_explicit(&r.stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	copy_taken(&r);
	for (uint64_t p = 0; p < npages; p++)
		assert_int_equal(r.known[p], 0);
	assert_int_equal(smudge_client_close(r.client), 0);
	track_close(&t);
	munmap(ram, npages * PAGE);
	test_free(r.known);
}

/* ---- a guest ---------------------------------------------------------- */

/* KVM's log sees no discard; the mark does, and the guest sees zeros. */
static void test_guest(void **state)
{
	struct smudge_kvm_options options = {.size = sizeof(options)};
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_kvm_slot slot;
	struct smudge_kvm *kvm;
	struct smudge_error err = {0};
	struct tiny_vm vm;
	struct track t;

	test_need_kvm();
	tiny_vm_open(&vm, NULL, NPAGES);
	track_open(&t, vm.ram, TINY_RAM_GPA, NPAGES, 12);
	options.vm_fd = vm.vm_fd;
	slot = tiny_vm_slot(&vm);
	assert_int_equal(smudge_kvm_create(&options, &kvm, &err), 0);
	assert_int_equal(smudge_kvm_log_create(kvm, &slot, &source, &err), 0);
	track_attach(&t, source, 0, 0);
	client = track_client(&t, "test");
	tiny_vm_store(&vm, 7, 1);
	track_harvest(&t);
	track_clean(&t, client);
	assert_int_equal(smudge_region_discard(t.region, 7, 2, -1, &err), 0);
	track_harvest(&t);
	track_expect(&t, client, 7, 8);
	assert_int_equal(tiny_vm_peek(&vm, 7), 0);
	track_clean(&t, client);
	tiny_vm_store(&vm, 8, 2);
	track_harvest(&t);
	track_expect(&t, client, 8);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	smudge_kvm_destroy(kvm);
	track_close(&t);
	tiny_vm_close(&vm);
}

TEST_MAIN(test_contents, test_part_of_huge_page, test_private_file_is_kept,
	  test_several_mappings, test_mark_comes_last, test_guest)
