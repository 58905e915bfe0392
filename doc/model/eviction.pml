/*
 * Evictions of key 0 at random moments. A merged leader reports its own: a notice names
 * the evicted value, may wait, and may be lost at any moment. It is not a change. Part of
 * pair.pml. EVICTS: how many evictions there may be.
 */
byte note[2]; /* the value that a waiting notice names; 0: none is waiting */
byte evicts = EVICTS;

/* the books: the value that the leader evicted and the follower may still have */
#define FOR_EVER 255 /* without a notice: a follower's own eviction, or no link */
byte apart;

/* If the leader is missing the bucket, the item may come back by FILL: no notice then. */
#ifdef NOTICE_WHILE_MISSING
#define MAY_NOTICE(n) true
#else
#define MAY_NOTICE(n) (!(missing[n] & BIT(0)))
#endif

inline evict(n)
{
    evicts--;
    may_miss = may_miss | BIT(0);
    if
    :: merged[n] && lead[n] == LEADER && MAY_NOTICE(n) ->
        note[n] = val[OF(n, 0)];
        apart = MAX(apart, note[n])
    :: else -> apart = FOR_EVER
    fi;
    val[OF(n, 0)] = 0
}

inline on_evict(n, v)
{
    if
    :: merged[n] && lead[n] == FOLLOWER ->
        if
#ifdef EVICT_ANY_VERSION
        :: true -> val[OF(n, 0)] = 0
#else
        :: val[OF(n, 0)] <= v -> val[OF(n, 0)] = 0
        :: else
#endif
        fi;
#ifdef NOTICE_MARKS_DIRTY
        dirty[n] = dirty[n] | WHOLE(BIT(0));
#endif
        if
        :: apart == v -> apart = 0
        :: else
        fi
    :: else
    fi
}
