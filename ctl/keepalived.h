/*
 * Prints keepalived's configuration for one node: conf/keepalived/keepalived.conf.in,
 * filled in. In that template @NAME@ stands for a value. A line that begins with
 * @unicast: or @multicast: is only for that kind of network.
 */
#ifndef CTL_KEEPALIVED_H
#define CTL_KEEPALIVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct keepalived_conf {
    const char *vip, *interface, *self, *peer; /* all required; vip is ADDR/LEN */
    const char *name, *directory, *fifo, *socket, *program;
    unsigned long vrid, advert_ms;
    bool multicast;
};

/* False: keepalived would refuse it, or would do something else; why holds the
 * reason. */
bool keepalived_conf_check(const struct keepalived_conf *conf, char *why, size_t nwhy);
void keepalived_conf_print(const struct keepalived_conf *conf, FILE *out);

#endif
