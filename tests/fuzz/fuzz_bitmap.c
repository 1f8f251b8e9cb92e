/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of the bitmap: the input is a program of operations on bitmaps
 * of odd sizes, compared with the byte oracle after each step. It runs with
 * every variant of the vector kernels that this processor has; a difference
 * aborts with its sentence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define MAX_STEPS	   150
#define MAX_COMPARED_PAGES 10000

struct input {
	const uint8_t *at;
	size_t left;
};

/* As many bytes as the bound needs; zeros when there are no more. */
static uint64_t draw_bytes(void *opaque, uint64_t bound)
{
	struct input *input = opaque;
	uint64_t value = 0;

	for (uint64_t rest = bound - 1; rest; rest >>= 8) {
		value = value << 8 | (input->left ? *input->at : 0);
		input->at += input->left > 0;
		input->left -= input->left > 0;
	}
	return bound ? value % bound : 0;
}

static bool run_steps(struct program *program, const struct input *input)
{
	for (int i = 0; i < MAX_STEPS && input->left; i++) {
		if (!program_step(program))
			return false;
		if (program->oracle[0].npages <= MAX_COMPARED_PAGES
			    ? !program_compare(program)
			    : !program_query(program, (unsigned int)i % 3))
			return false;
	}
	return program_compare(program);
}

static void run_input(struct input input)
{
	static const uint64_t sizes[] = {
		1,    2,    63,	  64,	65,   127,   128,  4095,
		4096, 4097, 4160, 5000, 8191, 12289, 3000, 70001,
	};
	struct program program = {.draw = draw_bytes, .opaque = &input};
	bool is_right;

	is_right = program_start(&program, sizes[draw_bytes(&input, 16)]) &&
		   run_steps(&program, &input);
	program_end(&program);
	if (!is_right) {
		fprintf(stderr, "%s\n", program.failure);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const variants[] = {"scalar", "avx2", "avx512",
					       "neon"};

	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		setenv("SMUDGE_BITMAP_VARIANT", variants[i], 1);
		if (strcmp(smudge_bitmap_variant(), variants[i]) == 0)
			run_input((struct input){data, size});
	}
	return 0;
}
