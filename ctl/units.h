/* Figures as people read them. Each writes into text, which has UNITS_ROOM bytes, and
 * returns it. */
#ifndef CTL_UNITS_H
#define CTL_UNITS_H

#include <stdbool.h>
#include <stdint.h>

enum { UNITS_ROOM = 48 };

char *units_count(char *text, uint64_t n);       /* 12,345 */
char *units_bytes(char *text, uint64_t n);       /* 1.5 MiB */
char *units_duration(char *text, uint64_t us);   /* 340 ms, 12 s, 3 min 5 s, 2 h 10 min */
char *units_clock(char *text, uint64_t age_ms);  /* when that was: 12:34:56, with the date
                                                  * if that was not today */
char *units_moment(char *text, uint64_t age_ms); /* 2026-01-31 12:34:56 */
int64_t units_unix_ms(uint64_t age_ms);          /* milliseconds since 1970 */

/* "90", "90s", "15m", "2h", "1d" to seconds. False: it is no duration, or none at all. */
bool units_seconds(const char *text, uint64_t *seconds);

#endif
