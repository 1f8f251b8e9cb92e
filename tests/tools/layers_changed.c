/* SPDX-License-Identifier: MIT */
/*
 * A diff whose data is not the pages that differ is refused, as on a file
 * system with larger blocks.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "folder.h"
#include "layers/changed.h"

#define PAGE   4096
#define NPAGES 130

static uint64_t wanted[NPAGES / 64 + 1];

static int make(void)
{
	int fd = open("diff", O_RDWR | O_CREAT | O_TRUNC, 0600);
	static const int pages[] = {0, 5, 6, 63, 64, 129};

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)NPAGES * PAGE), 0);
	memset(wanted, 0, sizeof(wanted));
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		static const uint8_t zeros[PAGE];

		assert_int_equal(
			pwrite(fd, zeros, PAGE, (off_t)pages[i] * PAGE), PAGE);
		wanted[pages[i] / 64] |= UINT64_C(1) << pages[i] % 64;
	}
	return fd;
}

static int check(int fd, struct smudge_error *err)
{
	const struct layers_file file = {
		.path = "diff",
		.nbytes = (uint64_t)NPAGES * PAGE,
		.wanted = wanted,
	};

	memset(err, 0, sizeof(*err));
	return layers_changed_check(&file, fd, err);
}

static void data_is_what_was_wanted(void **state)
{
	struct smudge_error err;
	int fd = make();

	assert_int_equal(check(fd, &err), 0);
	for (int page = 0; page < NPAGES; page++) {
		wanted[page / 64] ^= UINT64_C(1) << page % 64;
		assert_int_equal(check(fd, &err), -EOPNOTSUPP);
		assert_non_null(strstr(err.message, "4 KiB"));
		wanted[page / 64] ^= UINT64_C(1) << page % 64;
	}
	assert_int_equal(pwrite(fd, "x", 1, 100 * PAGE), 1);
	assert_int_equal(check(fd, &err), -EOPNOTSUPP);
	close(fd);
}

static void nothing_at_all(void **state)
{
	struct smudge_error err;
	int fd = make();

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, (off_t)NPAGES * PAGE), 0);
	memset(wanted, 0, sizeof(wanted));
	assert_int_equal(check(fd, &err), 0);
	close(fd);
	assert_int_equal(check(fd, &err), -EBADF);
}

TEST_MAIN_WITH(folder_enter, folder_leave, data_is_what_was_wanted,
	       nothing_at_all)
