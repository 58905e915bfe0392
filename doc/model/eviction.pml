/*
 * Evictions of key 0 at random moments. A merged leader reports its own: a notice names
 * the evicted value, may wait, and may be lost at any moment. It is not a change. What no
 * notice can tell is noted in `untold`, and replaced when there is nothing else to do
 * (R24). Part of pair.pml. EVICTS: how many evictions there may be.
 */
byte note[2]; /* the value that a waiting notice names; 0: none is waiting */
bool noted[2]; /* notices were sent in this session, and may not have come */
byte untold[2]; /* buckets */
bool passed_on[2]; /* the leader of this session was told of them */
byte evicts = EVICTS;

/* If the leader is missing the bucket, the item may come back by FILL: no notice then. */
#ifdef NOTICE_WHILE_MISSING
#define MAY_NOTICE(n) true
#else
#define MAY_NOTICE(n) (!(missing[n] & BIT(0)))
#endif

inline go_untold(n)
{
#ifndef UNTOLD_IS_FORGOTTEN
    untold[n] = untold[n] | WHOLE(BIT(0));
#endif
    passed_on[n] = false
}

inline evict(n)
{
    evicts--;
    may_miss = may_miss | BIT(0);
    if
    :: merged[n] && lead[n] == LEADER && MAY_NOTICE(n) -> note[n] = val[OF(n, 0)]
    :: else -> go_untold(n)
    fi;
    val[OF(n, 0)] = 0
}

inline tell_eviction(n)
{
    if
    :: send(n, EVICT, note[n], 0, 0, 0);
        noted[n] = true
    :: go_untold(n) /* there is no room for the notice */
    fi;
    note[n] = 0
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
    :: else
    fi
}

/* The session ends, or the roles move: nobody knows which notices have come. */
inline unmerge_notices(n)
{
    if
#ifndef LOST_WITH_THE_SESSION
    :: note[n] != 0 || noted[n] -> go_untold(n)
#endif
    :: else
    fi;
    note[n] = 0;
    noted[n] = false;
    passed_on[n] = false
}

/* The leader is not told while a part that replaces is under way. */
#define MAY_TELL_UNTOLD(n) \
    (merged[n] && lead[n] == FOLLOWER && untold[n] != 0 && !passed_on[n] && !replacing[n])

inline tell_untold(n)
{
    passed_on[n] = true;
    send(n, UNTOLD, term[n], untold[n], 0, 0)
}

inline on_untold(n, r, map)
{
    if
    :: merged[n] && lead[n] == LEADER && r == term[n] -> untold[n] = untold[n] | map
    :: else
    fi
}

/* What this node evicted untold, a peer that has never merged does not hold either. */
inline forget_untold(n, map)
{
    untold[n] = MINUS(untold[n], (IS_NEW_PEER(n) -> map : 0))
}
