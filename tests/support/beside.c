/* SPDX-License-Identifier: MIT */
/*
 * The folder of a test is read from /proc/self/exe: the current one is any, and
 * the name it was started by may be relative.
 */
#include "beside.h"

#include <string.h>
#include <unistd.h>

#include "support.h"

void test_beside(const char *relative, char ret_path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);
	char *end;

	assert_true(length > 0);
	ret_path[length] = '\0';
	end = strrchr(ret_path, '/') + 1;
	assert_true(end + strlen(relative) < ret_path + PATH_MAX);
	strcpy(end, relative);
}
