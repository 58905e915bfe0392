/*
 * "It is not here": a change that failed because its key is absent. This answer must stay
 * true and must not override a change. A node that is missing the bucket cannot give it
 * (rules A1-A7). Part of pair.pml, which says what a message and a bucket are.
 *
 * An absence is first asked (in the ring), then away (shipped as a delete) or sent (with
 * MERGE), and is forgotten when the peer has it. ABSENTS: how many commands may fail.
 */
byte asked[2];           /* keys, a mask */
byte away[2 * BUCKETS];  /* how often one is on its way, not acknowledged */
byte sent[2];            /* keys that went with MERGE, until that is acknowledged */
byte agreed[2];          /* no change up to this number is unknown to the peer */
byte absents = ABSENTS;

/* the books: values up to this one may not be served any more: told, by a node that
 * remembers the answer; gone, by any node */
byte told[2 * BUCKETS], gone[BUCKETS];

#if BUCKETS == 1
#define HELD(n) (val[OF(n, 0)] > 0)
#define TO_TELL(n) (asked[n] | sent[n] | (away[OF(n, 0)] > 0))
#else
#define HELD(n) ((val[OF(n, 0)] > 0) | ((val[OF(n, 1)] > 0) << 1))
#define TO_TELL(n)                                                                            \
    (asked[n] | sent[n] | (away[OF(n, 0)] > 0) | ((away[OF(n, 1)] > 0) << 1))
#endif

/* A5 */
inline spill_absences(n)
{
#ifdef SPILL_FORGETS
    asked[n] = 0;
#else
    asked[n] = TO_TELL(n);
#endif
    sent[n] = 0;
    away[OF(n, 0)] = 0;
#if BUCKETS > 1
    away[OF(n, 1)] = 0;
#endif
}

inline forget_absences(n)
{
    asked[n] = 0;
    agreed[n] = 0;
    told[OF(n, 0)] = 0;
#if BUCKETS > 1
    told[OF(n, 1)] = 0;
#endif
}

/* A2, A3 */
inline note_absence(n, bucket)
{
    told[OF(n, bucket)] = MAX(settled[bucket], last[OF(n, bucket)]);
    if
#ifdef NO_ABSENCES
    :: true
#elif defined(ABSENCE_OUTWEIGHS)
    :: true -> dirty[n] = dirty[n] | WHOLE(BIT(bucket))
#else
    :: true -> asked[n] = asked[n] | BIT(bucket)
    :: true -> /* no room */
        dirty[n] = dirty[n] | WHOLE(BIT(bucket));
        may_miss = may_miss | WHOLE(BIT(bucket))
#endif
    fi
}

/* A bucket that is being purged is missing, too. */
#ifdef ABSENT_WHILE_PURGING
#define KNOWS(n, bucket) (!(missing[n] & BIT(bucket)))
#else
#define KNOWS(n, bucket) (!((missing[n] | dirty_there[n]) & BIT(bucket)))
#endif

/* A1: a client that asks for a purging item removes it; that does not mark `written` */
inline fail(n, bucket)
{
    absents--;
    promote(n);
    if
    :: val[OF(n, bucket)] == 0 || (purging[n] & BIT(bucket)) ->
        val[OF(n, bucket)] = 0;
        purging[n] = MINUS(purging[n], BIT(bucket));
#ifdef FAILURE_TOUCHES
        written[n] = written[n] | WHOLE(BIT(bucket));
#endif
        if
        :: KNOWS(n, bucket) -> note_absence(n, bucket)
        :: else ->
#ifdef ABSENT_WHILE_MISSING
            asked[n] = asked[n] | BIT(bucket);
#endif
            skip
        fi
    :: else
    fi
}

/* A4: when its turn comes in the journal */
inline ship_absence(n, bucket)
{
    asked[n] = MINUS(asked[n], BIT(bucket));
    if
    :: val[OF(n, bucket)] == 0 ->
        send(n, SET, bucket, 0, epoch[n], true);
        away[OF(n, bucket)]++
    :: else
    fi
}

/* A6: before MAP or MERGE; z: the keys named. Unrelated nodes have agreed on nothing. */
inline send_absences(n)
{
    z = (unrelated[n] -> 0 : MINUS(asked[n], HELD(n)));
    if
    :: z != 0 -> send(n, ABSENT, term[n], z, missing[n], 0)
    :: else
    fi
}

/* A key that is here when its purge begins is not absent, although it is gone at MERGE. */
inline forget_held(n, buckets)
{
    asked[n] = MINUS(asked[n], HELD(n) & (buckets))
}

/* An absence in a bucket that the sender has not been filled with yet says nothing about
 * the items that are still owed to the sender. */
#ifdef BLIND_TO_MISSING
#define IN_DOUBT(n, missing_at_sender) WHOLE(REMEMBERED(n) | PENDING(n))
#else
#define IN_DOUBT(n, missing_at_sender) (WHOLE(REMEMBERED(n) | PENDING(n)) | (missing_at_sender))
#endif

inline take_absence(n, bucket, missing_at_sender)
{
    if
    :: !(IN_DOUBT(n, missing_at_sender) & BIT(bucket)) || val[OF(n, bucket)] <= agreed[n] ->
        val[OF(n, bucket)] = 0
    :: else ->
#if defined(LATE_PROBES) || defined(ONE_BUCKET)
        told[OF(OTHER(n), bucket)] = 0;
#endif
        skip
    fi
}

inline on_absent(n, r, keys, missing_at_sender)
{
    if
    :: lead[n] != NONE && !merged[n] && r == term[n] && !unrelated[n] ->
        b = 0;
        do
        :: b < BUCKETS ->
            if
            :: (keys) & BIT(b) -> take_absence(n, b, missing_at_sender)
            :: else
            fi;
            b++
        :: else -> break
        od
    :: else
    fi
}

/* A7. The ideal probe sees every moment at which everything is delivered; with
 * LATE_PROBES it may miss any of them. A value that is younger than the last moment seen
 * may stay: with late probes, or if another key makes the bucket dirty. */
#ifdef AGREES_EARLY
#define HAS_SENT_ALL(n) true
#else
#define HAS_SENT_ALL(n) ((owed[n] | in_flight[n]) == 0)
#endif
#define NEEDS_AGREEMENT (absents > 0 || (TO_TELL(0) | TO_TELL(1)) != 0)
#define MAY_AGREE(n)                                                                         \
    (NEEDS_AGREEMENT && merged[n] && purge[n] == NO_PURGE && agreed[n] != changes &&             \
     (lead[n] == LEADER -> act[n] && (REMEMBERED(n) | PENDING(n)) == 0                         \
                         : missing[n] == 0 && HAS_SENT_ALL(n)))
#ifdef LATE_PROBES
#define PROBES(n) MAY_AGREE(n)
#else
#define PROBES(n) false
#endif

inline agree(n)
{
#ifndef LATE_PROBES
    if
    :: MAY_AGREE(n) -> agreed[n] = changes
    :: !NEEDS_AGREEMENT -> agreed[n] = 0
    :: else
    fi;
#endif
    skip
}

inline judge_absence(n, bucket)
{
    if
    :: told[OF(n, bucket)] != 0 &&
            !((TO_TELL(n) | PENDING(n) | REMEMBERED(n)) & BIT(bucket)) ->
        gone[bucket] = MAX(gone[bucket], told[OF(n, bucket)]);
        told[OF(n, bucket)] = 0
    :: else
    fi
}
