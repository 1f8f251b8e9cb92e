/* SPDX-License-Identifier: MIT */
/*
 * The notes of core files, as structs of the C library have them.
 */
#include <elf.h>
#include <string.h>
#include <sys/procfs.h>

#include <smudge/error.h>

#include "core/notes.h"
#include "support.h"

#define PAGE UINT64_C(4096)

static const char maps_text[] =
	"00400000-00401000 r--p 00000000 fe:01 12                         "
	"/bin/a b\\012c\n"
	"00401000-00405000 r-xp 00001000 fe:01 12                         "
	"/bin/a b\\012c\n"
	"7f0000000000-7f0000003000 rw-p 00000000 00:00 0 \n"
	"7f0000003000-7f0000004000 rw-s 00010000 00:05 7                  "
	"/dev/zero (deleted)\n";

static const struct core_process process = {
	.state = 'D',
	.nice = -5,
	.flags = 0x400100,
	.uid = 1000,
	.gid = 1001,
	.pid = 77,
	.parent = 76,
	.group = 75,
	.session = 74,
	.name = "a name that is far too long",
	.arguments = "/bin/a b c",
};

/* The next note: its content, and how long that is. */
static const uint8_t *next_note(const struct core_notes *notes, size_t *at,
				const char *owner, uint32_t type, size_t length)
{
	const Elf64_Nhdr *head = (const Elf64_Nhdr *)(notes->bytes + *at);
	const uint8_t *content;

	assert_true(*at + sizeof(*head) <= notes->length);
	assert_int_equal(head->n_type, type);
	assert_int_equal(head->n_descsz, length);
	assert_int_equal(head->n_namesz, strlen(owner) + 1);
	assert_string_equal((const char *)(head + 1), owner);
	content = (const uint8_t *)(head + 1) + (head->n_namesz + 3) / 4 * 4;
	*at = (size_t)(content - notes->bytes) + (length + 3) / 4 * 4;
	assert_true(*at <= notes->length);
	return content;
}

#if defined(__x86_64__) || defined(__aarch64__)
static void notes_of_a_thread(void **state)
{
	struct elf_prstatus status;
	struct elf_prpsinfo info;
	elf_gregset_t registers;
	struct core_notes notes = {0};
	struct core_thread thread = {
		.tid = 78,
		.pending_signals = 0x1234,
		.blocked_signals = UINT64_C(0x8000000000000001),
		.general = &registers,
		.general_bytes = sizeof(registers),
		.has_fpu = true,
	};
	size_t at = 0;

	for (size_t i = 0; i < sizeof(registers); i++)
		((uint8_t *)&registers)[i] = (uint8_t)(i * 3 + 1);
	core_notes_add_thread(&notes, &process, &thread);
	core_notes_add_process(&notes, &process);
	core_notes_add(&notes, "LINUX", NT_X86_XSTATE, "12345", 5);
	assert_false(notes.is_out_of_memory);
	memcpy(&status,
	       next_note(&notes, &at, "CORE", NT_PRSTATUS, sizeof(status)),
	       sizeof(status));
	assert_int_equal(status.pr_pid, 78);
	assert_int_equal(status.pr_ppid, 76);
	assert_int_equal(status.pr_pgrp, 75);
	assert_int_equal(status.pr_sid, 74);
	assert_int_equal(status.pr_sigpend, 0x1234);
	assert_int_equal(status.pr_sighold, UINT64_C(0x8000000000000001));
	assert_int_equal(status.pr_cursig, 0);
	assert_int_equal(status.pr_fpvalid, 1);
	assert_memory_equal(&status.pr_reg, &registers, sizeof(registers));
	memcpy(&info, next_note(&notes, &at, "CORE", NT_PRPSINFO, sizeof(info)),
	       sizeof(info));
	assert_int_equal(info.pr_state, 2);
	assert_int_equal(info.pr_sname, 'D');
	assert_int_equal(info.pr_nice, -5);
	assert_int_equal(info.pr_flag, 0x400100);
	assert_int_equal(info.pr_uid, 1000);
	assert_int_equal(info.pr_gid, 1001);
	assert_int_equal(info.pr_pid, 77);
	assert_int_equal(info.pr_ppid, 76);
	assert_string_equal(info.pr_fname, "a name that is ");
	assert_string_equal(info.pr_psargs, "/bin/a b c");
	assert_memory_equal(next_note(&notes, &at, "LINUX", NT_X86_XSTATE, 5),
			    "12345", 5);
	assert_int_equal(at, notes.length);
	core_notes_free(&notes);
}
#else
static void notes_of_a_thread(void **state)
{
	skip();
}
#endif

static void notes_of_files(void **state)
{
	struct core_notes notes = {0};
	struct core_maps maps;
	const uint8_t *files;
	uint64_t words[2 + 3 * 3];
	const char *name;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	size_t at = 0;

	assert_int_equal(
		core_maps_parse(maps_text, strlen(maps_text), &maps, &err), 0);
	core_notes_add_files(&notes, &maps);
	files = next_note(&notes, &at, "CORE", NT_FILE,
			  sizeof(words) + 2 * 11 + 20);
	memcpy(words, files, sizeof(words));
	assert_int_equal(words[0], 3);
	assert_int_equal(words[1], PAGE);
	assert_int_equal(words[5], 0x401000);
	assert_int_equal(words[6], 0x405000);
	assert_int_equal(words[7], 1);
	assert_int_equal(words[10], 0x10);
	name = (const char *)files + sizeof(words);
	assert_string_equal(name, "/bin/a b\nc");
	assert_string_equal(name + 22, "/dev/zero (deleted)");
	core_notes_free(&notes);
	core_maps_free(&maps);
}

TEST_MAIN(notes_of_a_thread, notes_of_files)
