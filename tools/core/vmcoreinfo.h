/* SPDX-License-Identifier: MIT */
/*
 * What Linux says of itself for those who read its memory: lines such as
 * OSRELEASE=6.1.0 and SYMBOL(swapper_pg_dir)=ffffffff82610000. A kernel keeps
 * them in a page, and once more as an ELF note that begins a page (Linux,
 * Documentation/admin-guide/kdump/vmcoreinfo.rst). Both are found by looking at
 * the beginning of pages. The memory is a guest's, and not trusted.
 */
#ifndef TOOLS_CORE_VMCOREINFO_H
#define TOOLS_CORE_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORE_VMCOREINFO_NAME  "VMCOREINFO"
#define CORE_VMCOREINFO_BYTES ((size_t)4096) /* at most */
/* The room that its note has in a core at most. */
#define CORE_VMCOREINFO_NOTE_BYTES (12 + 12 + CORE_VMCOREINFO_BYTES)

struct core_vmcoreinfo {
	bool is_note;  /* which is better than the page */
	uint64_t at;   /* where its page is, as the caller counts */
	size_t length; /* 0: nothing was found */
	char text[CORE_VMCOREINFO_BYTES];
};

/*
 * core_vmcoreinfo_look - is it in this page?
 * @at: where the page is
 * @length: of the page, and of what follows it in memory
 * @found: begins as zeros. A note takes the place of a page, and a lower place
 *      that of a higher one, so that the order of looking does not matter
 */
void core_vmcoreinfo_look(struct core_vmcoreinfo *found, uint64_t at,
			  const uint8_t *page, size_t length);

/* Can it be there? As core_vmcoreinfo_look, but of most pages known at once. */
bool core_vmcoreinfo_is_likely(const uint8_t *page);

/*
 * core_vmcoreinfo_value - what a line says
 * @name: "OSRELEASE"
 * Return: false: there is no such line. @value is cut to its size.
 */
bool core_vmcoreinfo_value(const struct core_vmcoreinfo *found,
			   const char *name, char *value, size_t size);

/*
 * core_vmcoreinfo_page_tables - where an x86-64 kernel has its page tables
 * @ret_address, @ret_physical: of the page of the first level, swapper_pg_dir
 * Return: false: it does not say so.
 */
bool core_vmcoreinfo_page_tables(const struct core_vmcoreinfo *found,
				 uint64_t *ret_address, uint64_t *ret_physical);

#endif
