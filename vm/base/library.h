/* SPDX-License-Identifier: MIT */
/*
 * Shared libraries that are loaded when they are first needed.
 *
 * To load and relocate Unicorn and libvncserver, with the libraries that they
 * need, takes two milliseconds each at every start. A guest that is restored
 * lazily runs sooner without.
 */
#ifndef VM_BASE_LIBRARY_H
#define VM_BASE_LIBRARY_H

#include <stddef.h>

struct smudge_error;

/*
 * library_load - load a library, and find its functions
 * @file: its name for the dynamic linker
 * @names: of the functions, @n of them
 * @ret_functions: receives their addresses, in the order of the names; written
 *      only on success
 *
 * It stays loaded until the process ends. Again is a no-op.
 * Return: 0, or -ENODEV with one sentence.
 */
int library_load(const char *file, const char *const *names, size_t n,
		 void **ret_functions, struct smudge_error *err);

#endif
