/* SPDX-License-Identifier: MIT */
/*
 * A process that writes its memory, for bench/criu.py.
 *
 * usage: bench-criu-target MIB PAGES_PER_S
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE	 UINT64_C(4096)
#define TICKS_PS 100
#define FAR_AWAY 77777 /* pages, and no multiple of 2 */

int main(int argc, char *argv[])
{
	const struct timespec tick = {.tv_nsec = 1000000000 / TICKS_PS};
	uint64_t npages, pages_ps, at = 0;
	volatile uint8_t *bytes;

	if (argc != 3)
		return 2;
	npages = strtoull(argv[1], NULL, 10) << 8;
	pages_ps = strtoull(argv[2], NULL, 10);
	bytes = mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!npages || bytes == MAP_FAILED)
		return 1;
	for (uint64_t i = 0; i < npages * PAGE; i += 16)
		bytes[i] = (uint8_t)(i * 2654435761u >> 20);
	for (;;) {
		for (uint64_t i = 0; i < pages_ps / TICKS_PS; i++) {
			bytes[at % npages * PAGE]++;
			at += FAR_AWAY;
		}
		/* it does not matter that it may be interrupted */
		nanosleep(&tick, NULL);
	}
}
