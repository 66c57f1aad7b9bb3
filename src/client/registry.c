#include "account.h"
#include "http_talk.h"
#include "identity.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define API_VERSION "api-version=2021-04-12"

struct d2d_registry {
    struct account account;
    struct buf target, head, body; /* of the request at hand */
};

/* One request, while the loop is run for it. */
struct exchange {
    struct http_talk http;
    struct link *link;
    struct d2d_registry *registry;
    bool done;
    enum err e;
    char detail[256];
};

static void on_ended(void *ctx, enum err why)
{
    struct exchange *x = ctx;

    x->done = true;
    x->e = why;
    snprintf(x->detail, sizeof x->detail, "%s", err_text(why));
}

static void on_failed(void *ctx, enum err e, const char *detail)
{
    struct exchange *x = ctx;

    x->done = true;
    x->e = e;
    snprintf(x->detail, sizeof x->detail, "%s", detail);
}

static bool is_done(void *ctx)
{
    return ((struct exchange *)ctx)->done;
}

/* The head of the request into r->head, with what is in r->body behind it. */
static enum err put_request(struct d2d_registry *r, const char *method, const char *if_match)
{
    struct account *a = &r->account;
    struct buf token = buf_max(SAS_LEN_MAX), host = buf_max(HOST_LEN_MAX + 8);
    enum err e = account_token(a, bytes_str(a->host), (loop_now_ms(a->loop) + a->token_ttl_ms) / 1000, &token);

    buf_puts(&host, a->host);
    if (a->https_port != 443)
        buf_printf(&host, ":%d", a->https_port);
    buf_clear(&r->head);
    http_put_request(&r->head, method, buf_bytes(&r->target));
    http_put_header(&r->head, "Host", buf_bytes(&host));
    http_put_header(&r->head, "Authorization", buf_bytes(&token));
    http_put_header(&r->head, "Accept", BYTES("application/json"));
    http_put_header(&r->head, "User-Agent", BYTES("d2d/" D2D_VERSION));
    http_put_header(&r->head, "Connection", BYTES("close"));
    if (if_match)
        http_put_header(&r->head, "If-Match", bytes_str(if_match));
    if (r->body.len) {
        http_put_header(&r->head, "Content-Type", BYTES("application/json; charset=utf-8"));
        http_put_body(&r->head, buf_bytes(&r->body), false);
    } else if (strcmp(method, "PUT") == 0) {
        http_put_body(&r->head, NO_BYTES, false);
    } else {
        http_put_end(&r->head);
    }
    e = e ? e : buf_check(&r->target) ? ERR_ARGUMENT : buf_check(&r->body) ? ERR_ARGUMENT : buf_check(&r->head);
    buf_free(&token);
    buf_free(&host);
    return e;
}

static enum d2d_err carry(struct d2d_registry *r, struct exchange *x)
{
    struct account *a = &r->account;
    const struct dial dial = {.host = a->connect,
                              .name = a->host,
                              .port = a->https_port,
                              .tls = a->tls,
                              .timeout_ms = a->timeout_ms,
                              .talk = &x->http.talk,
                              .failed = on_failed,
                              .ctx = x};
    enum d2d_err e;

    if ((x->e = link_dial(a->loop, &dial, &x->link)))
        return account_fail(a, err_of(x->e), "%s: %s", a->connect, err_text(x->e));
    if ((e = loop_until(a->loop, is_done, x, -1))) {
        if (!x->done)
            link_drop(x->link);
        return account_fail(a, e, "%s", d2d_err_text(e));
    }
    if (x->e)
        return account_fail(a, err_of(x->e), "%s: %s", a->host, x->detail);
    return D2D_OK;
}

/* Says the request; a good answer's body goes into *answer (NULL: nobody wants it). */
static enum d2d_err request(struct d2d_registry *r, const char *method, const char *if_match, json_t **answer,
                            char **text)
{
    struct exchange x = {.registry = r};
    char why[300];
    enum d2d_err e;
    enum err inner = put_request(r, method, if_match);

    if (inner)
        return account_fail(&r->account, err_of(inner), "the request: %s", err_text(inner));
    r->account.detail[0] = 0;
    http_talk_init(&x.http);
    x.http.request = buf_bytes(&r->head);
    x.http.timeout_ms = r->account.timeout_ms;
    x.http.ended = on_ended;
    x.http.ctx = &x;
    if (!(e = carry(r, &x))) {
        struct bytes body = buf_bytes(&x.http.in.body);

        if ((e = status_error(x.http.in.head.status, body, why, sizeof why)))
            account_fail(&r->account, e, "%s", why);
        else if (answer && !(*answer = json_loadb((const char *)body.at, body.len, 0, NULL)))
            e = account_fail(&r->account, D2D_FAILED, "the answer is no JSON");
        else if (text && !(*text = strndup(body.len ? (const char *)body.at : "", body.len)))
            e = D2D_NO_MEMORY;
    }
    http_talk_close(&x.http);
    return e;
}

/* {collection}/{name}/{verb}; without the last, or the last two, when they are NULL. */
static void target_verb(struct d2d_registry *r, const char *collection, const char *name, const char *verb)
{
    buf_clear(&r->target);
    buf_clear(&r->body);
    buf_puts(&r->target, collection);
    if (name) {
        buf_puts(&r->target, "/");
        buf_put_percent(&r->target, bytes_str(name));
    }
    if (verb)
        buf_printf(&r->target, "/%s", verb);
    buf_puts(&r->target, "?" API_VERSION);
}

static void target(struct d2d_registry *r, const char *collection, const char *name)
{
    target_verb(r, collection, name, NULL);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

enum d2d_err d2d_registry_new(struct d2d_loop *loop, const struct d2d_options *o, struct d2d_registry **out)
{
    struct d2d_registry *r;
    enum d2d_err e;

    if (!loop || !o || !out)
        return D2D_ARGUMENT;
    r = calloc(1, sizeof *r);
    if (!r)
        return D2D_NO_MEMORY;
    if ((e = account_open(&r->account, loop, o, 1u << CONNSTR_SERVICE))) {
        free(r);
        return e;
    }
    r->target = buf_max(2048);
    r->head = buf_max(HTTP_HEAD_MAX + HTTP_BODY_MAX);
    r->body = buf_max(HTTP_BODY_MAX);
    *out = r;
    return D2D_OK;
}

void d2d_registry_free(struct d2d_registry *r)
{
    if (!r)
        return;
    account_close(&r->account);
    buf_free(&r->target);
    buf_free(&r->head);
    buf_free(&r->body);
    free(r);
}

const char *d2d_registry_detail(const struct d2d_registry *r)
{
    return r->account.detail;
}

/* ---- devices ------------------------------------------------------------------------------------------------------- */

static enum d2d_err exchange_identity(struct d2d_registry *r, const char *method, const char *if_match,
                                      struct d2d_identity *out)
{
    json_t *answer = NULL;
    enum d2d_err e = request(r, method, if_match, &answer, NULL);

    if (!e && !identity_read(answer, out))
        e = account_fail(&r->account, D2D_FAILED, "the answer is no identity");
    json_decref(answer);
    return e;
}

static enum d2d_err put(struct d2d_registry *r, struct d2d_identity *d, const char *if_match)
{
    if (!r || !d || !d->id[0] || (unsigned)d->auth > D2D_AUTH_CA)
        return D2D_ARGUMENT;
    target(r, "/devices", d->id);
    identity_put(d, &r->body);
    return exchange_identity(r, "PUT", if_match, d);
}

enum d2d_err d2d_registry_add(struct d2d_registry *r, struct d2d_identity *d)
{
    return put(r, d, NULL);
}

enum d2d_err d2d_registry_update(struct d2d_registry *r, struct d2d_identity *d)
{
    char if_match[sizeof d->etag + 3] = "\"*\"";

    if (d && d->etag[0])
        snprintf(if_match, sizeof if_match, "\"%s\"", d->etag);
    return put(r, d, if_match);
}

enum d2d_err d2d_registry_get(struct d2d_registry *r, const char *id, struct d2d_identity *out)
{
    if (!r || !id || !*id || !out)
        return D2D_ARGUMENT;
    target(r, "/devices", id);
    return exchange_identity(r, "GET", NULL, out);
}

enum d2d_err d2d_registry_remove(struct d2d_registry *r, const char *id)
{
    if (!r || !id || !*id)
        return D2D_ARGUMENT;
    target(r, "/devices", id);
    return request(r, "DELETE", "\"*\"", NULL, NULL);
}

enum d2d_err d2d_registry_purge(struct d2d_registry *r, const char *id, uint64_t *n)
{
    json_t *answer = NULL;
    enum d2d_err e;

    if (!r || !id || !*id || !n)
        return D2D_ARGUMENT;
    target_verb(r, "/devices", id, "commands");
    if ((e = request(r, "DELETE", NULL, &answer, NULL)))
        return e;
    *n = (uint64_t)json_integer_value(json_object_get(answer, "totalMessagesPurged"));
    json_decref(answer);
    return D2D_OK;
}

enum d2d_err d2d_registry_list(struct d2d_registry *r, size_t most, struct d2d_identity **out, size_t *n)
{
    struct d2d_identity *all;
    json_t *answer = NULL;
    enum d2d_err e;

    if (!r || !out || !n || !most)
        return D2D_ARGUMENT;
    target(r, "/devices", NULL);
    buf_printf(&r->target, "&top=%zu", most < LIST_MAX ? most : LIST_MAX);
    if ((e = request(r, "GET", NULL, &answer, NULL)))
        return e;
    all = calloc(json_array_size(answer) + 1, sizeof *all);
    if (!all) {
        json_decref(answer);
        return D2D_NO_MEMORY;
    }
    *n = 0;
    for (size_t i = 0; i < json_array_size(answer); i++)
        *n += identity_read(json_array_get(answer, i), &all[*n]);
    *out = all;
    json_decref(answer);
    return D2D_OK;
}

/* ---- what only a d2dhub has ---------------------------------------------------------------------------------------- */

#define GROUPS "/eventHubEndpoints/events/ConsumerGroups"
#define STATUS "/hub/status"

enum d2d_err d2d_registry_group_add(struct d2d_registry *r, const char *name)
{
    if (!r || !name || !*name)
        return D2D_ARGUMENT;
    target(r, GROUPS, name);
    return request(r, "PUT", NULL, NULL, NULL);
}

enum d2d_err d2d_registry_group_remove(struct d2d_registry *r, const char *name)
{
    if (!r || !name || !*name)
        return D2D_ARGUMENT;
    target(r, GROUPS, name);
    return request(r, "DELETE", NULL, NULL, NULL);
}

static enum d2d_err get_text(struct d2d_registry *r, const char *path, char **json)
{
    if (!r || !json)
        return D2D_ARGUMENT;
    target(r, path, NULL);
    return request(r, "GET", NULL, NULL, json);
}

enum d2d_err d2d_registry_groups(struct d2d_registry *r, char **json)
{
    return get_text(r, GROUPS, json);
}

enum d2d_err d2d_registry_status(struct d2d_registry *r, char **json)
{
    return get_text(r, STATUS, json);
}

/* ---- CA certificates ------------------------------------------------------------------------------------------------ */

#define CERTIFICATES "/certificates"

/* {"properties":{"certificate":base64…}} into r->body. */
static void put_certificate(struct d2d_registry *r, const void *certificate, size_t len, bool verified)
{
    buf_puts(&r->body, "{\"properties\":{\"certificate\":\"");
    buf_put_base64(&r->body, bytes_of(certificate, len));
    buf_printf(&r->body, "\",\"isVerified\":%s}}", verified ? "true" : "false");
}

enum d2d_err d2d_registry_cas(struct d2d_registry *r, char **json)
{
    return get_text(r, CERTIFICATES, json);
}

enum d2d_err d2d_registry_ca_add(struct d2d_registry *r, const char *name, const void *certificate, size_t len,
                                 bool verified, char **json)
{
    enum d2d_err e;

    if (!r || !name || !*name || !certificate || !len || !json)
        return D2D_ARGUMENT;
    target(r, CERTIFICATES, name);
    put_certificate(r, certificate, len, verified);
    /* Without an ETag this is all that can have changed. */
    return (e = request(r, "PUT", NULL, NULL, json)) == D2D_CHANGED ? D2D_EXISTS : e;
}

enum d2d_err d2d_registry_ca_remove(struct d2d_registry *r, const char *name)
{
    if (!r || !name || !*name)
        return D2D_ARGUMENT;
    target(r, CERTIFICATES, name);
    return request(r, "DELETE", "*", NULL, NULL);
}

enum d2d_err d2d_registry_ca_code(struct d2d_registry *r, const char *name, char **json)
{
    if (!r || !name || !*name || !json)
        return D2D_ARGUMENT;
    target_verb(r, CERTIFICATES, name, "generateVerificationCode");
    buf_puts(&r->body, "{}");
    return request(r, "POST", "*", NULL, json);
}

enum d2d_err d2d_registry_ca_verify(struct d2d_registry *r, const char *name, const void *proof, size_t len,
                                    char **json)
{
    if (!r || !name || !*name || !proof || !len || !json)
        return D2D_ARGUMENT;
    target_verb(r, CERTIFICATES, name, "verify");
    put_certificate(r, proof, len, false);
    return request(r, "POST", "*", NULL, json);
}
