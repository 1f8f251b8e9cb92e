/* SPDX-License-Identifier: MIT */
/*
 * The hook of the tests.
 */
#include "process/step.h"

#include <stddef.h>

void (*smi_step_hook)(const char *step) = NULL;
