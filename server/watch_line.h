/*
 * Lines for watchers, as memcached writes them:
 *
 *   ts=1700000000.000001 gid=7 type=item_get key=a status=found clsid=1 cfd=30 size=5
 */
#ifndef SERVER_WATCH_LINE_H
#define SERVER_WATCH_LINE_H

#include <stddef.h>

#include "server/watch_record.h"

enum { WATCH_LINE_MAX = 1024 };

/* Which of the words asks for a record of this kind. */
unsigned watch_line_word(unsigned kind);

/* Writes the line of a record, with its end of line, into WATCH_LINE_MAX bytes. Returns
 * its length. */
size_t watch_line_write(char *line, const struct watch_record *r, const void *key);

#endif
