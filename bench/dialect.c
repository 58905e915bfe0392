/* See dialect.h. */
#include "bench/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes up to and including the first newline; 0 if there is none. */
static size_t line_length(const char *text, size_t length)
{
    const char *end = memchr(text, '\n', length);
    return end ? (size_t)(end - text) + 1 : 0;
}

static bool begins(const char *text, size_t length, const char *word)
{
    return length >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

static size_t append_value(char *to, size_t head, const char *value, uint32_t size)
{
    memcpy(to + head, value, size);
    memcpy(to + head + size, "\r\n", 2);
    return head + size + 2;
}

/* ---- memcached */

static size_t memcached_compose_get(char *to, uint64_t key)
{
    return (size_t)snprintf(to, DIALECT_ROOM, "get key%llu\r\n", (unsigned long long)key);
}

static size_t memcached_compose_set(char *to, uint64_t key, const char *value,
                                    uint32_t size, uint32_t life)
{
    int head = snprintf(to, DIALECT_ROOM, "set key%llu 0 %u %u\r\n",
                        (unsigned long long)key, life, size);
    return append_value(to, (size_t)head, value, size);
}

/* VALUE <key> <flags> <bytes>, the value, END. */
static ssize_t memcached_parse_get(const char *text, size_t length,
                                   struct dialect_answer *answer)
{
    size_t line = line_length(text, length);
    *answer = (struct dialect_answer){ .good = line > 0 && text[0] == 'V' };
    if (line == 0)
        return 0;
    if (!answer->good)
        return begins(text, line, "END\r\n") ? (ssize_t)line : -1;
    const char *number = memrchr(text, ' ', line);
    answer->size = number ? strtoull(number, NULL, 10) : 0;
    size_t whole = line + answer->size + strlen("\r\nEND\r\n");
    return length < whole ? 0 : (ssize_t)whole;
}

static ssize_t memcached_parse_set(const char *text, size_t length,
                                   struct dialect_answer *answer)
{
    answer->good = begins(text, length, "STORED\r\n");
    return (ssize_t)line_length(text, length);
}

/* ---- redis */

static size_t redis_compose_key(char *to, unsigned words, const char *command,
                                uint64_t key)
{
    char text[32];
    int length = snprintf(text, sizeof text, "key%llu", (unsigned long long)key);
    return (size_t)snprintf(to, DIALECT_ROOM, "*%u\r\n$3\r\n%s\r\n$%d\r\n%s\r\n", words,
                            command, length, text);
}

static size_t redis_compose_get(char *to, uint64_t key)
{
    return redis_compose_key(to, 2, "GET", key);
}

static size_t redis_compose_set(char *to, uint64_t key, const char *value, uint32_t size,
                                uint32_t life)
{
    size_t head = redis_compose_key(to, life ? 5 : 3, "SET", key);
    head += (size_t)snprintf(to + head, DIALECT_ROOM - head, "$%u\r\n", size);
    size_t whole = append_value(to, head, value, size);
    if (life == 0)
        return whole;
    char text[16];
    int length = snprintf(text, sizeof text, "%u", life);
    return whole + (size_t)snprintf(to + whole, DIALECT_ROOM - head,
                                    "$2\r\nEX\r\n$%d\r\n%s\r\n", length, text);
}

/* $<bytes> and the value; $-1 if it is a miss. */
static ssize_t redis_parse_get(const char *text, size_t length,
                               struct dialect_answer *answer)
{
    size_t line = line_length(text, length);
    if (line == 0)
        return 0;
    if (text[0] != '$')
        return -1;
    long long size = strtoll(text + 1, NULL, 10);
    *answer = (struct dialect_answer){ .good = size >= 0,
                                       .size = size >= 0 ? (uint64_t)size : 0 };
    size_t whole = answer->good ? line + answer->size + 2 : line;
    return length < whole ? 0 : (ssize_t)whole;
}

static ssize_t redis_parse_set(const char *text, size_t length,
                               struct dialect_answer *answer)
{
    answer->good = begins(text, length, "+OK\r\n");
    return (ssize_t)line_length(text, length);
}

/* ---- */

static const struct dialect dialects[] = {
    { "memcached", memcached_compose_get, memcached_compose_set, memcached_parse_get,
      memcached_parse_set },
    { "redis", redis_compose_get, redis_compose_set, redis_parse_get, redis_parse_set },
};

const struct dialect *dialect_find(const char *name)
{
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        if (strcmp(dialects[i].name, name) == 0)
            return &dialects[i];
    }
    return NULL;
}
