/*
 * What mcd itself shows in `stats`, in that order and under memcached's names.
 *
 *   STAT_COUNTER(name, what it is)        each worker counts it in its thread_counters
 *   STAT_FIGURE(kind, name, what it is)   worked out by stats_each in stats.c
 *
 * Whoever includes it defines the macros that he needs.
 */
#ifndef STAT_COUNTER
#define STAT_COUNTER(name, help)
#endif
#ifndef STAT_FIGURE
#define STAT_FIGURE(kind, name, help)
#endif

STAT_FIGURE(GAUGE, pid, "process id")
STAT_FIGURE(GAUGE, uptime, "seconds since the start")
STAT_FIGURE(GAUGE, time, "the date, in seconds since 1970")
STAT_FIGURE(TEXT, version, "of mcd")
STAT_FIGURE(TEXT, libevent, "version of libevent")
STAT_FIGURE(GAUGE, pointer_size, "bits")
STAT_FIGURE(TEXT, rusage_user, "processor time of the process, seconds")
STAT_FIGURE(TEXT, rusage_system, "the same in the kernel")
STAT_FIGURE(GAUGE, max_connections, "limit of -c")
STAT_FIGURE(GAUGE, curr_connections, "open connections")
STAT_FIGURE(COUNTER, total_connections, "accepted since the start")
STAT_FIGURE(COUNTER, rejected_connections, "refused because of -c")
STAT_FIGURE(GAUGE, connection_structures, "connections that hold memory")
STAT_COUNTER(cmd_get, "keys asked for")
STAT_COUNTER(cmd_set, "values stored, or tried to")
STAT_COUNTER(cmd_flush, "flush_all")
STAT_COUNTER(cmd_touch, "touch and gat")
STAT_COUNTER(cmd_meta, "meta commands; each also counts as what it does")
STAT_COUNTER(get_hits, "keys found")
STAT_COUNTER(get_misses, "keys not found")
STAT_COUNTER(delete_misses, "deletes of what was not there")
STAT_COUNTER(delete_hits, "keys deleted")
STAT_COUNTER(incr_misses, "incr of what was not there")
STAT_COUNTER(incr_hits, "incr done")
STAT_COUNTER(decr_misses, "decr of what was not there")
STAT_COUNTER(decr_hits, "decr done")
STAT_COUNTER(cas_misses, "cas of what was not there")
STAT_COUNTER(cas_hits, "cas done")
STAT_COUNTER(cas_badval, "cas refused: the value had changed")
STAT_COUNTER(touch_hits, "touch and gat that found the key")
STAT_COUNTER(touch_misses, "touch and gat that did not")
STAT_COUNTER(store_too_large, "values refused for their size")
STAT_COUNTER(store_no_memory, "values refused because memory was full")
STAT_COUNTER(idle_kicks, "connections closed by --idle-timeout")
STAT_COUNTER(conn_mem_kicks, "connections closed by --conn-mem-limit")
STAT_COUNTER(conn_unwatched, "connections closed because the system could not watch them")
STAT_FIGURE(GAUGE, conn_mem_bytes, "in buffers of connections")
STAT_COUNTER(bytes_read, "from clients")
STAT_COUNTER(bytes_written, "to clients")
STAT_FIGURE(GAUGE, limit_maxbytes, "limit of -m, bytes")
STAT_FIGURE(GAUGE, accepting_conns, "1 if new connections are taken")
STAT_FIGURE(COUNTER, listen_disabled_num, "times that accepting had to pause")
STAT_FIGURE(COUNTER, time_in_listen_disabled_us,
            "how long those pauses were, microseconds")
STAT_FIGURE(GAUGE, threads, "worker threads")
STAT_COUNTER(conn_yields, "times a connection had to let others go first")

#undef STAT_COUNTER
#undef STAT_FIGURE
