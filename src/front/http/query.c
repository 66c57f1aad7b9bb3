/* POST /devices/query (service 4.8). */
#include "http_front.h"

#include "configurations.h"
#include "plan.h"
#include "queries.h"

#include <assert.h>
#include <stdlib.h>

static_assert(QUERY_BODY_MAX + 2 <= HTTP_ANSWER_MAX, "a page fits into an answer");

static enum err take_page(struct http_request *r, struct http_answer *a, size_t *most)
{
    struct bytes text = http_header(r->head, BYTES("x-ms-max-item-count"));
    uint64_t n = QUERY_PAGE_MAX;

    if (text.len && (!bytes_to_u64(text, &n) || !n))
        return http_says(a, ERR_ARGUMENT, "x-ms-max-item-count must be a number above 0");
    *most = n < QUERY_PAGE_MAX ? (size_t)n : QUERY_PAGE_MAX;
    return OK;
}

/* Tells whoever wrote the query what is wrong with it. */
static enum err complained(struct http_answer *a, enum err e, const struct complaint *why)
{
    return e && why->e ? http_says(a, ERR_ARGUMENT, "The query cannot be run: %s", why->text) : e;
}

struct asked {
    struct query_run *run;
    struct plan *plan;     /* of configurations, or NULL */
    struct ticket *ticket; /* while it runs beside the connections */
    struct complaint why;
};

static enum err run_new(struct http_request *r, struct http_answer *a, struct bytes text, size_t most, struct asked *q)
{
    struct bytes continuation = http_header(r->head, BYTES("x-ms-continuation"));
    enum err e;

    q->plan = r->env->configurations ? configurations_hold(r->env->configurations) : NULL;
    e = query_run_new(r->env->hub, q->plan ? &q->plan->told : NULL, text, most, continuation, &q->why, &q->run);
    return complained(a, e, &q->why);
}

static enum err take_query(struct http_request *r, struct http_answer *a, size_t most, struct asked *q)
{
    const json_t *text;
    json_t *body;
    enum err e = http_json(r->body, &body, a);

    if (e)
        return e;
    e = http_spell(body, NAMES_QUERY, a);
    text = json_object_get(body, "query");
    if (!e && !json_is_string(text))
        e = http_says(a, ERR_MALFORMED, "The body must be {\"query\":\"...\"}");
    if (e)
        a->code = json_is_object(body) && !text ? CODE_MISSING : CODE_NO_JSON;
    else
        e = run_new(r, a, bytes_of(json_string_value(text), json_string_length(text)), most, q);
    json_decref(body);
    return e;
}

/* service 4.8: x-ms-continuation is absent at the end; the type must be there. */
static void put_page(struct http_answer *a, const struct query_run *run)
{
    http_put_header(&a->headers, "x-ms-item-type", bytes_str(query_run_type(run)));
    if (query_run_continuation(run).len)
        http_put_header(&a->headers, "x-ms-continuation", query_run_continuation(run));
    buf_put(&a->body, query_run_rows(run));
}

static void drop(void *job)
{
    struct asked *q = job;

    queries_take_back(q->ticket);
    query_run_free(q->run);
    plan_release(q->plan);
    free(q);
}

static enum err end(struct http_request *r, struct http_answer *a, const struct asked *q, enum err e)
{
    if (e)
        return complained(a, e, &q->why);
    front_wait_for(r->front, hub_seen(r->env->hub));
    put_page(a, q->run);
    return OK;
}

/* Its page may be there. */
static enum err look(struct http_request *r, struct http_answer *a, void *job)
{
    struct asked *q = job;
    enum err e = queries_look(q->ticket);

    assert(q->run && q->ticket);
    if (e != ERR_BUSY)
        return end(r, a, q, e);
    a->more = look;
    a->wait_ms = INT64_MAX;
    return OK;
}

/* A turn on this loop. */
static enum err go_on(struct http_request *r, struct http_answer *a, void *job)
{
    struct asked *q = job;
    bool ended;
    enum err e = query_run_turn(q->run, &ended);

    assert(!q->ticket); /* it runs here */
    if (e || ended)
        return end(r, a, q, e);
    a->more = go_on;
    return OK;
}

enum err http_query_devices(struct http_request *r, struct http_answer *a)
{
    struct asked *q = calloc(1, sizeof *q);
    size_t most = 0;
    enum err e;

    if (!q)
        return ERR_MEMORY;
    a->job = q;
    a->drop = drop;
    if ((e = take_page(r, a, &most)) || (e = take_query(r, a, most, q)))
        return e;
    if (!r->env->queries || query_run_is_short(q->run))
        return go_on(r, a, q);
    if ((e = queries_put(r->env->queries, q->run, r->front->waker, &q->ticket)))
        return e;
    return look(r, a, q);
}
