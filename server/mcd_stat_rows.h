/*
 * The statistics of mcd itself, in the order of `stats` and under memcached's names.
 *
 *   STAT_COUNTER(name, what it is)        each worker counts it in its thread_counters
 *   STAT_FIGURE(kind, name, what it is)   computed by stats_each in stats.c
 *
 * A file that includes this one defines the macros that it needs.
 */
#ifndef STAT_COUNTER
#define STAT_COUNTER(name, help)
#endif
#ifndef STAT_FIGURE
#define STAT_FIGURE(kind, name, help)
#endif

STAT_FIGURE(GAUGE, pid, "process id")
STAT_FIGURE(GAUGE, uptime, "seconds since the start")
STAT_FIGURE(GAUGE, time, "current time, seconds since 1970")
STAT_FIGURE(TEXT, version, "version of the memcached whose protocols mcd speaks")
STAT_FIGURE(TEXT, mcd_version, "version of mcd")
STAT_FIGURE(TEXT, libevent, "version of libevent")
STAT_FIGURE(GAUGE, pointer_size, "size of a pointer, bits")
STAT_FIGURE(TEXT, rusage_user, "processor time in user mode, seconds")
STAT_FIGURE(TEXT, rusage_system, "processor time in the kernel, seconds")
STAT_FIGURE(GAUGE, max_connections, "the limit of -c")
STAT_FIGURE(GAUGE, curr_connections, "open connections")
STAT_FIGURE(COUNTER, total_connections, "connections accepted since the start")
STAT_FIGURE(COUNTER, rejected_connections, "connections refused because of -c")
STAT_FIGURE(GAUGE, connection_structures, "connections that hold memory")
STAT_COUNTER(cmd_get, "keys asked for")
STAT_COUNTER(cmd_set, "attempts to store a value")
STAT_COUNTER(cmd_flush, "flush_all commands")
STAT_COUNTER(cmd_touch, "touch and gat commands")
STAT_COUNTER(cmd_meta, "meta commands; each is also counted as what it does")
STAT_COUNTER(get_hits, "keys found")
STAT_COUNTER(get_misses, "keys not found")
STAT_COUNTER(delete_misses, "deletes of keys that were not there")
STAT_COUNTER(delete_hits, "keys deleted")
STAT_COUNTER(incr_misses, "incr of keys that were not there")
STAT_COUNTER(incr_hits, "incr that succeeded")
STAT_COUNTER(decr_misses, "decr of keys that were not there")
STAT_COUNTER(decr_hits, "decr that succeeded")
STAT_COUNTER(cas_misses, "cas of keys that were not there")
STAT_COUNTER(cas_hits, "cas that succeeded")
STAT_COUNTER(cas_badval, "cas refused because the value had changed")
STAT_COUNTER(touch_hits, "touch and gat that found the key")
STAT_COUNTER(touch_misses, "touch and gat that did not find the key")
STAT_COUNTER(store_too_large, "values refused because they were too large")
STAT_COUNTER(store_no_memory, "values refused because memory was full")
STAT_COUNTER(auth_cmds, "passwords that clients gave (-Y)")
STAT_COUNTER(auth_errors, "passwords that were wrong")
STAT_COUNTER(ssl_new_sessions, "TLS sessions that were not resumed (ssl_session_cache)")
STAT_COUNTER(ssl_handshake_errors, "TLS handshakes that failed (-Z)")
STAT_FIGURE(GAUGE, time_since_server_cert_refresh,
            "seconds since the certificates were loaded (-Z)")
STAT_COUNTER(idle_kicks, "connections closed by --idle-timeout")
STAT_COUNTER(conn_mem_kicks, "connections closed by --conn-mem-limit")
STAT_COUNTER(conn_unwatched, "connections closed because the system could not watch them")
STAT_FIGURE(GAUGE, conn_mem_bytes, "bytes in buffers of connections")
STAT_COUNTER(bytes_read, "bytes received from clients")
STAT_COUNTER(bytes_written, "bytes sent to clients")
STAT_FIGURE(GAUGE, limit_maxbytes, "the limit of -m, bytes")
STAT_FIGURE(GAUGE, accepting_conns, "1 if new connections are accepted")
STAT_FIGURE(COUNTER, listen_disabled_num, "times that accepting had to pause")
STAT_FIGURE(COUNTER, time_in_listen_disabled_us, "duration of those pauses, microseconds")
STAT_FIGURE(GAUGE, threads, "worker threads")
STAT_FIGURE(GAUGE, threads_io_uring,
            "those that send and receive by io_uring (--io-uring)")
STAT_FIGURE(COUNTER, log_worker_dropped,
            "log entries that no watcher got: a thread had no room for them")
STAT_FIGURE(COUNTER, log_worker_written, "log entries for watchers")
STAT_FIGURE(COUNTER, log_watcher_skipped, "lines that a slow watcher did not get")
STAT_FIGURE(COUNTER, log_watcher_sent, "lines for watchers")
STAT_FIGURE(GAUGE, log_watchers, "connections that watch")
STAT_COUNTER(conn_yields, "times a connection had to let others take their turn")

#undef STAT_COUNTER
#undef STAT_FIGURE
