/* SPDX-License-Identifier: MIT */
/*
 * It is one switch for the machine. A kernel without KSM has no such file.
 */
#include "process/ksm.h"

#include <fcntl.h>
#include <unistd.h>

bool smi_ksm_is_running(void)
{
	int fd = open("/sys/kernel/mm/ksm/run", O_RDONLY | O_CLOEXEC);
	char run = '0';
	ssize_t n = fd < 0 ? 0 : read(fd, &run, 1);

	if (fd >= 0)
		close(fd);
	return n == 1 && run == '1';
}
