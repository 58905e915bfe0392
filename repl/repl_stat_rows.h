/*
 * What replication counts and shows, in the order of `stats repl`, as repl_NAME.
 *
 *   STAT_COUNTER(name, extent, what it is)        counted in struct repl_counters
 *   STAT_FIGURE(kind, name, extent, what it is)   filled in by repl_core_status
 *   STAT_INNER(kind, name, what it is)            the same, shown to the operator only:
 *                                 whoever knows it can speak in the peer's name
 *
 * extent: BRIEF rows stand in plain `stats` as well. Whoever includes it defines the
 * macros that he needs.
 */
#ifndef STAT_COUNTER
#define STAT_COUNTER(name, extent, help)
#endif
#ifndef STAT_FIGURE
#define STAT_FIGURE(kind, name, extent, help)
#endif
#ifndef STAT_INNER
#define STAT_INNER(kind, name, help)
#endif

STAT_FIGURE(TEXT, role, FULL, "active or standby")
STAT_FIGURE(GAUGE, active, BRIEF, "1 if this node is active")
STAT_FIGURE(GAUGE, fit, BRIEF, "1 if this node may hold the clients' address")
STAT_FIGURE(TEXT, health, FULL, "why it may, or may not")
STAT_FIGURE(TEXT, link, FULL, "off, down, handshake, resync or streaming")
STAT_FIGURE(GAUGE, in_sync, BRIEF, "1 if both nodes hold the same")
STAT_FIGURE(GAUGE, term, FULL,
            "how often a node became active, over both; the higher one leads")
STAT_FIGURE(GAUGE, rank, FULL,
            "of two nodes that cannot talk the higher one was active last; 1 for the "
            "active and 0 for the standby once they have agreed")
STAT_FIGURE(TEXT, peer, FULL, "the peer's address")
STAT_FIGURE(GAUGE, peer_memory, FULL,
            "the peer's memory limit in bytes, 0 while it is not known; if it is lower "
            "than this node's, the log warns")
STAT_FIGURE(GAUGE, pending, BRIEF,
            "changes that the peer has not acknowledged, one by one")
STAT_FIGURE(GAUGE, dirty_buckets, FULL,
            "groups of keys with changes that the peer may not have")
STAT_FIGURE(GAUGE, missing_buckets, FULL,
            "groups of keys of which this node may miss items")
STAT_FIGURE(GAUGE, at_risk, BRIEF, "changes that would be lost if this node died now")
STAT_FIGURE(GAUGE, lag_us, BRIEF,
            "from a change to its acknowledgement, last sample, microseconds")
STAT_COUNTER(shipped, BRIEF, "changes sent")
STAT_COUNTER(applied, BRIEF, "changes taken from the peer")
STAT_COUNTER(apply_failed, FULL,
             "changes of the peer that the store had no room for, or that are larger "
             "than this node takes; they are misses here")
STAT_COUNTER(store_failures, FULL,
             "calls of replication that the store could not carry out for want of "
             "memory; they are made again, and until then the nodes are not in sync")
STAT_COUNTER(coalesced, FULL, "changes that travelled with a later one of the same key")
STAT_COUNTER(notices_out, FULL,
             "what this node's store evicted, kept and read, told to the standby")
STAT_COUNTER(notices_in, FULL,
             "what the active node's store evicted, kept and read, as told")
STAT_FIGURE(COUNTER, notices_lost, FULL,
            "notices not told for want of room; the standby keeps a little more, or "
            "knows a little less")
STAT_FIGURE(COUNTER, journal_overflows, FULL,
            "changes for which the journal had no room; they are kept as groups of keys")
STAT_COUNTER(resyncs_full, FULL, "copies of everything begun")
STAT_COUNTER(resyncs_partial, FULL, "copies of some groups of keys begun")
STAT_COUNTER(resync_items, FULL, "items sent by copies")
STAT_COUNTER(invalidated, FULL, "keys dropped because both nodes had changed them")
STAT_COUNTER(recovered, FULL,
             "keys that this node, active, took from its peer: what that one alone had "
             "changed, or a refill")
STAT_COUNTER(fetches, FULL,
             "keys asked of the peer because clients wanted them before they were "
             "copied")
STAT_COUNTER(fetch_hits, FULL, "of these, keys that it had")
STAT_COUNTER(fetch_timeouts, FULL,
             "requests of clients that waited for such a key in vain, for fetch_wait")
STAT_COUNTER(bytes_out, FULL, "bytes sent to the peer")
STAT_COUNTER(bytes_in, FULL, "bytes received from the peer")
STAT_COUNTER(reconnects, FULL, "times the link came up")
STAT_COUNTER(promotions, FULL, "times this node became active")
STAT_COUNTER(demotions, FULL, "times this node became standby")
STAT_COUNTER(merges, FULL, "times both nodes agreed who has what")
STAT_FIGURE(TEXT, last_error, FULL, "why the link or the replication failed last")
STAT_INNER(TEXT, run_id, "this process; mcreplctl status --json shows it")
STAT_INNER(TEXT, peer_run_id, "the peer's process; mcreplctl status --json shows it")

#undef STAT_COUNTER
#undef STAT_FIGURE
#undef STAT_INNER
