/*
 * The fixture for tests of an encrypted link: two ends, each with a secret of its own,
 * and between them a wire that the test moves and can change.
 *
 *   end 0, which dials --fd--[ wire ]--fd-- end 1
 */
#ifndef TEST_UNIT_SECURE_RIG_H
#define TEST_UNIT_SECURE_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "repl/tunnel.h"
#include "test/unit/unit.h"

enum { DIALS, ACCEPTS, ENDS, CARRY_MAX = 1 << 16 };

struct end {
    char path[64];
    struct secure secure;
    struct tunnel tunnel;
    int fd, wire; /* this end's socket, and the wire's end of it */
    enum tunnel_state state;
    char why[200];
    size_t nsaid; /* bytes that it has put on the wire */
    char said[CARRY_MAX];
};

static struct end ends[ENDS];

#define SECRET_A "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n"
#define SECRET_B "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2\n"

static inline void write_secrets(struct end *e, const char *text)
{
    int fd = open(e->path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* text NULL: this end has no secret. */
static inline void open_end(struct end *e, const char *text)
{
    struct secure_config config = { 0 };
    snprintf(e->path, sizeof(e->path), "/tmp/check_secure.XXXXXX");
    close(mkstemp(e->path));
    if (text != NULL) {
        write_secrets(e, text);
        config.secret_file = e->path;
    }
    ck_assert_msg(secure_open(&e->secure, &config, e->why, sizeof(e->why)), "%s", e->why);
}

static inline void open_ends(const char *dials, const char *accepts)
{
    open_end(&ends[DIALS], dials);
    open_end(&ends[ACCEPTS], accepts);
}

static inline void connect_ends(void)
{
    for (int i = 0; i < ENDS; i++) {
        struct end *e = &ends[i];
        int fds[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        e->fd = fds[0];
        e->wire = fds[1];
        e->nsaid = 0;
        e->state = TUNNEL_WAITS;
        ck_assert(tunnel_begin(&e->tunnel, &e->secure, e->fd, i == DIALS));
    }
}

static inline void disconnect_ends(void)
{
    for (int i = 0; i < ENDS; i++) {
        tunnel_close(&ends[i].tunnel);
        close(ends[i].fd);
        close(ends[i].wire);
    }
}

static inline void close_ends(void)
{
    for (int i = 0; i < ENDS; i++) {
        secure_close(&ends[i].secure);
        unlink(ends[i].path);
    }
}

/* What the wire does to bytes on their way. */
typedef void (*wire_change)(int from, size_t at, char *bytes, size_t n);

/* Carries what one end has said. False: nothing. */
static inline bool carry(int from, wire_change change)
{
    struct end *e = &ends[from];
    char bytes[CARRY_MAX];
    ssize_t n = read(e->wire, bytes, sizeof(bytes));
    if (n <= 0)
        return false;
    if (e->nsaid + (size_t)n <= sizeof(e->said))
        memcpy(e->said + e->nsaid, bytes, (size_t)n);
    if (change != NULL)
        change(from, e->nsaid, bytes, (size_t)n);
    e->nsaid += (size_t)n;
    return write(ends[1 - from].wire, bytes, (size_t)n) == n;
}

static inline void shake(struct end *e)
{
    if (e->state == TUNNEL_WAITS)
        e->state = tunnel_shake(&e->tunnel, e->fd, e->why, sizeof(e->why));
}

static inline bool is_over(void)
{
    return ends[DIALS].state != TUNNEL_WAITS && ends[ACCEPTS].state != TUNNEL_WAITS;
}

/* Until both ends have come to a result, or nothing moves. */
static inline void shake_hands(wire_change change)
{
    bool moves = true;
    while (!is_over() && moves) {
        shake(&ends[DIALS]);
        moves = carry(DIALS, change);
        shake(&ends[ACCEPTS]);
        moves = carry(ACCEPTS, change) || moves;
    }
    shake(&ends[DIALS]);
    shake(&ends[ACCEPTS]);
}

static inline bool are_open(void)
{
    return ends[DIALS].state == TUNNEL_OPEN && ends[ACCEPTS].state == TUNNEL_OPEN;
}

#endif
