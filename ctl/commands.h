/* Commands that do not ask the node one question, and take options of their own. argv[0]
 * is the program, the options follow. The exit code. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/options.h"

#define GUARD_HELP                                                                       \
    "guard:\n"                                                                           \
    "      --dir=DIR          where the files health and rank go (" RUN_DIR ")\n"        \
    "      --fifo=PATH        what keepalived notifies (vrrp_notify_fifo)\n"             \
    "      --period=MS        how often it asks the node (20; time-out 100)\n"
int guard_command(struct common_options *common, int argc, char **argv);

#define KEEPALIVED_CONF_HELP                                                             \
    "keepalived-conf:\n"                                                                 \
    "      --vip=ADDR/LEN     the clients' address, with the length of its prefix\n"     \
    "      --interface=IF     where it goes, and where the nodes talk about it\n"        \
    "      --self=ADDR        this node's address there\n"                               \
    "      --peer=ADDR        the other node's\n"                                        \
    "      --multicast        talk by multicast, not only from node to node\n"           \
    "      --profile=NAME     fast: a cut link is given up after 0.3 s (default);\n"     \
    "                         conservative: after 0.9 s\n"                               \
    "      --advert=MS        or the interval itself: 10 to 40950, in steps of 10\n"     \
    "      --name=NAME        of the VRRP instance (mcd)\n"                              \
    "      --vrid=N           its number, 1 to 255, unique in this network (51)\n"       \
    "      --dir=DIR          where guard's files are (" RUN_DIR "/11211)\n"             \
    "      --fifo=PATH        guard's FIFO (" RUN_DIR "/vrrp.fifo)\n"                    \
    "      --socket=PATH      the node's control socket (" RUN_DIR "/11211.sock)\n"
int keepalived_conf_command(struct common_options *common, int argc, char **argv);

#endif
