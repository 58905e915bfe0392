/*
 * The flags of meta commands, one row each.
 *
 *   META_FLAG(letter, commands, returned by, returned on failure by, take, put)
 *
 *   commands   those that know the flag: FOR_GET (mg), FOR_SET...; others refuse it
 *   returned   with these commands the flag asks for something in the answer, which
 *              put_<put> in meta_compose.c writes; after a failure fewer do
 *   take       take_<take> in meta_parse.c: how the flag changes the request
 */
/* clang-format off */
META_FLAG('v', FOR_GET | FOR_ARITH, FOR_NONE, FOR_NONE, value, nothing)
META_FLAG('k', FOR_ALL, FOR_ALL, FOR_ALL, nothing, key)
META_FLAG('O', FOR_ALL, FOR_ALL, FOR_ALL, opaque, opaque)
META_FLAG('q', FOR_ALL, FOR_NONE, FOR_NONE, quiet, nothing)
META_FLAG('c', FOR_GET | FOR_SET | FOR_ARITH, FOR_GET | FOR_SET | FOR_ARITH, FOR_SET, nothing, cas)
META_FLAG('f', FOR_GET, FOR_GET, FOR_NONE, nothing, flags)
META_FLAG('s', FOR_GET | FOR_SET, FOR_GET, FOR_NONE, nothing, size)
META_FLAG('t', FOR_GET, FOR_GET, FOR_NONE, nothing, ttl)
META_FLAG('u', FOR_GET, FOR_NONE, FOR_NONE, nothing, nothing)
META_FLAG('b', FOR_ALL, FOR_NONE, FOR_NONE, base64, nothing)
META_FLAG('T', FOR_GET | FOR_SET, FOR_NONE, FOR_NONE, exptime, nothing)
META_FLAG('F', FOR_SET, FOR_NONE, FOR_NONE, flags, nothing)
META_FLAG('C', FOR_SET | FOR_DELETE | FOR_ARITH, FOR_NONE, FOR_NONE, cas, nothing)
META_FLAG('M', FOR_SET | FOR_ARITH, FOR_NONE, FOR_NONE, mode, nothing)
META_FLAG('N', FOR_ARITH, FOR_NONE, FOR_NONE, create, nothing)
META_FLAG('J', FOR_ARITH, FOR_NONE, FOR_NONE, initial, nothing)
META_FLAG('D', FOR_ARITH, FOR_NONE, FOR_NONE, delta, nothing)
/* clang-format on */
#undef META_FLAG
