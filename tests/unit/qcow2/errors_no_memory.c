/* SPDX-License-Identifier: MIT */
/*
 * -ENOMEM: each allocation of opening and reading a chain fails once; nothing
 * leaks (the address sanitizer says so), and what was opened works afterwards.
 */
#include <errno.h>
#include <string.h>

#include "builder.h"
#include "expect.h"
#include "fail_memory.h"
#include "folder.h"
#include "qcow2/format.h"
#include "sentence.h"

#define NPAGES 600

static uint8_t disk[NPAGES * SMI_QCOW2_PAGE_BYTES];

static void save(const char *name, const char *backing)
{
	const struct builder_options options = {.disk_bytes = sizeof(disk),
						.cluster_bits = 14,
						.backing = backing,
						.format = "qcow2"};
	struct builder builder;

	builder_start(&builder, &options);
	for (uint64_t i = backing ? 1 : 0; i < NPAGES / 4; i += 2)
		builder_zstd(&builder, i, disk + (i << 14));
	builder_save(&builder, name);
}

/* Return: 0, or what failed first. */
static int read_all(struct smudge_error *err)
{
	static uint8_t bytes[sizeof(disk)];
	struct smi_qcow2_reader *reader = NULL;
	struct smi_qcow2_chain *chain = NULL;
	int ret = smi_qcow2_chain_open(folder_fd, "top", &chain, err);

	if (!ret)
		ret = smi_qcow2_reader_create(chain, 0, 0, &reader, err);
	/* From within a cluster, so that one is unpacked for some pages. */
	if (!ret)
		ret = smi_qcow2_reader_read(reader, 1, NPAGES - 1, bytes, err);
	if (!ret)
		assert_memory_equal(bytes, disk + SMI_QCOW2_PAGE_BYTES,
				    sizeof(disk) - SMI_QCOW2_PAGE_BYTES);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
	return ret;
}

static void every_allocation(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i / 1000);
	save("below", NULL);
	save("top", "below");
	do {
		struct smudge_error err = SMUDGE_ERROR_INIT;
		int ret;

		fail_memory_at(++n);
		ret = read_all(&err);
		if (fail_memory_has_failed())
			expect_sentence(&err, ret, -ENOMEM, "out of memory");
		else
			assert_int_equal(ret, 0);
	} while (fail_memory_has_failed());
	fail_memory_off();
	assert_true(n > 8);
}

TEST_MAIN_WITH(folder_create, folder_remove, every_allocation)
