/* Shows an item's content; its value may be in several pieces. The worker's thread. */
#ifndef SERVER_ITEM_VIEW_H
#define SERVER_ITEM_VIEW_H

#include "server/connection.h"

enum { ITEM_PIECES = 16 };

union item_view {
    item_info info;
    char room[sizeof(item_info) + (ITEM_PIECES - 1) * sizeof(struct iovec)];
};

/* False if the engine does not give the information. */
static inline bool item_view_get(struct connection *c, item *it, union item_view *view)
{
    struct worker *w = c->worker;
    view->info.nvalue = ITEM_PIECES;
    return w->api->get_item_info(w->handle, c, it, &view->info);
}

/* The pieces of the value; the member is declared with space for one. */
static inline const struct iovec *item_view_pieces(const item_info *info)
{
    return info->value;
}

#endif
