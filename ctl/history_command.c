/* history: the last events of a node, as lines or as JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/converse.h"
#include "ctl/subcommands.h"
#include "ctl/units.h"

enum { DIGITS_OF_A_TIME = 13 }; /* milliseconds, until the year 2286 */

struct past_event {
    const char *kind, *text;
    uint64_t first_ms, last_ms; /* ages */
    unsigned times;
};

struct history_taker {
    void (*take)(const struct history_taker *t, const struct past_event *e);
    json_t *events;     /* NULL: lines are printed */
    uint64_t forgotten; /* older events, which the node no longer has */
};

static void print_line(const struct history_taker *t, const struct past_event *e)
{
    char moment[UNITS_ROOM], latest[UNITS_ROOM];
    (void)t;
    printf("%s  %-5s %s", units_moment(moment, e->first_ms), e->kind, e->text);
    if (e->times > 1)
        printf(" (%u times, last %s)", e->times, units_clock(latest, e->last_ms));
    putchar('\n');
}

static json_t *time_of(uint64_t age_ms)
{
    return json_real((double)units_unix_ms(age_ms) / 1000);
}

static void append(const struct history_taker *t, const struct past_event *e)
{
    json_t *object = json_object();
    json_object_set_new(object, "kind", json_string(e->kind));
    json_object_set_new(object, "first", time_of(e->first_ms));
    json_object_set_new(object, "last", time_of(e->last_ms));
    json_object_set_new(object, "times", json_integer(e->times));
    json_object_set_new(object, "text", json_string(e->text));
    json_array_append_new(t->events, object);
}

/* value: "FIRST_MS LAST_MS TIMES TEXT", both as ages; of `forgotten`: a number. */
static void take_figure(void *context, const char *name, const char *value)
{
    struct history_taker *t = context;
    struct past_event e = { .kind = name };
    int at;
    if (strcmp(name, "forgotten") == 0)
        t->forgotten = strtoull(value, NULL, 10);
    else if (sscanf(value, "%" SCNu64 " %" SCNu64 " %u %n", &e.first_ms, &e.last_ms,
                    &e.times, &at) == 3) {
        e.text = value + at;
        t->take(t, &e);
    }
}

static void print_json(const struct history_taker *t)
{
    json_t *object = json_object();
    json_object_set(object, "events", t->events);
    json_object_set_new(object, "forgotten", json_integer((json_int_t)t->forgotten));
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS_OF_A_TIME));
    putchar('\n');
    json_decref(object);
}

int history_command(struct common_options *common, int argc, char **argv)
{
    struct history_taker taker = { .take = print_line };
    struct ask ask;
    const char *text;
    int code;
    common->takes = OPTIONS_JSON;
    options_after(common, NULL, argc, argv);
    if (common->json)
        taker = (struct history_taker){ .take = append, .events = json_array() };
    if (converse(common, &ask, "history", take_figure, &taker, &text, &code)) {
        if (common->json)
            print_json(&taker);
        else
            printf("%s; the node keeps the last 64 in memory, and a restart forgets "
                   "them\n",
                   text);
    }
    json_decref(taker.events);
    ask_close(&ask);
    return code;
}
