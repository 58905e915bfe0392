/*
 * The flags of meta commands, one row each. As in memcached each command accepts every
 * flag, and passes over those that say nothing to it.
 *
 *   META_FLAG(letter, returned by, returned on failure by, take, put)
 *
 *   returned   with these commands (FOR_GET: mg, and so on) the flag asks for something
 * in the answer, which put_<put> in meta_compose.c writes; after a failure fewer do take
 * take_<take> in meta_flags.c: how the flag changes the request
 */
/* clang-format off */
META_FLAG('v', FOR_NONE, FOR_NONE, value, nothing)
META_FLAG('k', FOR_ALL, FOR_ALL, nothing, key)
META_FLAG('O', FOR_ALL, FOR_ALL, opaque, opaque)
META_FLAG('q', FOR_NONE, FOR_NONE, quiet, nothing)
META_FLAG('c', FOR_GET | FOR_SET | FOR_ARITH, FOR_SET, nothing, cas)
META_FLAG('f', FOR_GET, FOR_NONE, nothing, flags)
META_FLAG('s', FOR_GET, FOR_NONE, nothing, size)
META_FLAG('t', FOR_GET | FOR_ARITH, FOR_NONE, ttl, ttl)
META_FLAG('h', FOR_GET, FOR_NONE, facts, read)
META_FLAG('l', FOR_GET, FOR_NONE, facts, idle)
META_FLAG('u', FOR_NONE, FOR_NONE, unread, nothing)
META_FLAG('b', FOR_NONE, FOR_NONE, base64, nothing)
META_FLAG('T', FOR_NONE, FOR_NONE, exptime, nothing)
META_FLAG('N', FOR_NONE, FOR_NONE, vivify, nothing)
META_FLAG('R', FOR_NONE, FOR_NONE, refresh, nothing)
META_FLAG('I', FOR_NONE, FOR_NONE, invalid, nothing)
META_FLAG('F', FOR_NONE, FOR_NONE, flags, nothing)
META_FLAG('C', FOR_NONE, FOR_NONE, cas, nothing)
META_FLAG('M', FOR_NONE, FOR_NONE, mode, nothing)
META_FLAG('J', FOR_NONE, FOR_NONE, initial, nothing)
META_FLAG('D', FOR_NONE, FOR_NONE, delta, nothing)
/* for memcached's proxy */
META_FLAG('L', FOR_NONE, FOR_NONE, nothing, nothing)
META_FLAG('P', FOR_NONE, FOR_NONE, nothing, nothing)
/* clang-format on */
#undef META_FLAG
