/*
 * The replication thread as its owner uses it: start, stop, and its port for the core.
 */
#ifndef REPL_THREAD_H
#define REPL_THREAD_H

#include "repl/loop.h"

/* The port for the core; its first argument is the thread. Usable before start, when it
 * only logs. */
extern const struct repl_port_ops repl_thread_port;

void repl_thread_init(struct repl_thread *t, struct repl_core *core,
                      const struct repl_thread_config *config);

/* Listen and start. False: why holds the reason, for the user. */
bool repl_thread_start(struct repl_thread *t, char *why, size_t nwhy);

/* Wait until the peer has acknowledged what is pending, for at most drain_ms; then end.
 * No-op if the thread was not started. */
void repl_thread_stop(struct repl_thread *t, unsigned drain_ms);

/* The port on which it listens, 0 if none. */
uint16_t repl_thread_port_number(const struct repl_thread *t);

/* The peer as the operator named it. Takes the core's lock. */
void repl_thread_peer(struct repl_thread *t, char text[PEER_TEXT]);

/* The state of the link while there is no session: off, down or handshake. Takes the
 * core's lock. */
const char *repl_thread_link_state(const struct repl_thread *t);
/* When this node's certificate expires, as Unix time; 0: it has none. Takes it, too. */
int64_t repl_thread_certificate_end(const struct repl_thread *t);

#endif
