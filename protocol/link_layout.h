/* Sizes of the parts of the link's messages, for link_parse.c and link_compose.c. */
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
    ROLE_BODY = 8 + 1 + RUN_ID_SIZE,
    TAKEN_BODY = 8 + 4 + 4,
    LINK_NOTE_HEAD = 1 + 1 + 2,
};

/* The size of what precedes the key in a note. */
static inline size_t link_note_head(uint8_t kind)
{
    return kind == LINK_NOTE_EVICTED ? LINK_NOTE_HEAD + 8 : LINK_NOTE_HEAD;
}

#endif
