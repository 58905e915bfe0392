/* The load generator's options. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/dialect.h"
#include "bench/load.h"

static const char usage[] =
    "load: load on a memcached-compatible server, by the text protocol, or on redis\n"
    "  --host HOST --port PORT   where (127.0.0.1, 11211), or\n"
    "  --socket PATH             a UNIX socket\n"
    "  --connections N (8)       --threads N (1)    --pipeline N (1)\n"
    "  --keys N (100000)         distinct keys      --prefix TEXT (key)\n"
    "  --size N (100)            bytes per value    --exptime N (0)\n"
    "  --ratio SETS:GETS (1:10)  --order random|sequential\n"
    "  --ops N | --seconds N (5) --rate N           most requests a second\n"
    "  --open                    times count from when the rate wanted a request to go\n"
    "  --dialect memcached|redis without checks of values\n"
    "  --fill N                  sets N distinct keys once\n"
    "  --check N                 reads them back and compares: exit code 1 if one is "
    "wrong,\n"
    "                            or more than --allow-missing N (0) are missing\n"
    "  --allow-refused N (0)     so many refused sets are not a failure\n"
    "  --generation N (0)        part of the values, to distinguish successive fills\n"
    "  --seed N (1)\n"
    "Prints one line: counts, requests a second, and microseconds per request.\n"
    "SIGTERM ends a run of --seconds early.\n";

static _Noreturn void refuse(void)
{
    fputs(usage, stderr);
    exit(2);
}

enum kind { TEXT, NUMBER, LONG_NUMBER, SECONDS, RATIO, ORDER, FILL, CHECK, OPEN };

static const struct row {
    const char *name;
    enum kind kind;
    size_t at; /* offset of the member that it sets, if it does nothing else */
} rows[] = {
#define ROW(name, kind, member)                                                          \
    {                                                                                    \
        name, kind, offsetof(struct load_options, member)                                \
    }
    ROW("host", TEXT, host),
    ROW("port", TEXT, port),
    ROW("socket", TEXT, socket),
    ROW("prefix", TEXT, prefix),
    ROW("dialect", TEXT, speaks),
    ROW("connections", NUMBER, connections),
    ROW("threads", NUMBER, threads),
    ROW("pipeline", NUMBER, pipeline),
    ROW("keys", LONG_NUMBER, keys),
    ROW("size", NUMBER, size),
    ROW("exptime", NUMBER, exptime),
    ROW("ops", LONG_NUMBER, ops),
    ROW("rate", LONG_NUMBER, rate),
    ROW("seed", LONG_NUMBER, seed),
    ROW("generation", LONG_NUMBER, generation),
    ROW("allow-missing", LONG_NUMBER, allow_missing),
    ROW("allow-refused", LONG_NUMBER, allow_refused),
    { "seconds", SECONDS, 0 },
    { "ratio", RATIO, 0 },
    { "order", ORDER, 0 },
    { "fill", FILL, 0 },
    { "check", CHECK, 0 },
    { "open", OPEN, 0 },
#undef ROW
};

enum { NROWS = sizeof rows / sizeof rows[0], FIRST_LONG = 256 };

static uint64_t number_of(const struct row *row, const char *text, uint64_t max)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (end == text || *end || *text == '-' || number > max) {
        fprintf(stderr, "load: --%s needs a number, not '%s'\n", row->name, text);
        exit(2);
    }
    return number;
}

static void take_ratio(struct load_options *o, const char *text)
{
    if (sscanf(text, "%u:%u", &o->sets, &o->gets) == 2 && o->sets + o->gets > 0)
        return;
    fprintf(stderr, "load: --ratio needs SETS:GETS, not '%s'\n", text);
    exit(2);
}

static void take_option(struct load_options *o, const struct row *row, const char *text)
{
    void *member = (char *)o + row->at;
    switch (row->kind) {
    case TEXT:
        *(const char **)member = text;
        break;
    case NUMBER:
        *(uint32_t *)member = (uint32_t)number_of(row, text, UINT32_MAX);
        break;
    case LONG_NUMBER:
        *(uint64_t *)member = number_of(row, text, UINT64_MAX);
        break;
    case SECONDS:
        o->seconds = strtod(text, NULL);
        break;
    case RATIO:
        take_ratio(o, text);
        break;
    case ORDER:
        o->sequential = strcmp(text, "sequential") == 0;
        break;
    case FILL:
    case CHECK:
        o->mode = row->kind == FILL ? LOAD_FILL : LOAD_CHECK;
        o->keys = o->ops = number_of(row, text, UINT64_MAX);
        break;
    case OPEN:
        o->open = true;
        break;
    }
}

static bool is_sensible(const struct load_options *o)
{
    return o->connections > 0 && o->connections <= 10000 && o->threads > 0 &&
           o->threads <= o->connections && o->pipeline > 0 && o->pipeline <= 10000 &&
           o->keys > 0 && o->size <= 1u << 30 && strlen(o->prefix) <= 220 &&
           (o->rate > 0 || !o->open) && (o->speaks == NULL) == (o->dialect == NULL) &&
           (o->dialect == NULL || o->mode != LOAD_CHECK);
}

void load_options_parse(struct load_options *o, int argc, char **argv)
{
    struct option names[NROWS + 1] = { { 0 } };
    *o = (struct load_options){ .host = "127.0.0.1",
                                .port = "11211",
                                .prefix = "key",
                                .connections = 8,
                                .threads = 1,
                                .pipeline = 1,
                                .keys = 100000,
                                .size = 100,
                                .sets = 1,
                                .gets = 10,
                                .seconds = 5,
                                .seed = 1 };
    for (int i = 0; i < NROWS; i++)
        names[i] =
            (struct option){ rows[i].name,
                             rows[i].kind == OPEN ? no_argument : required_argument, NULL,
                             FIRST_LONG + i };
    for (int got; (got = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (got < FIRST_LONG)
            refuse();
        take_option(o, &rows[got - FIRST_LONG], optarg);
    }
    if (o->speaks != NULL)
        o->dialect = dialect_find(o->speaks);
    if (optind < argc || !is_sensible(o))
        refuse();
}
