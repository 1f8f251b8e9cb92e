/* SPDX-License-Identifier: MIT */
/*
 * A bitmap that writers set by atomic ORs and a harvest exchanges, by hand: the
 * bare side of vhost's log, and of marks by the program.
 */
#ifndef BENCH_SOURCES_LOG_H
#define BENCH_SOURCES_LOG_H

#include "sources.h"

extern const struct sources_side sources_log_bare;

#endif
