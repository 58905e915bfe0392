/*
 * Tells watchers of connections that open and close, and why.
 */
#ifndef SERVER_WATCH_CONNS_H
#define SERVER_WATCH_CONNS_H

#include "server/entrance.h"
#include "server/watch_feed.h"

/* Why a connection is closed. */
enum watch_end { ENDS_BY_ERROR, ENDS_NORMALLY, ENDS_AS_IDLE, ENDS_BY_SHUTDOWN };

/* The worker of the connection; they do nothing if nobody watches. */
void watch_conn_opened(struct watch_feed *f, int fd, const struct entrance *from);
void watch_conn_closed(struct watch_feed *f, int fd, const struct entrance *from,
                       enum watch_end why);

#endif
