/* What others say, fit for a terminal and a log: their control bytes and escape sequences
 * are not obeyed, nor is a line of theirs taken for one of ours. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

/* The character, or a question mark in its place. Ours is ASCII. */
static inline char printable(int c)
{
    return (char)(c >= ' ' && c <= '~' ? c : '?');
}

#endif
