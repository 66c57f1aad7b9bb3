/* POST /devices/query (service 4.8). */
#include "http_front.h"

#include "json_row.h"
#include "query_group.h"
#include "text.h"
#include "twin_document.h"

#include <stdio.h>
#include <stdlib.h>

/* The longest row as JSON: a whole twin, or parts of it under names that are escaped. */
enum { TWIN_MAX = 4096, ROW_MAX = QUERY_COLUMNS_MAX * TWIN_MAX + 6 * QUERY_LEN_MAX };
static_assert(2 * ROW_MAX < HTTP_ANSWER_MAX, "a row always fits into an answer");
static_assert(QUERY_WORK_MAX >= 16 * 2 * QUERY_LEN_MAX, "some devices are looked at whatever the condition is");

enum { EQUALITIES_MAX = 8 };

/* A continuation says behind which device to go on, and how many rows there were; of groups only the latter. */
struct place {
    char after[ID_LEN_MAX + 1];
    uint64_t given;
};

/* It lives as long as its request, which may take several turns. */
struct walk {
    struct http_request *request;
    struct http_answer *answer;
    struct query query;
    struct query_groups *groups; /* of a query that groups */
    struct bytes *ids;           /* the only devices that the condition can select, sorted; NULL: any */
    size_t n_ids;
    struct place place;
    size_t most, rows;
    bool more;
};

/* ---- in -------------------------------------------------------------------------------------------------------- */

static enum err take_query(struct http_request *r, struct http_answer *a, struct query *q)
{
    struct complaint why;
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
    else if ((e = query_open(q, bytes_of(json_string_value(text), json_string_length(text)), &why)) && why.e)
        e = http_says(a, ERR_ARGUMENT, "The query cannot be run: %s", why.text);
    json_decref(body);
    return e;
}

static int by_id(const void *a, const void *b)
{
    return bytes_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* deviceId = 'a', deviceId IN ['a', 'b']: nothing else has to be looked at. */
static enum err take_ids(struct walk *w)
{
    struct equality equalities[EQUALITIES_MAX];
    size_t n_paths, n;
    struct path *paths = condition_paths(w->query.program, &n_paths);

    twin_document_know_paths(paths, n_paths);
    n = w->query.has_condition ? condition_equalities(w->query.program, equalities, EQUALITIES_MAX) : 0;
    for (size_t i = 0; i < n && !w->ids; i++) {
        const struct equality *e = &equalities[i];

        if (e->path->n != 1 || !bytes_eq_nocase(e->path->at[0].name, BYTES("deviceId")))
            continue;
        if (!(w->ids = calloc(e->n, sizeof *w->ids)))
            return ERR_MEMORY;
        for (size_t k = 0; k < e->n; k++)
            if (e->values[k].kind == VALUE_TEXT)
                w->ids[w->n_ids++] = e->values[k].text;
        qsort(w->ids, w->n_ids, sizeof *w->ids, by_id);
    }
    return OK;
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

/* A row that is being written; the document of its values, or NULL: they are of a group. */
struct cells {
    struct buf *out;
    const struct twin_document *document;
    const char *before;
};

static enum err put_cell(void *ctx, struct bytes name, const struct value *v)
{
    struct cells *c = ctx;

    buf_puts(c->out, c->before);
    buf_put_json(c->out, name);
    buf_puts(c->out, ":");
    c->before = ",";
    return c->document ? twin_document_put_value(c->out, c->document, v) : json_put_value(v, c->out);
}

static enum err put_row(struct walk *w, const struct twin_document *d, const struct row *row)
{
    struct cells cells = {.out = &w->answer->body, .document = d, .before = ""};
    enum err e;

    buf_puts(cells.out, w->rows ? "," : "");
    w->rows++;
    w->place.given++;
    if (w->query.all)
        return twin_document_put(cells.out, d);
    buf_puts(cells.out, "{");
    e = query_columns(&w->query, row, put_cell, &cells);
    buf_puts(cells.out, "}");
    return e;
}

/* True: the page is full, or all that was asked for is there. */
static bool is_full(const struct walk *w)
{
    return w->rows == w->most || w->place.given >= w->query.top || w->answer->body.len > HTTP_ANSWER_MAX - ROW_MAX;
}

/* A wanted one for which there is no place on the page any more only tells that there is more: a
 * continuation always leads to a row. */
static enum err look_at(struct walk *w, const struct device *d)
{
    struct twin_document document = {.device = d};
    struct row row = twin_document_row(&document);
    bool wanted = query_selects(&w->query, &row);
    enum err e = OK;

    if (wanted && w->groups) {
        e = query_groups_add(w->groups, &row);
        if (e == ERR_LIMIT)
            e = http_says(w->answer, ERR_ARGUMENT, "The query has more than %d groups, or they take more than %d MiB",
                          QUERY_GROUPS_MAX, QUERY_GROUP_BYTES_MAX >> 20);
    } else if (wanted && is_full(w)) {
        w->more = true;
    } else if (wanted) {
        e = put_row(w, &document, &row);
    }
    if (!w->more)
        memcpy(w->place.after, d->id, sizeof w->place.after);
    return e;
}

/* A loop has others to serve: so many are looked at in a turn. Without a condition every device is a row, and one more
 * of them tells that there are more. */
static size_t scan_max(const struct walk *w)
{
    size_t by_work;

    if (!w->query.has_condition && !w->groups)
        return w->most + 1;
    by_work = QUERY_WORK_MAX / (condition_steps(w->query.program) + 1);
    return by_work < QUERY_SCAN_MAX ? by_work : QUERY_SCAN_MAX;
}

static bool has_all(const struct walk *w)
{
    return w->more || (!w->groups && w->place.given >= w->query.top);
}

/* The devices of w->ids that are behind the place: as hub_device_list() gives those of all. */
static enum err list_ids(const struct walk *w, struct device *page, size_t max, size_t *n)
{
    struct bytes last = bytes_str(w->place.after);
    enum err e = OK;

    for (size_t i = 0; i < w->n_ids && *n < max && !e; i++) {
        if (bytes_cmp(w->ids[i], last) <= 0)
            continue;
        last = w->ids[i];
        e = hub_device_get(w->request->env->hub, last, &page[*n]);
        *n += !e;
        if (e == ERR_NOT_FOUND || e == ERR_ARGUMENT)
            e = OK;
    }
    return e;
}

/* A turn. *end: there is no device any more, or nothing more is wanted. */
static enum err walk_devices(struct walk *w, bool *end)
{
    size_t max = scan_max(w), n = 0;
    struct device *page = malloc(max * sizeof *page);
    enum err e = !page    ? ERR_MEMORY
                 : w->ids ? list_ids(w, page, max, &n)
                          : hub_device_list(w->request->env->hub, bytes_str(w->place.after), page, max, &n);

    for (size_t i = 0; !e && i < n && !has_all(w); i++)
        e = look_at(w, &page[i]);
    *end = n < max || has_all(w);
    free(page);
    return e;
}

/* The groups are in their order, of which those are left out that other pages had. */
static enum err put_groups(struct walk *w)
{
    size_t n = query_groups_end(w->groups);
    enum err e = OK;

    while (!e && w->place.given < n && w->place.given < w->query.top) {
        struct cells cells = {.out = &w->answer->body, .before = ""};

        if ((w->more = is_full(w)))
            break;
        buf_puts(cells.out, w->rows++ ? ",{" : "{");
        e = query_groups_put(w->groups, (size_t)w->place.given++, put_cell, &cells);
        buf_puts(cells.out, "}");
    }
    w->place.after[0] = 0; /* the next page counts them all again */
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

    query_groups_free(w->groups);
    query_close(&w->query);
    free(w->ids);
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
    if (w->groups && (e = put_groups(w)))
        return e;
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
    if ((e = take_query(r, a, &w->query)) || (e = take_page(r, a, &w->most)) || (e = take_place(r, a, &w->place)) ||
        (e = take_ids(w)))
        return e;
    if (w->query.groups && (e = query_groups_new(&w->query, &w->groups)))
        return e;
    buf_puts(&a->body, "[");
    return walk_on(r, a, w);
}
