/* An item on its way from a server or a file to another one. */
#ifndef CTL_ITEM_H
#define CTL_ITEM_H

#include <stdbool.h>
#include <stdint.h>

enum { ITEM_KEY_MAX = 250 };

struct item {
    const char *key, *value;
    uint32_t nkey, nvalue;
    uint32_t flags;
    uint64_t expires; /* seconds since 1970; 0: never */
    uint64_t cas;     /* at the source */
};

/* Takes items one by one, which are valid during the call. False: no more of them;
 * whoever takes them knows why. */
struct item_taker {
    bool (*take)(void *context, const struct item *it);
    void *context;
};

#endif
