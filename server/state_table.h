/*
 * The states of a connection: one row each.
 *
 *   STATE(NAME, name that `stats conns` shows, function, flags)
 *
 * The function is one of stream.c, or of datagram.c for a UDP port; it returns the next
 * state. The flags: IDLES: it is between two requests. HEARS: it waits for bytes from the
 * client. EXPIRES: it is closed if the client does nothing for as long as --idle-timeout
 * says. GIVES_ROOM: it may be closed when its buffers' memory is needed.
 */
STATE(READ, "read", stream_read, IDLES | HEARS | EXPIRES | GIVES_ROOM)
STATE(PARSE, "parse_cmd", stream_parse, GIVES_ROOM)
STATE(EXECUTE, "execute", stream_execute, GIVES_ROOM)
STATE(TURN, "execute", stream_turn, GIVES_ROOM)
STATE(VALUE, "nread", stream_value, HEARS | EXPIRES | GIVES_ROOM)
STATE(DISCARD, "swallow", stream_discard, HEARS | EXPIRES | GIVES_ROOM)
STATE(WRITE, "write", stream_write, EXPIRES | GIVES_ROOM)
STATE(WATCH, "watch", stream_watch, IDLES | HEARS | GIVES_ROOM)
STATE(CLOSING, "closing", stream_close, 0)
STATE(PARKED, "parked", connection_stay_parked, 0)
STATE(DATAGRAM_READ, "read", datagram_read, IDLES | HEARS)
STATE(DATAGRAM_PARSE, "parse_cmd", datagram_parse, 0)
STATE(DATAGRAM_EXECUTE, "execute", datagram_execute, 0)
