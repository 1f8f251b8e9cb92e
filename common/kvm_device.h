/* SPDX-License-Identifier: MIT */
/*
 * What may help where /dev/kvm cannot be opened.
 */
#ifndef COMMON_KVM_DEVICE_H
#define COMMON_KVM_DEVICE_H

#include <errno.h>

/* To put behind the sentence; "" where nothing is known. */
static inline const char *kvm_device_hint(int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return " (is KVM's module loaded, and the device in this "
		       "container?)";
	case EACCES:
		return " (is this user in the device's group, mostly kvm?)";
	case EPERM:
		return " (is this container allowed to use the device?)";
	default:
		return "";
	}
}

#endif
