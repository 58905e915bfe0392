#include "repl/job.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "repl/control_answer.h"
#include "base/monotonic.h"
#include "repl/core.h"

enum {
    TELL_US = 5000000,        /* how often the progress of a comparison is reported */
    SETTLE_MAX_US = 60000000, /* how long a comparison waits for the peer to catch up */
};

/* Has the job come to another state since the last look? */
static bool is_new(struct job *job, unsigned state, unsigned round)
{
    uint64_t now = monotonic_us();
    if (job->state == state && job->round == round)
        return false;
    job->state = state;
    job->round = round;
    job->since_us = job->told_us = now;
    return true;
}

static uint64_t time_in_state(const struct job *job)
{
    return monotonic_us() - job->since_us;
}

/* ---- handover */

static bool look_at_handover(struct job *job, struct repl_core *c)
{
    const struct repl_handover *h = repl_core_handover(c);
    double ms = (double)h->pause_us / 1000;
    switch (h->state) {
    case HANDOVER_NONE:
        return false;
    case HANDOVER_DRAIN:
        if (is_new(job, h->state, 0))
            answer_put(job->client, "STEP", "sending what the peer does not have yet");
        break;
    case HANDOVER_HELD:
        if (is_new(job, h->state, 0))
            answer_put(job->client, "STEP",
                       "holding clients' writes until the peer has the last one");
        break;
    case HANDOVER_OFFERED:
        if (is_new(job, h->state, 0))
            answer_put(job->client, "STEP",
                       "the peer has everything and was told to become active");
        break;
    case HANDOVER_DONE:
        answer_put(job->client, "OK",
                   "the peer is active now; writes were held for %.1f ms", ms);
        return false;
    case HANDOVER_FAILED:
        answer_put(job->client, "ERROR",
                   "%s; this node keeps its role, writes were held for %.1f ms", h->why,
                   ms);
        return false;
    }
    return true;
}

static const char *begin_handover(struct repl_core *c)
{
    return repl_core_handover_begin(c, &repl_handover_planned);
}

const struct job_kind job_handover = { begin_handover, look_at_handover };

/* ---- demotion: a handover if the peer can take the role soon */

static const struct repl_handover_limits demotion = {
    .cause = "demoted over the control socket",
    .drain_us = 40000,
    .hold_us = 40000,
};

static const char *begin_demotion(struct repl_core *c)
{
    if (repl_core_handover_begin(c, &demotion) != NULL)
        repl_core_demote(c, demotion.cause);
    return NULL;
}

static bool look_at_demotion(struct job *job, struct repl_core *c)
{
    const struct repl_handover *h = repl_core_handover(c);
    if (h->state == HANDOVER_DRAIN || h->state == HANDOVER_HELD ||
        h->state == HANDOVER_OFFERED)
        return true;
    repl_core_demote(c, demotion.cause);
    answer_put(job->client, "OK", "standby now");
    return false;
}

const struct job_kind job_demotion = { begin_demotion, look_at_demotion };

/* ---- comparison */

static void describe(const struct repl_difference *d, char *text, size_t ntext)
{
    int n = snprintf(text, ntext,
                     "buckets with unequal values: %llu, with an item on one node only: "
                     "%llu; some of them:",
                     (unsigned long long)d->unequal, (unsigned long long)d->absent);
    for (unsigned i = 0; i < d->nsample && (size_t)n < ntext; i++)
        n += snprintf(text + n, ntext - (size_t)n, " %zx", d->sample[i]);
}

static void tell_result(struct job *job, const struct repl_verify *v)
{
    const struct repl_difference *d = &v->found[v->round];
    uint64_t repaired = v->round > 0 ? v->found[0].unequal + v->found[0].absent : 0;
    char text[300];
    if (d->unequal + d->absent > 0) {
        describe(d, text, sizeof(text));
        answer_put(job->client, "NO",
                   "after the repair, %s (a full node evicts on its own, so items on one "
                   "node only are normal then)",
                   text);
        return;
    }
    answer_put(job->client, "OK",
               "equal; items compared: %llu, buckets repaired: %llu, buckets skipped "
               "because clients changed them meanwhile: %llu",
               (unsigned long long)d->compared, (unsigned long long)repaired,
               (unsigned long long)d->left_out);
}

static void tell_difference(struct job *job, const struct repl_difference *d)
{
    char text[300];
    describe(d, text, sizeof(text));
    answer_put(job->client, "STEP", "%s", text);
    answer_put(job->client, "STEP",
               "copying them to the peer again, then comparing everything again");
}

static void tell_progress(struct job *job, const struct repl_difference *d)
{
    uint64_t now = monotonic_us();
    if (now - job->told_us < TELL_US)
        return;
    job->told_us = now;
    answer_put(job->client, "STEP", "%llu items so far", (unsigned long long)d->compared);
}

static bool look_at_verify(struct job *job, struct repl_core *c)
{
    static const char *const steps[] = {
        [VERIFY_SETTLE] = "waiting until the peer has all changes made so far",
        [VERIFY_NAME] = "comparing what this node holds",
        [VERIFY_AWAIT] = "comparing what the peer holds",
    };
    const struct repl_verify *v = repl_core_verify(c);
    if (v->round > job->round)
        tell_difference(job, &v->found[0]);
    switch (v->state) {
    case VERIFY_SETTLE:
    case VERIFY_NAME:
    case VERIFY_AWAIT:
        if (is_new(job, v->state, v->round))
            answer_put(job->client, "STEP", "%s", steps[v->state]);
        tell_progress(job, &v->found[v->round]);
        if (v->state == VERIFY_SETTLE && time_in_state(job) > SETTLE_MAX_US)
            repl_core_verify_abort(c, "the peer did not catch up in time; see "
                                      "repl_pending and repl_dirty_buckets, and try "
                                      "again");
        return true;
    case VERIFY_DONE:
        tell_result(job, v);
        return false;
    case VERIFY_FAILED:
        answer_put(job->client, "ERROR", "the comparison failed: %s", v->why);
        return false;
    case VERIFY_NONE:
    case VERIFY_ANSWER:
        break;
    }
    return false;
}

const struct job_kind job_verify = { repl_core_verify_begin, look_at_verify };

/* ---- all of them */

void job_look(struct job *job)
{
    if (!job->under_way)
        return;
    repl_core_lock(job->core);
    job->under_way = job->kind->look(job, job->core);
    repl_core_unlock(job->core);
    if (!job->under_way)
        job->client = NULL;
}

void job_begin(struct job *job, struct command_client *client)
{
    repl_core_lock(job->core);
    repl_core_tick(job->core, monotonic_us());
    const char *why = job->kind->begin(job->core);
    repl_core_unlock(job->core);
    if (why != NULL) {
        answer_put(client, "ERROR", "%s", why);
        return;
    }
    if (job->client != NULL)
        answer_put(job->client, "ERROR",
                   "another client gave the same command meanwhile, and gets the answer");
    job->client = client;
    job->state = job->round = 0;
    job->under_way = true;
    job_look(job);
}

void job_init(struct job *job, const struct job_kind *kind, struct repl_core *core)
{
    *job = (struct job){ .kind = kind, .core = core };
}
