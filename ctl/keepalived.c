#include "ctl/keepalived.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/keepalived_template.h" /* template_lines, generated from the template */

enum { NAME_ROOM = 32, INTERFACE_ROOM = 15, PATH_ROOM = 200 };

#define ALNUM        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define NAME_LETTERS ALNUM "_-."
/* The characters that keepalived reads as part of one word, with or without quotes. */
#define PATH_LETTERS ALNUM "_-./+,:="

/* ---- the values */

struct vip {
    int family; /* 0: not an address */
    unsigned char bytes[sizeof(struct in6_addr)];
};

static struct vip parse_address(const char *text)
{
    struct vip a = { 0 };
    if (inet_pton(AF_INET, text, a.bytes) == 1)
        a.family = AF_INET;
    else if (inet_pton(AF_INET6, text, a.bytes) == 1)
        a.family = AF_INET6;
    return a;
}

static size_t address_size(const struct vip *a)
{
    return a->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static bool same_address(const struct vip *a, const struct vip *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, address_size(a)) == 0;
}

/* Is it an address of one machine: neither 0.0.0.0 or :: nor multicast? */
static bool is_of_a_node(const struct vip *a)
{
    static const unsigned char nothing[sizeof(a->bytes)];
    bool is_group = a->family == AF_INET ? a->bytes[0] >= 224 : a->bytes[0] == 0xff;
    return !is_group && memcmp(a->bytes, nothing, address_size(a)) != 0;
}

static bool check_address(const char *option, const char *text, struct vip *a, char *why,
                          size_t nwhy)
{
    if (text == NULL) {
        snprintf(why, nwhy, "--%s is missing", option);
        return false;
    }
    *a = parse_address(text);
    if (a->family != 0 && is_of_a_node(a))
        return true;
    snprintf(why, nwhy,
             "--%s needs the address of one machine, such as 10.0.0.1 or fd00::1, "
             "not '%s'%s",
             option, text, a->family == 0 ? " (names are not looked up)" : "");
    return false;
}

static bool check_vip(const char *text, struct vip *vip, char *why, size_t nwhy)
{
    char address[INET6_ADDRSTRLEN] = "", *end = "x";
    const char *slash = text != NULL ? strchr(text, '/') : NULL;
    unsigned long length = 0;
    if (text == NULL) {
        snprintf(why, nwhy, "--vip is missing");
        return false;
    }
    if (slash != NULL && slash[1] >= '0' && slash[1] <= '9')
        length = strtoul(slash + 1, &end, 10);
    if (*end != '\0' || (size_t)(slash - text) >= sizeof(address)) {
        snprintf(
            why, nwhy,
            "--vip needs an address with the length of its network's prefix, such as "
            "10.0.0.100/24, not '%s'",
            text);
        return false;
    }
    memcpy(address, text, (size_t)(slash - text));
    if (!check_address("vip", address, vip, why, nwhy))
        return false;
    if (length >= 1 && length <= 8 * address_size(vip))
        return true;
    snprintf(why, nwhy, "--vip: a prefix of %s is 1 to %zu bits long, not %s", address,
             8 * address_size(vip), slash + 1);
    return false;
}

static bool check_addresses(const struct keepalived_conf *conf, char *why, size_t nwhy)
{
    struct vip vip, self, peer;
    if (!check_vip(conf->vip, &vip, why, nwhy) ||
        !check_address("self", conf->self, &self, why, nwhy) ||
        !check_address("peer", conf->peer, &peer, why, nwhy))
        return false;
    const char *what = NULL;
    if (vip.family != self.family || vip.family != peer.family)
        what = "--vip, --self and --peer must all be IPv4 or all be IPv6";
    else if (same_address(&self, &peer))
        what = "--self and --peer are the same: give this node's address and the other "
               "node's, and swap them on the other node";
    else if (same_address(&vip, &self) || same_address(&vip, &peer))
        what = "--vip must be another address than --self and --peer: it moves, and the "
               "addresses of the nodes do not";
    if (what != NULL)
        snprintf(why, nwhy, "%s", what);
    return what == NULL;
}

/* A value that the configuration uses as one word must be one word. */
static bool check_word(const char *option, const char *text, const char *letters,
                       size_t room, char *why, size_t nwhy)
{
    if (text == NULL) {
        snprintf(why, nwhy, "--%s is missing", option);
        return false;
    }
    size_t n = strlen(text);
    if (n > 0 && n <= room && strspn(text, letters) == n)
        return true;
    snprintf(why, nwhy, "--%s needs 1 to %zu characters, letters, digits or %s, not '%s'",
             option, room, letters + strlen(ALNUM), text);
    return false;
}

static bool check_path(const char *option, const char *text, size_t room, char *why,
                       size_t nwhy)
{
    if (!check_word(option, text, PATH_LETTERS, room, why, nwhy))
        return false;
    if (text[0] == '/')
        return true;
    snprintf(why, nwhy, "--%s needs an absolute path, which begins with /, not '%s'",
             option, text);
    return false;
}

static bool check_advert(const struct keepalived_conf *conf, char *why, size_t nwhy)
{
    if (conf->advert_ms % 10 == 0)
        return true;
    snprintf(
        why, nwhy,
        "--advert needs milliseconds in steps of 10, because VRRP has no smaller ones, "
        "not %lu",
        conf->advert_ms);
    return false;
}

bool keepalived_conf_check(const struct keepalived_conf *conf, char *why, size_t nwhy)
{
    return check_addresses(conf, why, nwhy) &&
           check_word("interface", conf->interface, NAME_LETTERS, INTERFACE_ROOM, why,
                      nwhy) &&
           check_word("name", conf->name, NAME_LETTERS, NAME_ROOM, why, nwhy) &&
           check_path("dir", conf->directory, PATH_ROOM, why, nwhy) &&
           check_path("fifo", conf->fifo, PATH_ROOM, why, nwhy) &&
           check_path("socket", conf->socket,
                      sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, why, nwhy) &&
           check_path("program", conf->program, PATH_ROOM, why, nwhy) &&
           check_advert(conf, why, nwhy);
}

/* ---- the text */

struct value {
    const char *name, *text;
};

/* The host's name if keepalived reads it as one word, else `otherwise`. */
static const char *router_name(char *host, size_t nhost, const char *otherwise)
{
    host[nhost - 1] = '\0';
    if (gethostname(host, nhost - 1) != 0 || host[0] == '\0' ||
        strspn(host, NAME_LETTERS) != strlen(host))
        return otherwise;
    return host;
}

/* Returns the line without its mark; NULL if it is for the other kind of network. */
static const char *take_mark(const char *line, bool multicast)
{
    static const char *const marks[] = { "@unicast:", "@multicast:" };
    for (size_t i = 0; i < N_ELEMENTS(marks); i++) {
        size_t n = strlen(marks[i]);
        if (strncmp(line, marks[i], n) == 0)
            return multicast == (i == 1) ? line + n : NULL;
    }
    return line;
}

static void print_line(const char *line, const struct value *values, FILE *out)
{
    const char *at;
    while ((at = strchr(line, '@')) != NULL) {
        size_t n = strcspn(at + 1, "@");
        const struct value *value = values;
        while (value->name != NULL &&
               (strlen(value->name) != n || memcmp(value->name, at + 1, n) != 0))
            value++;
        CHECK(value->name != NULL && at[n + 1] == '@'); /* else the template is wrong */
        fprintf(out, "%.*s%s", (int)(at - line), line, value->text);
        line = at + n + 2;
    }
    fprintf(out, "%s\n", line);
}

void keepalived_conf_print(const struct keepalived_conf *conf, FILE *out)
{
    char host[256], vrid[8], advert[16];
    snprintf(vrid, sizeof(vrid), "%hhu", (unsigned char)conf->vrid);
    snprintf(advert, sizeof(advert), "%hu.%02hu",
             (unsigned short)(conf->advert_ms / 1000),
             (unsigned short)(conf->advert_ms % 1000 / 10));
    const struct value values[] = {
        { "VIP", conf->vip },
        { "INTERFACE", conf->interface },
        { "SELF", conf->self },
        { "PEER", conf->peer },
        { "NAME", conf->name },
        { "ROUTER", router_name(host, sizeof(host), conf->name) },
        { "DIR", conf->directory },
        { "FIFO", conf->fifo },
        { "SOCKET", conf->socket },
        { "PROGRAM", conf->program },
        { "VRID", vrid },
        { "ADVERT", advert },
        { NULL, NULL },
    };
    for (size_t i = 0; i < N_ELEMENTS(template_lines); i++) {
        const char *line = take_mark(template_lines[i], conf->multicast);
        if (line != NULL)
            print_line(line, values, out);
    }
}
