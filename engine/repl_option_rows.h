/*
 * The options of repl_engine, as given with -e: one row each, which is also the member of
 * struct repl_options.
 *
 *   OPTION(name, type, preset, least, most, form, what it does)
 *
 * type is that of <base/option.h>; most 0: no limit; form: how help writes the value, of
 * a CHOICE its words.
 */
OPTION(peer, STRING, NULL, 0, 0, "HOST[:PORT]",
       "the other node; without it nothing is replicated. A name is resolved again at "
       "every connect")
OPTION(listen, STRING, "11212", 0, 0, "[ADDR:]PORT",
       "where the peer connects to; without ADDR at the address from which this node "
       "reaches the peer")
OPTION(control, STRING, NULL, 0, 0, "PATH|off",
       "UNIX socket for mcreplctl, for owner and group; if not given, " RUN_DIR
       "/repl-PORT.sock with the port of listen")
OPTION(engine, STRING, "default_engine.so", 0, 0, "FILE",
       "the engine to wrap; without a slash it is looked for beside repl_engine.so")
OPTION(standby_writes, CHOICE, "promote", 0, 0, "promote|alone|reject",
       "what a client's write on a standby does. promote: it makes the node active. "
       "alone: it does so only while no active peer is linked; else it is refused, and "
       "a peer that has no clients is asked for the role (for pairs with a guard). "
       "reject: it is refused")
OPTION(lone, CHOICE, "serve", 0, 0, "serve|reject",
       "whether a node without a peer takes clients' writes, or refuses them, so that "
       "two nodes that cannot talk never differ; reads are served in any case")
OPTION(on_conflict, CHOICE, "invalidate", 0, 0, "invalidate|keep",
       "a key that was changed on both nodes while they could not talk. invalidate: a "
       "miss on both, never a stale value. keep: what the leader has, the last one to "
       "become active; the leader's option counts, and goes for all keys of a bucket")
OPTION(journal, SIZE, "16m", 4096, UINT64_C(1) << 40, "BYTES",
       "memory for exact records of changes that the peer has not acknowledged, for all "
       "threads together; notices of what the store evicts and keeps take half as much "
       "again")
OPTION(dirty_bits, NUMBER, "24", 6, 30, "N",
       "2^N groups of keys in the maps behind the journal; a node keeps eight maps, 2 "
       "MiB each by default")
OPTION(heartbeat, NUMBER, "250", 10, 60000, "MS",
       "how often each node says that it lives")
OPTION(timeout, NUMBER, "2000", 20, 600000, "MS",
       "silence after which the link is given up; at least twice heartbeat")
OPTION(fetch_wait, NUMBER, "20", 0, 10000, "MS",
       "while a node is being filled: how long a client's request waits for a key that "
       "has not come yet and is asked of the peer; 0: it is a miss at once")
OPTION(cold_wait, NUMBER, "5000", 0, 3600000, "MS",
       "how long a node that started empty waits for its peer, which may have the data, "
       "before it may hold the clients' address all the same")
#undef OPTION
