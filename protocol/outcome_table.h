/*
 * How a request can end, one row each.
 *
 *   OUTCOME(NAME, kind, words, meta code, status, binary words)
 *
 *   kind, words   the line of the text protocol. After CLIENT_ERROR and SERVER_ERROR the
 *                 server may give other words. A command may have its own words
 *                 (command_table.h)
 *   meta code     for meta commands; "" if they answer with that line, too
 *   status        for the binary protocol, with its words. The outcome of a status from
 *                 elsewhere is the first row with that status
 */
/* clang-format off */
OUTCOME(OK, PLAIN, "OK", "HD", 0x00, "")
OUTCOME(NOT_FOUND, PLAIN, "NOT_FOUND", "NF", 0x01, "Not found")
/* the CAS did not match; or add found the key (binary) */
OUTCOME(EXISTS, PLAIN, "EXISTS", "EX", 0x02, "Data exists for key.")
OUTCOME(NOT_STORED, PLAIN, "NOT_STORED", "NS", 0x05, "Not stored.")
OUTCOME(TOO_LARGE, SERVER_ERROR, "object too large for cache", "", 0x03, "Too large.")
OUTCOME(NO_MEMORY, SERVER_ERROR, "out of memory storing object", "", 0x82, "Out of memory")
/* incr or decr of a value that is not a number */
OUTCOME(NOT_A_NUMBER, CLIENT_ERROR, "cannot increment or decrement non-numeric value", "",
        0x06, "Non-numeric server-side value for incr or decr")
OUTCOME(UNKNOWN, PLAIN, "ERROR", "", 0x81, "Unknown command")
OUTCOME(NOT_SUPPORTED, SERVER_ERROR, "not supported", "", 0x83, "Not supported")
OUTCOME(TEMPORARY, SERVER_ERROR, "temporary failure", "", 0x86, "Temporary failure")
OUTCOME(DENIED, CLIENT_ERROR, "access denied", "", 0x20, "Auth failure.")
OUTCOME(INVALID, CLIENT_ERROR, "invalid arguments", "", 0x04, "Invalid arguments")
OUTCOME(RANGE, CLIENT_ERROR, "value is out of range", "", 0x22, "Outside range")
OUTCOME(INTERNAL, SERVER_ERROR, "internal error", "", 0x84, "Internal error")
/* in the text protocol: the value does not end in CRLF; the line is malformed */
OUTCOME(BAD_CHUNK, CLIENT_ERROR, "bad data chunk", "", 0x04, "Invalid arguments")
OUTCOME(BAD_FORMAT, CLIENT_ERROR, "bad command line format", "", 0x04, "Invalid arguments")
OUTCOME(BAD_DELTA, CLIENT_ERROR, "invalid numeric delta argument", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_EXPTIME, CLIENT_ERROR, "invalid exptime argument", "", 0x04, "Invalid arguments")
OUTCOME(LINE_TOO_LONG, CLIENT_ERROR, "line too long", "", 0x04, "Invalid arguments")
OUTCOME(BAD_USAGE, CLIENT_ERROR,
        "bad command line format.  Usage: delete <key> [noreply]", "",
        0x04, "Invalid arguments")
/* more than an extension takes */
OUTCOME(TOO_MANY_WORDS, PLAIN, "ERROR too many arguments", "", 0x04, "Invalid arguments")
/* -Y: no password yet; the value of the set is malformed, or is not in the file */
OUTCOME(UNAUTHENTICATED, CLIENT_ERROR, "unauthenticated", "", 0x20, "Auth failure.")
OUTCOME(BAD_TERMINATION, CLIENT_ERROR, "bad command line termination", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_CREDENTIALS, CLIENT_ERROR, "bad authentication token format", "",
        0x04, "Invalid arguments")
OUTCOME(AUTH_FAILED, CLIENT_ERROR, "authentication failure", "", 0x20, "Auth failure.")
/* refresh_certs: without -Z; a file is bad */
OUTCOME(NO_TLS, PLAIN, "Error TLS not enabled", "", 0x83, "Not supported")
OUTCOME(BAD_CERTIFICATES, SERVER_ERROR,
        "cannot load the certificates; the log says why", "", 0x84, "Internal error")
/* -F */
OUTCOME(NO_FLUSH, CLIENT_ERROR, "flush_all not allowed", "", 0x20, "Auth failure.")
/* without -A; another word than graceful */
OUTCOME(NO_SHUTDOWN, PLAIN, "ERROR: shutdown not enabled", "", 0x83, "Not supported")
OUTCOME(BAD_SHUTDOWN, CLIENT_ERROR, "invalid shutdown mode", "", 0x04, "Invalid arguments")
/* in meta commands */
OUTCOME(BAD_FLAG, CLIENT_ERROR, "invalid flag", "", 0x04, "Invalid arguments")
OUTCOME(DUPLICATE_FLAG, CLIENT_ERROR, "duplicate flag", "", 0x04, "Invalid arguments")
OUTCOME(BAD_TOKEN, CLIENT_ERROR, "bad token in command line format", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_FLAGS, CLIENT_ERROR, "invalid or duplicate flag", "", 0x04, "Invalid arguments")
OUTCOME(FLAGS_TOO_LONG, CLIENT_ERROR, "options flags too long", "", 0x04, "Invalid arguments")
OUTCOME(FLAGS_ARE_TOO_LONG, CLIENT_ERROR, "options flags are too long", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_MODE_LENGTH, CLIENT_ERROR, "incorrect length for M token", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_STORE_MODE, CLIENT_ERROR, "invalid mode for ms M token", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_COUNT_MODE, CLIENT_ERROR, "invalid mode for ma M token", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_META_DELTA, CLIENT_ERROR, "invalid numeric delta value", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_INITIAL, CLIENT_ERROR, "invalid numeric initial value", "",
        0x04, "Invalid arguments")
OUTCOME(BAD_OPAQUE, CLIENT_ERROR, "opaque token too long", "", 0x04, "Invalid arguments")
OUTCOME(BAD_KEY, CLIENT_ERROR, "error decoding key", "", 0x04, "Invalid arguments")
/* clang-format on */
#undef OUTCOME
