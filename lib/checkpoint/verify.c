/* SPDX-License-Identifier: MIT */
/*
 * Read everything and compare it with its digests, in several threads.
 */
#include "checkpoint/chain.h"
#include "checkpoint/parts.h"

/* Pages that have no digest, and that the layer has as zeros, are right. */
static int check_part(void *opaque, struct smi_page_reader *reader,
		      void *buffer, const struct smi_part *part, bool are_zeros,
		      struct smudge_error *err)
{
	int ret = 0;

	for (uint64_t done = 0; ret == 0 && !are_zeros && done < part->npages;
	     done += SMI_READ_PAGES) {
		struct smi_part some = smi_part_of(part, done, SMI_READ_PAGES);

		ret = smi_page_reader_pages(reader, &some, buffer, err);
	}
	return ret;
}

int smi_chain_check_pages(struct smudge_chain *chain,
			  int (*progress)(void *opaque, uint64_t done_bytes,
					  uint64_t total_bytes),
			  void *opaque, struct smudge_error *err)
{
	const struct smi_parts parts = {
		.chain = chain,
		.progress = progress,
		.progress_opaque = opaque,
		.work = check_part,
	};

	return smi_parts_each(&parts, err);
}

int smudge_chain_verify(struct smudge_chain *chain,
			int (*progress)(void *opaque, uint64_t done_bytes,
					uint64_t total_bytes),
			void *opaque, struct smudge_error *err)
{
	size_t image;
	int ret;

	smudge_error_clear(err);
	/* Which parent it has now was decided when the chain was opened. */
	ret = smi_chain_find_other_parent(chain->images, &image, err);
	if (ret == 0)
		ret = smi_chain_check_tables(chain, err);
	return ret < 0 ? ret
		       : smi_chain_check_pages(chain, progress, opaque, err);
}
