/*
 * An extension of the engine interface, for what memcached's meta commands do to an item
 * and the interface cannot say. An engine that offers it lists a feature
 * ENGINE_FEATURE_META in its get_info, whose description points to `name` of its struct
 * engine_meta. The whole name is compared, so that somebody else's number is not mistaken
 * for it.
 *
 * This is not part of memcached's own interface. Over an engine without it a host serves
 * the meta commands as far as the interface goes, and refuses the rest.
 *
 * Functions may be called from any thread. Unless noted, arguments and results are as in
 * engine.h. Times are those of get_current_time; an expiry of 0 is never.
 */
#ifndef MEMCACHED_ENGINE_META_H
#define MEMCACHED_ENGINE_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <memcached/engine.h>

#define ENGINE_FEATURE_META 0x80000a04u
#define ENGINE_META_NAME    "meta 1"

/* The marks of an item. They are state, as its value is; a new value has none of them. */
enum {
    META_STALE = 1,  /* it is out of date */
    META_WON = 2,    /* a client was told to refresh it, so others are not */
    META_BASE64 = 4, /* its key came as base64, and is returned so */
};

/* What is known of an item beside its item_info. */
struct meta_facts {
    uint8_t marks;
    bool read;          /* a client has read it, ever */
    rel_time_t idle;    /* seconds since it was used; each node has its own */
    rel_time_t exptime; /* when it expires */
    uint32_t size;      /* bytes of memory that it takes */
};

/* mg. A client wins an item that it has added, or that is stale or about to expire, if
 * nobody has won it before. */
struct meta_get {
    bool unread;        /* this is no use of the item */
    bool yields;        /* do not win, but say that the client would */
    bool vivifies;      /* add an empty item if there is none */
    bool touches;       /* give the item that is there the expiry `exptime` */
    bool refreshes;     /* it is about to expire if it does so before `deadline`, */
    bool touches_first; /* by its new expiry */
    uint8_t marks;      /* of an item that is added */
    rel_time_t vivify_exptime, exptime, deadline;
    /* results */
    bool created;
    bool wins;             /* with `yields`: would win. Then the call was no use */
    struct meta_facts was; /* before this call; of an added item, after it */
};

/* ms */
struct meta_store {
    ENGINE_STORE_OPERATION operation;
    bool overdue;  /* OPERATION_CAS also stores over a higher CAS: the item is stale, and
                    * keeps its expiry and META_WON */
    uint8_t marks; /* of the item */
};

/* md with the flag I */
struct meta_invalidate {
    const void *key;
    size_t nkey;
    uint64_t expected; /* the CAS that it must have; 0: any */
    bool touches;
    rel_time_t exptime;
    uint64_t cas; /* result: the new CAS */
};

/* ma */
struct meta_arithmetic {
    const void *key;
    size_t nkey;
    bool increment;
    bool create, touches; /* with the expiry `vivify_exptime`; `exptime` */
    uint8_t marks;        /* of an item that is added */
    rel_time_t vivify_exptime, exptime;
    uint64_t delta, initial;
    uint64_t expected; /* the CAS that it must have; 0: any */
    /* results */
    bool created;
    uint64_t cas, number;
    rel_time_t was; /* the expiry before this call; of an added item, after it */
};

struct engine_meta {
    char name[16]; /* ENGINE_META_NAME */

    ENGINE_ERROR_CODE(*get)
    (ENGINE_HANDLE *handle, const void *cookie, item **it, const void *key, size_t nkey,
     struct meta_get *get);
    ENGINE_ERROR_CODE(*store)
    (ENGINE_HANDLE *handle, const void *cookie, item *it, uint64_t *cas,
     const struct meta_store *store);
    /* The item becomes stale, with a new CAS, and can be won. */
    ENGINE_ERROR_CODE(*invalidate)
    (ENGINE_HANDLE *handle, const void *cookie, struct meta_invalidate *invalidate);
    ENGINE_ERROR_CODE(*arithmetic)
    (ENGINE_HANDLE *handle, const void *cookie, struct meta_arithmetic *arithmetic);
};

/* The extension in an engine's info; NULL: it is not offered. */
static inline const struct engine_meta *engine_meta_of(const engine_info *info)
{
    for (uint32_t i = 0; info != NULL && i < info->num_features; i++) {
        const feature_info *f = &info->features[i];
        if (f->feature == ENGINE_FEATURE_META && f->description != NULL &&
            strcmp(f->description, ENGINE_META_NAME) == 0)
            return (const struct engine_meta *)(const void *)f->description;
    }
    return NULL;
}

#endif
