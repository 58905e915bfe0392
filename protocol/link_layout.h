/* Sizes of the parts of the link's messages, for the files that parse and compose
 * them. */
#ifndef PROTOCOL_LINK_LAYOUT_H
#define PROTOCOL_LINK_LAYOUT_H

#include "protocol/link_message.h"

enum {
    SET_EXTRAS = 8,
    DELTA_EXTRAS = 8 + 4 + 1,
    STREAM_EXTRAS = 4 + 4 + 4 + 1,
    CHUNK_EXTRAS = 1,
    FLUSH_EXTRAS = 4,
    HELLO_BODY = 4 + 4 + RUN_ID_SIZE + 1 + 1 + 8 * 8 + 2 * 4 + 4,
    PING_BODY = 4 * 8,
    REPORT_BODY = 8 + 1 + 9 * 8, /* and the health */
    ROLE_BODY = 8 + 1 + RUN_ID_SIZE,
    TAKEN_BODY = 8 + 4 + 4,
    LINK_NOTE_HEAD = 1 + 1 + 2,
};

/* The size of what precedes the key in a note. */
static inline size_t link_note_head(uint8_t kind)
{
    return kind == LINK_NOTE_EVICTED ? LINK_NOTE_HEAD + 8 : LINK_NOTE_HEAD;
}

/* Printable ASCII: it goes to the log, or to statistics. */
static inline bool link_is_plain(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] < ' ' || bytes[i] > '~')
            return false;
    }
    return true;
}

/* link_report.c */
const char *link_parse_report(const struct frame *f, const uint8_t *body,
                              struct link_message *m);

#endif
