/*
 * The options of repl_engine, as given with -e: one row each. The row is also the member
 * of struct repl_options.
 *
 *   OPTION(name, type, preset, least, most, form, what it does)
 *
 * type: see <base/option.h>. most: 0 is no limit. form: how help shows the value; for a
 * CHOICE the words to choose from.
 */
OPTION(peer, STRING, NULL, 0, 0, "HOST[:PORT]",
       "the other node; without it nothing is replicated. A name is resolved again at "
       "each connection attempt")
OPTION(peer_from, STRING, NULL, 0, 0, "ADDR|NET[,...]",
       "from where else the peer may connect, besides the addresses of peer: other "
       "addresses of its machine, or a router that translates addresses; a network as in "
       "10.0.0.0/24")
OPTION(listen, STRING, "11212", 0, 0, "[ADDR:]PORT",
       "where the peer connects to; without ADDR: the address from which this node "
       "reaches the peer. With ADDR this node also connects from there")
OPTION(
    secret_file, STRING, NULL, 0, 0, "FILE",
    "the secret of the pair, made by mcreplctl secret: the link is encrypted, and only "
    "nodes that have the secret can link. A second one in the file is accepted too")
OPTION(tls_cert, STRING, NULL, 0, 0, "FILE",
       "in place of a secret: this node's certificate, PEM, with its chain")
OPTION(tls_key, STRING, NULL, 0, 0, "FILE", "the key of tls_cert")
OPTION(tls_ca, STRING, NULL, 0, 0, "FILE",
       "the authority of the pair: whoever has a certificate of it is taken for the peer")
OPTION(control, STRING, NULL, 0, 0, "PATH|off",
       "UNIX socket for mcreplctl, open to owner and group; off: no socket; if not "
       "given, " RUN_DIR "/repl-PORT.sock with the port of listen")
OPTION(engine, STRING, "default_engine.so", 0, 0, "FILE",
       "the engine to wrap; a name without a slash is looked up beside repl_engine.so")
OPTION(standby_writes, CHOICE, "promote", 0, 0, "promote|alone|reject",
       "what happens when a client writes to a standby. promote: the node becomes "
       "active. alone: the same, but only while no active peer is linked; otherwise the "
       "write is refused, and the peer is asked to hand over the role, which it does if "
       "no client writes to it (for pairs with a guard). reject: the write is refused")
OPTION(lone, CHOICE, "serve", 0, 0, "serve|reject",
       "what a node without a peer does with clients' writes. serve: it takes them. "
       "reject: it refuses them, so that two nodes that cannot talk never differ. Reads "
       "are served in either case")
OPTION(on_conflict, CHOICE, "invalidate", 0, 0, "invalidate|keep",
       "what becomes of a key that was changed on both nodes while they could not talk. "
       "invalidate: a miss on both, never a stale value. keep: the value of the leader, "
       "which is the node that became active last; the leader's option counts, and "
       "applies to all keys of the bucket")
OPTION(journal, SIZE, "16m", 4096, UINT64_C(1) << 40, "BYTES",
       "memory for exact records of changes that the peer has not acknowledged, for all "
       "threads together; notices of what the store evicts and keeps take as much "
       "again, up to 64 MiB")
OPTION(dirty_bits, NUMBER, "24", 6, 30, "N",
       "the maps behind the journal have 2^N buckets (groups of keys); a node keeps "
       "nine maps, 2 MiB each by default")
OPTION(heartbeat, NUMBER, "250", 10, 60000, "MS",
       "how often a node sends a sign of life, which tells its clocks; if the nodes "
       "differ, the larger value counts on both")
OPTION(timeout, NUMBER, "2000", 20, 600000, "MS",
       "the link is given up after this much silence; at least twice heartbeat; if the "
       "nodes differ, the larger value counts on both")
OPTION(copy_rate, SIZE, "0", 0, UINT64_C(1) << 40, "BYTES",
       "bytes a second that copies and repairs may send; changes have no limit. 0: no "
       "limit; else at least 16k")
OPTION(fetch_wait, NUMBER, "20", 0, 10000, "MS",
       "while a node is being filled: how long a client's request waits for a key that "
       "has not been copied yet and is fetched from the peer; 0: it is a miss at once")
OPTION(cold_wait, NUMBER, "5000", 0, 3600000, "MS",
       "how long a node that started empty waits for its peer, which may have the data, "
       "before it may hold the clients' address without it")
#undef OPTION
