/* SPDX-License-Identifier: MIT */
/*
 * The variants of the vector kernels that this processor has, and the choice of
 * one.
 *
 * The choice is made when a bitmap is created, so no global pointer is needed:
 * a bitmap points to its table. SMUDGE_BITMAP_VARIANT is for tests and
 * benchmarks; programs that run with more privileges than their caller do not
 * read it. A variant that the processor lacks is replaced by the best one.
 */
#include "bitmap/kernels/kernels.h"

#include <stdlib.h>
#include <string.h>

#include <smudge/bitmap.h>

#ifdef __x86_64__
static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vbmi2") &&
	       __builtin_cpu_supports("popcnt") &&
	       __builtin_cpu_supports("bmi");
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") &&
	       __builtin_cpu_supports("popcnt") &&
	       __builtin_cpu_supports("bmi");
}
#endif

/* The scalar kernels, and NEON, which every aarch64 processor has. */
static bool has_always(void)
{
	return true;
}

static const struct {
	const struct smi_kernels *kernels;
	bool (*has)(void);
} variants[] = {
#ifdef __x86_64__
	{&smi_kernels_avx512, has_avx512},
	{&smi_kernels_avx2, has_avx2},
#endif
#ifdef SMI_HAVE_NEON
	{&smi_kernels_neon, has_always},
#endif
	{&smi_kernels_scalar, has_always},
};

#define NVARIANTS (sizeof(variants) / sizeof(variants[0]))

const struct smi_kernels *smi_kernels_available(size_t index)
{
	for (size_t i = 0; i < NVARIANTS; i++) {
		if (variants[i].has() && index-- == 0)
			return variants[i].kernels;
	}
	return NULL;
}

const struct smi_kernels *smi_kernels_choose(void)
{
	const char *wanted = secure_getenv("SMUDGE_BITMAP_VARIANT");
	const struct smi_kernels *k;

	for (size_t i = 0; wanted && (k = smi_kernels_available(i)); i++) {
		if (!strcmp(k->name, wanted))
			return k;
	}
	return smi_kernels_available(0);
}

const char *smudge_bitmap_variant(void)
{
	return smi_kernels_choose()->name;
}
