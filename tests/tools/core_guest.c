/* SPDX-License-Identifier: MIT */
/*
 * What a guest's memory says of its Linux, and what is not such a text; the
 * page tables that it names.
 */
#include "support.h"

#include <string.h>

#include "common/little_endian.h"
#include "core/vmcoreinfo.h"

#define PAGE 4096

static const char text[] = "OSRELEASE=6.1.0-1-amd64\n"
			   "BUILD-ID=0123456789abcdef\n"
			   "PAGESIZE=4096\n"
			   "SYMBOL(init_uts_ns)=ffffffff8b41c0a0\n"
			   "SYMBOL(swapper_pg_dir)=ffffffff8b810000\n"
			   "NUMBER(phys_base)=-33554432\n";

static uint8_t page[2 * PAGE];

static void put_page(void)
{
	memset(page, 0, sizeof(page));
	memcpy(page, text, strlen(text));
}

static void put_note(size_t length)
{
	memset(page, 0, sizeof(page));
	little_endian_put(page, sizeof(CORE_VMCOREINFO_NAME), 4);
	little_endian_put(page + 4, length, 4);
	memcpy(page + 12, CORE_VMCOREINFO_NAME, sizeof(CORE_VMCOREINFO_NAME));
	memcpy(page + 24, text, strlen(text));
}

static void look(struct core_vmcoreinfo *found, uint64_t at)
{
	if (core_vmcoreinfo_is_likely(page))
		core_vmcoreinfo_look(found, at, page, sizeof(page));
}

static void assert_text(const struct core_vmcoreinfo *found)
{
	assert_int_equal(found->length, strlen(text));
	assert_memory_equal(found->text, text, strlen(text));
}

static void in_any_order(void **state)
{
	struct core_vmcoreinfo found = {0};

	put_page();
	look(&found, 8 * PAGE);
	assert_text(&found);
	look(&found, 4 * PAGE);
	assert_true(found.at == 4 * PAGE && !found.is_note);
	look(&found, 6 * PAGE);
	assert_true(found.at == 4 * PAGE);
	put_note(strlen(text));
	look(&found, 9 * PAGE);
	assert_true(found.at == 9 * PAGE && found.is_note);
	assert_text(&found);
	put_page();
	look(&found, 0);
	assert_true(found.at == 9 * PAGE);
}

static void assert_nothing(void)
{
	struct core_vmcoreinfo found = {0};

	look(&found, 0);
	assert_int_equal(found.length, 0);
}

static void something_else(void **state)
{
	memset(page, 0, sizeof(page));
	assert_nothing();
	memcpy(page, "OSRELEASE=", 10);
	assert_nothing();
	/* cut, and with bytes that are no text */
	put_page();
	page[strlen(text) - 1] = '\0';
	assert_nothing();
	put_page();
	page[20] = 0xff;
	assert_nothing();
	/* of another kind */
	put_page();
	memcpy(strstr((char *)page, "PAGESIZE"), "PACESIZE", 8);
	assert_nothing();
	memset(page, 'x', sizeof(page));
	memcpy(page, text, strlen(text));
	assert_nothing();
}

static void notes_that_are_too_long(void **state)
{
	struct core_vmcoreinfo found = {0};

	put_note(CORE_VMCOREINFO_BYTES + 1);
	assert_nothing();
	put_note(UINT32_MAX);
	assert_nothing();
	put_note(0);
	assert_nothing();
	/* its second page is not there */
	put_note(CORE_VMCOREINFO_BYTES);
	core_vmcoreinfo_look(&found, 0, page, PAGE);
	assert_int_equal(found.length, 0);
	core_vmcoreinfo_look(&found, 0, page, sizeof(page));
	assert_text(&found);
}

static void values(void **state)
{
	struct core_vmcoreinfo found = {0};
	uint64_t address, physical;
	char value[8];

	assert_false(core_vmcoreinfo_value(&found, "OSRELEASE", value,
					   sizeof(value)));
	put_page();
	look(&found, 0);
	assert_true(core_vmcoreinfo_value(&found, "PAGESIZE", value,
					  sizeof(value)));
	assert_string_equal(value, "4096");
	assert_true(core_vmcoreinfo_value(&found, "OSRELEASE", value,
					  sizeof(value)));
	assert_string_equal(value, "6.1.0-1");
	assert_false(
		core_vmcoreinfo_value(&found, "SIZE", value, sizeof(value)));
	assert_true(core_vmcoreinfo_page_tables(&found, &address, &physical));
	assert_true(address == UINT64_C(0xffffffff8b810000));
	assert_true(physical == UINT64_C(0x9810000));
	found.length = (size_t)(strstr(found.text, "NUMBER") - found.text);
	assert_false(core_vmcoreinfo_page_tables(&found, &address, &physical));
}

TEST_MAIN(in_any_order, something_else, notes_that_are_too_long, values)
