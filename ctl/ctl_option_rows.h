/*
 * The options of mcreplctl: one row each. The row is also the member of struct
 * common_options, guard_options, load_options or keepalived_options.
 *
 *   OPTION_COMMON(name, letter, type, preset, least, most, form, what it does)
 *   OPTION_JSON, OPTION_STATUS(name, type, preset, least, most, form, what it does)
 *                 of history and status; of status alone. Members of the common ones as
 *                 well: they may stand before the command, too
 *   OPTION_GUARD("name", member, type, preset, least, most, form, what it does)
 *   OPTION_LOAD, OPTION_KEEPALIVED(name, type, preset, least, most, form, what it does)
 *
 * type: see <base/option.h>. form: how help shows the value, NULL for a switch. A file
 * that includes this one defines the macros that it needs.
 */
#ifndef OPTION_COMMON
#define OPTION_COMMON(name, letter, type, preset, min, max, form, help)
#endif
#ifndef OPTION_JSON
#define OPTION_JSON(name, type, preset, min, max, form, help)
#endif
#ifndef OPTION_STATUS
#define OPTION_STATUS(name, type, preset, min, max, form, help)
#endif
#ifndef OPTION_GUARD
#define OPTION_GUARD(name, member, type, preset, min, max, form, help)
#endif
#ifndef OPTION_LOAD
#define OPTION_LOAD(name, type, preset, min, max, form, help)
#endif
#ifndef OPTION_KEEPALIVED
#define OPTION_KEEPALIVED(name, type, preset, min, max, form, help)
#endif

OPTION_COMMON(socket, 's', STRING, NULL, 0, 0, "PATH",
              "the node's control socket; not needed if only one node runs here")
OPTION_COMMON(timeout, 't', NUMBER, NULL, 1, 3600000, "MS",
              "how long to wait for an answer, or its next line (default: 2000; "
              "handover 60000, verify 70000, guard 100, dump and load 10000)")
OPTION_COMMON(help, 'h', BOOL, "false", 0, 0, NULL, "print this text")
OPTION_COMMON(version, 'V', BOOL, "false", 0, 0, NULL, "print the version")

OPTION_JSON(json, BOOL, "false", 0, 0, NULL, "all of it as a JSON object")

OPTION_STATUS(pair, BOOL, "false", 0, 0, NULL,
              "both nodes side by side; the default on a terminal")
OPTION_STATUS(plain, BOOL, "false", 0, 0, NULL,
              "lines of a name and a value; the default if not on a terminal")
OPTION_STATUS(watch, BOOL, "false", 0, 0, NULL,
              "again every SECONDS (1), with rates, until Ctrl-C")

OPTION_GUARD("dir", dir, STRING, RUN_DIR, 0, 0, "DIR",
             "where to write the files health and rank")
OPTION_GUARD(
    "fifo", fifo, STRING, NULL, 0, 0, "PATH",
    "where keepalived sends notifications (its vrrp_notify_fifo); without it, the "
    "guard only watches the role")
OPTION_GUARD("period", period, NUMBER, "20", 1, 3600000, "MS",
             "how often to ask the node")
OPTION_GUARD("on-active", on_active, STRING, NULL, 0, 0, "COMMAND",
             "run this when the node has become active")
OPTION_GUARD("on-standby", on_standby, STRING, NULL, 0, 0, "COMMAND",
             "run this when the node is no longer active, or does not answer")
OPTION_GUARD("hook-limit", hook_limit, NUMBER, "10000", 1, 3600000, "MS",
             "how long such a command may take")

OPTION_KEEPALIVED(vip, STRING, NULL, 0, 0, "ADDR/LEN",
                  "the clients' address, with its prefix length")
OPTION_KEEPALIVED(interface, STRING, NULL, 0, 0, "IF",
                  "the interface that gets it, and over which the nodes talk VRRP")
OPTION_KEEPALIVED(self, STRING, NULL, 0, 0, "ADDR", "this node's address")
OPTION_KEEPALIVED(peer, STRING, NULL, 0, 0, "ADDR", "the other node's address")
OPTION_KEEPALIVED(multicast, BOOL, "false", 0, 0, NULL,
                  "talk by multicast; default: unicast to the other node")
OPTION_KEEPALIVED(profile, CHOICE, "fast", 0, 0, "fast|conservative",
                  "a silent peer is given up after 0.3 s, or after 0.9 s")
OPTION_KEEPALIVED(advert, NUMBER, NULL, 10, 40950, "MS",
                  "interval of adverts, in steps of 10, in place of --profile")
OPTION_KEEPALIVED(name, STRING, "mcd", 0, 0, "NAME", "name of the VRRP instance")
OPTION_KEEPALIVED(vrid, NUMBER, "51", 1, 255, "N",
                  "its virtual router id, unique in this network")
OPTION_KEEPALIVED(dir, STRING, RUN_DIR "/11211", 0, 0, "DIR",
                  "where the guard writes its files")
OPTION_KEEPALIVED(fifo, STRING, RUN_DIR "/vrrp.fifo", 0, 0, "PATH", "the guard's FIFO")

OPTION_LOAD(replace, BOOL, "false", 0, 0, NULL,
            "also replace what the server has; default: keep it")
OPTION_LOAD(cas, BOOL, "false", 0, 0, NULL,
            "items keep their CAS; the server must know the flag E of ms")

#undef OPTION_LOAD
#undef OPTION_STATUS
#undef OPTION_JSON
#undef OPTION_COMMON
#undef OPTION_GUARD
#undef OPTION_KEEPALIVED
