#include "server/settings_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/address.h"

static bool check_ports(struct settings *s, char *why, size_t nwhy)
{
    /* -U alone means both, as it does for memcached. */
    if (s->udp_port != 0 && !settings_given(s, "port"))
        s->port = s->udp_port;
    if (settings_want_tcp(s) || s->udp_port != 0 || s->unix_socket != NULL)
        return true;
    snprintf(why, nwhy,
             "there is nothing to listen on: -p 0 means no TCP. Name a UNIX socket (-s) "
             "or a UDP port (-U), or ask for any free TCP port with -p -1");
    return false;
}

static bool check_address(const struct settings *s, const char *word, char *why,
                          size_t nwhy)
{
    struct listen_address at;
    if (!address_parse(word, &at)) {
        snprintf(why, nwhy,
                 "option 'listen' needs addresses such as 10.0.0.1, 10.0.0.1:11211 or "
                 "[::1]:11211, with notls: or proto[ascii]: before them if need be, not "
                 "'%s'",
                 word);
        return false;
    }
    if (at.notls && !s->enable_ssl) {
        snprintf(why, nwhy, "option 'listen': '%s' means something only with -Z", word);
        return false;
    }
    if (at.has_protocol && at.protocol != s->protocol && s->auth_file != NULL) {
        snprintf(why, nwhy, "option 'listen': with -Y all clients use proto[ascii]:");
        return false;
    }
    return true;
}

static bool check_addresses(const struct settings *s, char *why, size_t nwhy)
{
    char *save = NULL, *list = s->listen != NULL ? strdup(s->listen) : NULL;
    if (list == NULL)
        return s->listen == NULL;
    char *word = address_next(list, &save);
    bool ok = word == NULL ? check_address(s, "", why, nwhy) : true;
    for (; ok && word != NULL; word = address_next(NULL, &save))
        ok = check_address(s, word, why, nwhy);
    free(list);
    return ok;
}

static bool check_mode(const struct settings *s, char *why, size_t nwhy)
{
    unsigned mode;
    if (settings_unix_mode(s, &mode))
        return true;
    snprintf(why, nwhy, "option 'unix-mask' needs an octal number such as 0770, not '%s'",
             s->unix_mask);
    return false;
}

/* Only the text protocol over a stream can ask for the password. */
static bool check_passwords(struct settings *s, char *why, size_t nwhy)
{
    if (s->auth_file == NULL)
        return true;
    if (!settings_given(s, "protocol"))
        s->protocol = SETTINGS_PROTOCOL_ASCII;
    const char *other = s->udp_port != 0 ? "over UDP (-U)"
                        : s->protocol != SETTINGS_PROTOCOL_ASCII
                            ? "in the binary protocol (-B)"
                            : NULL;
    if (other == NULL)
        return true;
    snprintf(why, nwhy, "-Y: clients %s would be let in without a password", other);
    return false;
}

/* The first option of TLS that was given; NULL if there is none. */
static const char *any_of_tls(const struct settings *s)
{
    for (size_t i = 0; i < settings_nrows; i++) {
        if (s->given[i] && strncmp(settings_rows[i].name, "ssl-", 4) == 0)
            return settings_rows[i].name;
    }
    return NULL;
}

static bool check_tls(const struct settings *s, char *why, size_t nwhy)
{
    const char *given = any_of_tls(s);
    if (!s->enable_ssl && given == NULL)
        return true;
    if (!s->enable_ssl)
        snprintf(why, nwhy, "option '%s' without -Z: clients would not be encrypted",
                 given);
    else if (!settings_want_tcp(s))
        snprintf(why, nwhy, "-Z encrypts TCP, and there is none: see -p and -s");
    else if (s->ssl_chain_cert == NULL)
        snprintf(why, nwhy, "-Z needs a certificate: -o ssl_chain_cert=FILE");
    else if (s->ssl_verify_mode != 0 && s->ssl_ca_cert == NULL)
        snprintf(why, nwhy,
                 "ssl_verify_mode needs the authorities of the clients' certificates: "
                 "-o ssl_ca_cert=FILE");
    else
        return true;
    return false;
}

bool settings_check(struct settings *s, char *why, size_t nwhy)
{
    return check_passwords(s, why, nwhy) && check_addresses(s, why, nwhy) &&
           check_mode(s, why, nwhy) && check_ports(s, why, nwhy) &&
           check_tls(s, why, nwhy);
}
