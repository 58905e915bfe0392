#include "base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { SMALLEST = 256 };

void buffer_init(struct buffer *b)
{
    *b = (struct buffer){ 0 };
}

void buffer_fini(struct buffer *b)
{
    free(b->data);
    buffer_init(b);
}

/* Moves the unread bytes to the start of a new block of at least `least` bytes. */
static bool buffer_move(struct buffer *b, size_t least)
{
    size_t size = b->size ? b->size : SMALLEST, length = buffer_length(b);
    while (size < least)
        size *= 2;
    char *data = malloc(size);
    if (data == NULL)
        return false;
    if (length > 0)
        memcpy(data, buffer_head(b), length);
    free(b->data);
    b->data = data;
    b->head = 0;
    b->tail = length;
    b->size = size;
    return true;
}

static char *give_up(struct buffer *b)
{
    b->failed = true;
    return NULL;
}

/* Moves the unread bytes to the front only if at least as many bytes were consumed;
 * otherwise gets room for as many again. So each byte is moved a bounded number of times,
 * however small the steps are. */
char *buffer_make_room(struct buffer *b, size_t n)
{
    size_t length = buffer_length(b);
    if (n > SIZE_MAX / 8 - length)
        return give_up(b);
    if (b->head >= length && length + n <= b->size && b->data != NULL) {
        memcpy(b->data, b->data + b->head, length);
        b->head = 0;
        b->tail = length;
    } else if (!buffer_move(b, 2 * length + n)) {
        return give_up(b);
    }
    return b->data + b->tail;
}

void buffer_commit(struct buffer *b, size_t n)
{
    CHECK(n <= buffer_room(b));
    b->tail += n;
}

void buffer_consume(struct buffer *b, size_t n)
{
    CHECK(n <= buffer_length(b));
    b->head += n;
    if (b->head == b->tail)
        b->head = b->tail = 0;
}

void buffer_truncate(struct buffer *b, size_t n)
{
    CHECK(n <= buffer_length(b));
    b->tail = b->head + n;
    buffer_consume(b, 0);
}

void buffer_trim(struct buffer *b, size_t keep)
{
    if (buffer_length(b) == 0 && b->size > keep)
        buffer_fini(b);
}
