/* SPDX-License-Identifier: MIT */
/*
 * QEMU's description of the device sections of a stream, and whether it fits
 * them.
 */
#ifndef TOOLS_QEMU_VMDESC_H
#define TOOLS_QEMU_VMDESC_H

#include <stddef.h>
#include <stdint.h>

struct qemu_vmdesc {
	const char *text;
	size_t known_length; /* the text's end is not known */
	const uint8_t *sections;
	size_t sections_length;
};

enum qemu_vmdesc_fit {
	/* no description, at least none of these sections */
	QEMU_VMDESC_NONE,
	/* it begins as theirs does, and does not fit them */
	QEMU_VMDESC_WRONG,
	QEMU_VMDESC_FITS,
};

/*
 * qemu_vmdesc_fit - does the text describe the sections?
 * @max_devices: so many of them are looked at
 *
 * Each device that the known text describes whole must be there, in order, with
 * the same name and instance, and as long as its fields are; the devices that
 * the rest describes begin and end as sections do.
 */
enum qemu_vmdesc_fit qemu_vmdesc_fit(const struct qemu_vmdesc *description,
				     size_t max_devices);

#endif
