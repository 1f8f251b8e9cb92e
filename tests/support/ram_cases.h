/* SPDX-License-Identifier: MIT */
/*
 * Mappings of machine monitors, and which of them are a guest's RAM. The
 * library has this rule, and smudge rate for methods that read the mappings
 * themselves: both must say the same.
 */
#ifndef TESTS_SUPPORT_RAM_CASES_H
#define TESTS_SUPPORT_RAM_CASES_H

#include <stddef.h>
#include <stdint.h>

#define RAM_ANON  "00:00 0 \n"
#define RAM_MEMFD "00:01 99 /memfd:ram (deleted)\n"

static const struct ram_case {
	const char *what;
	const char *text; /* of /proc/PID/maps */
	size_t nranges;
	struct {
		uint64_t start, end;
	} ranges[2];
} ram_cases[] = {
	{"a memfd, a heap, a small memfd, malloc's memory",
	 "10000-11000 rw-p 00000000 00:00 0 [heap]\n"
	 "100000000-120000000 rw-s 00000000 " RAM_MEMFD
	 "130000000-130100000 rw-s 00000000 00:01 98 /memfd:x\n"
	 "140000000-148000000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x120000000}}},
	{"a memfd in two mappings, together larger than malloc's memory",
	 "100000000-110000000 rw-s 00000000 " RAM_MEMFD
	 "110000000-120000000 rw-s 10000000 " RAM_MEMFD
	 "140000000-158000000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x120000000}}},
	{"anonymous memory, and 64 MiB of malloc's",
	 "10000-11000 rw-p 00000000 00:00 0 [heap]\n"
	 "100000000-140000000 rw-p 00000000 " RAM_ANON
	 "150000000-154000000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x140000000}}},
	{"anonymous memory in two mappings, each smaller than malloc's",
	 "100000000-120000000 rw-p 00000000 " RAM_ANON
	 "120000000-140000000 rw-p 00000000 " RAM_ANON
	 "150000000-178000000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x140000000}}},
	{"a thread's stack before it, malloc's memory behind it",
	 "ff7ff000-ff800000 ---p 00000000 " RAM_ANON
	 "ff800000-100000000 rw-p 00000000 " RAM_ANON
	 "100000000-104000000 rw-p 00000000 " RAM_ANON
	 "104000000-104100000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x104000000}}},
	{"a small mapping in its middle",
	 "100000000-104000000 rw-p 00000000 " RAM_ANON
	 "104000000-104001000 rw-p 00000000 " RAM_ANON
	 "104001000-108000000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x108000000}}},
	{"translated code on both sides, one of them larger",
	 "f0000000-100000000 rwxp 00000000 " RAM_ANON
	 "100000000-104000000 rw-p 00000000 " RAM_ANON
	 "104000000-104100000 rwxp 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x104000000}}},
	{"two files of huge pages, one of them private",
	 "100000000-140000000 rw-s 00000000 00:0f 5 /dev/hugepages/a\n"
	 "200000000-240000000 rw-p 00000000 00:0f 6 "
	 "/dev/hugepages/b (deleted)\n"
	 "250000000-254000000 rw-p 00000000 " RAM_ANON,
	 2,
	 {{0x100000000, 0x140000000}, {0x200000000, 0x240000000}}},
	{"shared anonymous memory",
	 "100000000-104000000 rw-s 00000000 00:01 5 /dev/zero (deleted)\n"
	 "250000000-252000000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x104000000}}},
	{"anonymous huge pages",
	 "100000000-104000000 rw-p 00000000 00:0f 5 "
	 "/anon_hugepage (deleted)\n"
	 "250000000-252000000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x104000000}}},
	{"a shared file anywhere, and a program's private data",
	 "100000000-104000000 rw-s 00000000 08:01 5 /images/ram\n"
	 "200000000-204000000 rw-p 00000000 08:01 6 /lib/large.so\n",
	 1,
	 {{0x100000000, 0x104000000}}},
	{"the largest that is tracked, with a stack before it",
	 "ff800000-100000000 rw-p 00000000 " RAM_ANON
	 "100000000-4100000000 rw-p 00000000 " RAM_ANON,
	 1,
	 {{0x100000000, 0x4100000000}}},
};

#endif
