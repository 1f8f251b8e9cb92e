/* SPDX-License-Identifier: MIT */
/*
 * A region whose pages a pager brings: made absent, registered.
 */
#ifndef LIB_MEMORY_PAGER_AREA_H
#define LIB_MEMORY_PAGER_AREA_H

#include "memory/pager_objects.h"

/*
 * smi_pager_area_open - set up an area
 * @area: its pager and region are set, the rest is zeros; closed by
 *      smi_pager_area_close, also after a failure
 *
 * smi_pager_area_prepare comes first for all areas: it opens the userfaultfd.
 * Return: as smudge_pager_create.
 */
int smi_pager_area_prepare(struct smi_pager_area *area,
			   struct smudge_error *err);
int smi_pager_area_open(struct smi_pager_area *area, struct smudge_error *err);

/* @keeps: where it is tracked, zeros are brought on (sys/uffd_rest.h). */
void smi_pager_area_close(struct smi_pager_area *area, bool keeps);

/* From now on the region's other calls know of the area; or no longer. */
void smi_pager_area_publish(struct smi_pager_area *area);
void smi_pager_area_withdraw(struct smi_pager_area *area);

#endif
