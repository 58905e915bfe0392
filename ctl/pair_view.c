#include "ctl/pair_view.h"

#include <stdarg.h>
#include <string.h>

#include "base/check.h"
#include "ctl/units.h"

enum { LABEL = 13, CELL_ROOM = 300 };

struct view_cell {
    enum tint tint;
    char text[CELL_ROOM];
};

/* One of the two columns. */
struct view_side {
    const struct figures *f, *before;
    double seconds;
    bool is_peer, is_known; /* known: what it is like has been told */
};

/* ---- figures of a side: repl_NAME, or repl_peer_NAME */

static const char *text_of(const struct view_side *s, const char *name)
{
    char whole[48];
    snprintf(whole, sizeof(whole), "repl_%s%s", s->is_peer ? "peer_" : "", name);
    return figures_text(s->f, whole);
}

static uint64_t number_of(const struct view_side *s, const char *name)
{
    char whole[48];
    snprintf(whole, sizeof(whole), "repl_%s%s", s->is_peer ? "peer_" : "", name);
    return figures_number(s->f, whole);
}

static bool is_linked(const struct view_side *s)
{
    return figures_number(s->f, "repl_lone_ms") == 0 &&
           strcmp(figures_text(s->f, "repl_link"), "down") != 0 &&
           strcmp(figures_text(s->f, "repl_link"), "off") != 0;
}

__attribute__((format(printf, 3, 4))) static void
put(struct view_cell *cell, enum tint tint, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(cell->text, sizeof(cell->text), format, ap);
    va_end(ap);
    cell->tint = tint;
}

/* ---- one function for each row; a cell that stays empty has nothing to say */

static void put_role(const struct view_side *s, struct view_cell *cell)
{
    char since[UNITS_ROOM], past[UNITS_ROOM];
    uint64_t lone_ms = figures_number(s->f, "repl_lone_ms");
    if (s->is_peer && !is_linked(s))
        put(cell, TINT_BAD, "not reachable since %s (%s)", units_clock(since, lone_ms),
            units_duration(past, lone_ms * 1000));
    else if (s->is_peer)
        put(cell, TINT_NONE, "%s",
            figures_number(s->f, "repl_peer_active") ? "active" : "standby");
    else
        put(cell, TINT_NONE, "%s, term %s", text_of(s, "role"), text_of(s, "term"));
}

/* The verdict begins with the role, which has a row of its own. */
static const char *reason_of(const char *health)
{
    const char *comma = strchr(health, ',');
    if (comma != NULL && strncmp(health, "active, term", 12) == 0)
        comma = strchr(comma + 1, ',');
    return comma != NULL ? comma + 2 : health;
}

static void put_health(const struct view_side *s, struct view_cell *cell)
{
    bool fit = number_of(s, "fit") != 0;
    if (s->is_known)
        put(cell, fit ? TINT_GOOD : TINT_BAD, "%s: %s", fit ? "fit" : "not fit",
            reason_of(text_of(s, "health")));
    else if (is_linked(s))
        put(cell, TINT_DIM, "not told yet");
}

static void put_link(const struct view_side *s, struct view_cell *cell)
{
    const char *link = figures_text(s->f, "repl_link");
    if (!s->is_peer)
        put(cell, strcmp(link, "streaming") == 0 ? TINT_GOOD : TINT_WARN, "%s, %s", link,
            figures_text(s->f, "repl_encryption"));
}

static void put_in_sync(const struct view_side *s, struct view_cell *cell)
{
    bool is = number_of(s, "in_sync") != 0;
    if (s->is_known)
        put(cell, is ? TINT_GOOD : TINT_WARN, "%s", is ? "yes" : "no");
}

static void put_count(const struct view_side *s, struct view_cell *cell, const char *name,
                      const char *what, bool is_worry)
{
    char n[UNITS_ROOM];
    uint64_t number = number_of(s, name);
    if (s->is_known)
        put(cell, is_worry && number > 0 ? TINT_WARN : TINT_NONE, "%s%s",
            units_count(n, number), number > 0 ? what : "");
}

static void put_items(const struct view_side *s, struct view_cell *cell)
{
    put_count(s, cell, "items", "", false);
}

static void put_at_risk(const struct view_side *s, struct view_cell *cell)
{
    put_count(s, cell, "at_risk", " changes", true);
}

static void put_pending(const struct view_side *s, struct view_cell *cell)
{
    put_count(s, cell, "pending", " changes", false);
}

static void put_dirty(const struct view_side *s, struct view_cell *cell)
{
    put_count(s, cell, "dirty_buckets", " groups of keys", true);
}

static void put_missing(const struct view_side *s, struct view_cell *cell)
{
    put_count(s, cell, "missing_buckets", " groups of keys", true);
}

static void put_lag(const struct view_side *s, struct view_cell *cell)
{
    char lag[UNITS_ROOM];
    uint64_t us = number_of(s, "lag_us");
    if (s->is_known)
        put(cell, us > 1000000 ? TINT_WARN : TINT_NONE, "%s", units_duration(lag, us));
}

/* Of the copy that the side sends. */
static void put_copy(const struct view_side *s, struct view_cell *cell)
{
    char sent[UNITS_ROOM], all[UNITS_ROOM], left[UNITS_ROOM];
    uint64_t items = number_of(s, "copy_items"), total = number_of(s, "copy_total");
    uint64_t us = number_of(s, "copy_ms") * 1000;
    if (total == 0 || items > total)
        return;
    put(cell, TINT_WARN, "%s of about %s items (%.0f%%)", units_count(sent, items),
        units_count(all, total), 100.0 * (double)items / (double)total);
    if (items == 0)
        return;
    size_t n = strlen(cell->text);
    double rest = (double)us * (double)(total - items) / (double)items;
    snprintf(cell->text + n, sizeof(cell->text) - n, ", %s left",
             units_duration(left, (uint64_t)rest));
}

static void put_traffic(const struct view_side *s, struct view_cell *cell,
                        const char *name)
{
    char all[UNITS_ROOM], speed[UNITS_ROOM];
    if (s->is_peer)
        return;
    units_bytes(all, figures_number(s->f, name));
    if (s->before == NULL)
        put(cell, TINT_NONE, "%s", all);
    else
        put(cell, TINT_NONE, "%s (%s/s)", all,
            units_bytes(speed,
                        (uint64_t)figures_rate(s->f, s->before, s->seconds, name)));
}

static void put_sent(const struct view_side *s, struct view_cell *cell)
{
    put_traffic(s, cell, "repl_bytes_out");
}

static void put_received(const struct view_side *s, struct view_cell *cell)
{
    put_traffic(s, cell, "repl_bytes_in");
}

static void put_moves(const struct view_side *s, struct view_cell *cell)
{
    char since[UNITS_ROOM], left[UNITS_ROOM];
    uint64_t left_ms = number_of(s, "pause_left_ms");
    if (number_of(s, "paused") == 0)
        return;
    units_clock(since, number_of(s, "paused_ms"));
    if (s->is_peer)
        put(cell, TINT_WARN, "paused");
    else if (left_ms == 0)
        put(cell, TINT_WARN, "paused since %s", since);
    else
        put(cell, TINT_WARN, "paused since %s, for %s more", since,
            units_duration(left, left_ms * 1000));
}

static const struct view_row {
    const char *label;
    void (*put)(const struct view_side *s, struct view_cell *cell);
} rows[] = {
    { "role", put_role },         { "health", put_health }, { "link", put_link },
    { "in sync", put_in_sync },   { "items", put_items },   { "at risk", put_at_risk },
    { "pending", put_pending },   { "dirty", put_dirty },   { "missing", put_missing },
    { "lag", put_lag },           { "copying", put_copy },  { "sent", put_sent },
    { "received", put_received }, { "moves", put_moves },
};

/* ---- columns */

/* How much of the text fits into so many columns, up to a blank if there is one. */
static size_t fit(const char *text, size_t columns)
{
    size_t n = strlen(text);
    if (n <= columns)
        return n;
    for (n = columns; n > columns / 2; n--) {
        if (text[n] == ' ')
            return n;
    }
    return columns;
}

static void print_piece(const struct screen *s, FILE *out, enum tint tint,
                        const char **rest, size_t columns, bool is_last)
{
    char piece[CELL_ROOM];
    size_t n = fit(*rest, columns);
    snprintf(piece, sizeof(piece), "%.*s", (int)n, *rest);
    screen_tint(s, out, tint, piece);
    *rest += n;
    *rest += strspn(*rest, " ");
    if (!is_last)
        fprintf(out, "%*s", (int)(columns - n + 2), "");
}

static void print_row(const struct screen *s, FILE *out, const char *label,
                      const struct view_cell *left, const struct view_cell *right)
{
    const char *a = left->text, *b = right->text;
    size_t columns = (s->width - LABEL - 2) / 2;
    do {
        fprintf(out, "%-*s", LABEL, label);
        label = "";
        print_piece(s, out, left->tint, &a, columns, b[0] == '\0');
        if (b[0] != '\0')
            print_piece(s, out, right->tint, &b, columns, true);
        fputc('\n', out);
    } while (a[0] != '\0' || b[0] != '\0');
}

static void print_error(const struct screen *s, FILE *out, const struct figures *f)
{
    char when[UNITS_ROOM], past[UNITS_ROOM], whole[CELL_ROOM + 2 * UNITS_ROOM];
    const char *text = figures_text(f, "repl_last_error"), *rest = whole;
    uint64_t age_ms = figures_number(f, "repl_last_error_ms");
    const char *label = "last error";
    if (text[0] == '\0')
        return;
    snprintf(whole, sizeof(whole), "%s, %s ago: %s", units_clock(when, age_ms),
             units_duration(past, age_ms * 1000), text);
    for (; rest[0] != '\0'; label = "") {
        fprintf(out, "%-*s", LABEL, label);
        print_piece(s, out, TINT_BAD, &rest, s->width - LABEL, true);
        fputc('\n', out);
    }
}

void pair_view_print(const struct screen *s, FILE *out, const struct figures *f,
                     const struct figures *before, double seconds)
{
    const struct view_side own = { f, before, seconds, false, true };
    struct view_side peer = { f, before, seconds, true, false };
    peer.is_known = is_linked(&peer) && figures_number(f, "repl_peer_told") != 0;
    struct view_cell a = { TINT_HEAD, "this node" }, b = { TINT_HEAD, "" };
    snprintf(b.text, sizeof(b.text), "peer %s", figures_text(f, "repl_peer"));
    print_row(s, out, "", &a, &b);
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        a.text[0] = b.text[0] = '\0';
        rows[i].put(&own, &a);
        rows[i].put(&peer, &b);
        if (a.text[0] != '\0' || b.text[0] != '\0')
            print_row(s, out, rows[i].label, &a, &b);
    }
    print_error(s, out, f);
}
