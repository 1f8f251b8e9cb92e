/* SPDX-License-Identifier: MIT */
/*
 * Reading memory that others write meanwhile: a guest, a device, threads.
 *
 * WHY IT IS CORRECT. The reader took the pages first, so their bits were
 * cleared and their writers re-armed before (lib/memory/take.c). A store that
 * lands during or after the copy makes its page dirty again. So a copy that
 * misses the store, or holds half of it, is replaced later. The reader must
 * also check and send the same content: it loads each byte once, into a copy,
 * and examines only the copy (is it zero? does it differ? what is its
 * checksum?). If it examined the memory and copied it afterwards, the two could
 * differ.
 *
 * The loads are volatile, so the compiler neither repeats nor drops one. They
 * need no order among themselves; the take ordered them after the re-arming.
 */
#ifndef LIB_SYS_PAGE_H
#define LIB_SYS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * smi_sys_page_copy - copy @bytes of memory that others may write
 * @to: the reader's own
 * @from: any alignment
 *
 * ThreadSanitizer does not check it: it does not know the guest's threads.
 */
void smi_sys_page_copy(void *to, const void *from, size_t bytes);

/* Are all of @bytes zero? No thread may write them meanwhile: use a copy. */
bool smi_sys_page_is_zero(const void *at, size_t bytes);

#endif
