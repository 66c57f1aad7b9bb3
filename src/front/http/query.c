/* POST /devices/query (service 4.8). */
#include "http_front.h"

#include "json_body.h"
#include "query.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

/* The longest row as JSON: a whole twin, or parts of it under names that are escaped. */
enum { TWIN_MAX = 4096, ROW_MAX = QUERY_COLUMNS_MAX * TWIN_MAX + 6 * QUERY_LEN_MAX };
static_assert(2 * ROW_MAX < HTTP_ANSWER_MAX, "a row always fits into an answer");
static_assert(QUERY_WORK_MAX > 8 * QUERY_LEN_MAX, "some devices are looked at whatever the condition is");

/* What a continuation says: behind which device to go on, and how many there were. */
struct place {
    char after[ID_LEN_MAX + 1];
    uint64_t given;
};

/* It lives as long as its request, which may take several turns. */
struct walk {
    struct http_request *request;
    struct http_answer *answer;
    json_t *body; /* what the query looks into */
    struct query query;
    struct place place;
    size_t most, rows;
    bool more;
};

/* ---- in -------------------------------------------------------------------------------------------------------- */

static enum err take_query(struct http_request *r, struct http_answer *a, json_t **body, struct query *q)
{
    char why[QUERY_WHY_CAP];
    const json_t *text;
    enum err e = http_json(r->body, body, a);

    if (e)
        return e;
    if ((e = http_spell(*body, NAMES_QUERY, a))) {
        a->code = CODE_NO_JSON;
        return e;
    }
    text = json_object_get(*body, "query");
    if (!json_is_string(text)) {
        a->code = CODE_NO_JSON;
        return http_says(a, ERR_MALFORMED, "The body must be {\"query\":\"...\"}");
    }
    e = query_parse(bytes_of(json_string_value(text), json_string_length(text)), q, why);
    return e ? http_says(a, ERR_ARGUMENT, "The query cannot be run: %s", why) : OK;
}

static enum err take_page(struct http_request *r, struct http_answer *a, size_t *most)
{
    struct bytes text = http_header(r->head, BYTES("x-ms-max-item-count"));
    uint64_t n = QUERY_PAGE_MAX;

    if (text.len && (!bytes_to_u64(text, &n) || !n))
        return http_says(a, ERR_ARGUMENT, "x-ms-max-item-count must be a number above 0");
    *most = n < QUERY_PAGE_MAX ? (size_t)n : QUERY_PAGE_MAX;
    return OK;
}

/* number|id, in base64 */
static enum err take_place(struct http_request *r, struct http_answer *a, struct place *out)
{
    struct bytes text = http_header(r->head, BYTES("x-ms-continuation")), rest;
    uint8_t plain[24 + ID_LEN_MAX];
    size_t len;

    *out = (struct place){.given = 0};
    if (!text.len)
        return OK;
    if (base64_decode(text, plain, sizeof plain, &len))
        return http_says(a, ERR_ARGUMENT, "x-ms-continuation was not issued by this hub");
    rest = bytes_of(plain, len);
    if (!bytes_to_u64(bytes_cut(&rest, '|'), &out->given) || !bytes_to_str(rest, out->after, sizeof out->after))
        return http_says(a, ERR_ARGUMENT, "x-ms-continuation was not issued by this hub");
    return OK;
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

static enum err put_row(struct walk *w, const json_t *twin)
{
    json_t *row = w->query.all ? NULL : query_columns(&w->query, twin);

    if (!w->query.all && !row)
        return ERR_MEMORY;
    buf_puts(&w->answer->body, w->rows ? "," : "");
    enum err e = json_put(row ? row : twin, &w->answer->body);
    json_decref(row);
    w->rows++;
    w->place.given++;
    return e;
}

/* True: the page is full, or all that was asked for is there. */
static bool is_full(const struct walk *w)
{
    return w->rows == w->most || w->place.given >= w->query.top || w->answer->body.len > HTTP_ANSWER_MAX - ROW_MAX;
}

/* One that is wanted, and for which there is no place on the page any more, only tells that there is more: a
 * continuation always leads to a row. */
static enum err look_at(struct walk *w, const struct device *d)
{
    json_t *twin = http_twin(d);
    enum err e = twin ? OK : ERR_MEMORY;
    bool wanted = !e && query_selects(&w->query, twin);

    if (wanted && is_full(w))
        w->more = true;
    else if (wanted)
        e = put_row(w, twin);
    json_decref(twin);
    if (!w->more)
        memcpy(w->place.after, d->id, sizeof w->place.after);
    return e;
}

/* A loop has others to serve: so many are looked at in a turn. Without a condition every device is a row, and one more
 * of them tells that there are more. */
static size_t scan_max(const struct walk *w)
{
    size_t by_work;

    if (!w->query.condition.at)
        return w->most + 1;
    by_work = QUERY_WORK_MAX / (w->query.condition.len + 1);
    return by_work < QUERY_SCAN_MAX ? by_work : QUERY_SCAN_MAX;
}

static bool has_all(const struct walk *w)
{
    return w->more || w->place.given >= w->query.top;
}

/* A turn. *end: there is no device any more, or nothing more is wanted. */
static enum err walk_devices(struct walk *w, bool *end)
{
    size_t max = scan_max(w), n = 0;
    struct device *page = malloc(max * sizeof *page);
    enum err e = page ? hub_device_list(w->request->env->hub, bytes_str(w->place.after), page, max, &n) : ERR_MEMORY;

    for (size_t i = 0; !e && i < n && !has_all(w); i++)
        e = look_at(w, &page[i]);
    *end = n < max || has_all(w);
    free(page);
    return e;
}

/* service 4.8: absent at the end; the type must be there. */
static void put_headers(struct walk *w)
{
    struct buf *headers = &w->answer->headers, plain = buf_max(256), text = buf_max(512);

    http_put_header(headers, "x-ms-item-type",
                    w->query.from == QUERY_JOBS ? BYTES("DeviceJob")
                    : w->query.all              ? BYTES("Twin")
                                                : BYTES("Raw"));
    if (w->more) {
        buf_printf(&plain, "%llu|%s", (unsigned long long)w->place.given, w->place.after);
        buf_put_base64(&text, buf_bytes(&plain));
        http_put_header(headers, "x-ms-continuation", buf_bytes(&text));
    }
    buf_free(&plain);
    buf_free(&text);
}

static void walk_free(void *job)
{
    struct walk *w = job;

    json_decref(w->body);
    free(w);
}

static enum err walk_on(struct http_request *r, struct http_answer *a, void *job)
{
    struct walk *w = job;
    bool end = true;
    enum err e = OK;

    if (w->query.from == QUERY_DEVICES) /* of modules and jobs there are none */
        e = walk_devices(w, &end);
    if (e)
        return e;
    if (!end) {
        a->more = walk_on;
        return OK;
    }
    front_wait_for(r->front, hub_seen(r->env->hub));
    buf_puts(&a->body, "]");
    put_headers(w);
    return OK;
}

enum err http_query_devices(struct http_request *r, struct http_answer *a)
{
    struct walk *w = calloc(1, sizeof *w);
    enum err e;

    if (!w)
        return ERR_MEMORY;
    w->request = r;
    w->answer = a;
    a->job = w;
    a->drop = walk_free;
    if ((e = take_query(r, a, &w->body, &w->query)) || (e = take_page(r, a, &w->most)) ||
        (e = take_place(r, a, &w->place)))
        return e;
    buf_puts(&a->body, "[");
    return walk_on(r, a, w);
}
