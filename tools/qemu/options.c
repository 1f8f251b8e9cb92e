/* SPDX-License-Identifier: MIT */
/*
 * Options without a value, of all versions from 4.0 to 10.0.
 */
#include "qemu/options.h"

#include <string.h>

static const char *const without_value[] = {
	"S",
	"alt-grab",
	"async-teardown",
	"ctrl-grab",
	"curses",
	"daemonize",
	"enable-fips",
	"enable-kvm",
	"enable-sync-profile",
	"full-screen",
	"h",
	"help",
	"jitdump",
	"mem-prealloc",
	"no-acpi",
	"no-fd-bootchk",
	"no-frame",
	"no-hpet",
	"no-quit",
	"no-reboot",
	"no-shutdown",
	"no-user-config",
	"nodefaults",
	"nodefconfig",
	"nographic",
	"old-param",
	"only-migratable",
	"perfmap",
	"portrait",
	"preconfig",
	"s",
	"sdl",
	"semihosting",
	"show-cursor",
	"singlestep",
	"snapshot",
	"usb",
	"version",
	"win2k-hack",
	"xen-attach",
	"xen-domid-restrict",
};

static bool has_value(const char *name)
{
	for (size_t i = 0; i < sizeof(without_value) / sizeof(*without_value);
	     i++)
		if (strcmp(name, without_value[i]) == 0)
			return false;
	return true;
}

bool qemu_option_next(char *const words[], size_t *index,
		      struct qemu_option *ret_option)
{
	char *const *first = words + *index;

	if (!words[0] || !*first)
		return false;
	*ret_option = (struct qemu_option){
		.name = "", .value = *first, .words = first, .nwords = 1};
	if (**first == '-') {
		ret_option->name = *first + ((*first)[1] == '-' ? 2 : 1);
		ret_option->value = NULL;
		if (has_value(ret_option->name) && first[1]) {
			ret_option->value = first[1];
			ret_option->nwords = 2;
		}
	}
	*index += ret_option->nwords;
	return true;
}

bool qemu_option_is(const struct qemu_option *option, const char *name)
{
	return strcmp(option->name, name) == 0;
}
