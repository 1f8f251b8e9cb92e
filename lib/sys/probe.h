/* SPDX-License-Identifier: MIT */
/*
 * Trace points (USDT): a nop each, and a note in the ELF file that says where
 * it is and where its arguments are at that moment. bpftrace, perf, SystemTap
 * and gdb find them as smudge:<name>; docs/tracing.md lists them, and
 * scripts/check-probes.py compares the list with the library.
 *
 * An argument is a variable or a member that the code has at hand: what is
 * computed for a probe alone is computed also while nothing traces. Without
 * <sys/sdt.h> (meson -Dprobes=disabled) a probe is nothing at all.
 */
#ifndef LIB_SYS_PROBE_H
#define LIB_SYS_PROBE_H

#ifdef SMI_HAVE_PROBES

#define SDT_USE_VARIADIC
#include <sys/sdt.h>

/* A probe with one to twelve arguments: integers or pointers. */
#define SMI_SYS_PROBE(name, ...) STAP_PROBEV(smudge, name, __VA_ARGS__)

#else

/* Never called: so a variable that only a probe reads is used. */
static inline void smi_sys_probe_arguments(int none, ...)
{
}

#define SMI_SYS_PROBE(name, ...)                                 \
	do {                                                     \
		if (0)                                           \
			smi_sys_probe_arguments(0, __VA_ARGS__); \
	} while (0)

#endif

#endif
