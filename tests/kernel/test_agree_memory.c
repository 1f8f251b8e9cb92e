/* SPDX-License-Identifier: MIT */
/*
 * As test_agree, in the other kinds of memory, as far as each source can watch
 * it: transparent huge pages, private and shared memfds, hugetlbfs.
 */
#include "agree_pair.h"

#define NROUNDS 8

int main(void)
{
	return agree_main("agree_memory", &agree_memories[AGREE_PRIVATE + 1],
			  AGREE_NMEMORIES - AGREE_PRIVATE - 1, NROUNDS, NULL);
}
