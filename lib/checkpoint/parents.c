/* SPDX-License-Identifier: MIT */
/*
 * Is a layer right on the parent that it has now?
 */
#include <errno.h>

#include "checkpoint/chain.h"

#define WHERE "chain"

int smi_chain_check_parents(struct smudge_chain *chain,
			    struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	size_t image;
	int ret = smi_chain_find_other_parent(chain->images, &image, err);

	if (ret < 0 || image + 1 == smi_qcow2_chain_nimages(chain->images))
		return ret;
	ret = smi_chain_need_tables(chain, &own);
	if (ret == 0)
		ret = smi_chain_check_pages(chain, NULL, NULL, &own);
	if (ret == 0)
		return 0;
	if (ret != -EBADMSG)
		return smudge_error_set(err, ret, own.where, "%s", own.message);
	return smudge_error_set(
		err, -ESTALE, WHERE,
		"%.40s was not made on %.40s as that is now: a later layer was "
		"committed into it, or 'rebase -u' named a wrong file",
		smi_qcow2_chain_name(chain->images, image),
		smi_qcow2_chain_name(chain->images, image + 1));
}
