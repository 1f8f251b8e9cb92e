/* SPDX-License-Identifier: MIT */
/*
 * L2 entries of compressed pages at every place of a cluster: which sectors and
 * clusters they touch.
 */
#include "qcow2/entry.h"

#include "support.h"

static void check(uint64_t off, uint64_t bytes)
{
	uint64_t entry = smi_qcow2_entry_compressed(off, bytes);
	uint64_t last = off + bytes - 1;

	assert_true(smi_qcow2_entry_is_compressed(entry));
	assert_true(smi_qcow2_entry_is_data(entry));
	assert_false(entry & SMI_QCOW2_COPIED);
	assert_int_equal(entry & ((UINT64_C(1) << 58) - 1), off);
	assert_int_equal(entry >> 58 & 15, last / 512 - off / 512);
	assert_int_equal(smi_qcow2_entry_first_cluster(entry), off / 4096);
	assert_int_equal(smi_qcow2_entry_last_cluster(entry), last / 4096);
}

static void compressed(void **state)
{
	static const uint64_t lengths[] = {1,	2,    511,  512, 513,
					   700, 3584, 4095, 4096};
	static const uint64_t starts[] = {4096, UINT64_C(1) << 42};

	for (unsigned int k = 0; k < 2; k++) {
		for (uint64_t off = 0; off < 4096; off++) {
			for (unsigned int i = 0; i < 9; i++)
				check(starts[k] + off, lengths[i]);
		}
	}
}

static void raw(void **state)
{
	uint64_t entry = smi_qcow2_entry_raw(UINT64_C(1) << 42);

	assert_int_equal(entry, UINT64_C(1) << 63 | UINT64_C(1) << 42);
	assert_true(smi_qcow2_entry_is_data(entry));
	assert_false(smi_qcow2_entry_is_compressed(entry));
	assert_int_equal(smi_qcow2_entry_first_cluster(entry), 1 << 30);
	assert_int_equal(smi_qcow2_entry_last_cluster(entry), 1 << 30);
}

static void no_data(void **state)
{
	assert_false(smi_qcow2_entry_is_data(0));
	assert_false(smi_qcow2_entry_is_data(SMI_QCOW2_ZERO));
}

TEST_MAIN(compressed, raw, no_data)
