/* SPDX-License-Identifier: MIT */
/*
 * Files of the scratch folder.
 */
#include "folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qemu_img.h"
#include "support.h"

char folder_path[64];
int folder_fd = -1;

int folder_create(void **state)
{
	if (scratch_enter(state) || !getcwd(folder_path, sizeof(folder_path)))
		return -1;
	folder_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder_fd < 0 ? -1 : 0;
}

int folder_remove(void **state)
{
	close(folder_fd);
	return scratch_leave(state);
}

void folder_write(const char *name, const void *bytes, size_t length)
{
	int fd = openat(folder_fd, name,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (size_t done = 0; done < length;) {
		ssize_t n =
			write(fd, (const uint8_t *)bytes + done, length - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	assert_int_equal(close(fd), 0);
}

uint8_t *folder_read(const char *name, size_t *ret_length)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = read(fd, bytes + done, (size_t)(st.st_size - done));

		assert_true(n > 0);
		done += n;
	}
	close(fd);
	*ret_length = (size_t)st.st_size;
	return bytes;
}
