/*
 * Two nodes and their link: the rules of doc/replication.md, section 3, without bytes,
 * threads and clocks. README.md says what is covered, and which inline here stands for
 * which function of repl/.
 *
 * Each step of `node` is one choice: a client's change, one message taken, one piece of
 * the node's own work, or a fault. spin tries all choices. A value is the number of the
 * change that made it; 0 is a miss. A set of buckets is a mask. A bucket is one key; with
 * ONE_BUCKET both keys are in one bucket, and maps have both bits or none.
 *
 * Parameters (-D): BUCKETS, ONE_BUCKET; and how many of each may happen: WRITES, DELETES,
 * CRASHES, CUTS, ROLES (promotions and demotions by command), FLUSHES, EVICTS, HANDOVERS,
 * ABSENTS.
 */
#ifndef BUCKETS
#define BUCKETS 1
#endif
#ifndef WRITES
#define WRITES 2
#endif
#ifndef DELETES
#define DELETES 0
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef CUTS
#define CUTS 0
#endif
#ifndef ROLES
#define ROLES 0
#endif
#ifndef FLUSHES
#define FLUSHES 0
#endif
#ifndef EVICTS
#define EVICTS 0
#endif
#ifndef HANDOVERS
#define HANDOVERS 0
#endif
#ifndef ABSENTS
#define ABSENTS 0
#endif

#define ALL ((1 << BUCKETS) - 1)
#define BIT(b) (1 << (b))
#define OF(n, b) ((n) * BUCKETS + (b))
#define OTHER(n) (1 - (n))
#define MINUS(a, b) ((a) & (ALL - (b)))
#ifdef ONE_BUCKET
#define WHOLE(keys) ((keys) -> ALL : 0)
#else
#define WHOLE(keys) (keys)
#endif

/* lead */
#define NONE 0
#define LEADER 1
#define FOLLOWER 2
/* what follows a purge */
#define NO_PURGE 0
#define THEN_MERGE 1
#define THEN_FOLLOW 2
#define THEN_REFILL 3
/* the scan */
#define NO_SCAN 0
#define SCANNING 1
#define END_SENT 2

#define NO_LINK 3 /* connections are 0, 1, 2: an old one at each node, and a new one */
#define ROOM 10

mtype = { ROLE, MAP, MERGE, PURGED, RESYNC, FILL, END, SET, FLUSH, ACK, ACK_END, HANDOVER,
        ABSENT, MARK, ACK_MARK, EVICT };

chan queue[6] = [ROOM] of { mtype, byte, byte, byte, byte };

/* ---- a node */
byte id[2]; /* the run */
bool act[2], unknown[2], resigned[2], held[2], offered[2];
byte term[2], seen[2], paired[2], met[2];
byte val[2 * BUCKETS];
byte unsent[2];               /* the journal: not shipped yet */
byte on_the_way[2 * BUCKETS]; /* how often a key is on its way, not acknowledged */
byte dirty[2], in_flight[2], missing[2], written[2];

/* ---- its session */
byte conn[2] = NO_LINK;
bool open[2], merged[2], await[2], unrelated[2];
byte lead[2], owed[2], coming[2], scan[2], purge[2], purging[2], epoch[2];
byte dirty_there[2], missing_there[2]; /* the maps of a MAP, until the purge is done */

/* ---- the newest connection, and the HELLOs of both nodes on it */
byte newest = NO_LINK;
bool greeted[2] = true;
bool said_act[2];
byte said_run[2], said_term[2], said_seen[2], said_met[2];

/* ---- the books */
byte changes, runs;
byte last[2 * BUCKETS], settled[BUCKETS], expected[BUCKETS];
bool wrote[2], crashed[2];
byte may_miss; /* keys: evicted, or their absence had no room in the journal */
byte writes = WRITES, deletes = DELETES, crashes = CRASHES, cuts = CUTS, roles = ROLES,
     flushes = FLUSHES, handovers = HANDOVERS;

#define TO(n) queue[conn[n] * 2 + OTHER(n)]
#define FROM(n) queue[conn[n] * 2 + (n)]
#define MAX(a, b) ((a) > (b) -> (a) : (b))

#if BUCKETS == 1
#define PENDING(n) (unsent[n] | (on_the_way[OF(n, 0)] > 0))
#else
#define PENDING(n) (unsent[n] | (on_the_way[OF(n, 0)] > 0) | ((on_the_way[OF(n, 1)] > 0) << 1))
#endif

/* A message to a node that has left the connection is lost. */
inline send(n, kind, p, q, r, s)
{
    if
    :: conn[OTHER(n)] == conn[n] || (conn[n] == newest && !greeted[OTHER(n)]) ->
        assert(nfull(TO(n)));
        TO(n) ! kind, p, q, r, s
    :: else
    fi
}

inline drain(n)
{
    do
    :: len(FROM(n)) > 0 -> FROM(n) ? _, _, _, _, _
    :: else -> break
    od
}

#include "absence.pml"
#include "eviction.pml"

/* ---- role.c */

inline spill(n)
{
    spill_absences(n);
    dirty[n] = dirty[n] | WHOLE(PENDING(n)) | in_flight[n];
    in_flight[n] = 0;
    unsent[n] = 0;
    on_the_way[OF(n, 0)] = 0;
#if BUCKETS > 1
    on_the_way[OF(n, 1)] = 0;
#endif
}

inline drop(n, buckets)
{
    if
    :: (buckets) & BIT(0) -> val[OF(n, 0)] = 0
    :: else
    fi;
#if BUCKETS > 1
    if
    :: (buckets) & BIT(1) -> val[OF(n, 1)] = 0
    :: else
    fi;
#endif
}

/* The purge may have got anywhere. Only the peer still has what it removed. */
inline break_purge(n)
{
#ifndef NOT_MISSING_THEN
    missing[n] = missing[n] | purging[n] | dirty_there[n];
#endif
    if
    :: true -> drop(n, purging[n])
    :: purging[n] != 0
    fi;
    purge[n] = NO_PURGE;
    purging[n] = 0;
    dirty_there[n] = 0;
    missing_there[n] = 0
}

inline unmerge(n, now)
{
    break_purge(n);
    owed[n] = 0;
    coming[n] = 0;
    scan[n] = NO_SCAN;
    note[n] = 0;
#ifdef NO_SPILL
    if
    :: now == FOLLOWER ->
        unsent[n] = 0;
        on_the_way[OF(n, 0)] = 0
    :: else -> spill(n)
    fi;
#else
    spill(n);
#endif
    lead[n] = now;
    merged[n] = false;
    await[n] = false
}

inline close_session(n)
{
    unmerge(n, NONE);
    if
    :: conn[n] != NO_LINK -> drain(n)
    :: else
    fi;
    open[n] = false;
    unrelated[n] = false;
    resigned[n] = false;
    held[n] = false;
    offered[n] = false;
    conn[n] = NO_LINK
}

inline promote(n)
{
    resigned[n] = false;
    if
    :: !act[n] ->
        seen[n]++;
        term[n] = seen[n];
        act[n] = true;
        if
        :: open[n] ->
            unmerge(n, LEADER);
            send(n, ROLE, term[n], true, id[n], 0)
        :: else -> unmerge(n, NONE)
        fi
    :: else
    fi
}

inline step_down(n)
{
    act[n] = false;
    unmerge(n, FOLLOWER)
}

/* ---- session.c */

#define ABOVE(r, a, u, n)                                                                    \
    ((r) != term[n] -> (r) > term[n] : ((a) != act[n] -> (a) : (u) > id[n]))
#define OUTRANKS(n)                                                                          \
    (said_term[OTHER(n)] != term[n] -> said_term[OTHER(n)] > term[n]                     \
                                      : said_run[OTHER(n)] > id[n])

inline say_hello(n)
{
    greeted[n] = false;
    said_run[n] = id[n];
    said_act[n] = act[n];
    said_term[n] = term[n];
    said_seen[n] = seen[n];
    said_met[n] = met[n]
}

inline start_to_lead(n)
{
    lead[n] = LEADER;
    send(n, ROLE, term[n], act[n], id[n], 0)
}

/* If the peer is not the run that it merged with last, the merge empties `missing`. */
#define MISSING(n) (unknown[n] -> 0 : missing[n])

inline meet(n)
{
    paired[n] = said_run[OTHER(n)];
#ifdef MISSING_FOR_EVER
    unknown[n] = false;
#else
    unknown[n] = met[n] != 0 && met[n] != paired[n];
#endif
#ifdef FORGET_PAIRED
    unknown[n] = met[n] != 0;
#endif
    unrelated[n] = met[n] != 0 && said_met[OTHER(n)] != 0 &&
                  (met[n] != said_run[OTHER(n)] || said_met[OTHER(n)] != id[n])
}

/* R1, R6 */
inline take_hello(n)
{
    if
    :: conn[n] != NO_LINK -> close_session(n)
    :: else
    fi;
    greeted[n] = true;
    conn[n] = newest;
    if
    :: !act[n] && (said_act[n] || said_term[n] != term[n]) -> close_session(n)
    :: else ->
        meet(n);
        open[n] = true;
        seen[n] = MAX(seen[n], said_seen[OTHER(n)]);
        if
        :: act[n] && said_act[OTHER(n)] && OUTRANKS(n) -> step_down(n)
        :: act[n] && !(said_act[OTHER(n)] && OUTRANKS(n)) ->
#ifndef OLD_TERM_LEADS
            if
            :: term[n] < seen[n] ->
                seen[n]++;
                term[n] = seen[n]
            :: else
            fi;
#endif
            start_to_lead(n)
        :: !act[n] && !said_act[OTHER(n)] && !OUTRANKS(n) -> start_to_lead(n)
        :: else
        fi
    fi
}

/* R7 */
inline on_role(n, r, a, u)
{
    seen[n] = MAX(seen[n], r);
    if
    :: ABOVE(r, a, u, n) ->
#ifdef MAP_BEFORE_STEP_DOWN
        w = dirty[n];
        step_down(n);
#else
        step_down(n);
        w = dirty[n];
#endif
        term[n] = r;
        if
        :: held[n] ->
            held[n] = false;
            offered[n] = false;
            resigned[n] = true
        :: else
        fi;
        send_absences(n);
        send(n, MAP, term[n], w, MISSING(n), 0)
    :: else
    fi
}

/* R8: first the purge; clients do not see purging items any more */
inline on_map(n, r, their_dirty, their_missing)
{
    if
    :: lead[n] == LEADER && !merged[n] && r == term[n] ->
#ifndef JOURNAL_UNMERGED
        spill(n);
#endif
        if
        :: unrelated[n] -> dirty[n] = dirty[n] | MINUS(ALL, MISSING(n))
        :: else
        fi;
        written[n] = 0;
        forget_held(n, their_dirty);
        purging[n] = their_dirty;
        dirty_there[n] = their_dirty;
        missing_there[n] = their_missing;
        purge[n] = THEN_MERGE
    :: else
    fi
}

inline note_merge(n)
{
    merged[n] = true;
    unrelated[n] = false;
    epoch[n] = (epoch[n] + 1) % 4;
    unknown[n] = false;
    met[n] = paired[n]
}

inline start_scan(n, buckets)
{
    owed[n] = buckets;
    if
    :: buckets != 0 -> scan[n] = SCANNING
    :: else -> scan[n] = NO_SCAN
    fi
}

inline merge_as_leader(n)
{
#ifndef NO_PURGE_AT_LEADER
    drop(n, purging[n]);
#endif
    send_absences(n);
    asked[n] = 0;
    sent[n] = z;
    missing[n] = MISSING(n);
    x = MINUS(dirty_there[n], dirty[n]) |
        MINUS(missing[n], missing_there[n] | dirty[n] | dirty_there[n]);  /* to_leader */
    y = dirty[n] | MINUS(missing_there[n], dirty[n] | dirty_there[n]); /* to_follower */
    in_flight[n] = dirty[n];
#ifdef DROP_ALL_DIRTY
    in_flight[n] = dirty[n] | dirty_there[n];
#endif
#ifdef TERM_DECIDES
    in_flight[n] = in_flight[n] | missing[n];
#endif
    dirty[n] = 0;
    missing[n] = MINUS(missing[n] | x, y);
    await[n] = true;
    purge[n] = NO_PURGE;
    purging[n] = 0;
    dirty_there[n] = 0;
    missing_there[n] = 0;
    coming[n] = x;
    note_merge(n);
    send(n, MERGE, term[n], y, x, in_flight[n]);
    if
    :: sent[n] != 0 -> send(n, MARK, epoch[n], 0, 0, 0)
    :: else
    fi;
    start_scan(n, y)
}

/* R9 */
inline on_merge(n, r, to_follower, to_leader, order)
{
    if
    :: lead[n] == FOLLOWER && !merged[n] && r == term[n] ->
        asked[n] = 0; /* they were sent before the MAP that this answers */
        coming[n] = to_follower;
        owed[n] = to_leader;
        purging[n] = order;
        purge[n] = THEN_FOLLOW
    :: else
    fi
}

inline merge_as_follower(n)
{
    drop(n, purging[n]);
    missing[n] = MINUS(MISSING(n) | coming[n], owed[n]);
    dirty[n] = 0;
    purge[n] = NO_PURGE;
    purging[n] = 0;
    note_merge(n);
    send(n, PURGED, term[n], 0, 0, 0);
    start_scan(n, owed[n])
}

/* R13 at the follower */
inline on_resync(n, r, buckets)
{
    if
    :: lead[n] == FOLLOWER && merged[n] && r == term[n] ->
        coming[n] = buckets;
        purging[n] = buckets;
        purge[n] = THEN_REFILL
    :: else
    fi
}

inline refill_as_follower(n)
{
    drop(n, purging[n]);
    missing[n] = missing[n] | coming[n];
    purge[n] = NO_PURGE;
    purging[n] = 0;
    send(n, PURGED, term[n], 0, 0, 0)
}

/* R10 */
inline on_purged(n, r)
{
    if
    :: lead[n] == LEADER && merged[n] && r == term[n] ->
        in_flight[n] = 0;
        await[n] = false
    :: else
    fi
}

/* R12 */
inline on_end(n, r)
{
    if
    :: merged[n] && r == term[n] ->
        if
        :: lead[n] == LEADER -> dirty[n] = dirty[n] | (written[n] & coming[n] & missing[n])
        :: else
        fi;
        missing[n] = MINUS(missing[n], coming[n]);
        coming[n] = 0;
        send(n, ACK_END, epoch[n], 0, 0, 0)
    :: else
    fi
}

/* ---- apply.c: R11, R12 */

inline on_fill(n, bucket, v)
{
    if
#ifdef ANYBODY_APPLIES
    :: lead[n] != LEADER -> val[OF(n, bucket)] = v
#endif
    :: merged[n] && lead[n] == FOLLOWER -> val[OF(n, bucket)] = v
    :: merged[n] && lead[n] == LEADER && (missing[n] & BIT(bucket)) &&
            !(written[n] & BIT(bucket)) && val[OF(n, bucket)] == 0 ->
        val[OF(n, bucket)] = v
    :: else
    fi
}

inline on_set(n, bucket, v, e, is_absence)
{
    if
#ifdef ANYBODY_APPLIES
    :: true ->
#else
    :: merged[n] && lead[n] == FOLLOWER ->
#endif
        val[OF(n, bucket)] = v;
        send(n, ACK, bucket, e, is_absence, 0)
    :: else
    fi
}

inline on_flush(n)
{
    if
    :: merged[n] && lead[n] == FOLLOWER -> drop(n, ALL)
    :: else
    fi
}

/* ---- ship.c; an acknowledgement belongs to the merge in which the change was shipped */

inline on_ack(n, bucket, e, is_absence)
{
    if
    :: merged[n] && e == epoch[n] && is_absence && away[OF(n, bucket)] > 0 ->
        away[OF(n, bucket)]--
    :: merged[n] && e == epoch[n] && !is_absence && on_the_way[OF(n, bucket)] > 0 ->
        on_the_way[OF(n, bucket)]--
    :: else
    fi
}

inline on_mark(n, e)
{
    if
    :: merged[n] && lead[n] == FOLLOWER -> send(n, ACK_MARK, e, 0, 0, 0)
    :: else
    fi
}

inline on_ack_mark(n, e)
{
    if
    :: merged[n] && e == epoch[n] -> sent[n] = 0
    :: else
    fi
}

inline on_ack_end(n)
{
    if
    :: merged[n] && scan[n] == END_SENT -> scan[n] = NO_SCAN
    :: else
    fi
}

inline ship(n, bucket)
{
    send(n, SET, bucket, val[OF(n, bucket)], epoch[n], false);
    unsent[n] = MINUS(unsent[n], BIT(bucket));
    on_the_way[OF(n, bucket)]++
}

/* ---- resync.c */

inline scan_on(n)
{
    if
    :: owed[n] & BIT(0) ->
        b = 0
    :: else ->
        b = BUCKETS - 1
    fi;
    if
    :: owed[n] == 0 ->
        send(n, END, term[n], 0, 0, 0);
        scan[n] = END_SENT
    :: else ->
        if
        :: val[OF(n, b)] != 0 -> send(n, FILL, b, val[OF(n, b)], 0, 0)
        :: else
        fi;
        owed[n] = MINUS(owed[n], BIT(b))
    fi
}

#ifdef TWO_ORDERS
#define MAY_REPAIR(n) (merged[n] && lead[n] == LEADER && scan[n] == NO_SCAN && dirty[n] != 0)
#else
#define MAY_REPAIR(n)                                                                        \
    (merged[n] && lead[n] == LEADER && !await[n] && scan[n] == NO_SCAN && dirty[n] != 0)
#endif

inline repair(n)
{
#ifndef NO_IN_FLIGHT
    in_flight[n] = dirty[n];
#endif
    start_scan(n, dirty[n]);
    missing[n] = MINUS(missing[n], dirty[n]);
    send(n, RESYNC, term[n], dirty[n], 0, 0);
    dirty[n] = 0;
    await[n] = true
}

/* ---- change.c */

#ifdef JOURNAL_UNMERGED
#define MAY_JOURNAL(n) (act[n] && lead[n] == LEADER)
#else
#define MAY_JOURNAL(n) (act[n] && lead[n] == LEADER && merged[n])
#endif
#define MAY_CHANGE(n) (!held[n] && (act[n] || !resigned[n]))

inline record(n, bucket)
{
    if
    :: MAY_JOURNAL(n) -> unsent[n] = unsent[n] | BIT(bucket)
    :: true -> dirty[n] = dirty[n] | WHOLE(BIT(bucket)) /* also when there is no room */
    fi
}

inline change(n, bucket, v)
{
    promote(n);
    changes++;
#ifndef NO_WRITTEN
    written[n] = written[n] | WHOLE(BIT(bucket));
#endif
    val[OF(n, bucket)] = v;
    purging[n] = MINUS(purging[n], BIT(bucket)); /* it is newer than the purge */
    last[OF(n, bucket)] = changes;
    expected[bucket] = v;
    wrote[n] = true;
    record(n, bucket)
}

inline flush_all(n)
{
    promote(n);
    changes++;
    written[n] = ALL;
    drop(n, ALL);
    b = 0;
    do
    :: b < BUCKETS ->
        last[OF(n, b)] = changes;
        expected[b] = 0;
        b++
    :: else -> break
    od;
    wrote[n] = true;
    dirty[n] = ALL;
    if
    :: merged[n] && lead[n] == LEADER -> send(n, FLUSH, 0, 0, 0, 0)
    :: else
    fi
}

/* ---- faults */

inline start_node(n)
{
    close_session(n);
    greeted[n] = true;
    drop(n, ALL);
    act[n] = false;
    term[n] = 0;
    seen[n] = 0;
    unknown[n] = false;
    paired[n] = 0;
    met[n] = 0;
    dirty[n] = 0;
    in_flight[n] = 0;
    written[n] = 0;
    epoch[n] = 0;
#ifdef NO_MISSING_MAP
    missing[n] = 0;
    dirty[n] = ALL;
#else
    missing[n] = ALL;
#endif
    forget_absences(n);
    last[OF(n, 0)] = 0;
#if BUCKETS > 1
    last[OF(n, 1)] = 0;
#endif
    runs++;
    if
    :: id[n] = runs /* chance decides which node wins a tie */
    :: id[n] = 32 + runs
    fi
}

inline crash(n)
{
    crashed[n] = true;
    if
    :: missing[OTHER(n)] != 0 -> crashed[OTHER(n)] = true /* what it is missing is lost */
    :: else
    fi;
    start_node(n)
}

/* A node that the peer has left notices it at some time. */
#define IS_LEFT(n)                                                                           \
    (conn[n] != NO_LINK && conn[OTHER(n)] != conn[n] &&                                      \
     (conn[n] != newest || greeted[OTHER(n)]))
#define IS_LINKED (conn[0] != NO_LINK && conn[0] == conn[1])

inline connect()
{
    newest = 0;
    do
    :: newest == conn[0] || newest == conn[1] -> newest++
    :: else -> break
    od;
    do
    :: len(queue[newest * 2]) > 0 -> queue[newest * 2] ? _, _, _, _, _
    :: len(queue[newest * 2 + 1]) > 0 -> queue[newest * 2 + 1] ? _, _, _, _, _
    :: else -> break
    od;
    say_hello(0);
    say_hello(1)
}

inline lose(n)
{
    if
    :: conn[n] != NO_LINK -> close_session(n)
    :: else
    fi
}

/* ---- what must hold */

inline judge_bucket(n, bucket)
{
    if
    :: last[OF(n, bucket)] > settled[bucket] &&
            !((PENDING(n) | dirty[n] | in_flight[n]) & BIT(bucket)) ->
        settled[bucket] = last[OF(n, bucket)]
    :: else
    fi;
    judge_absence(n, bucket)
}

#define NOT_OLD(n, bucket)                                                                   \
    (val[OF(n, bucket)] == 0 || (purging[n] & BIT(bucket)) ||                                \
     (val[OF(n, bucket)] >= settled[bucket] && val[OF(n, bucket)] >= last[OF(n, bucket)] &&  \
      val[OF(n, bucket)] > gone[bucket] && val[OF(n, bucket)] > told[OF(n, bucket)]))

inline judge()
{
    judge_bucket(0, 0);
    judge_bucket(1, 0);
    assert(NOT_OLD(0, 0) && NOT_OLD(1, 0));
#if BUCKETS > 1
    judge_bucket(0, 1);
    judge_bucket(1, 1);
    assert(NOT_OLD(0, 1) && NOT_OLD(1, 1));
#endif
}

/* One node took all changes and did not crash. */
#define SOLE_WRITER                                                                          \
    (!(wrote[0] && wrote[1]) && !(wrote[0] && crashed[0]) && !(wrote[1] && crashed[1]) &&    \
     (wrote[0] || wrote[1]))

inline judge_rest()
{
    assert(IS_LINKED && merged[0] && merged[1]);
    assert(lead[0] != lead[1]);
    assert((dirty[0] | dirty[1] | in_flight[0] | in_flight[1]) == 0);
    assert((missing[0] | missing[1] | PENDING(0) | PENDING(1)) == 0);
    assert((UNTOLD(0) | UNTOLD(1)) == 0);
    b = 0;
    do
    :: b < BUCKETS ->
        assert((b == 0 && apart != 0) || val[OF(0, b)] == val[OF(1, b)]);
        assert(val[OF(0, b)] == 0 || val[OF(0, b)] >= last[OF(0, b)]);
        assert(val[OF(0, b)] == 0 || val[OF(0, b)] >= last[OF(1, b)]);
        assert(!SOLE_WRITER || val[OF(0, b)] == expected[b] ||
               ((may_miss & BIT(b)) && val[OF(0, b)] == 0));
        b++
    :: else -> break
    od
}

/* ---- all that may happen */

#define QUIET (writes + deletes + crashes + cuts + roles + flushes + evicts + handovers + \
               absents == 0)

inline take_message(n)
{
    if
    :: FROM(n) ? ROLE(x, y, z, _) -> on_role(n, x, y, z)
    :: FROM(n) ? MAP(x, y, z, _) -> on_map(n, x, y, z)
    :: FROM(n) ? MERGE(x, y, z, w) -> on_merge(n, x, y, z, w)
    :: FROM(n) ? PURGED(x, _, _, _) -> on_purged(n, x)
    :: FROM(n) ? RESYNC(x, y, _, _) -> on_resync(n, x, y)
    :: FROM(n) ? FILL(x, y, _, _) -> on_fill(n, x, y)
    :: FROM(n) ? END(x, _, _, _) -> on_end(n, x)
    :: FROM(n) ? SET(x, y, z, w) -> on_set(n, x, y, z, w)
    :: FROM(n) ? FLUSH(_, _, _, _) -> on_flush(n)
    :: FROM(n) ? ACK(x, y, z, _) -> on_ack(n, x, y, z)
    :: FROM(n) ? ACK_END(_, _, _, _) -> on_ack_end(n)
    :: FROM(n) ? ABSENT(x, y, z, _) -> on_absent(n, x, y, z)
    :: FROM(n) ? MARK(x, _, _, _) -> on_mark(n, x)
    :: FROM(n) ? ACK_MARK(x, _, _, _) -> on_ack_mark(n, x)
    :: FROM(n) ? EVICT(x, _, _, _) -> on_evict(n, x)
    :: FROM(n) ? HANDOVER(x, _, _, _) ->
        if
        :: lead[n] == FOLLOWER && merged[n] && x == term[n] -> promote(n)
        :: else
        fi
    fi
}

inline finish_purge(n)
{
    if
    :: purge[n] == THEN_MERGE -> merge_as_leader(n)
    :: purge[n] == THEN_FOLLOW -> merge_as_follower(n)
    :: purge[n] == THEN_REFILL -> refill_as_follower(n)
    fi
}

inline demote(n)
{
    act[n] = false;
#ifdef DEMOTE_KEEPS_SESSION
    unmerge(n, NONE)
#else
    unmerge(n, NONE);
    lose(n)
#endif
}

#define ROOM_LEFT(n) (conn[n] == NO_LINK || len(TO(n)) + 3 < ROOM)

proctype node(byte n)
{
    byte b, x, y, z, w; /* scratch of one step; 0 between steps */
end:
    do
    :: atomic {
        if
        /* clients */
        :: writes > 0 && MAY_CHANGE(n) && ROOM_LEFT(n) ->
            writes--;
            if
            :: b = 0
            :: b = BUCKETS - 1
            fi;
            x = changes + 1;
            change(n, b, x)
        :: deletes > 0 && MAY_CHANGE(n) && ROOM_LEFT(n) ->
            deletes--;
            change(n, 0, 0)
        :: flushes > 0 && MAY_CHANGE(n) && ROOM_LEFT(n) ->
            flushes--;
            flush_all(n)
        :: absents > 0 && MAY_CHANGE(n) && ROOM_LEFT(n) &&
                (val[OF(n, 0)] == 0 || (purging[n] & BIT(0))) ->
            fail(n, 0)
        /* faults and operators */
        :: evicts > 0 && val[OF(n, 0)] != 0 -> evict(n)
        :: crashes > 0 ->
            crashes--;
            crash(n)
        :: cuts > 0 && conn[n] != NO_LINK ->
            cuts--;
            lose(n)
        :: roles > 0 && act[n] ->
            roles--;
            demote(n)
        :: roles > 0 && !act[n] && ROOM_LEFT(n) ->
            roles--;
            promote(n)
        :: handovers > 0 && act[n] && merged[n] && lead[n] == LEADER && missing[n] == 0 &&
                !held[n] ->
            handovers--;
            held[n] = true
        :: held[n] -> /* the handover takes too long */
            held[n] = false;
            offered[n] = false
        /* the node's own work */
        :: purge[n] != NO_PURGE && ROOM_LEFT(n) -> finish_purge(n)
        :: MAY_JOURNAL(n) && unsent[n] != 0 && ROOM_LEFT(n) ->
            if
            :: unsent[n] & BIT(0) -> ship(n, 0)
            :: else -> ship(n, BUCKETS - 1)
            fi
        :: MAY_JOURNAL(n) && asked[n] != 0 && ROOM_LEFT(n) ->
            if
            :: asked[n] & BIT(0) -> ship_absence(n, 0)
            :: else -> ship_absence(n, BUCKETS - 1)
            fi
        :: note[n] != 0 && ROOM_LEFT(n) ->
            if
            :: send(n, EVICT, note[n], 0, 0, 0)
            :: true /* the notice is lost */
            fi;
            note[n] = 0
        :: PROBES(n) -> agreed[n] = changes
        :: merged[n] && scan[n] == SCANNING && ROOM_LEFT(n) -> scan_on(n)
        :: MAY_REPAIR(n) && purge[n] == NO_PURGE && ROOM_LEFT(n) -> repair(n)
        :: held[n] && !offered[n] && act[n] && merged[n] && lead[n] == LEADER &&
                scan[n] == NO_SCAN && !await[n] &&
                (dirty[n] | in_flight[n] | PENDING(n) | UNTOLD(n)) == 0 && ROOM_LEFT(n) ->
            offered[n] = true;
            send(n, HANDOVER, term[n], 0, 0, 0)
        /* the link */
        :: !greeted[n] -> take_hello(n)
        :: conn[n] != NO_LINK && purge[n] == NO_PURGE && ROOM_LEFT(n) && len(FROM(n)) > 0 ->
            take_message(n)
        :: IS_LEFT(n) -> lose(n)
        fi;
        agree(n);
        judge();
        b = 0;
        x = 0;
        y = 0;
        z = 0;
        w = 0
    }
    od
}

/* Connects the nodes when no connection joins them. When nothing is left to do, checks
 * that all is well. */
init
{
    byte b;
    atomic {
        start_node(0);
        start_node(1);
        run node(0);
        run node(1)
    };
    do
    :: atomic { !IS_LINKED && greeted[0] && greeted[1] -> connect() }
    :: atomic {
        !QUIET ->
            writes = 0;
            deletes = 0;
            crashes = 0;
            cuts = 0;
            roles = 0;
            flushes = 0;
            evicts = 0;
            handovers = 0;
            absents = 0
    }
    :: atomic { timeout -> judge_rest(); break }
    od
}
