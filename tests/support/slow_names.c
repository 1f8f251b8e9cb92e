/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into smudge-vm: a look-up of a name that is never answered and
 * cannot be interrupted.
 */
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **ret)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)ret;
	sleep(60);
	return EAI_AGAIN;
}
