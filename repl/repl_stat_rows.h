/*
 * The statistics of replication, in the order of `stats repl`. Their names are repl_NAME.
 *
 *   STAT_COUNTER(name, extent, what it is)        counted in struct repl_counters
 *   STAT_FIGURE(kind, name, extent, what it is)   filled in by repl_core_status
 *   STAT_INNER(kind, name, what it is)            the same, but shown to the operator
 *                                 only: whoever knows it can pose as the peer
 *
 * extent: BRIEF rows stand in plain `stats` as well. A file that includes this one
 * defines the macros that it needs.
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
STAT_FIGURE(TEXT, health, FULL, "why the node may or may not hold it")
STAT_FIGURE(TEXT, link, FULL, "off, down, handshake, resync or streaming")
STAT_FIGURE(GAUGE, in_sync, BRIEF, "1 if both nodes hold the same items")
STAT_FIGURE(GAUGE, term, FULL,
            "number of the last promotion that this node knows, counted over both "
            "nodes; the node with the higher term leads")
STAT_FIGURE(GAUGE, rank, FULL,
            "of two nodes that cannot talk, the one with the higher rank was active "
            "last; once they have agreed, 1 on the active and 0 on the standby")
STAT_FIGURE(TEXT, peer, FULL, "the peer's address")
STAT_FIGURE(GAUGE, peer_active, FULL, "1 if the peer is active, and linked to this node")
STAT_FIGURE(TEXT, encryption, FULL,
            "how the link is protected: not encrypted, by secret or by certificates")
STAT_FIGURE(
    GAUGE, certificate_expires, FULL,
    "when this node's certificate (tls_cert) expires, as Unix time; 0 without one")
STAT_FIGURE(GAUGE, peer_memory, FULL,
            "the peer's memory limit in bytes, 0 while unknown; the log warns if it is "
            "lower than this node's")
STAT_FIGURE(
    GAUGE, lone_ms, FULL,
    "how long this node has had no link to its peer, milliseconds; 0 while linked")
STAT_FIGURE(GAUGE, items, FULL, "items in the store")
STAT_FIGURE(GAUGE, pending, BRIEF,
            "entries of the journal that the peer has not acknowledged")
STAT_FIGURE(GAUGE, dirty_buckets, FULL,
            "buckets (groups of keys) with changes that the peer may not have")
STAT_FIGURE(GAUGE, missing_buckets, FULL,
            "groups of keys of which this node may miss items")
STAT_FIGURE(GAUGE, at_risk, BRIEF,
            "changes and items that would be lost if this node died now; never too few")
STAT_FIGURE(GAUGE, lag_us, BRIEF,
            "age of the oldest change that the peer has not acknowledged, microseconds")
STAT_FIGURE(GAUGE, copy_items, FULL,
            "items sent by the copy to the peer that is under way; 0: there is none")
STAT_FIGURE(GAUGE, copy_total, FULL, "about how many items that copy has")
STAT_FIGURE(GAUGE, copy_ms, FULL, "since when it is under way, milliseconds")
STAT_FIGURE(GAUGE, paused, FULL,
            "1 while automatic moves of the clients' address are paused")
STAT_FIGURE(GAUGE, paused_ms, FULL, "since when they are, milliseconds")
STAT_FIGURE(GAUGE, pause_left_ms, FULL,
            "when the pause ends by itself, milliseconds; 0: it does not")
STAT_FIGURE(
    GAUGE, peer_told, FULL,
    "1 if the peer has told how it is over this link; it does so each second, and "
    "all that follow are what it said")
STAT_FIGURE(GAUGE, peer_told_ms, FULL, "how long ago, milliseconds")
STAT_FIGURE(GAUGE, peer_fit, FULL, "1 if the peer may hold the clients' address")
STAT_FIGURE(TEXT, peer_health, FULL, "why it may or may not")
STAT_FIGURE(GAUGE, peer_in_sync, FULL,
            "1 if both nodes hold the same, as the peer sees it")
STAT_FIGURE(GAUGE, peer_items, FULL, "items in the peer's store")
STAT_FIGURE(GAUGE, peer_pending, FULL, "as pending, at the peer")
STAT_FIGURE(GAUGE, peer_at_risk, FULL, "as at_risk, at the peer")
STAT_FIGURE(GAUGE, peer_lag_us, FULL, "as lag_us, at the peer")
STAT_FIGURE(GAUGE, peer_dirty_buckets, FULL, "as dirty_buckets, at the peer")
STAT_FIGURE(GAUGE, peer_missing_buckets, FULL, "as missing_buckets, at the peer")
STAT_FIGURE(GAUGE, peer_copy_items, FULL, "as copy_items, of the peer's copy to here")
STAT_FIGURE(GAUGE, peer_copy_total, FULL, "as copy_total, of that copy")
STAT_FIGURE(GAUGE, peer_copy_ms, FULL, "as copy_ms, of that copy")
STAT_FIGURE(GAUGE, peer_paused, FULL, "as paused, at the peer")
STAT_COUNTER(shipped, BRIEF, "changes sent")
STAT_COUNTER(applied, BRIEF, "changes and copied items taken from the peer")
STAT_COUNTER(apply_failed, FULL,
             "items of the peer that the store had no room for, or that are larger "
             "than this node takes; they are misses here, and asked for again")
STAT_COUNTER(store_failures, FULL,
             "store calls of replication that failed for lack of memory; they are "
             "repeated, and until then the nodes are not in sync")
STAT_COUNTER(coalesced, FULL, "changes that were sent with another one of the same key")
STAT_COUNTER(deltas, FULL,
             "changes of large values that were sent as what was added, or as the new "
             "expiry alone")
STAT_COUNTER(resent, FULL,
             "of these, changes whose keys the peer asked for, because it did not have "
             "the value that they build on")
STAT_COUNTER(notices_out, FULL,
             "notices sent to the standby: what the store here evicted, kept and read")
STAT_COUNTER(notices_in, FULL,
             "notices received: what the active node's store evicted, kept and read")
STAT_FIGURE(COUNTER, notices_lost, FULL,
            "notices that found no room and were not sent; the standby then keeps a "
            "little more for a while, or knows a little less")
STAT_FIGURE(
    GAUGE, untold_buckets, FULL,
    "groups of keys in which this node evicted an item and its peer was not told; "
    "both nodes are made alike there when there is nothing else to do")
STAT_FIGURE(COUNTER, journal_overflows, FULL,
            "changes that found no room in the journal; they are kept as dirty buckets")
STAT_COUNTER(resyncs_full, FULL, "copies of everything that were started")
STAT_COUNTER(resyncs_partial, FULL, "copies of some buckets that were started")
STAT_COUNTER(resync_items, FULL, "items sent by copies")
STAT_COUNTER(invalidated, FULL, "keys dropped because both nodes had changed them")
STAT_COUNTER(recovered, FULL,
             "items that this node copied from its peer while it led: changed on the "
             "peer only, or refilled")
STAT_COUNTER(fetches, FULL,
             "keys requested from the peer because clients asked for them before they "
             "were copied")
STAT_COUNTER(fetch_hits, FULL, "requested keys that the peer had")
STAT_COUNTER(fetch_timeouts, FULL,
             "client requests that waited fetch_wait for such a key in vain")
STAT_COUNTER(bytes_out, FULL, "bytes sent to the peer")
STAT_COUNTER(bytes_in, FULL, "bytes received from the peer")
STAT_COUNTER(reconnects, FULL, "times the link came up")
STAT_COUNTER(links_refused, FULL,
             "connections to the replication port that were refused: from an address "
             "that is not the peer's, or without the secret or the certificate")
STAT_COUNTER(links_dropped, FULL,
             "connections from the peer's address that were dropped unread, because too "
             "many had proved nothing; the peer tries again at once")
STAT_COUNTER(promotions, FULL, "times this node became active")
STAT_COUNTER(demotions, FULL, "times this node became standby")
STAT_COUNTER(merges, FULL, "times both nodes agreed on who has what")
STAT_FIGURE(TEXT, last_error, FULL,
            "why the link or the replication failed last; empty when it is cured: the "
            "nodes are in sync again, or what failed has been done")
STAT_FIGURE(GAUGE, last_error_ms, FULL, "how long ago that was, milliseconds")
STAT_INNER(TEXT, run_id, "id of this process")
STAT_INNER(TEXT, peer_run_id, "id of the peer's process")

#undef STAT_COUNTER
#undef STAT_FIGURE
#undef STAT_INNER
