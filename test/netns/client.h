/* The client of fail-over tests: one operation a millisecond through one address, and the
 * books about acknowledged writes.
 *
 *   client.c      the schedule, and the test's commands
 *   connection.c  one operation with a time limit
 *   books.c       possible values of each key; errors and their times, as JSON
 */
#ifndef TEST_NETNS_CLIENT_H
#define TEST_NETNS_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

double now_ms(void); /* CLOCK_MONOTONIC, which the test uses, too */

/* ---- connection.c */

enum outcome {
    OUTCOME_DONE,    /* STORED; a value */
    OUTCOME_MISS,    /* END */
    OUTCOME_TIMEOUT, /* no answer in time, or no connection */
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
    bool is_sent; /* some bytes of the last operation were sent: a write may have been
                     done */
    char inbox[1024];
    size_t ninbox;
};

/* False if the host is not a numeric address. */
bool connection_init(struct connection *c, const char *host, const char *port);
void connection_fini(struct connection *c);

/* Connects if necessary. Afterwards `text` has the value or the server's answer. Anything
 * but a plain answer ends the connection, so that a late answer is not mistaken for the
 * answer to the next operation. */
enum outcome connection_set(struct connection *c, const char *key, const char *value,
                            double deadline_ms, char *text, size_t size);
enum outcome connection_get(struct connection *c, const char *key, double deadline_ms,
                            char *text, size_t size);

/* ---- books.c */

struct books;
/* half: 0 or 1: only keys of every second bucket, so that clients of different halves
 * never have keys in one; -1: any */
struct books *books_create(const char *prefix, uint32_t nkeys, int half);
void books_destroy(struct books *b);

void books_key(const struct books *b, uint32_t key, char *text, size_t size);

/* Begins a write; value receives the value to store. */
void books_begin_write(struct books *b, uint32_t key, char *value, size_t size);
void books_end_write(struct books *b, enum outcome outcome, bool is_sent,
                     const char *text);
void books_end_read(struct books *b, uint32_t key, enum outcome outcome,
                    const char *text);
void books_late(struct books *b, double ms); /* this process itself woke up late */

/* Forgets the observations, but not what the keys may hold. */
void books_reset(struct books *b);
void books_resume(struct books *b); /* a pause does not count as a gap */
json_t *books_report(const struct books *b);

/* Reads every key: reports lost and old values, and a digest to compare nodes with. */
json_t *books_read_back(const struct books *b, struct connection *from,
                        double timeout_ms);

#endif
