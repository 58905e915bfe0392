/*
 * An extension of the engine interface: what an engine offers to one that wraps it and
 * keeps a mirror of it on another machine. An engine that offers it has a feature
 * ENGINE_FEATURE_MIRROR in its get_info, whose description points at `name` of its
 * struct engine_mirror; the name is compared as a whole, so that nobody else's number is
 * taken for it. To hosts it is a text like any other.
 *
 * Not part of memcached's own interface: an engine without it can be wrapped, too. Then a
 * look-up for the mirror's sake counts as a read, an item arrives at the mirror without
 * what it had earned, and the mirror evicts on its own.
 *
 * Functions may be called from any thread, but follow and subscribe, which must not run
 * at the same time as themselves. Unless said otherwise arguments are as in engine.h.
 */
#ifndef MEMCACHED_ENGINE_MIRROR_H
#define MEMCACHED_ENGINE_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memcached/engine.h>

#define ENGINE_FEATURE_MIRROR 0x80000a03u
#define ENGINE_MIRROR_NAME    "mirror 1"

/*
 * What an item has earned, as it travels from node to node: how often it was read lately,
 * whether ever, whether it proved itself when it was last judged, and, in a copy of the
 * whole, where it stands between the oldest and the youngest.
 *
 *   15       14..8   7..5   4       3       2        1..0
 *   given  | unused | age | aged | proven | fetched | uses
 */
typedef uint16_t item_credit;

#define CREDIT_USES      0x0003u
#define CREDIT_FETCHED   0x0004u
#define CREDIT_PROVEN    0x0008u
#define CREDIT_AGED      0x0010u /* the age is given */
#define CREDIT_GIVEN     0x8000u /* 0 as a whole: nothing is known */
#define CREDIT_AGE_SHIFT 5
#define CREDIT_AGES      8 /* 0: to be judged next */

/* Something that the engine did on its own, or that clients' reads did in it. */
enum engine_note_kind {
    NOTE_READ,   /* a client has read it, and that has raised its uses */
    NOTE_KEPT,   /* its turn came, and it is the youngest again; the credit is the new one
                  */
    NOTE_EVICTED /* its turn came, and it is gone; cas: that it had */
};
struct engine_note {
    const void *key;
    uint8_t nkey;
    uint8_t kind;
    item_credit credit; /* not of NOTE_READ */
    uint64_t cas;       /* of NOTE_EVICTED */
};

/* Called from any thread that is inside the engine, without the engine's locks; must be
 * quick, and must not call it. */
typedef void (*engine_subscriber)(void *context, const struct engine_note *note);

struct engine_mirror {
    char name[16]; /* ENGINE_MIRROR_NAME */

    /* NULL ends it; a note that is under way may still come. */
    void (*subscribe)(ENGINE_HANDLE *handle, engine_subscriber subscriber, void *context);

    /* NOTE_READ also tells of one in so many reads that raise nothing, because the item
     * has as many uses as count. For a mirror with less memory, which has to judge more
     * often than this engine does. 0: of none, as at first. */
    void (*sample)(ENGINE_HANDLE *handle, unsigned every);

    /* As get, but not a read. */
    ENGINE_ERROR_CODE(*peek)
    (ENGINE_HANDLE *handle, const void *cookie, item **it, const void *key, size_t nkey);
    item_credit (*credit)(ENGINE_HANDLE *handle, const item *it, bool with_age);

    /* As allocate and store (OPERATION_SET or OPERATION_ADD), with the CAS and the credit
     * that the item has at the other node, and is to have here. */
    ENGINE_ERROR_CODE(*allocate)
    (ENGINE_HANDLE *handle, const void *cookie, item **it, const void *key, size_t nkey,
     size_t nbytes, uint32_t flags, rel_time_t exptime, item_credit credit);
    ENGINE_ERROR_CODE(*store)
    (ENGINE_HANDLE *handle, const void *cookie, item *it, uint64_t cas,
     item_credit credit, ENGINE_STORE_OPERATION operation);

    /* The other node did this: so does this one. An item with a CAS above that of a
     * NOTE_EVICTED stays. False: a client of the other node has read an item that is not
     * here; if it is given now, it will be kept as long as it is wanted. */
    bool (*repeat)(ENGINE_HANDLE *handle, const struct engine_note *note);
    /* It will be called for this key soon: what it needs may be brought nearer. */
    void (*expect)(ENGINE_HANDLE *handle, const void *key, size_t nkey);

    /* While it follows, what is to be evicted is the other node's to say: this engine
     * evicts on its own only when it has no room otherwise. */
    void (*follow)(ENGINE_HANDLE *handle, bool follows);

    /* A CAS that every item stored from now on exceeds, and none that is there. */
    uint64_t (*fence)(ENGINE_HANDLE *handle);
};

#endif
