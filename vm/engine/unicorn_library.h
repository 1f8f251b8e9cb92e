/* SPDX-License-Identifier: MIT */
/*
 * Unicorn's functions under their own names; the library is loaded when the
 * first engine is made (base/library.h).
 */
#ifndef VM_ENGINE_UNICORN_LIBRARY_H
#define VM_ENGINE_UNICORN_LIBRARY_H

#include <unicorn/unicorn.h>

struct smudge_error;

/* clang-format off */
#define ENGINE_UNICORN_FUNCTIONS(X) \
	X(uc_close) \
	X(uc_ctl) \
	X(uc_emu_start) \
	X(uc_emu_stop) \
	X(uc_hook_add) \
	X(uc_mem_map_ptr) \
	X(uc_mem_read) \
	X(uc_open) \
	X(uc_reg_read) \
	X(uc_reg_write) \
	X(uc_strerror)
/* clang-format on */

/* One per process, as the library; engine_unicorn_load writes it. */
#define ENGINE_UNICORN_MEMBER(name) __typeof__(&name) name;
extern struct engine_unicorn_library {
	ENGINE_UNICORN_FUNCTIONS(ENGINE_UNICORN_MEMBER)
} engine_unicorn_library;

/* Before any of them is called. Return: 0, or -ENODEV with one sentence. */
int engine_unicorn_load(struct smudge_error *err);

#define uc_close       (engine_unicorn_library.uc_close)
#define uc_ctl	       (engine_unicorn_library.uc_ctl)
#define uc_emu_start   (engine_unicorn_library.uc_emu_start)
#define uc_emu_stop    (engine_unicorn_library.uc_emu_stop)
#define uc_hook_add    (engine_unicorn_library.uc_hook_add)
#define uc_mem_map_ptr (engine_unicorn_library.uc_mem_map_ptr)
#define uc_mem_read    (engine_unicorn_library.uc_mem_read)
#define uc_open	       (engine_unicorn_library.uc_open)
#define uc_reg_read    (engine_unicorn_library.uc_reg_read)
#define uc_reg_write   (engine_unicorn_library.uc_reg_write)
#define uc_strerror    (engine_unicorn_library.uc_strerror)

#endif
