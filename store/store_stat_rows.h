/*
 * The statistics of the store, in the order of `stats`, `stats slabs` and `stats engine`.
 *
 *   STAT_COUNTER(name, what it is)         counted in struct counters, one per lane
 *   STAT_FIGURE(kind, name, what it is)    computed by take_snapshot in stats.c
 *   STAT_SLABS(kind, name, what it is)     computed by take_slabs
 *   STAT_SETTING(kind, name, what it is)   computed by take_settings
 *
 * A file that includes this one defines the macros that it needs.
 */
#ifndef STAT_COUNTER
#define STAT_COUNTER(name, help)
#endif
#ifndef STAT_FIGURE
#define STAT_FIGURE(kind, name, help)
#endif
#ifndef STAT_SLABS
#define STAT_SLABS(kind, name, help)
#endif
#ifndef STAT_SETTING
#define STAT_SETTING(kind, name, help)
#endif

STAT_FIGURE(GAUGE, curr_items, "items stored now")
STAT_COUNTER(total_items, "items ever stored")
STAT_FIGURE(GAUGE, bytes, "bytes of items, headers included")
STAT_COUNTER(evictions, "live items removed to make room")
STAT_COUNTER(evicted_unfetched, "evicted items that had never been read")
STAT_COUNTER(evicted_active,
             "evicted items that had been read since they were last judged")
STAT_COUNTER(evicted_nonzero, "evicted items that would have expired one day")
STAT_COUNTER(reclaimed, "expired or flushed items removed")
STAT_COUNTER(expired_unfetched, "reclaimed items that had never been read")
STAT_COUNTER(crawler_reclaimed, "expired items that the background search removed")
STAT_COUNTER(lrutail_reflocked,
             "items in use that stayed when their segment was reclaimed")
STAT_COUNTER(get_expired, "look-ups that met an expired item")
STAT_COUNTER(get_flushed, "look-ups that met a flushed item")
STAT_COUNTER(direct_reclaims, "times that a client's request had to make room itself")
STAT_COUNTER(items_moved, "items copied to keep them while their segment was reclaimed")
STAT_COUNTER(outofmemory, "items refused because memory was full")
STAT_COUNTER(ghost_hits, "sets of keys that had been evicted shortly before")
STAT_FIGURE(GAUGE, hash_power_level, "binary logarithm of the number of hash buckets")
STAT_FIGURE(GAUGE, hash_bytes, "bytes of the hash table")
STAT_FIGURE(GAUGE, hash_is_expanding, "always 0: the table grows one bucket at a time")
STAT_FIGURE(COUNTER, lru_crawler_starts, "completed searches for expired items")
STAT_FIGURE(GAUGE, slab_global_page_pool, "free segments")
STAT_FIGURE(GAUGE, engine_maxbytes, "the memory limit")
STAT_FIGURE(GAUGE, engine_used_bytes, "bytes of the limit in use, overhead included")
STAT_FIGURE(GAUGE, engine_dead_bytes, "bytes of overwritten and deleted items")

STAT_SLABS(GAUGE, chunk_size, "bytes of a segment")
STAT_SLABS(GAUGE, segments_small, "segments of the small queue")
STAT_SLABS(GAUGE, segments_main, "segments of the main queue")
STAT_SLABS(GAUGE, segments_free, "segments that could be opened")
STAT_SLABS(GAUGE, large_items, "items with pages of their own")
STAT_SLABS(GAUGE, hash_buckets, "hash buckets")
STAT_SLABS(GAUGE, hash_overflow_buckets, "overflow buckets in use")
STAT_SLABS(COUNTER, expiry_scans, "completed searches for expired items")
STAT_SLABS(GAUGE, total_malloced, "bytes in use, overhead included")

STAT_SETTING(GAUGE, engine_maxbytes, "cache_size")
STAT_SETTING(GAUGE, item_size_max, "item_size_max")
STAT_SETTING(TEXT, evictions, "eviction")
STAT_SETTING(TEXT, cas_enabled, "use_cas")
STAT_SETTING(TEXT, eviction_policy, "how items are chosen for eviction")

#undef STAT_COUNTER
#undef STAT_FIGURE
#undef STAT_SLABS
#undef STAT_SETTING
