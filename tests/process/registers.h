/* SPDX-License-Identifier: MIT */
/*
 * Computations whose result is known, with everything that a thread has.
 */
#ifndef TESTS_PROCESS_REGISTERS_H
#define TESTS_PROCESS_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * @nspins additions in each general and vector register, with values in the
 * red zone. Return: NULL, or which was wrong.
 */
const char *registers_compute(uint64_t seed, uint64_t nspins);

#define SEQUENCE_MAX_CPUS 64

struct sequence_counter {
	_Alignas(64) uint64_t value;
};

/* Are there restartable sequences, which libc registers? */
bool sequence_is_possible(void);
/* Add 1 to this processor's counter, in a long restartable sequence. */
void sequence_add(struct sequence_counter *counters);

#endif
