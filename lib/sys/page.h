/* SPDX-License-Identifier: MIT */
/*
 * Reading memory that others write meanwhile: a guest, a device, threads.
 *
 * WHY IT IS SOUND. Whoever reads took the pages first, so their bits were
 * cleared and their writers re-armed before (lib/memory/take). A store that
 * lands during or after the copy makes its page dirty again, so a copy that
 * missed it, or holds half of it, is made again. What remains is that the
 * reader judges and hands on one and the same content: each byte is loaded
 * once, into a copy, and only the copy is looked at (is it zero? does it
 * differ? what is its checksum?). Looking at the memory and copying it
 * afterwards would judge one content and hand on another.
 *
 * The loads are volatile: the compiler neither repeats nor drops one. They
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
 * ThreadSanitizer does not look: guests' stores are no thread's that it knows.
 */
void smi_sys_page_copy(void *to, const void *from, size_t bytes);

/* Are all of @bytes zero? For memory that nobody writes meanwhile: a copy. */
bool smi_sys_page_is_zero(const void *at, size_t bytes);

#endif
