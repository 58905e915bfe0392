/* See sentinel.h. */
#include "bench/sentinel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char question[] = "SENTINEL get-master-addr-by-name pair\r\n";

bool address_take(const char *text, struct sockaddr_in *out)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    unsigned long port = strtoul(colon + 1, NULL, 10);
    *out =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    return port > 0 && port <= 65535 && inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

bool sentinels_take(const char *text, struct sentinels *out)
{
    char copy[400], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", text);
    *out = (struct sentinels){ 0 };
    for (char *word = strtok_r(copy, ",", &rest); word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        if (out->n == SENTINELS_MAX || !address_take(word, &out->all[out->n++]))
            return false;
    }
    return out->n > 0;
}

static bool is_ready(int fd, short what, int patience_ms)
{
    struct pollfd wanted = { .fd = fd, .events = what };
    return poll(&wanted, 1, patience_ms) == 1 && (wanted.revents & what) != 0;
}

/* *2, $<n>, the address, $<n>, the port: each in a line. */
static bool parse(char *text, struct sockaddr_in *out)
{
    char *lines[5], *rest = NULL, name[80];
    for (unsigned i = 0; i < 5; i++) {
        lines[i] = strtok_r(i == 0 ? text : NULL, "\r\n", &rest);
        if (lines[i] == NULL)
            return false;
    }
    snprintf(name, sizeof(name), "%.50s:%.10s", lines[2], lines[4]);
    return address_take(name, out);
}

static bool ask(const struct sockaddr_in *whom, int patience_ms, struct sockaddr_in *out)
{
    char text[256];
    size_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool found = false;
    if (fd < 0)
        return false;
    if ((connect(fd, (const struct sockaddr *)whom, sizeof(*whom)) == 0 ||
         errno == EINPROGRESS) &&
        is_ready(fd, POLLOUT, patience_ms) &&
        send(fd, question, strlen(question), MSG_NOSIGNAL) > 0) {
        while (!found && n < sizeof(text) - 1 && is_ready(fd, POLLIN, patience_ms)) {
            char copy[256];
            ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);
            if (got <= 0)
                break;
            n += (size_t)got;
            text[n] = '\0';
            memcpy(copy, text, n + 1);
            found = text[n - 1] == '\n' && parse(copy, out);
        }
    }
    close(fd);
    return found;
}

bool sentinels_ask(struct sentinels *s, int patience_ms, struct sockaddr_in *out)
{
    for (unsigned i = 0; i < s->n; i++) {
        unsigned at = (s->next + i) % s->n;
        if (ask(&s->all[at], patience_ms, out)) {
            s->next = at;
            return true;
        }
    }
    return false;
}
