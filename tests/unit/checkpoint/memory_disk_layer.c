/* SPDX-License-Identifier: MIT */
/*
 * What qemu-img convert to a raw device would leave, without it.
 */
#include "checkpoint/folder.h"
#include "memory_disk.h"
#include "qcow2/chain.h"

void memory_disk_of_layer(struct memory_disk *disk, int folder_fd,
			  uint64_t number)
{
	char name[SMI_FOLDER_NAME_BYTES];
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *images;
	uint64_t npages;

	smi_folder_name(number, name);
	assert_int_equal(smi_qcow2_chain_open(folder_fd, name, &images, NULL),
			 0);
	npages = smi_qcow2_chain_npages(images, 0);
	memory_disk_open(disk, npages * 4096, 0);
	assert_int_equal(smi_qcow2_reader_create(images, 0, 0, &reader, NULL),
			 0);
	assert_int_equal(
		smi_qcow2_reader_read(reader, 0, npages, disk->bytes, NULL), 0);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(images);
}
