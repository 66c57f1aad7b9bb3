#include "metrics.h"

#include "query_run.h"

void metrics_open(struct metrics *m, struct plan *plan)
{
    *m = (struct metrics){.plan = plan};
}

void metrics_close(struct metrics *m)
{
    query_run_free(m->run);
    m->run = NULL;
}

/* The nth query of a configuration, or NULL. */
static const char *query_of(const struct configuration *f, size_t n)
{
    const char *name;
    json_t *text;

    json_object_foreach(json_object_get(f->root, "queries"), name, text) if (!n--) return json_string_value(text);
    return NULL;
}

static void note(struct metrics *m, uint64_t result)
{
    metrics_close(m);
    m->plan->at[m->at].metrics[m->query++] = result;
}

bool metrics_turn(struct metrics *m)
{
    const char *text = NULL;
    bool end = false;
    enum err e;

    while (m->at < m->plan->n &&
           (m->query == CONFIGURATION_METRICS_MAX || !(text = query_of(&m->plan->at[m->at], m->query)))) {
        m->at++;
        m->query = 0;
    }
    if (m->at == m->plan->n)
        return false;
    if (!m->run && query_run_new(m->plan->hub, &m->plan->told, bytes_str(text), SIZE_MAX, NO_BYTES, &m->why, &m->run)) {
        note(m, METRIC_UNKNOWN);
        return true;
    }
    query_run_count(m->run);
    e = query_run_turn(m->run, &end);
    if (e || end)
        note(m, e ? METRIC_UNKNOWN : query_run_counted(m->run));
    return true;
}
