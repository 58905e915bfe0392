#include "base/host_port.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool host_port_parse_port(const char *text, uint16_t *port)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    unsigned long n = strtoul(text, &end, 10);
    if (*end != '\0' || n > UINT16_MAX)
        return false;
    *port = (uint16_t)n;
    return true;
}

static bool copy_host(struct host_port *out, const char *host, size_t n)
{
    if (n >= sizeof(out->host))
        return false;
    memcpy(out->host, host, n);
    out->host[n] = '\0';
    return true;
}

/* Returns the text after the host: "" or ":PORT". NULL if there is no valid host. */
static const char *split(const char *text, struct host_port *out)
{
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        return end != NULL && copy_host(out, text + 1, (size_t)(end - text - 1)) ? end + 1
                                                                                 : NULL;
    }
    const char *rest = strchrnul(text, ':');
    out->is_bare_v6 = *rest != '\0' && strchr(rest + 1, ':') != NULL;
    if (out->is_bare_v6)
        rest = text + strlen(text);
    return copy_host(out, text, (size_t)(rest - text)) ? rest : NULL;
}

bool host_port_parse(const char *text, struct host_port *out)
{
    *out = (struct host_port){ .port = 0 };
    const char *rest = split(text, out);
    if (rest == NULL)
        return false;
    out->has_port = *rest == ':';
    return *rest == '\0' || (*rest == ':' && host_port_parse_port(rest + 1, &out->port));
}
