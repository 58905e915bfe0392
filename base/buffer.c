#include "base/buffer.h"

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

static bool buffer_grow(struct buffer *b, size_t need)
{
    size_t size = b->size ? b->size : SMALLEST;
    while (size < need) {
        if (size > need / 2 + need / 4)
            size = need;
        else
            size *= 2;
    }
    char *data = realloc(b->data, size);
    if (data == NULL)
        return false;
    b->data = data;
    b->size = size;
    return true;
}

char *buffer_reserve(struct buffer *b, size_t n)
{
    if (n <= buffer_room(b) && b->data != NULL)
        return b->data + b->tail;
    size_t length = buffer_length(b);
    if (b->data != NULL && b->head > 0) {
        memmove(b->data, b->data + b->head, length);
        b->head = 0;
        b->tail = length;
    }
    if (b->data == NULL || n > b->size - length) {
        if (n > (size_t)-1 / 4 - length || !buffer_grow(b, length + n))
            return NULL;
    }
    return b->data + b->tail;
}

void buffer_commit(struct buffer *b, size_t n)
{
    CHECK(n <= buffer_room(b));
    b->tail += n;
}

bool buffer_append(struct buffer *b, const void *bytes, size_t n)
{
    char *room = buffer_reserve(b, n);
    if (room == NULL)
        return false;
    if (n > 0)
        memcpy(room, bytes, n);
    b->tail += n;
    return true;
}

void buffer_consume(struct buffer *b, size_t n)
{
    CHECK(n <= buffer_length(b));
    b->head += n;
    if (b->head == b->tail)
        b->head = b->tail = 0;
}

void buffer_trim(struct buffer *b, size_t keep)
{
    if (buffer_length(b) == 0 && b->size > keep)
        buffer_fini(b);
}
