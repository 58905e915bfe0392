/* Makes text from others safe for a terminal and a log: their control bytes and escape
 * sequences have no effect, and they cannot imitate a line of ours. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

/* The character itself, or a question mark if it is not printable ASCII. */
static inline char printable(int c)
{
    return (char)(c >= ' ' && c <= '~' ? c : '?');
}

#endif
