/* SPDX-License-Identifier: MIT */
/*
 * Lines of a kernel's description. Whatever is taken for it has several that
 * each Linux writes, and nothing but text.
 */
#include "core/vmcoreinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/little_endian.h"

#define FIRST_LINE  "OSRELEASE="
#define NOTE_HEAD   12 /* lengths of owner and content, type */
#define OWNER_BYTES sizeof(CORE_VMCOREINFO_NAME)
#define OWNER_ROOM  12
#define PAGE_BYTES  4096
/* Where x86-64 kernels are mapped, from the physical address phys_base on. */
#define KERNEL_MAP UINT64_C(0xffffffff80000000)

static bool is_note(const uint8_t *page)
{
	return little_endian_get(page, 4) == OWNER_BYTES &&
	       little_endian_get(page + 8, 4) == 0 &&
	       memcmp(page + NOTE_HEAD, CORE_VMCOREINFO_NAME, OWNER_BYTES) == 0;
}

static bool is_text(const uint8_t *page)
{
	return memcmp(page, FIRST_LINE, strlen(FIRST_LINE)) == 0;
}

bool core_vmcoreinfo_is_likely(const uint8_t *page)
{
	return is_text(page) || is_note(page);
}

/* The line after a name and "=", or NULL. */
static const char *find(const char *text, size_t length, const char *name)
{
	size_t name_bytes = strlen(name);

	for (const char *at = text, *end = text + length; at < end;) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));

		if ((size_t)(end - at) > name_bytes &&
		    memcmp(at, name, name_bytes) == 0 && at[name_bytes] == '=')
			return at + name_bytes + 1;
		at = line_end ? line_end + 1 : end;
	}
	return NULL;
}

static bool is_description(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~'))
			return false;
	return length && text[length - 1] == '\n' &&
	       is_text((const uint8_t *)text) &&
	       find(text, length, "PAGESIZE") &&
	       find(text, length, "SYMBOL(init_uts_ns)");
}

void core_vmcoreinfo_look(struct core_vmcoreinfo *found, uint64_t at,
			  const uint8_t *page, size_t length)
{
	bool has_head = is_note(page);
	const char *text = (const char *)page;
	size_t n =
		length < CORE_VMCOREINFO_BYTES ? length : CORE_VMCOREINFO_BYTES;

	if (has_head) {
		size_t content = little_endian_get(page + 4, 4);

		text += NOTE_HEAD + OWNER_ROOM;
		if (content > CORE_VMCOREINFO_BYTES ||
		    content > length - NOTE_HEAD - OWNER_ROOM)
			return;
		n = content;
	}
	n = strnlen(text, n);
	if (n < strlen(FIRST_LINE) || !is_description(text, n))
		return;
	if (found->length && (found->is_note > has_head ||
			      (found->is_note == has_head && found->at < at)))
		return;
	found->is_note = has_head;
	found->at = at;
	found->length = n;
	memcpy(found->text, text, n);
}

bool core_vmcoreinfo_value(const struct core_vmcoreinfo *found,
			   const char *name, char *value, size_t size)
{
	const char *at = find(found->text, found->length, name);

	if (!at)
		return false;
	snprintf(value, size, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

bool core_vmcoreinfo_page_tables(const struct core_vmcoreinfo *found,
				 uint64_t *ret_address, uint64_t *ret_physical)
{
	char address[32], base[32];

	if (!core_vmcoreinfo_value(found, "SYMBOL(swapper_pg_dir)", address,
				   sizeof(address)) ||
	    !core_vmcoreinfo_value(found, "NUMBER(phys_base)", base,
				   sizeof(base)))
		return false;
	*ret_address = strtoull(address, NULL, 16);
	*ret_physical =
		*ret_address - KERNEL_MAP + (uint64_t)strtoll(base, NULL, 10);
	return *ret_address >= KERNEL_MAP && *ret_address % PAGE_BYTES == 0 &&
	       *ret_physical % PAGE_BYTES == 0;
}
