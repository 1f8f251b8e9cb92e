/* SPDX-License-Identifier: MIT */
/*
 * What words of pagemap say by soft-dirty bits: written by the bit, dropped by
 * what is remembered. A memfd has the words, as the kernel would give them.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process/soft_area.h"
#include "support.h"
#include "sys/pagemap.h"

#define NONE	  0
#define OWN	  (SMI_SYS_PAGEMAP_PRESENT | UINT64_C(1) << 56)
#define ZEROS	  SMI_SYS_PAGEMAP_PRESENT /* or shared with a child */
#define OF_FILE	  (SMI_SYS_PAGEMAP_PRESENT | SMI_SYS_PAGEMAP_FILE)
#define SWAP	  SMI_SYS_PAGEMAP_SWAPPED
#define DIRTY	  SMI_SYS_PAGEMAP_SOFT_DIRTY
#define NPAGES	  70
#define FIRST	  100
#define FROM_FILE SMI_SOFT_PRIVATE_FILE
#define ANONYMOUS SMI_SOFT_ANONYMOUS

static uint64_t words[SMI_SOFT_WORDS];

/* A page that had one word at a clear, and has another at the next. */
static const struct {
	enum smi_soft_kind kind;
	uint64_t before, now;
	bool is_reported;
} changes[] = {
	{ANONYMOUS, OWN, OWN, false},
	{ANONYMOUS, OWN, OWN | DIRTY, true},
	{ANONYMOUS, OWN, NONE, true},
	{ANONYMOUS, OWN, ZEROS, true},
	{ANONYMOUS, OWN, SWAP, false},
	{ANONYMOUS, SWAP, OWN, false},
	{ANONYMOUS, SWAP, NONE, true},
	{ANONYMOUS, SWAP, SWAP | DIRTY, true},
	{ANONYMOUS, NONE, NONE, false},
	{ANONYMOUS, NONE, OWN | DIRTY, true},
	{ANONYMOUS, NONE, NONE | DIRTY, true},
	{ANONYMOUS, ZEROS, ZEROS, true},
	{FROM_FILE, OF_FILE, OF_FILE, false},
	{FROM_FILE, OF_FILE, NONE, false},
	{FROM_FILE, NONE, OF_FILE, false},
	{FROM_FILE, OWN, OF_FILE, true},
	{FROM_FILE, OWN, NONE, true},
	{FROM_FILE, OWN, ZEROS, false}, /* a child shares it */
	{FROM_FILE, ZEROS, OF_FILE, true},
	{FROM_FILE, OF_FILE, OWN | DIRTY, true},
};

static void put_word(int fd, uint64_t page, uint64_t word)
{
	assert_int_equal(pwrite(fd, &word, 8, (off_t)((FIRST + page) * 8)), 8);
}

static bool is_set(const uint64_t *bits, uint64_t page)
{
	return bits[page / 64] >> page % 64 & 1;
}

static void each_change(void **state)
{
	int fd = memfd_create("pagemap", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (FIRST + NPAGES) * 8), 0);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint64_t own[2] = {0}, bits[2] = {0}, looked[2] = {0};
		struct smi_soft_area area = {.kind = changes[i].kind,
					     .first_page = FIRST,
					     .npages = NPAGES,
					     .own = own};
		uint64_t page = i % 2 ? 0 : NPAGES - 1;

		put_word(fd, page, changes[i].before);
		assert_int_equal(
			smi_soft_area_read(&area, fd, words, bits, false), 0);
		memset(bits, 0, sizeof(bits));
		put_word(fd, page, changes[i].now);
		assert_int_equal(
			smi_soft_area_read(&area, fd, words, looked, true), 0);
		assert_int_equal(
			smi_soft_area_read(&area, fd, words, bits, false), 0);
		if (is_set(bits, page) != changes[i].is_reported)
			fail_msg("change %d", (int)i);
		assert_memory_equal(bits, looked, sizeof(bits));
		for (uint64_t p = 0; p < NPAGES; p++)
			assert_true(p == page || !is_set(bits, p));
		put_word(fd, page, NONE);
	}
	close(fd);
}

/* What cannot be read, and what nothing is known of, is all reported. */
static void unknown(void **state)
{
	uint64_t own[2] = {0}, bits[2] = {0};
	struct smi_soft_area area = {.kind = ANONYMOUS,
				     .first_page = FIRST,
				     .npages = NPAGES,
				     .own = own};

	assert_true(smi_soft_area_read(&area, -1, words, bits, false) < 0);
	for (uint64_t p = 0; p < NPAGES; p++)
		assert_true(is_set(bits, p));
	memset(bits, 0, sizeof(bits));
	area.kind = SMI_SOFT_UNKNOWN;
	assert_int_equal(smi_soft_area_read(&area, -1, words, bits, true), 0);
	for (uint64_t p = 0; p < NPAGES; p++)
		assert_true(is_set(bits, p));
}

TEST_MAIN(each_change, unknown)
