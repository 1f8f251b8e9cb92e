/* SPDX-License-Identifier: MIT */
/*
 * The AVX-512 kernels once more, on intrinsics in plain C. Slow, and right on
 * any processor if the kernels are.
 */
#include "simde_avx512.h"

#define SMI_SIMDE
#define smi_kernels_avx512 test_kernels_avx512
extern const struct smi_kernels test_kernels_avx512;
#include "bitmap/kernels/avx512.c"
