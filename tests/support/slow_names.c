/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into smudge-vm: a look-up of a name that is never answered and
 * cannot be interrupted. SMUDGE_SLOW_NAMES_BEGUN is a file that is made when it
 * has begun.
 */
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **ret)
{
	const char *begun = getenv("SMUDGE_SLOW_NAMES_BEGUN");

	(void)name;
	(void)service;
	(void)hints;
	(void)ret;
	if (begun)
		close(open(begun, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	sleep(60);
	return EAI_AGAIN;
}
