/* SPDX-License-Identifier: MIT */
/*
 * The page tables that a guest begins with: RAM, one to one.
 *
 * The loader writes them for every engine. The Unicorn engine, which does not
 * translate addresses, runs guests on exactly these tables.
 */
#ifndef VM_ENGINE_BOOT_TABLES_H
#define VM_ENGINE_BOOT_TABLES_H

#include <stdint.h>

#include "base/ram.h"

#define BOOT_TABLES_GPA UINT64_C(0x10000)

/* The first address after the tables; it depends on the RAM's size. */
uint64_t boot_tables_end(const struct ram *ram);

/*
 * boot_tables_write - write the page tables that map @ram one to one
 * @tables: host address of BOOT_TABLES_GPA; boot_tables_end() -
 *          BOOT_TABLES_GPA bytes are overwritten
 */
void boot_tables_write(const struct ram *ram, uint8_t *tables);

#endif
