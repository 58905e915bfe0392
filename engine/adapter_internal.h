/* What the files of the adapter share. */
#ifndef ENGINE_ADAPTER_INTERNAL_H
#define ENGINE_ADAPTER_INTERNAL_H

#include "engine/adapter.h"

#define ENGINE(a) ((a)->wrapped->module.api)
#define HANDLE(a) (wrapped_handle((a)->wrapped))

/* Make a call that the engine may put off; make it again when the engine says so. */
#define CALL(rc, cookie, expr)                                                           \
    do {                                                                                 \
        (rc) = (expr);                                                                   \
    } while ((rc) == ENGINE_EWOULDBLOCK &&                                               \
             ((rc) = own_cookie_wait(cookie)) == ENGINE_SUCCESS)

/* False: the engine does not tell. */
bool adapter_describe(struct adapter *a, item *it, struct repl_item *out);
/* The item's credit, if the engine keeps one. */
void adapter_add_credit(struct adapter *a, struct repl_item *it, bool with_age);

/* Replication's look-ups do not count as reads, if the engine can tell them apart. */
ENGINE_ERROR_CODE adapter_look_at(struct adapter *a, struct own_cookie *cookie, item **it,
                                  const void *key, size_t nkey);

/* As in struct repl_store_ops; store is the adapter. */
enum repl_answer adapter_lookup(void *store, const void *key, size_t nkey,
                                struct repl_item *out);
void adapter_release(void *store, void *it);
struct repl_scan *adapter_scan_begin(void *store, const struct map *wanted);
enum repl_answer adapter_scan_next(void *store, struct repl_scan *w,
                                   struct repl_item *out);
void adapter_scan_end(void *store, struct repl_scan *w);

#endif
