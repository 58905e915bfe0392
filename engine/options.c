#include "engine/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "repl/map.h"

_Static_assert(MAP_BITS_MIN == 6 && MAP_BITS_MAX == 30, "dirty_bits below says so");

#define AT(member) offsetof(struct repl_options, member)

const struct option_row repl_option_rows[] = {
    { "peer", 0, OPTION_STRING, AT(peer), NULL, 0, 0, NULL, "HOST[:PORT]",
      "the other node's replication address; without it nothing is replicated" },
    { "listen", 0, OPTION_STRING, AT(listen), "11212", 0, 0, NULL, "[ADDR:]PORT",
      "where this node accepts the peer" },
    { "engine", 0, OPTION_STRING, AT(engine), "default_engine.so", 0, 0, NULL, "FILE",
      "the engine to wrap; without a slash it is looked up beside this one" },
    { "control", 0, OPTION_STRING, AT(control), NULL, 0, 0, NULL, "PATH|off",
      "UNIX socket for mcreplctl; " RUN_DIR "/repl-PORT.sock if not given" },
    { "standby_writes", 0, OPTION_CHOICE, AT(standby_writes), "promote", 0, 0,
      "promote|alone|reject", "promote|alone|reject",
      "what a client's write on a standby does: make it active; that only if no active "
      "peer is linked, else it fails, and a peer without clients hands its role over; or "
      "fail" },
    { "lone", 0, OPTION_CHOICE, AT(lone), "serve", 0, 0, "serve|reject", "serve|reject",
      "what a node without a peer does with clients' writes: take them, or refuse them, "
      "so "
      "that two nodes that cannot talk never differ; reads are served in any case" },
    { "on_conflict", 0, OPTION_CHOICE, AT(on_conflict), "invalidate", 0, 0,
      "invalidate|keep", "invalidate|keep",
      "a key changed on both nodes while they could not talk: a miss on both, or what "
      "the leader (the last one to become active) has" },
    { "journal", 0, OPTION_SIZE, AT(journal), "16m", 4096, UINT64_C(1) << 40, NULL,
      "BYTES", "memory for exact records of changes the peer has not acknowledged" },
    { "dirty_bits", 0, OPTION_NUMBER, AT(dirty_bits), "24", 6, 30, NULL, "N",
      "2^N buckets remember what the journal cannot; eight maps of 2^N bits are kept" },
    { "heartbeat", 0, OPTION_NUMBER, AT(heartbeat), "250", 10, 60000, NULL, "MS",
      "how often each node says that it lives" },
    { "timeout", 0, OPTION_NUMBER, AT(timeout), "2000", 20, 600000, NULL, "MS",
      "silence after which the link is given up" },
    { "fetch_wait", 0, OPTION_NUMBER, AT(fetch_wait), "20", 0, 10000, NULL, "MS",
      "how long a client's request waits for an item that this node lacks and the peer "
      "has, while this node is being filled; 0: it is a miss at once" },
    { "cold_wait", 0, OPTION_NUMBER, AT(cold_wait), "5000", 0, 3600000, NULL, "MS",
      "how long a node that started empty waits for its peer, which may have the data, "
      "before it says that it may hold the clients' address all the same" },
};
const size_t repl_option_count = N_ELEMENTS(repl_option_rows);

/* What the wrapped engine is told is also of interest to the peer. */
static const struct option_row limit_rows[] = {
    { "item_size_max", 0, OPTION_SIZE, AT(item_max), "1m", 0, 0, NULL, "BYTES", "" },
    { "cache_size", 0, OPTION_SIZE, AT(memory), "64m", 0, 0, NULL, "BYTES", "" },
};

static bool learn_limits(struct repl_options *o, char *why, size_t nwhy)
{
    char *others = NULL, complaint[160];
    bool ok = option_defaults(limit_rows, N_ELEMENTS(limit_rows), o, why, nwhy);
    /* A value that is no size is the wrapped engine's to complain about. */
    if (ok && !option_parse(limit_rows, N_ELEMENTS(limit_rows), o, o->rest, &others,
                            complaint, sizeof(complaint)))
        ok = option_defaults(limit_rows, N_ELEMENTS(limit_rows), o, why, nwhy);
    free(others);
    return ok;
}

bool repl_options_parse(struct repl_options *o, const char *config, char *why,
                        size_t nwhy)
{
    memset(o, 0, sizeof(*o));
    if (!option_defaults(repl_option_rows, repl_option_count, o, why, nwhy) ||
        !option_parse(repl_option_rows, repl_option_count, o, config, &o->rest, why,
                      nwhy))
        return false;
    if (o->timeout < 2 * o->heartbeat) {
        snprintf(
            why, nwhy,
            "option 'timeout' (%llu ms) must be at least twice 'heartbeat' (%llu ms), "
            "or the link would be given up between two signs of life",
            (unsigned long long)o->timeout, (unsigned long long)o->heartbeat);
        return false;
    }
    if (o->control != NULL && strcmp(o->control, "off") != 0 &&
        strchr(o->control, '/') == NULL) {
        snprintf(
            why, nwhy,
            "option 'control' must be the path of a socket, with a slash, or off, not "
            "'%s'",
            o->control);
        return false;
    }
    return learn_limits(o, why, nwhy) &&
           (o->peer == NULL || address_parse_peer(o->peer, &o->peer_at, why, nwhy)) &&
           address_parse_listen(o->listen, &o->listen_at, why, nwhy);
}

void repl_options_free(struct repl_options *o)
{
    option_free(repl_option_rows, repl_option_count, o);
    free(o->rest);
    memset(o, 0, sizeof(*o));
}
