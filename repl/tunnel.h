/*
 * The bytes of a link: from and to its socket, plain or by TLS. It has three states:
 *
 *   plain, or open   bytes pass
 *   shaking          TLS's handshake: no byte passes, in neither direction
 *   refused          the handshake has failed; close the connection
 *
 * The replication thread, under the core lock. A tunnel must not move.
 */
#ifndef REPL_TUNNEL_H
#define REPL_TUNNEL_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/output.h"
#include "repl/secure.h"

struct tunnel_glance {
    bool looked; /* it has said something */
    bool badged; /* it shows the badge of the last link */
};

struct tunnel {
    struct tls_stream tls; /* ssl NULL: plain */
    struct secure_peer peer;
    bool shaking;
    struct tunnel_glance seen; /* of what the other side has said first */
    bool has_more;             /* to read, although the socket may have nothing */
    bool blocked;              /* a record is half sent */
    uint64_t sent;             /* bytes under this key */
};

/* A tunnel of zeros is plain. Begins the handshake, if `s` is on. False: out of memory.
 */
bool tunnel_begin(struct tunnel *c, const struct secure *s, int fd, bool dialled);
void tunnel_close(struct tunnel *c);

/* Looks at what the other side has said first, if it has, and leaves it unread. NULL: it
 * may be the peer. Otherwise why it is not; it has been told. So most strangers are
 * refused before they cost more than this. */
const char *tunnel_glance(const struct secure *s, int fd, bool dialled,
                          struct tunnel_glance *seen);

/* UNHEARD: refused, too, but by an end without a word. */
enum tunnel_state { TUNNEL_OPEN, TUNNEL_WAITS, TUNNEL_REFUSED, TUNNEL_UNHEARD };

/* Goes on with the handshake. REFUSED, UNHEARD: why has the reason. */
enum tunnel_state tunnel_shake(struct tunnel *c, int fd, char *why, size_t nwhy);

/* As readv and output_send. */
ssize_t tunnel_read(struct tunnel *c, int fd, const struct iovec *pieces, size_t n);
enum output_result tunnel_send(struct tunnel *c, int fd, struct output *o,
                               output_release release, void *context, size_t *nsent);

/* Has the peer shown nothing yet of what it must prove? */
static inline bool tunnel_is_strange(const struct tunnel *c)
{
    return c->shaking && !c->peer.is_known;
}

/* Is this the first byte of a record of TLS? A plain link begins with another one. */
static inline bool tunnel_is_tls(char first)
{
    return first == 0x16 || first == 0x15;
}

#endif
