/*
 * Evictions at random moments, of key 0. A merged leader tells of its own: a notice names
 * the value that went, it may wait, and it may be lost at any moment. It is no change.
 * Part of pair.pml. EVICTS: how many there may be.
 */
byte note[2]; /* the value a notice names; 0: none is waiting */
byte evicts = EVICTS;

/* the books: the value that the leader evicted and the follower may still have */
#define FOR_EVER 255 /* nobody told: a follower's own eviction, or one without a link */
byte apart;

/* What a leader evicts of a bucket that it is missing may come again by FILL: it says nothing. */
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
#ifdef NOTICE_MARKS_D
        dirty[n] = dirty[n] | WHOLE(BIT(0));
#endif
        if
        :: apart == v -> apart = 0
        :: else
        fi
    :: else
    fi
}
