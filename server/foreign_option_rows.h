/*
 * Options of memcached 1.6 that mcd does not have: one row each.
 *
 *   FOREIGN_OPTION(name, letter, form, verdict, reason)   on the command line
 *   FOREIGN_WORD(name, verdict, reason)                   of -o, with or without no_
 *
 * name: with '-' for '_'. form: how help shows the value, NULL for a switch. verdict:
 * IGNORED, the option has no meaning here, and a line of the log says so; or REFUSED, mcd
 * does not start, because whoever gave the option relies on it. reason: a clause.
 *
 * Options that both have are in mcd_option_rows.h. -e and -X are the engine's options and
 * extensions there, as in memcached's server with storage engines.
 */
#ifndef FOREIGN_OPTION
#define FOREIGN_OPTION(name, letter, form, verdict, reason)
#endif
#ifndef FOREIGN_WORD
#define FOREIGN_WORD(name, verdict, reason)
#endif

#define NO_CLASSES   "memory is not divided into slab classes"
#define NO_LRU       "the store has queues of its own, which need no tuning"
#define NO_HASH      "the store's table has one hash, and grows with its items"
#define NO_FLASH     "values are kept in memory only"
#define NO_PASSWORDS "clients would be let in without a password"
#define NO_PROXY     "mcd is no proxy"
#define NO_SECCOMP   "system calls are restricted from outside, by the systemd unit"
#define OTHER_LIMIT  "conn_mem_limit is the limit of connections' buffers"

FOREIGN_OPTION("enable-sasl", 'S', NULL, REFUSED, NO_PASSWORDS)
FOREIGN_OPTION("memory-file", 0, "FILE", REFUSED,
               "items would not survive a restart, unless a peer has them")
FOREIGN_OPTION("enable-largepages", 'L', NULL, IGNORED,
               "the store gives memory back page by page")
FOREIGN_OPTION("napi-ids", 'N', "NUMBER", IGNORED,
               "connections are dealt to the threads in turn")

FOREIGN_WORD("modern", IGNORED, "there is one set of defaults")
FOREIGN_WORD("hashpower", IGNORED, NO_HASH)
FOREIGN_WORD("hashexpand", IGNORED, NO_HASH)
FOREIGN_WORD("hash-algorithm", IGNORED, NO_HASH)
FOREIGN_WORD("slab-reassign", IGNORED, NO_CLASSES)
FOREIGN_WORD("slab-automove", IGNORED, NO_CLASSES)
FOREIGN_WORD("slab-automove-ratio", IGNORED, NO_CLASSES)
FOREIGN_WORD("slab-automove-window", IGNORED, NO_CLASSES)
FOREIGN_WORD("slab-automove-freeratio", IGNORED, NO_CLASSES)
FOREIGN_WORD("slab-sizes", IGNORED, NO_CLASSES)
FOREIGN_WORD("slab-chunk-max", IGNORED, NO_CLASSES)
FOREIGN_WORD("chunked-items", IGNORED, NO_CLASSES)
FOREIGN_WORD("tail-repair-time", IGNORED, NO_LRU)
FOREIGN_WORD("lru-crawler", IGNORED, NO_LRU)
FOREIGN_WORD("lru-crawler-sleep", IGNORED, NO_LRU)
FOREIGN_WORD("lru-crawler-tocrawl", IGNORED, NO_LRU)
FOREIGN_WORD("lru-maintainer", IGNORED, NO_LRU)
FOREIGN_WORD("hot-lru-pct", IGNORED, NO_LRU)
FOREIGN_WORD("warm-lru-pct", IGNORED, NO_LRU)
FOREIGN_WORD("hot-max-factor", IGNORED, NO_LRU)
FOREIGN_WORD("warm-max-factor", IGNORED, NO_LRU)
FOREIGN_WORD("temporary-ttl", IGNORED, NO_LRU)
FOREIGN_WORD("track-sizes", IGNORED, "'stats sizes' counts when it is asked")
FOREIGN_WORD("inline-ascii-resp", IGNORED, "answers are composed when they are sent")
FOREIGN_WORD("read-buf-mem-limit", IGNORED, OTHER_LIMIT)
FOREIGN_WORD("resp-obj-mem-limit", IGNORED, OTHER_LIMIT)
FOREIGN_WORD("drop-privileges", IGNORED, NO_SECCOMP)
FOREIGN_WORD("relaxed-privileges", IGNORED, NO_SECCOMP)
FOREIGN_WORD("sock-cookie-id", REFUSED, "a firewall would not recognize the sockets")
FOREIGN_WORD("ext-path", REFUSED, NO_FLASH ", so fewer of them would fit")
FOREIGN_WORD("ext-page-size", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-wbuf-size", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-threads", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-io-depth", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-item-size", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-item-age", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-low-ttl", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-drop-unread", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-recache-rate", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-compact-under", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-drop-under", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-max-frag", IGNORED, NO_FLASH)
FOREIGN_WORD("ext-max-sleep", IGNORED, NO_FLASH)
FOREIGN_WORD("proxy-config", REFUSED, NO_PROXY)
FOREIGN_WORD("proxy-arg", REFUSED, NO_PROXY)
FOREIGN_WORD("proxy-uring", REFUSED, NO_PROXY)
FOREIGN_WORD("proxy-memprofile", REFUSED, NO_PROXY)

#undef FOREIGN_OPTION
#undef FOREIGN_WORD
