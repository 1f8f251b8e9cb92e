/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of chains: the input has the lengths of the first two of three
 * files in KiB, a byte each, and then the files. Each is opened as the top.
 */
#include "qcow2_folder.h"

#define KIB ((size_t)1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t lower(size_t a, size_t b)
{
	return a < b ? a : b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t lengths[2];

	if (size < 2)
		return 0;
	lengths[0] = lower(data[0] * KIB, size - 2);
	lengths[1] = lower(data[1] * KIB, size - 2 - lengths[0]);
	data += 2;
	qcow2_folder_write("0", data, lengths[0]);
	data += lengths[0];
	qcow2_folder_write("1", data, lengths[1]);
	data += lengths[1];
	qcow2_folder_write("2", data, size - 2 - lengths[0] - lengths[1]);
	qcow2_folder_read("0");
	qcow2_folder_read("1");
	qcow2_folder_read("2");
	return 0;
}
