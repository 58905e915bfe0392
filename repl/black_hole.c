/*
 * A network that loses large packets: a router has a smaller MTU and does not report it,
 * or its report is dropped. The nodes can meet, because that takes small packets only.
 * Then the kernel repeats the first large packet until the peer gives up, and the nodes
 * meet again. One connection may end like this by chance. So it is logged for the second
 * one in a row on which the peer is heard and no large packet has ever arrived.
 */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "repl/loop.h"

enum { IN_A_ROW = 2 };

static bool get_info(const struct link *l, struct tcp_info *info)
{
    socklen_t n = sizeof(*info);
    memset(info, 0, sizeof(*info));
    return getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, info, &n) == 0;
}

/* Does the kernel repeat a packet, and is it a large one? */
static bool repeats_large(const struct link *l, const struct tcp_info *info)
{
    int queued = 0;
    return info->tcpi_retransmits > 0 && ioctl(l->fd, SIOCOUTQ, &queued) == 0 &&
           queued >= (int)info->tcpi_snd_mss;
}

/* Does the peer live and reach this node? */
static bool is_heard(const struct repl_thread *t, const struct link *l, uint64_t now)
{
    return now - l->heard_us < 2000 * (uint64_t)repl_core_times(t->core).heartbeat;
}

void black_hole_look(struct repl_thread *t, uint64_t now)
{
    struct link *l = t->session;
    struct tcp_info info;
    if (!get_info(l, &info))
        return;
    if (info.tcpi_bytes_acked > 2 * info.tcpi_snd_mss) {
        t->swallowed = 0;
        return;
    }
    if (l->swallows || !repeats_large(l, &info) || !is_heard(t, l, now))
        return;
    l->swallows = true;
    if (++t->swallowed >= IN_A_ROW)
        repl_core_fault(
            t->core,
            "large packets to the peer do not arrive, %u bytes, small ones do: "
            "set this host's MTU to that of the way, or "
            "net.ipv4.tcp_mtu_probing to 1",
            info.tcpi_snd_mss);
}
