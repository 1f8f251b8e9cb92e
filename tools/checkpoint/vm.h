/* SPDX-License-Identifier: MIT */
/*
 * smudge-vm saves its own guest, as a job that QMP starts.
 */
#ifndef TOOLS_CHECKPOINT_VM_H
#define TOOLS_CHECKPOINT_VM_H

#include "checkpoint/request.h"

struct smudge_error;

/*
 * checkpoint_vm - have the VM behind a socket save a layer, and wait for it
 *
 * Shows progress, and prints the layer. A signal (clock.h) cancels it.
 * Return: 0, or -errno with one sentence.
 */
int checkpoint_vm(const struct checkpoint_request *request,
		  struct smudge_error *err);

#endif
