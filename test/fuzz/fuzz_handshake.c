/*
 * The handshake of an encrypted link, with a peer that can prove nothing. The first byte
 * of the input chooses:
 *
 *   bit 0   the side under test: accepts, or dials
 *   bit 1   it goes by a secret, or by certificates
 *   bit 2   raw: the rest is what the peer says
 *           edited: the peer is one that speaks TLS well, and has another secret of the
 *           same name, or a foreign certificate; the rest changes what it says: of each
 *           three bytes, two tell how far from the last change, one what is inverted
 *   bit 3   raw: it comes in pieces of a few bytes
 *
 * Whatever it says, the side under test must not open.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "repl/tunnel.h"
#include "test/fake/certificate.h"
#include "test/fuzz/fuzz.h"

enum { DIALS = 1, CERTIFICATES = 2, EDITED = 4, PIECES = 8 };
enum { OURS, OTHERS, KINDS, ROUNDS_MAX = 20, PIECE = 7, WIRE = 1 << 16 };

struct files {
    char secret[32], cert[32];
};

static struct files files[KINDS];
static struct secure by_secret[KINDS], by_cert[KINDS];

/* ---- what both sides have */

static FILE *create(char path[32])
{
    strcpy(path, "/tmp/fuzz_handshake.XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    FILE *file = fdopen(fd, "w");
    AN(file);
    return file;
}

static void write_secret(struct files *f, char digit)
{
    FILE *file = create(f->secret);
    for (int i = 0; i < 2 * SECRET_SIZE; i++)
        fputc(digit, file);
    AZ(fclose(file));
}

static void open_all(void)
{
    const struct certificate_wish node = { "node", -3600, 1000000, NULL, NULL };
    char why[300];
    for (int i = 0; i < KINDS; i++) {
        struct files *f = &files[i];
        write_secret(f, i == OURS ? 'a' : 'b');
        fclose(create(f->cert));
        certificate_make(f->cert, &node);
        const struct secure_config secret = { .secret_file = f->secret };
        const struct secure_config cert = { NULL, f->cert, f->cert, f->cert };
        CHECK(secure_open(&by_secret[i], &secret, why, sizeof(why)));
        CHECK(secure_open(&by_cert[i], &cert, why, sizeof(why)));
        unlink(f->secret);
        unlink(f->cert);
    }
    memcpy(by_secret[OTHERS].tags, by_secret[OURS].tags, sizeof(by_secret[OURS].tags));
}

/* ---- one side */

struct side {
    struct tunnel tunnel;
    enum tunnel_state state;
    int fd, wire;
};

static void begin(struct side *s, const struct secure *secure, bool dials)
{
    int fds[2];
    *s = (struct side){ .state = TUNNEL_WAITS };
    AZ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    s->fd = fds[0];
    s->wire = fds[1];
    CHECK(tunnel_begin(&s->tunnel, secure, s->fd, dials));
}

static void go_on(struct side *s)
{
    char why[200];
    if (s->state == TUNNEL_WAITS)
        s->state = tunnel_shake(&s->tunnel, s->fd, why, sizeof(why));
}

static void end(struct side *s)
{
    tunnel_close(&s->tunnel);
    close(s->fd);
    close(s->wire);
}

/* ---- what the peer says */

static void say_raw(struct side *s, const uint8_t *bytes, size_t n, size_t piece)
{
    while (n > 0 && s->state == TUNNEL_WAITS) {
        size_t now = n < piece ? n : piece;
        ssize_t sent = send(s->wire, bytes, now, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
        go_on(s);
    }
}

struct edits {
    const uint8_t *at;
    size_t n, next; /* how many bytes pass before the next change */
};

static void next_edit(struct edits *e)
{
    e->next = e->n < 3 ? SIZE_MAX : (size_t)e->at[0] << 8 | e->at[1];
}

static void edit(struct edits *e, uint8_t *bytes, size_t n)
{
    size_t at = 0;
    while (e->next < n - at) {
        at += e->next;
        bytes[at] ^= e->at[2];
        e->at += 3;
        e->n -= 3;
        next_edit(e);
    }
    if (e->next != SIZE_MAX)
        e->next -= n - at;
}

/* Carries what one side has said. */
static bool carry(struct side *from, struct side *to, struct edits *edits)
{
    static uint8_t bytes[WIRE];
    ssize_t n = read(from->wire, bytes, sizeof(bytes));
    if (n <= 0)
        return false;
    if (edits != NULL)
        edit(edits, bytes, (size_t)n);
    return send(to->wire, bytes, (size_t)n, MSG_NOSIGNAL) == n;
}

static void say_edited(struct side *s, const struct secure *secure, bool dials,
                       struct edits *edits)
{
    struct side peer;
    bool moves = true;
    begin(&peer, secure, dials);
    for (int i = 0; i < ROUNDS_MAX && moves; i++) {
        go_on(&peer);
        moves = carry(&peer, s, edits);
        go_on(s);
        moves = carry(s, &peer, NULL) || moves;
    }
    end(&peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static bool is_open;
    if (!is_open)
        open_all();
    is_open = true;
    if (n == 0)
        return 0;
    uint8_t how = *bytes;
    uint8_t *rest = fuzz_exact(bytes + 1, n - 1);
    const struct secure *both = how & CERTIFICATES ? by_cert : by_secret;
    struct tunnel_glance seen;
    struct side side;
    begin(&side, &both[OURS], how & DIALS);
    go_on(&side);
    if (how & EDITED) {
        struct edits edits = { .at = rest, .n = n - 1 };
        next_edit(&edits);
        say_edited(&side, &both[OTHERS], !(how & DIALS), &edits);
    } else {
        say_raw(&side, rest, n - 1, how & PIECES ? PIECE : WIRE);
    }
    CHECK(side.state != TUNNEL_OPEN);
    shutdown(side.wire, SHUT_WR);
    go_on(&side);
    CHECK(side.state == TUNNEL_REFUSED || side.state == TUNNEL_UNHEARD);
    (void)tunnel_glance(&both[OURS], side.fd, how & DIALS, &seen);
    end(&side);
    free(rest);
    return 0;
}
