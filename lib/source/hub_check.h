/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the options of a hub's source.
 */
#ifndef LIB_SOURCE_HUB_CHECK_H
#define LIB_SOURCE_HUB_CHECK_H

#include <smudge/hub.h>

/* 0, or -EINVAL with the sentence of the cause. */
int smi_hub_check_member(const struct smudge_hub_member_options *o,
			 struct smudge_error *err);

#endif
