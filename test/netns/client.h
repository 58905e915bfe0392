/* The witness of fail-over tests: one operation a millisecond through one address, and
 * the books about what was acknowledged.
 *
 *   client.c      the schedule, and the commands of the test
 *   connection.c  one operation with a time limit
 *   books.c       what each key may hold, what went wrong and when, as JSON
 */
#ifndef TEST_NETNS_CLIENT_H
#define TEST_NETNS_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

double now_ms(void); /* CLOCK_MONOTONIC, which is the test's clock, too */

/* ---- connection.c */

enum outcome {
    OUTCOME_DONE,    /* STORED; a value */
    OUTCOME_MISS,    /* END */
    OUTCOME_TIMEOUT, /* no answer in time, also to a connect */
    OUTCOME_CLOSED,  /* closed by the server */
    OUTCOME_RESET,
    OUTCOME_REFUSED, /* nobody listens */
    OUTCOME_UNREACHABLE,
    OUTCOME_SAID, /* any other answer: SERVER_ERROR */
    OUTCOME_COUNT
};
const char *outcome_name(enum outcome outcome);

struct connection {
    struct sockaddr_storage address;
    socklen_t address_size;
    int fd;       /* -1: not connected */
    bool is_sent; /* of the last operation some bytes left: a write's fate may be open */
    char inbox[1024];
    size_t ninbox;
};

/* False if the host is no numeric address. */
bool connection_init(struct connection *c, const char *host, const char *port);
void connection_fini(struct connection *c);

/* Connects if needed. The value or what the server said is in `text` after. Whatever is
 * not a plain answer ends the connection: what comes late must not be taken for the
 * answer to the next operation. */
enum outcome connection_set(struct connection *c, const char *key, const char *value,
                            double deadline_ms, char *text, size_t size);
enum outcome connection_get(struct connection *c, const char *key, double deadline_ms,
                            char *text, size_t size);

/* ---- books.c */

struct books;
struct books *books_create(const char *prefix, uint32_t nkeys);
void books_destroy(struct books *b);

void books_key(const struct books *b, uint32_t key, char *text, size_t size);

/* A write begins: the value that is to be stored. */
void books_begin_write(struct books *b, uint32_t key, char *value, size_t size);
void books_end_write(struct books *b, enum outcome outcome, bool is_sent,
                     const char *text);
void books_end_read(struct books *b, uint32_t key, enum outcome outcome,
                    const char *text);
void books_late(struct books *b, double ms); /* this process itself woke up late */

/* What was seen is forgotten; what keys may hold is not. */
void books_reset(struct books *b);
void books_resume(struct books *b); /* a pause is no gap */
json_t *books_report(const struct books *b);

/* Every key is read: what is lost, what is old, and a digest to compare nodes with. */
json_t *books_read_back(const struct books *b, struct connection *from,
                        double timeout_ms);

#endif
