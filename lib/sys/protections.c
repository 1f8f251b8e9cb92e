/* SPDX-License-Identifier: MIT */
/*
 * A list, whose claims a child of fork does not have.
 */
#include "sys/protections.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "sys/guard.h"
#include "sys/space.h"

/* The lock's. In a child: the parent's, until something is claimed. */
static struct smi_sys_protections *claims;
static uint64_t claims_space;

/* Lock held. */
static bool is_free(const struct smi_sys_protections *claim)
{
	for (const struct smi_sys_protections *c = claims; c; c = c->next) {
		if (c->by != claim->by && c->start < claim->end &&
		    claim->start < c->end)
			return false;
	}
	return true;
}

int smi_sys_protections_claim(struct smi_sys_protections *claim,
			      enum smi_sys_protector by, uint64_t start,
			      uint64_t end)
{
	uint64_t space = smi_sys_space_id();

	if (!space)
		return -ENOMEM;
	SMI_SYS_GUARD(smi_sys_space_mutex(SMI_SYS_SPACE_PROTECTIONS));
	if (claims_space != space)
		claims = NULL;
	claims_space = space;
	*claim = (struct smi_sys_protections){
		.space = space, .by = by, .start = start, .end = end};
	if (!is_free(claim))
		return -EBUSY;
	claim->next = claims;
	claim->link = &claims;
	if (claims)
		claims->link = &claim->next;
	claims = claim;
	return 0;
}

void smi_sys_protections_resize(struct smi_sys_protections *claim, uint64_t end)
{
	if (!claim->link || !smi_sys_space_is(claim->space))
		return;
	SMI_SYS_GUARD(smi_sys_space_mutex(SMI_SYS_SPACE_PROTECTIONS));
	claim->end = end;
}

void smi_sys_protections_release(struct smi_sys_protections *claim)
{
	if (!claim->link || !smi_sys_space_is(claim->space))
		return;
	SMI_SYS_GUARD(smi_sys_space_mutex(SMI_SYS_SPACE_PROTECTIONS));
	*claim->link = claim->next;
	if (claim->next)
		claim->next->link = claim->link;
	claim->link = NULL;
}
