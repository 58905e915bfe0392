/*
 * A growable sequence of bytes, written at its tail and read from its head.
 *
 *      data        head          tail        size
 *       | consumed  |   unread    |   room    |
 *
 * Owned by one thread at a time. Pointers into it are valid until the next
 * buffer_reserve or buffer_append, which may move the bytes.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buffer {
    char *data;
    size_t head, tail, size;
    bool failed; /* memory was exhausted once: some appended bytes are missing */
};

void buffer_init(struct buffer *b);
void buffer_fini(struct buffer *b);

/* Report with buffer_commit what was written to the room that buffer_reserve gave. */
void buffer_commit(struct buffer *b, size_t n);

/* Drops n unread bytes; rewinds to the start when none is left. */
void buffer_consume(struct buffer *b, size_t n);

/* Keeps only the first n unread bytes. */
void buffer_truncate(struct buffer *b, size_t n);

/* Frees the memory if the buffer is empty and larger than keep bytes. */
void buffer_trim(struct buffer *b, size_t keep);

static inline const char *buffer_head(const struct buffer *b)
{
    return b->data + b->head;
}

static inline size_t buffer_length(const struct buffer *b)
{
    return b->tail - b->head;
}

static inline size_t buffer_room(const struct buffer *b)
{
    return b->size - b->tail;
}

char *buffer_make_room(struct buffer *b, size_t n); /* for buffer_reserve */

/* Makes room for at least n more bytes at the tail and returns its address, or NULL if
 * memory is exhausted (the contents stay). */
static inline char *buffer_reserve(struct buffer *b, size_t n)
{
    if (__builtin_expect(b->data != NULL && n <= buffer_room(b), 1))
        return b->data + b->tail;
    return buffer_make_room(b, n);
}

static inline bool buffer_append(struct buffer *b, const void *bytes, size_t n)
{
    char *room = buffer_reserve(b, n);
    if (room == NULL)
        return false;
    if (n > 0)
        memcpy(room, bytes, n);
    b->tail += n;
    return true;
}

#endif
