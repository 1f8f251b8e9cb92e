/* SPDX-License-Identifier: MIT */
#include "process/step.h"

#include <stddef.h>

void (*smi_step_hook)(const char *step) = NULL;
