#include "ctl/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"

char *units_count(char *text, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    char *to = text;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

char *units_bytes(char *text, uint64_t n)
{
    static const char *const names[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
    double value = (double)n;
    size_t i = 0;
    while (value >= 1023.95 && i + 1 < N_ELEMENTS(names)) {
        value /= 1024;
        i++;
    }
    snprintf(text, UNITS_ROOM, i == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value,
             names[i]);
    return text;
}

char *units_duration(char *text, uint64_t us)
{
    uint64_t s = us / 1000000;
    if (us == 0)
        snprintf(text, UNITS_ROOM, "0 s");
    else if (us < 1000)
        snprintf(text, UNITS_ROOM, "%" PRIu64 " us", us);
    else if (s < 1)
        snprintf(text, UNITS_ROOM, "%" PRIu64 " ms", us / 1000);
    else if (s < 60)
        snprintf(text, UNITS_ROOM, "%" PRIu64 " s", s);
    else if (s < 3600)
        snprintf(text, UNITS_ROOM, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, UNITS_ROOM, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
                 s / 60 % 60);
    else
        snprintf(text, UNITS_ROOM, "%" PRIu64 " d %" PRIu64 " h", s / 86400,
                 s / 3600 % 24);
    return text;
}

static struct tm local(time_t at)
{
    struct tm tm = { 0 };
    localtime_r(&at, &tm);
    return tm;
}

int64_t units_unix_ms(uint64_t age_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - (int64_t)age_ms;
}

/* Cut to a second, as in the log. */
static struct tm at_age(uint64_t age_ms)
{
    return local((time_t)(units_unix_ms(age_ms) / 1000));
}

char *units_moment(char *text, uint64_t age_ms)
{
    struct tm then = at_age(age_ms);
    strftime(text, UNITS_ROOM, "%Y-%m-%d %H:%M:%S", &then);
    return text;
}

char *units_clock(char *text, uint64_t age_ms)
{
    struct tm then = at_age(age_ms), now = local(time(NULL));
    if (then.tm_year != now.tm_year || then.tm_yday != now.tm_yday)
        return units_moment(text, age_ms);
    strftime(text, UNITS_ROOM, "%H:%M:%S", &then);
    return text;
}

bool units_seconds(const char *text, uint64_t *seconds)
{
    static const struct {
        const char *name;
        uint64_t s;
    } units[] = { { "", 1 },     { "s", 1 },    { "m", 60 },
                  { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
    char *end;
    if (!isdigit((unsigned char)text[0]) || strcspn(text, "smhd") > 9)
        return false;
    uint64_t n = strtoull(text, &end, 10);
    for (size_t i = 0; i < N_ELEMENTS(units); i++) {
        if (strcmp(units[i].name, end) == 0) {
            *seconds = n * units[i].s;
            return n > 0;
        }
    }
    return false;
}
