/*
 * The options of mcd: one row each. The row is also the member of struct settings.
 *
 *   SETTING(name, letter, member, type, preset, least, most, form, shown, what it does)
 *
 * type: see <base/option.h>. least: of a LIST, the character between its texts. most: 0
 * is no limit. form: how help shows the value, NULL
 * for a switch. shown: its name in `stats settings`, memcached's name where it has one;
 * NULL if it is no setting, or if clients must not see it (engine-options: files,
 * sockets, the peer).
 */
SETTING("port", 'p', port, NUMBER, "11211", 0, 65535, "PORT", "tcpport",
        "TCP port to listen on; 0: no TCP; -1: any free port")
SETTING("udp-port", 'U', udp_port, NUMBER, "0", 0, 65535, "PORT", "udpport",
        "UDP port to listen on; 0: no UDP; -1: any free port")
SETTING("unix-socket", 's', unix_socket, STRING, NULL, 0, 0, "PATH", "domain_socket",
        "UNIX socket to listen on; then no TCP, unless -p or -l is given")
SETTING("unix-mask", 'a', unix_mask, STRING, "700", 0, 0, "MODE", "umask",
        "access mode of the UNIX socket, in octal")
SETTING("listen", 'l', listen, LIST, NULL, ',', 0, "ADDRESSES", "inter",
        "addresses to listen on, comma-separated: NAME, IPV4 or [IPV6], each with an "
        "optional :PORT; may be repeated (default: all)")
SETTING("daemon", 'd', daemonize, BOOL, "false", 0, 0, NULL, "daemon",
        "run in the background")
SETTING("user", 'u', user, STRING, NULL, 0, 0, "USER", "user",
        "run as this user (root must name one; others cannot change the user)")
SETTING("memory-limit", 'm', memory_mb, NUMBER, "64", 1, UINT64_C(1) << 40, "MEGABYTES",
        "maxbytes", "memory for items; the engine's cache_size")
SETTING("disable-evictions", 'M', disable_evictions, BOOL, "false", 0, 0, NULL,
        "evictions", "when memory is full, answer with an error instead of evicting")
SETTING("disable-cas", 'C', disable_cas, BOOL, "false", 0, 0, NULL, "cas_enabled",
        "items have no CAS numbers; the engine's use_cas=false")
SETTING("disable-flush-all", 'F', disable_flush_all, BOOL, "false", 0, 0, NULL,
        "flush_enabled", "refuse flush_all")
SETTING("disable-dumping", 0, disable_dumping, BOOL, "false", 0, 0, NULL, "dump_enabled",
        "refuse dumps of the keys")
SETTING("disable-watch", 'W', disable_watch, BOOL, "false", 0, 0, NULL, "watch_enabled",
        "refuse the command watch")
SETTING("watcher-logbuf-size", 0, watcher_logbuf_size, NUMBER, "256", 2, 65536,
        "KILOBYTES", "watcher_logbuf_size",
        "lines that may wait for a watcher to read them; more are skipped")
SETTING("worker-logbuf-size", 0, worker_logbuf_size, NUMBER, "64", 2, 65536, "KILOBYTES",
        "worker_logbuf_size",
        "log entries of a thread that may wait to become lines; more are dropped")
SETTING("enable-shutdown", 'A', enable_shutdown, BOOL, "false", 0, 0, NULL,
        "shutdown_command", "clients may end mcd with the text command shutdown")
SETTING("protocol", 'B', protocol, CHOICE, "auto", 0, 0, "auto|ascii|binary",
        "binding_protocol",
        "protocol of all clients; auto: the first byte of a connection tells")
SETTING("prefix-delimiter", 'D', prefix_delimiter, STRING, ":", 0, 0, "CHARACTER",
        "stat_key_prefix",
        "end of a key's prefix, by which stats detail counts; -D switches it on")
SETTING("auth-file", 'Y', auth_file, STRING, NULL, 0, 0, "FILE", "auth_enabled_ascii",
        "clients must give a password: one user:password a line, at most 8; text "
        "protocol only; SIGHUP reads it again")
SETTING("enable-ssl", 'Z', enable_ssl, BOOL, "false", 0, 0, NULL, "ssl_enabled",
        "clients use TLS at all TCP ports, except where -l says notls:")
SETTING("ssl-chain-cert", 0, ssl_chain_cert, STRING, NULL, 0, 0, "FILE", "ssl_chain_cert",
        "the server's certificate and those above it, PEM; SIGHUP and refresh_certs read "
        "it again")
SETTING("ssl-key", 0, ssl_key, STRING, NULL, 0, 0, "FILE", "ssl_key",
        "the certificate's key, if it is not in the same file; it must have no password")
SETTING("ssl-keyformat", 0, ssl_keyformat, CHOICE, "PEM", 0, 0, "PEM|DER|1|2",
        "ssl_keyformat", "format of the key; 1 is PEM, 2 is DER")
SETTING("ssl-verify-mode", 0, ssl_verify_mode, NUMBER, "0", 0, 3, "NUMBER",
        "ssl_verify_mode",
        "certificates of clients: 0: not asked for; 1: asked for; 2, 3: required")
SETTING("ssl-ca-cert", 0, ssl_ca_cert, STRING, NULL, 0, 0, "FILE", "ssl_ca_cert",
        "the authorities that sign clients' certificates, PEM")
SETTING("ssl-ciphers", 0, ssl_ciphers, STRING, NULL, 0, 0, "LIST", "ssl_ciphers",
        "ciphers of TLS 1.2, as OpenSSL writes them")
SETTING("ssl-min-version", 0, ssl_min_version, NUMBER, "2", 2, 3, "NUMBER",
        "ssl_min_version", "lowest version of TLS: 2: 1.2; 3: 1.3")
SETTING("ssl-session-cache", 0, ssl_session_cache, BOOL, "false", 0, 0, NULL,
        "ssl_session_cache", "clients may resume TLS sessions")
SETTING("ssl-kernel-tls", 0, ssl_kernel_tls, BOOL, "false", 0, 0, NULL, "ssl_kernel_tls",
        "let the kernel encrypt, where it can")
SETTING("ssl-wbuf-size", 0, ssl_wbuf_size, NUMBER, "16", 1, 1024, "KILOBYTES",
        "ssl_wbuf_size", "where a thread puts small answers together before encrypting")
SETTING("conn-limit", 'c', max_connections, NUMBER, "1024", 1, 10000000, "NUMBER",
        "maxconns", "maximum number of open connections")
SETTING("threads", 't', threads, NUMBER, "4", 1, 1024, "NUMBER", "num_threads",
        "worker threads")
SETTING("max-reqs-per-event", 'R', requests_per_event, NUMBER, "256", 1, 1000000,
        "NUMBER", "reqs_per_event",
        "requests of one connection to serve before other connections get a turn")
SETTING("io-uring", 0, io_uring, BOOL, "false", 0, 0, NULL, "io_uring",
        "send and receive by io_uring, which takes less processor time; where the kernel "
        "refuses it, by epoll")
SETTING("listen-backlog", 'b', backlog, NUMBER, "1024", 1, 65535, "NUMBER", "tcp_backlog",
        "connections that may wait to be accepted")
SETTING("max-item-size", 'I', item_size_max, SIZE, "1m", 1024, UINT64_C(1) << 30, "SIZE",
        "item_size_max", "largest item, with k, m or g; the engine's item_size_max")
SETTING("slab-growth-factor", 'f', factor, FACTOR, "1.25", 1, 0, "FACTOR",
        "growth_factor", "growth from one size class to the next; the engine's factor")
SETTING("slab-min-size", 'n', chunk_size, NUMBER, "48", 1, 1 << 20, "BYTES", "chunk_size",
        "smallest space for key, value and flags; the engine's chunk_size")
SETTING("lock-memory", 'k', lock_memory, BOOL, "false", 0, 0, NULL, "lock_memory",
        "keep all memory out of swap")
SETTING("enable-coredumps", 'r', core_dumps, BOOL, "false", 0, 0, NULL, NULL,
        "allow core files of any size")
SETTING("pidfile", 'P', pidfile, STRING, NULL, 0, 0, "FILE", "pidfile",
        "write the process id to this file")
SETTING("verbose", 'v', verbosity, NUMBER, "0", 0, 9, NULL, "verbosity",
        "log more than warnings, roles and links; -vv still more")
SETTING("idle-timeout", 0, idle_timeout, NUMBER, "0", 0, 100000000, "SECONDS",
        "idle_timeout", "close connections that are idle for longer; 0: never")
SETTING("conn-mem-limit", 0, conn_memory_mb, NUMBER, "256", 0, UINT64_C(1) << 40,
        "MEGABYTES", "conn_mem_limit",
        "memory for partly sent requests and unread answers, beside -m; beyond it the "
        "connections with the largest buffers are closed; 0: no limit")
SETTING("http", 0, http, STRING, NULL, 0, 0, "[ADDRESS:]PORT", "http",
        "HTTP for monitoring and load balancers: /metrics, /health, /role, /ready, /; "
        "without ADDRESS on loopback")
SETTING("maxconns-fast", 0, maxconns_fast, BOOL, "true", 0, 0, "BOOL", "maxconns_fast",
        "clients beyond -c: true refuses them with an error, false lets them wait")
SETTING("extended", 'o', extended, LIST, NULL, ',', 0, "LIST", NULL,
        "long options: idle_timeout=60,no_maxconns_fast; may be repeated")
SETTING("engine", 'E', engine, STRING, "default_engine.so", 0, 0, "FILE", "engine",
        "storage engine; a name without a slash is looked up in " ENGINE_DIR)
SETTING("engine-options", 'e', engine_options, LIST, NULL, ';', 0, "KEY=VALUE;...", NULL,
        "configuration of the engine; may be repeated")
SETTING("extension", 'X', extension, LIST, NULL, '\n', 0, "FILE[,CONFIG]", "extension",
        "load an extension; may be repeated")
SETTING("license", 'i', license, BOOL, "false", 0, 0, NULL, NULL,
        "print the licence and exit")
SETTING("version", 'V', version, BOOL, "false", 0, 0, NULL, NULL,
        "print the version and exit")
SETTING("help", 'h', help, BOOL, "false", 0, 0, NULL, NULL, "print this text and exit")
#undef SETTING
