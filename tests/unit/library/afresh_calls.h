/* SPDX-License-Identifier: MIT */
/*
 * Calls that errors_begin_afresh makes, to fail or to succeed, with an error
 * of an earlier call in @err. They are in a file of their own for its length.
 */
#ifndef TESTS_UNIT_LIBRARY_AFRESH_CALLS_H
#define TESTS_UNIT_LIBRARY_AFRESH_CALLS_H

#include <stdbool.h>

#include <smudge/error.h>

#define AFRESH_STALE "of an earlier call"
#define AFRESH_SKIP  1 /* this machine cannot */

/* What the call returned, or AFRESH_SKIP. */
int afresh_migrate_send(bool fails, struct smudge_error *err);
int afresh_migrate_forecast(bool fails, struct smudge_error *err);
int afresh_migrate_receive(bool fails, struct smudge_error *err);
int afresh_uffd_create(bool fails, struct smudge_error *err);
int afresh_hub_collect(bool fails, struct smudge_error *err);
int afresh_kvm_create(bool fails, struct smudge_error *err);
int afresh_kvm_log_create(bool fails, struct smudge_error *err);
int afresh_kvm_ring_add_vcpu(bool fails, struct smudge_error *err);
int afresh_kvm_ring_create(bool fails, struct smudge_error *err);
int afresh_kvm_ring_full(bool fails, struct smudge_error *err);
int afresh_kvm_ring_slot(bool fails, struct smudge_error *err);
int afresh_vhost_log_create(bool fails, struct smudge_error *err);
int afresh_mprotect_create(bool fails, struct smudge_error *err);
int afresh_soft_dirty_create(bool fails, struct smudge_error *err);

int afresh_chain_diff(bool fails, struct smudge_error *err);
int afresh_chain_layer(bool fails, struct smudge_error *err);
int afresh_chain_next_data(bool fails, struct smudge_error *err);
int afresh_chain_open(bool fails, struct smudge_error *err);
int afresh_chain_open_disk(bool fails, struct smudge_error *err);
int afresh_chain_read(bool fails, struct smudge_error *err);
int afresh_chain_verify(bool fails, struct smudge_error *err);
int afresh_layers_each(bool fails, struct smudge_error *err);
int afresh_layers_prune(bool fails, struct smudge_error *err);
int afresh_lazy_end(bool fails, struct smudge_error *err);
int afresh_lazy_wait(bool fails, struct smudge_error *err);
int afresh_pager_create(bool fails, struct smudge_error *err);
int afresh_pager_failure(bool fails, struct smudge_error *err);
int afresh_pager_install(bool fails, struct smudge_error *err);
int afresh_restore_lazily(bool fails, struct smudge_error *err);
int afresh_region_discard(bool fails, struct smudge_error *err);
int afresh_region_next_populated(bool fails, struct smudge_error *err);
int afresh_region_read(bool fails, struct smudge_error *err);
int afresh_region_read_bytes(bool fails, struct smudge_error *err);
int afresh_restore(bool fails, struct smudge_error *err);

int afresh_batch_create(bool fails, struct smudge_error *err);
int afresh_bitmap_create(bool fails, struct smudge_error *err);
int afresh_log_open(bool fails, struct smudge_error *err);
int afresh_memory_destroy(bool fails, struct smudge_error *err);
int afresh_region_add(bool fails, struct smudge_error *err);
int afresh_region_remove(bool fails, struct smudge_error *err);
int afresh_source_create(bool fails, struct smudge_error *err);
int afresh_hub_create(bool fails, struct smudge_error *err);
int afresh_hub_join(bool fails, struct smudge_error *err);
int afresh_migration_create(bool fails, struct smudge_error *err);
int afresh_migration_set_limits(bool fails, struct smudge_error *err);
int afresh_process_close(bool fails, struct smudge_error *err);
int afresh_process_continue(bool fails, struct smudge_error *err);
int afresh_process_each_thread(bool fails, struct smudge_error *err);
int afresh_process_each_writer(bool fails, struct smudge_error *err);
int afresh_process_harvest(bool fails, struct smudge_error *err);
int afresh_process_harvest_quiesced(bool fails, struct smudge_error *err);
int afresh_process_look(bool fails, struct smudge_error *err);
int afresh_process_open(bool fails, struct smudge_error *err);
int afresh_process_stop(bool fails, struct smudge_error *err);

int afresh_checkpoint_add_blob(bool fails, struct smudge_error *err);
int afresh_checkpointer_prune(bool fails, struct smudge_error *err);
int afresh_checkpointer_create(bool fails, struct smudge_error *err);
int afresh_checkpointer_save(bool fails, struct smudge_error *err);
int afresh_checkpointer_wait(bool fails, struct smudge_error *err);

#endif
