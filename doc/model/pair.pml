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
 * ABSENTS, RESYNCS (copies of everything that an operator asks for), REFUSALS (states that
 * a node's store has no room for).
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
#ifndef RESYNCS
#define RESYNCS 0
#endif
#ifndef REFUSALS
#define REFUSALS 0
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
#define THEN_DONE 2
/* of which map the part under way is */
#define OF_NONE 0
#define OF_DIRTY 1
#define OF_OWED 2
#define OF_RENEW 3
#define OF_UNTOLD 4

#define NO_LINK 3 /* connections are 0, 1, 2: an old one at each node, and a new one */
#define ROOM 10

mtype = { ROLE, MAP, MERGE, PART, FILL, END, DONE, REFUSED, SET, FLUSH, ACK, HANDOVER,
        ABSENT, ACK_MERGE, EVICT, UNTOLD };

chan queue[6] = [ROOM] of { mtype, byte, byte, byte, byte };

/* ---- a node */
byte id[2]; /* the run */
bool act[2], unknown[2], resigned[2], held[2], offered[2];
byte term[2], seen[2], paired[2], met[2];
byte former[2]; /* met before, while the peer may not know of the merge; else as met */
byte agreed_with[2]; /* what this session goes by: one of both */
byte val[2 * BUCKETS];
byte unsent[2];           /* the journal: not shipped yet */
byte on_the_way[2 * BUCKETS]; /* and how often it is on its way, not acknowledged */
byte kept[2];             /* shipped before the session ended, or the roles moved */
byte ships[2];            /* how many changes this run has shipped */
byte shipped_at[2 * BUCKETS]; /* which of them was the last of this key; 0: it is known */
byte took[2], took_from[2];   /* how many of the changes of this run were taken */
bool waits[2];            /* a client's write, for the end of a handover */
byte dirty[2], missing[2], written[2], renew[2];
byte refused[2]; /* the store had no room for some of it since its part began */

/* ---- its session */
byte conn[2] = NO_LINK;
bool open[2], merged[2], unrelated[2];
byte lead[2], owed[2], purge[2], purging[2], epoch[2];
byte in_flight[2], origin[2]; /* the part under way */
byte todo[2];              /* of it, not filled yet */
bool ended[2];             /* END is sent */
bool replacing[2];         /* the peer's part replaces: what arrives is noted */
byte arrived[2];           /* keys */
byte dirty_there[2], missing_there[2]; /* the maps of a MAP, until the purge is done */

/* ---- the newest connection, and the HELLOs of both nodes on it */
byte newest = NO_LINK;
bool greeted[2] = true;
bool said_act[2];
byte said_run[2], said_term[2], said_seen[2], said_met[2], said_former[2];

/* ---- the books */
byte changes, runs;
byte last[2 * BUCKETS], settled[BUCKETS], expected[BUCKETS];
bool wrote[2], crashed[2];
byte heir[BUCKETS]; /* made where the other node's last change had been taken */
byte may_miss; /* keys: evicted, or their absence had no room in the journal */
byte writes = WRITES, deletes = DELETES, crashes = CRASHES, cuts = CUTS, roles = ROLES,
     flushes = FLUSHES, handovers = HANDOVERS, resyncs = RESYNCS, refusals = REFUSALS;

#define TO(n) queue[conn[n] * 2 + OTHER(n)]
#define FROM(n) queue[conn[n] * 2 + (n)]
#define MAX(a, b) ((a) > (b) -> (a) : (b))

#if BUCKETS == 1
#define ON_THE_WAY(n) (on_the_way[OF(n, 0)] > 0)
#else
#define ON_THE_WAY(n) ((on_the_way[OF(n, 0)] > 0) | ((on_the_way[OF(n, 1)] > 0) << 1))
#endif
#define PENDING(n) (unsent[n] | ON_THE_WAY(n) | kept[n])
/* Maps of changes that the peer may not know. */
#define REMEMBERED(n) (dirty[n] | (origin[n] == OF_DIRTY -> in_flight[n] : 0))

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

/* In the buckets that it is missing, such a peer has nothing but what its clients changed. */
#define IS_NEW_PEER(n) (said_met[OTHER(n)] == 0 && agreed_with[n] != paired[n])

#include "absence.pml"
#include "eviction.pml"

/* ---- role.c */

/* What was shipped the peer may have taken. */
inline spill(n)
{
    spill_absences(n);
    dirty[n] = dirty[n] | WHOLE(unsent[n]);
    kept[n] = kept[n] | ON_THE_WAY(n);
    unsent[n] = 0;
    on_the_way[OF(n, 0)] = 0;
#if BUCKETS > 1
    on_the_way[OF(n, 1)] = 0;
#endif
}

/* taken.c: R21; taken: how many, and 1; 0: the peer has not said it */
#ifdef TAKEN_IS_FORGOTTEN
#define WAS_TAKEN(n, bucket, taken) false
#else
#ifdef TAKEN_TOO_MUCH
#define WAS_TAKEN(n, bucket, taken) true
#else
#define WAS_TAKEN(n, bucket, taken) ((taken) > shipped_at[OF(n, bucket)])
#endif
#endif

inline settle_bucket(n, bucket, taken)
{
    if
    :: (kept[n] & BIT(bucket)) && !WAS_TAKEN(n, bucket, taken) ->
        dirty[n] = dirty[n] | WHOLE(BIT(bucket))
    :: else
    fi;
    shipped_at[OF(n, bucket)] = 0
}

inline settle_kept(n, taken)
{
    settle_bucket(n, 0, taken);
#if BUCKETS > 1
    settle_bucket(n, 1, taken);
#endif
    kept[n] = 0
}

/* 0 if it was another run of the peer. (As a conditional it would be no argument of send.) */
#define TAKEN(n) ((took_from[n] == paired[n]) * (took[n] + 1))

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

/* It may have got anywhere. What a leader's has removed the peer still has; what a
 * follower's has removed the leader has not. */
inline break_purge(n)
{
    if
    :: purge[n] == THEN_DONE ->
        if
        :: true -> drop(n, MINUS(purging[n], arrived[n]))
        :: true
        fi
    :: else ->
#ifndef NOT_MISSING_THEN
        missing[n] = missing[n] | purging[n] | dirty_there[n];
#endif
        if
        :: true -> drop(n, purging[n])
        :: purging[n] != 0
        fi
    fi;
    purge[n] = NO_PURGE;
    purging[n] = 0;
    replacing[n] = false;
    arrived[n] = 0;
    dirty_there[n] = 0;
    missing_there[n] = 0
}

/* What the peer has not taken to the end is to be copied still. */
inline put_back(n)
{
    if
#ifndef NO_IN_FLIGHT
    :: origin[n] == OF_DIRTY -> dirty[n] = dirty[n] | in_flight[n]
#endif
    :: origin[n] == OF_RENEW -> renew[n] = renew[n] | in_flight[n]
    :: else
    fi;
#ifndef CUT_REPAIR_IS_FORGOTTEN
    if
    :: origin[n] == OF_RENEW || origin[n] == OF_UNTOLD -> untold[n] = untold[n] | in_flight[n]
    :: else
    fi;
#endif
    in_flight[n] = 0;
    origin[n] = OF_NONE;
    todo[n] = 0;
    ended[n] = false;
    owed[n] = 0
}

inline unmerge(n, now)
{
    break_purge(n);
    unmerge_notices(n);
    put_back(n);
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
    merged[n] = false
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
            send(n, ROLE, term[n], true, id[n], TAKEN(n))
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
    said_met[n] = met[n];
    said_former[n] = former[n]
}

inline start_to_lead(n)
{
    lead[n] = LEADER;
    send(n, ROLE, term[n], act[n], id[n], TAKEN(n))
}

/* If the peer is not the run that it merged with last, the merge empties `missing`. */
#define MISSING(n) (unknown[n] -> 0 : missing[n])

/* A merge holds when both know of it. The leader that noted it first still says whom it met
 * before; x: whom the peer has merged with last. */
inline meet(n)
{
    paired[n] = said_run[OTHER(n)];
    x = said_met[OTHER(n)];
    agreed_with[n] = met[n];
#ifndef MERGED_BY_ONE
    if
    :: said_met[OTHER(n)] == id[n] && met[n] != paired[n] -> x = said_former[OTHER(n)]
    :: said_met[OTHER(n)] != id[n] && met[n] == paired[n] -> agreed_with[n] = former[n]
    :: else
    fi;
#endif
    unknown[n] = agreed_with[n] != 0 && agreed_with[n] != paired[n];
#ifdef FORGET_PAIRED
    unknown[n] = met[n] != 0;
#endif
    unrelated[n] = agreed_with[n] != 0 && x != 0 &&
                  (agreed_with[n] != said_run[OTHER(n)] || x != id[n]);
    assert(!unrelated[n]) /* there is no third node */
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
    :: (!act[n] && (said_act[n] || said_term[n] != term[n])) || said_met[n] != met[n] ||
            said_former[n] != former[n] ->
        close_session(n)
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
inline on_role(n, r, a, u, taken)
{
    seen[n] = MAX(seen[n], r);
    if
    :: ABOVE(r, a, u, n) ->
#ifdef MAP_BEFORE_STEP_DOWN
        j = dirty[n];
        step_down(n);
        settle_kept(n, taken);
#else
        step_down(n);
        settle_kept(n, taken);
        j = dirty[n];
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
        send(n, MAP, term[n], j, MISSING(n), TAKEN(n))
    :: else
    fi
}

/* R8: first the purge; clients do not see purging items any more */
inline on_map(n, r, their_dirty, their_missing, taken)
{
    if
    :: lead[n] == LEADER && !merged[n] && purge[n] == NO_PURGE && r == term[n] ->
#ifndef JOURNAL_UNMERGED
        spill(n);
#endif
        settle_kept(n, taken);
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

/* Of two merges with one peer, of which the first may be unknown to it, what was before the
 * first stays `former`. */
inline note_merge(n)
{
    merged[n] = true;
    unrelated[n] = false;
    epoch[n] = (epoch[n] + 1) % 4;
    unknown[n] = false;
    if
#ifndef FORMER_OF_THE_SECOND
    :: met[n] == paired[n] && former[n] != met[n]
#endif
    :: else -> former[n] = agreed_with[n]
    fi;
    met[n] = paired[n];
    agreed_with[n] = met[n];
    refused[n] = 0
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
    forget_untold(n, missing_there[n]);
    owed[n] = MINUS(missing_there[n], dirty[n] | dirty_there[n]);
    x = MINUS(dirty_there[n] | MINUS(missing[n], (IS_NEW_PEER(n) -> owed[n] : 0)), dirty[n]);
    missing[n] = x;
#ifdef DROP_ALL_DIRTY
    dirty[n] = dirty[n] | dirty_there[n];
#endif
#ifdef TERM_DECIDES
    dirty[n] = dirty[n] | missing[n];
#endif
    purge[n] = NO_PURGE;
    purging[n] = 0;
    dirty_there[n] = 0;
    missing_there[n] = 0;
    note_merge(n);
    send(n, MERGE, term[n], x, epoch[n], ships[n])
}

/* R9 */
inline on_merge(n, r, to_leader, e, shipped)
{
    if
    :: lead[n] == FOLLOWER && !merged[n] && r == term[n] ->
        asked[n] = 0; /* they came before the map that this answers */
        missing[n] = MINUS(MISSING(n), to_leader & dirty[n]);
        dirty[n] = 0;
        renew[n] = 0;
        forget_untold(n, to_leader);
        owed[n] = to_leader;
        note_merge(n);
        former[n] = met[n];
        took_from[n] = met[n];
        took[n] = shipped;
        send(n, ACK_MERGE, e, 0, 0, 0)
    :: else
    fi
}

/* ---- resync.c: R13; one part at a time. Of what this node is missing itself, the peer
 * has the rest. */
#define TO_REPLACE(n) MINUS(dirty[n], missing[n])
#define MAY_BEGIN(n)                                                                         \
    (merged[n] && (MAY_BEGIN_NOW(n)) &&                                                      \
     (owed[n] != 0 || (lead[n] == LEADER && (TO_REPLACE(n) | renew[n]) != 0) || REPAIRS(n)))
/* R24 */
#define REPAIRS(n)                                                                           \
    (lead[n] == LEADER && untold[n] != 0 && !held[n] &&                                      \
     (dirty[n] | owed[n] | renew[n] | missing[n] | PENDING(n) | TO_TELL(n)) == 0)
#ifdef TWO_PARTS
#define MAY_BEGIN_NOW(n) todo[n] == 0
#else
#define MAY_BEGIN_NOW(n) origin[n] == OF_NONE
#endif

inline begin_part(n)
{
    if
    :: lead[n] == LEADER && TO_REPLACE(n) != 0 ->
        origin[n] = OF_DIRTY;
        x = TO_REPLACE(n)
    :: owed[n] != 0 ->
        origin[n] = OF_OWED;
        x = owed[n]
    :: lead[n] == LEADER && TO_REPLACE(n) == 0 && owed[n] == 0 && renew[n] != 0 ->
        origin[n] = OF_RENEW;
        x = renew[n]
    :: REPAIRS(n) ->
        origin[n] = OF_UNTOLD;
        x = untold[n]
    fi;
    if
    :: true
    :: (x & BIT(0)) && x != BIT(0) -> x = WHOLE(BIT(0))
    fi;
    if
    :: origin[n] == OF_DIRTY -> dirty[n] = MINUS(dirty[n], x)
    :: else
    fi;
    owed[n] = MINUS(owed[n], x);
    renew[n] = MINUS(renew[n], x);
    untold[n] = MINUS(untold[n], (origin[n] != OF_OWED -> x : 0));
    in_flight[n] = x;
    todo[n] = x;
    ended[n] = false;
    send(n, PART, term[n], origin[n] != OF_OWED, x, 0)
}

inline part_on(n)
{
    if
    :: todo[n] & BIT(0) -> b = 0
    :: else -> b = BUCKETS - 1
    fi;
    if
    :: todo[n] == 0 ->
        ended[n] = true;
        send(n, END, term[n], origin[n] != OF_OWED, in_flight[n], 0)
    :: else ->
        if
        :: val[OF(n, b)] != 0 -> send(n, FILL, b, val[OF(n, b)], 0, 0)
        :: else
        fi;
        todo[n] = MINUS(todo[n], BIT(b))
    fi
}

inline on_done(n, r)
{
    if
    :: merged[n] && ended[n] && r == term[n] ->
        in_flight[n] = 0;
        origin[n] = OF_NONE;
        ended[n] = false
    :: else
    fi
}

/* It is tried again, some time later. */
inline on_refused(n, r, bucket)
{
    if
    :: merged[n] && r == term[n] -> owed[n] = owed[n] | WHOLE(BIT(bucket))
    :: else
    fi
}

/* ---- refill.c: R12 */

inline on_part(n, r, replaces, P)
{
    if
    :: merged[n] && r == term[n] ->
        refused[n] = MINUS(refused[n], P);
        if
        :: replaces && lead[n] == FOLLOWER ->
#ifdef EMPTIES_FIRST
            drop(n, P);
#endif
            untold[n] = MINUS(untold[n], P);
            replacing[n] = true
        :: else
        fi
    :: else
    fi
}

inline is_done(n, P)
{
#ifdef FORGETS_REFUSED
    missing[n] = MINUS(missing[n], P);
#else
    missing[n] = MINUS(missing[n], MINUS(P, refused[n]));
#endif
    replacing[n] = false;
    arrived[n] = 0;
    send(n, DONE, term[n], 0, 0, 0)
}

inline on_end(n, r, replaces, P)
{
    if
    :: merged[n] && r == term[n] && lead[n] == LEADER ->
        dirty[n] = dirty[n] | (written[n] & MINUS(P & missing[n], refused[n]));
        is_done(n, P)
    :: merged[n] && r == term[n] && lead[n] == FOLLOWER && !replaces -> is_done(n, P)
    :: merged[n] && r == term[n] && lead[n] == FOLLOWER && replaces ->
#ifdef DONE_TOO_SOON
        is_done(n, P);
#endif
        purging[n] = P;
        purge[n] = THEN_DONE
    :: else
    fi
}

/* What has not come is not at the leader. */
inline finish_replacement(n)
{
    drop(n, MINUS(purging[n], arrived[n]));
    purge[n] = NO_PURGE;
#ifndef DONE_TOO_SOON
    is_done(n, purging[n]);
#endif
    purging[n] = 0
}

/* ---- apply.c: R11, R12 */

inline refuse(n, bucket)
{
    refusals--;
    missing[n] = missing[n] | WHOLE(BIT(bucket));
    refused[n] = refused[n] | WHOLE(BIT(bucket));
#ifndef REFUSED_UNTOLD
    send(n, REFUSED, term[n], bucket, 0, 0)
#endif
}

/* A store without room has neither the new state nor the former one. */
inline take_state(n, bucket, v)
{
    if
    :: val[OF(n, bucket)] = v
    :: v != 0 && refusals > 0 ->
        val[OF(n, bucket)] = 0;
        refuse(n, bucket)
    fi;
#ifndef ARRIVALS_FORGOTTEN
    arrived[n] = arrived[n] | (replacing[n] -> BIT(bucket) : 0)
#endif
}

inline on_fill(n, bucket, v)
{
    if
#ifdef ANYBODY_APPLIES
    :: lead[n] != LEADER -> val[OF(n, bucket)] = v
#endif
    :: merged[n] && lead[n] == FOLLOWER -> take_state(n, bucket, v)
    :: merged[n] && lead[n] == LEADER && (missing[n] & BIT(bucket)) && !(written[n] & BIT(bucket)) &&
            val[OF(n, bucket)] == 0 ->
        if
        :: val[OF(n, bucket)] = v
        :: refusals > 0 -> refuse(n, bucket)
        fi
    :: else
    fi
}

inline on_set(n, bucket, v, e, is_absence)
{
    if
#ifdef ANYBODY_APPLIES
    :: true ->
        val[OF(n, bucket)] = v;
#else
    :: merged[n] && lead[n] == FOLLOWER ->
        take_state(n, bucket, v);
#endif
        took[n] = took[n] + (is_absence -> 0 : 1);
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
        on_the_way[OF(n, bucket)]--;
        shipped_at[OF(n, bucket)] = (on_the_way[OF(n, bucket)] > 0 -> shipped_at[OF(n, bucket)] : 0)
    :: else
    fi
}

inline on_ack_merge(n, e)
{
    if
    :: merged[n] && e == epoch[n] ->
        sent[n] = 0;
        former[n] = met[n]
    :: else
    fi
}

inline ship(n, bucket)
{
    send(n, SET, bucket, val[OF(n, bucket)], epoch[n], false);
    unsent[n] = MINUS(unsent[n], BIT(bucket));
    ships[n]++;
    shipped_at[OF(n, bucket)] = ships[n];
    on_the_way[OF(n, bucket)]++
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

/* The other node's last change is known here, or was taken. A leader that is being filled
 * will copy what its clients wrote meanwhile once more. */
#define INHERITS(n, bucket)                                                                  \
    (last[OF(OTHER(n), bucket)] != 0 &&                                                      \
     !((unsent[OTHER(n)] | REMEMBERED(OTHER(n)) | (written[OTHER(n)] & missing[OTHER(n)])) & \
       BIT(bucket)) &&                                                                       \
     (!(PENDING(OTHER(n)) & BIT(bucket)) ||                                                  \
      (took_from[n] == id[OTHER(n)] && took[n] >= shipped_at[OF(OTHER(n), bucket)])))

inline change(n, bucket, v)
{
    heir[bucket] = (INHERITS(n, bucket) -> v : 0);
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

/* A write that waited for a handover: if the role has moved, it is refused. */
inline make_again(n)
{
    waits[n] = false;
    if
#ifdef HELD_PROMOTES
    :: true ->
#else
    :: act[n] ->
#endif
        assert(act[n]);
        x = changes + 1;
        change(n, 0, x)
    :: else
    fi
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
        heir[b] = 0;
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
    renew[n] = 0;
    untold[n] = 0;
    refused[n] = 0;
    former[n] = 0;
    written[n] = 0;
    epoch[n] = 0;
#ifdef NO_MISSING_MAP
    missing[n] = 0;
    dirty[n] = ALL;
#else
    missing[n] = ALL;
#endif
    forget_absences(n);
    kept[n] = 0;
    ships[n] = 0;
    took[n] = 0;
    took_from[n] = 0;
    waits[n] = false;
    last[OF(n, 0)] = 0;
    shipped_at[OF(n, 0)] = 0;
    heir[0] = 0;
#if BUCKETS > 1
    last[OF(n, 1)] = 0;
    shipped_at[OF(n, 1)] = 0;
    heir[1] = 0;
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
            !((PENDING(n) | REMEMBERED(n)) & BIT(bucket)) ->
        settled[bucket] = last[OF(n, bucket)]
    :: else
    fi;
    judge_absence(n, bucket)
}

#define NOT_OLD(n, bucket)                                                                   \
    (val[OF(n, bucket)] == 0 || (purge[n] == THEN_MERGE && (purging[n] & BIT(bucket))) ||                                 \
     (val[OF(n, bucket)] >= settled[bucket] && val[OF(n, bucket)] >= last[OF(n, bucket)] &&  \
      val[OF(n, bucket)] > gone[bucket] && val[OF(n, bucket)] > told[OF(n, bucket)]))

/* A standby has what has once come to it: no repair takes it away, whenever it breaks off. */
#if DELETES + FLUSHES + EVICTS + ABSENTS + REFUSALS == 0
#define IS_KEPT(n, bucket)                                                                   \
    (wrote[n] || crashed[n] || settled[bucket] == 0 || val[OF(n, bucket)] != 0 ||            \
     ((missing[n] | purging[n]) & BIT(bucket)))
#else
#define IS_KEPT(n, bucket) true
#endif

inline judge()
{
    judge_bucket(0, 0);
    judge_bucket(1, 0);
    assert(NOT_OLD(0, 0) && NOT_OLD(1, 0));
    assert(IS_KEPT(0, 0) && IS_KEPT(1, 0));
#if BUCKETS > 1
    judge_bucket(0, 1);
    judge_bucket(1, 1);
    assert(NOT_OLD(0, 1) && NOT_OLD(1, 1));
#endif
}

/* A value that is in conflict with nothing stays, unless something else may remove it. */
#if FLUSHES + EVICTS + ABSENTS + REFUSALS == 0 && !defined(ONE_BUCKET)
#define IS_THERE(bucket) (heir[bucket] == 0 || val[OF(0, bucket)] == heir[bucket])
#else
#define IS_THERE(bucket) true
#endif

/* One node took all changes and did not crash. */
#define SOLE_WRITER                                                                          \
    (!(wrote[0] && wrote[1]) && !(wrote[0] && crashed[0]) && !(wrote[1] && crashed[1]) &&    \
     (wrote[0] || wrote[1]))

inline judge_rest()
{
    assert(IS_LINKED && merged[0] && merged[1]);
    assert(lead[0] != lead[1]);
    assert((dirty[0] | dirty[1] | owed[0] | owed[1] | renew[0] | renew[1] | in_flight[0] |
            in_flight[1] | missing[0] | missing[1] | refused[0] | refused[1] | PENDING(0) |
            PENDING(1)) == 0);
    assert((TO_TELL(0) | TO_TELL(1) | untold[0] | untold[1]) == 0);
    b = 0;
    do
    :: b < BUCKETS ->
        assert(val[OF(0, b)] == val[OF(1, b)]);
        assert(val[OF(0, b)] == 0 || val[OF(0, b)] >= last[OF(0, b)]);
        assert(val[OF(0, b)] == 0 || val[OF(0, b)] >= last[OF(1, b)]);
        assert(IS_THERE(b));
        assert(!SOLE_WRITER || val[OF(0, b)] == expected[b] ||
               ((may_miss & BIT(b)) && val[OF(0, b)] == 0));
        b++
    :: else -> break
    od
}

/* ---- all that may happen */

#define QUIET (writes + deletes + crashes + cuts + roles + flushes + evicts + handovers + \
               absents + resyncs + refusals == 0)

inline take_message(n)
{
    if
    :: FROM(n) ? ROLE(x, y, z, w) -> on_role(n, x, y, z, w)
    :: FROM(n) ? MAP(x, y, z, w) -> on_map(n, x, y, z, w)
    :: FROM(n) ? MERGE(x, y, z, w) -> on_merge(n, x, y, z, w)
    :: FROM(n) ? PART(x, y, z, _) -> on_part(n, x, y, z)
    :: FROM(n) ? FILL(x, y, _, _) -> on_fill(n, x, y)
    :: FROM(n) ? END(x, y, z, _) -> on_end(n, x, y, z)
    :: FROM(n) ? DONE(x, _, _, _) -> on_done(n, x)
    :: FROM(n) ? REFUSED(x, y, _, _) -> on_refused(n, x, y)
    :: FROM(n) ? SET(x, y, z, w) -> on_set(n, x, y, z, w)
    :: FROM(n) ? FLUSH(_, _, _, _) -> on_flush(n)
    :: FROM(n) ? ACK(x, y, z, _) -> on_ack(n, x, y, z)
    :: FROM(n) ? ABSENT(x, y, z, _) -> on_absent(n, x, y, z)
    :: FROM(n) ? ACK_MERGE(x, _, _, _) -> on_ack_merge(n, x)
    :: FROM(n) ? EVICT(x, _, _, _) -> on_evict(n, x)
    :: FROM(n) ? UNTOLD(x, y, _, _) -> on_untold(n, x, y)
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
    :: purge[n] == THEN_DONE -> finish_replacement(n)
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
    byte b, x, y, z, w, j; /* scratch of one step; 0 between steps */
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
        :: writes > 0 && held[n] && !waits[n] ->
            writes--;
            waits[n] = true
        :: waits[n] && !held[n] && ROOM_LEFT(n) -> make_again(n)
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
        :: resyncs > 0 && merged[n] && lead[n] == LEADER && missing[n] == 0 ->
            resyncs--;
            renew[n] = ALL
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
        :: note[n] != 0 && ROOM_LEFT(n) -> tell_eviction(n)
#ifndef UNTOLD_BY_THE_FOLLOWER
        :: MAY_TELL_UNTOLD(n) && ROOM_LEFT(n) -> tell_untold(n)
#endif
        :: PROBES(n) -> agreed[n] = changes
        :: MAY_BEGIN(n) && ROOM_LEFT(n) -> begin_part(n)
        :: origin[n] != OF_NONE && !ended[n] && ROOM_LEFT(n) -> part_on(n)
        :: held[n] && !offered[n] && act[n] && merged[n] && lead[n] == LEADER &&
                (dirty[n] | owed[n] | renew[n] | in_flight[n] | PENDING(n) | TO_TELL(n)) == 0 &&
                ROOM_LEFT(n) ->
            offered[n] = true;
            send(n, HANDOVER, term[n], 0, 0, 0)
        /* the link */
        :: !greeted[n] -> take_hello(n)
        :: conn[n] != NO_LINK && ROOM_LEFT(n) && len(FROM(n)) > 0 ->
            take_message(n)
        :: IS_LEFT(n) -> lose(n)
        fi;
        agree(n);
        judge();
        b = 0;
        x = 0;
        y = 0;
        z = 0;
        w = 0;
        j = 0
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
            absents = 0;
            resyncs = 0;
            refusals = 0
    }
    :: atomic { timeout -> judge_rest(); break }
    od
}
