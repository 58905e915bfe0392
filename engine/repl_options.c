#include "engine/repl_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/near.h"
#include "protocol/link_message.h"
#include "repl/map.h"

_Static_assert(MAP_BITS_MIN == 6 && MAP_BITS_MAX == 30, "dirty_bits says so");
_Static_assert(LINK_HEARTBEAT_MAX == 60000 && LINK_TIMEOUT_MAX == 600000,
               "heartbeat and timeout say so");

enum { COPY_RATE_LEAST = 16 << 10 }; /* slower ones are no networks (alive.c) */

const struct option_row repl_option_rows[] = {
#define OPTION(name, type, preset, min, max, form, help)                                 \
    OPTION_ROW(#name, 0, type, struct repl_options, name, preset, min, max, form, help),
#include "engine/repl_option_rows.h"
};
const size_t repl_option_count = N_ELEMENTS(repl_option_rows);

#define OPTION(name, type, preset, min, max, form, help) OPTION_WHOLE(#name, help)
#include "engine/repl_option_rows.h"

/* Options of the wrapped engine that the peer is told of. */
static const struct option_row limit_rows[] = {
    { "item_size_max", 0, OPTION_SIZE, offsetof(struct repl_options, item_max), "1m", 0,
      0, "BYTES", "" },
    { "cache_size", 0, OPTION_SIZE, offsetof(struct repl_options, memory), "64m", 0, 0,
      "BYTES", "" },
};

static bool learn_limits(struct repl_options *o, char *why, size_t nwhy)
{
    char *others = NULL, complaint[160];
    bool ok = option_defaults(limit_rows, N_ELEMENTS(limit_rows), o, why, nwhy);
    /* If a value is not a size, the wrapped engine will complain about it. */
    if (ok && !option_parse(limit_rows, N_ELEMENTS(limit_rows), o, o->rest, &others,
                            complaint, sizeof(complaint)))
        ok = option_defaults(limit_rows, N_ELEMENTS(limit_rows), o, why, nwhy);
    free(others);
    return ok;
}

static bool check_times(const struct repl_options *o, char *why, size_t nwhy)
{
    if (o->timeout >= 2 * o->heartbeat)
        return true;
    snprintf(why, nwhy,
             "option 'timeout' (%llu ms) must be at least twice 'heartbeat' (%llu ms); "
             "otherwise the link would be closed between two signs of life",
             (unsigned long long)o->timeout, (unsigned long long)o->heartbeat);
    return false;
}

static bool check_rate(const struct repl_options *o, char *why, size_t nwhy)
{
    if (o->copy_rate == 0 || o->copy_rate >= COPY_RATE_LEAST)
        return true;
    snprintf(why, nwhy,
             "option 'copy_rate' is 0, for no limit, or at least %d bytes a second",
             COPY_RATE_LEAST);
    return false;
}

static bool check_control(const struct repl_options *o, char *why, size_t nwhy)
{
    if (o->control == NULL || strcmp(o->control, "off") == 0 ||
        strchr(o->control, '/') != NULL)
        return true;
    snprintf(why, nwhy,
             "option 'control' must be the path of a socket, with a slash, or off, not "
             "'%s'",
             o->control);
    return false;
}

static bool check_secrecy(const struct repl_options *o, char *why, size_t nwhy)
{
    unsigned n = (o->tls_cert != NULL) + (o->tls_key != NULL) + (o->tls_ca != NULL);
    if (n != 0 && n != 3)
        snprintf(why, nwhy, "options 'tls_cert', 'tls_key' and 'tls_ca' go together");
    else if (n != 0 && o->secret_file != NULL)
        snprintf(why, nwhy, "options 'secret_file' and 'tls_cert' exclude each other");
    else
        return true;
    return false;
}

bool repl_options_parse(struct repl_options *o, const char *config, char *why,
                        size_t nwhy)
{
    memset(o, 0, sizeof(*o));
    return option_defaults(repl_option_rows, repl_option_count, o, why, nwhy) &&
           option_parse(repl_option_rows, repl_option_count, o, config, &o->rest, why,
                        nwhy) &&
           check_times(o, why, nwhy) && check_rate(o, why, nwhy) &&
           check_control(o, why, nwhy) && check_secrecy(o, why, nwhy) &&
           learn_limits(o, why, nwhy) &&
           (o->peer == NULL || address_parse_peer(o->peer, &o->peer_at, why, nwhy)) &&
           address_parse_listen(o->listen, &o->listen_at, why, nwhy) &&
           (o->peer_from == NULL ||
            address_ranges_parse(o->peer_from, &o->peers_from, why, nwhy));
}

void repl_options_hint(const struct repl_options *o, char *text, size_t ntext)
{
    char key[64], room[NEAR_HINT];
    struct near n;
    text[0] = '\0';
    if (o->rest != NULL && near_find_pair(&n, o->rest, repl_option_rows,
                                          repl_option_count, key, sizeof(key)))
        snprintf(text, ntext, "repl_engine has no option '%s'%s, and ", key,
                 near_hint(&n, "", room, sizeof(room)));
}

void repl_options_free(struct repl_options *o)
{
    option_free(repl_option_rows, repl_option_count, o);
    free(o->rest);
    memset(o, 0, sizeof(*o));
}
