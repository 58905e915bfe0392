/*
 * An extension of the engine interface, for an engine that wraps this one and keeps a
 * mirror of it on another machine. An engine that offers it lists a feature
 * ENGINE_FEATURE_MIRROR in its get_info, whose description points to `name` of its
 * struct engine_mirror. The whole name is compared, so that somebody else's number is not
 * mistaken for it. To hosts the description is a text like any other.
 *
 * This is not part of memcached's own interface; an engine without it can be wrapped,
 * too. Then a look-up for the mirror counts as a read, an item arrives at the mirror
 * without its credit, and the mirror evicts on its own.
 *
 * One more promise: after a successful OPERATION_APPEND or OPERATION_PREPEND the piece,
 * which is in no table, has the CAS of the item that it was joined to.
 *
 * Functions may be called from any thread. Exceptions: neither follow nor subscribe may
 * run at the same time as itself, and filter_by comes before all others. Unless noted,
 * arguments are as in engine.h.
 */
#ifndef MEMCACHED_ENGINE_MIRROR_H
#define MEMCACHED_ENGINE_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memcached/engine.h>

#define ENGINE_FEATURE_MIRROR 0x80000a03u
#define ENGINE_MIRROR_NAME    "mirror 5"

/*
 * The credit of an item, which travels with it from node to node: how often it was read
 * recently; whether it was ever read; whether it proved itself when it was last judged;
 * and, in a copy of the whole store, its position between the oldest and the youngest.
 * With it travel the item's marks (engine_meta.h), which are state: they are given in any
 * case.
 *
 *   15       14..11   10..8   7..5   4       3       2        1..0
 *   given  | unused | marks | age | aged | proven | fetched | uses
 */
typedef uint16_t item_credit;

#define CREDIT_USES    0x0003u
#define CREDIT_FETCHED 0x0004u
#define CREDIT_PROVEN  0x0008u
#define CREDIT_AGED    0x0010u /* the age is given */
#define CREDIT_MARKS   0x0700u
#define CREDIT_GIVEN   0x8000u /* without it only the marks are known */

#define CREDIT_AGE_SHIFT   5
#define CREDIT_AGES        8 /* 0: the next to be judged */
#define CREDIT_MARKS_SHIFT 8

/* Something that the engine did on its own, or the effect of a client's read. */
enum engine_note_kind {
    NOTE_READ,   /* a client has read the item, and that has raised its uses */
    NOTE_KEPT,   /* it was judged and is now the youngest; credit is the new one */
    NOTE_EVICTED /* it was judged and evicted; cas is the one that it had */
};
struct engine_note {
    const void *key;
    uint8_t nkey;
    uint8_t kind;
    item_credit credit; /* not for NOTE_READ */
    uint64_t cas;       /* for NOTE_EVICTED */
};

/* Called from any thread that is inside the engine, without the engine's locks. It must
 * be fast, and must not call the engine. */
typedef void (*engine_subscriber)(void *context, const struct engine_note *note);

/* The wrapper's own hash of a key, by which a scan can be narrowed down. */
typedef uint64_t (*engine_hash)(const void *key, size_t nkey);

/* A set of keys. The leading `bits` of a key's hash are the number of its bit, and the
 * key belongs to the set if that bit is set. Bit n is words[n / 64] >> n % 64 & 1. From
 * these bits the engine can often tell without a look at the item.
 *
 * wants, if it is not NULL, is asked about the hash of each key that remains: an item
 * that it does not want need not be shown. It is called inside the scan's calls, with
 * locks of the engine held, so it must be fast and must not call the engine. It and its
 * context must stay valid until the scan has ended. */
enum { ENGINE_FILTER_BITS_MIN = 6, ENGINE_FILTER_BITS_MAX = 20 };
struct engine_filter {
    unsigned bits;
    uint64_t words[(1 << ENGINE_FILTER_BITS_MAX) / 64];
    bool (*wants)(const void *context, uint64_t hash);
    const void *context;
};

struct engine_mirror {
    char name[16]; /* ENGINE_MIRROR_NAME */

    /* NULL ends the subscription; a note in progress may still arrive. */
    void (*subscribe)(ENGINE_HANDLE *handle, engine_subscriber subscriber, void *context);

    /* A read of an item that has the maximum of uses raises nothing. This makes the
     * engine send a NOTE_READ for one of `every` such reads. It is for a mirror with less
     * memory, which has to judge more often than this engine. 0, the initial value: for
     * none. */
    void (*sample)(ENGINE_HANDLE *handle, unsigned every);

    /* Like get, but does not count as a read. */
    ENGINE_ERROR_CODE(*peek)
    (ENGINE_HANDLE *handle, const void *cookie, item **it, const void *key, size_t nkey);
    item_credit (*credit)(ENGINE_HANDLE *handle, const item *it, bool with_age);

    /* Like allocate and store (OPERATION_SET or OPERATION_ADD), but the item gets the CAS
     * and the credit that it has at the other node. */
    ENGINE_ERROR_CODE(*allocate)
    (ENGINE_HANDLE *handle, const void *cookie, item **it, const void *key, size_t nkey,
     size_t nbytes, uint32_t flags, rel_time_t exptime, item_credit credit);
    ENGINE_ERROR_CODE(*store)
    (ENGINE_HANDLE *handle, const void *cookie, item *it, uint64_t cas,
     item_credit credit, ENGINE_STORE_OPERATION operation);

    /* Gives the item this expiry, as in allocate, and this credit; it keeps its position.
     * False: it is not here, or has earned another position: store it. */
    bool (*touch)(ENGINE_HANDLE *handle, const void *key, size_t nkey, rel_time_t exptime,
                  item_credit credit);

    /* Repeats what the other node did. An item with a CAS above that of a NOTE_EVICTED
     * stays. False: a client of the other node has read an item that is absent here. If
     * it is sent now, it will be kept as long as it is wanted. */
    bool (*repeat)(ENGINE_HANDLE *handle, const struct engine_note *note);
    /* A call for this key will come soon: the engine may prefetch its data. */
    void (*expect)(ENGINE_HANDLE *handle, const void *key, size_t nkey);

    /* While it follows, the other node decides what is evicted: this engine evicts on its
     * own only if it has no room otherwise. */
    void (*follow)(ENGINE_HANDLE *handle, bool follows);

    /* Names the hash that filters are about. Call it once, before there is any item and
     * while no other thread calls the engine. Without it, or if it comes too late, scans
     * show all items. */
    void (*filter_by)(ENGINE_HANDLE *handle, engine_hash hash);
    /* As get_tap_iterator, but shows the items in the filter, and perhaps some others. It
     * reads the filter before it returns. An iterator may return TAP_NOOP: it found none
     * in the time that an item takes; call it again. */
    TAP_ITERATOR(*scan)
    (ENGINE_HANDLE *handle, const void *cookie, const struct engine_filter *filter);
    /* How many items there are. */
    uint64_t (*items)(ENGINE_HANDLE *handle);

    /* A CAS below that of all items stored from now on, not below any existing one. */
    uint64_t (*fence)(ENGINE_HANDLE *handle);

    /* Which of the two nodes this is: from now on neither gives a CAS that the other one
     * gives. */
    void (*side)(ENGINE_HANDLE *handle, bool upper);
};

#endif
