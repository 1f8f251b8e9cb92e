/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of one image: the input is the file.
 */
#include "qcow2_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	qcow2_folder_write("0", data, size);
	qcow2_folder_read("0");
	return 0;
}
