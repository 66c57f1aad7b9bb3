#include "registry.h"

#include "handle.h"
#include "identity.h"
#include "inquiry.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define API_VERSION "2021-04-12"

void registry_target_of(struct d2d_registry *r, const char *version, const char *collection, const char *name,
                        const char *verb)
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
    buf_printf(&r->target, "?api-version=%s", version);
}

void registry_target(struct d2d_registry *r, const char *collection, const char *name, const char *verb)
{
    registry_target_of(r, API_VERSION, collection, name, verb);
}

void registry_target_identity(struct d2d_registry *r, const char *collection, const char *id, const char *verb)
{
    struct bytes module = bytes_str(id), device = bytes_cut(&module, '/');

    buf_clear(&r->target);
    buf_clear(&r->body);
    buf_printf(&r->target, "%s/", collection);
    buf_put_percent(&r->target, device);
    if (module.at) {
        buf_puts(&r->target, "/modules/");
        buf_put_percent(&r->target, module);
    }
    if (verb)
        buf_printf(&r->target, "/%s", verb);
    buf_puts(&r->target, "?api-version=" API_VERSION);
}

bool registry_if_match(const char *etag, char out[IF_MATCH_CAP])
{
    bool bare = etag[0] == '"' || strcmp(etag, "*") == 0;

    return (size_t)snprintf(out, IF_MATCH_CAP, bare ? "%s" : "\"%s\"", etag) < IF_MATCH_CAP;
}

static enum err check(struct d2d_registry *r, struct buf *token)
{
    struct account *a = &r->account;
    enum err e = account_token(a, bytes_str(a->host), token);

    return e ? e : r->target.bad || r->body.bad ? ERR_ARGUMENT : OK;
}

enum d2d_err registry_ask(struct d2d_registry *r, const char *method, const char *if_match, const char *continuation,
                          struct http_talk *h)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    enum d2d_err e = account_may_wait(&r->account);
    enum err inner = e ? OK : check(r, &token);
    const struct http_ask ask = {.method = method,
                                 .target = buf_bytes(&r->target),
                                 .token = buf_bytes(&token),
                                 .body = buf_bytes(&r->body),
                                 .if_match = if_match,
                                 .continuation = continuation,
                                 .most = r->most};
    char why[300];

    *h = (struct http_talk){0};
    if (e)
        return e;
    if (inner)
        e = account_fail(&r->account, err_of(inner), "the request: %s", err_text(inner));
    else if (!(e = http_ask(&r->account, &ask, r->limit_ms ? r->limit_ms : -1, h)) &&
             (e = status_error(h->in.head.status, buf_bytes(&h->in.body), why, sizeof why)))
        e = inquiry_verdict(&r->account, &h->in.head, account_fail(&r->account, e, "%s", why));
    buf_free(&token);
    return e;
}

/* All numbers are reals if there is a whole one that does not fit into 64 bits. */
static json_t *read_answer(struct bytes body)
{
    const char *text = body.len ? (const char *)body.at : "";
    json_t *root = json_loadb(text, body.len, 0, NULL);

    return root ? root : json_loadb(text, body.len, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
}

enum d2d_err registry_request(struct d2d_registry *r, const char *method, const char *if_match, json_t **answer,
                              char **text)
{
    struct http_talk h;
    enum d2d_err e = registry_ask(r, method, if_match, NULL, &h);
    struct bytes body = buf_bytes(&h.in.body);

    if (!e && answer && !(*answer = read_answer(body)))
        e = account_fail(&r->account, D2D_FAILED, "the answer is not JSON");
    else if (!e && text && !(*text = strndup(body.len ? (const char *)body.at : "", body.len)))
        e = D2D_NO_MEMORY;
    http_talk_close(&h);
    return e;
}

enum d2d_err registry_page(struct d2d_registry *r, const char *method, char after[D2D_AFTER_CAP], char **text)
{
    struct http_talk h;
    enum d2d_err e = registry_ask(r, method, NULL, after[0] ? after : NULL, &h);
    struct bytes body = buf_bytes(&h.in.body);

    if (!e && !bytes_to_str(http_header(&h.in.head, BYTES("x-ms-continuation")), after, D2D_AFTER_CAP))
        e = account_fail(&r->account, D2D_FAILED, "the continuation token of the hub is too long");
    if (!e && !(*text = strndup(body.len ? (const char *)body.at : "", body.len)))
        e = D2D_NO_MEMORY;
    http_talk_close(&h);
    return e;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static enum d2d_err registry_begin(void *handle, const void *options)
{
    struct d2d_registry *r = handle;

    (void)options;
    r->target = buf_max(2048);
    r->body = buf_max(HTTP_BODY_MAX);
    return D2D_OK;
}

static void registry_end(void *handle)
{
    struct d2d_registry *r = handle;

    buf_free(&r->target);
    buf_free(&r->body);
}

enum d2d_err d2d_registry_new(struct d2d_loop *loop, const struct d2d_options *options, struct d2d_registry **out)
{
    static const struct handle_kind kind = {.size = sizeof(struct d2d_registry),
                                            .strings = 1u << CONNSTR_SERVICE,
                                            .begin = registry_begin,
                                            .end = registry_end};

    return handle_new(&kind, loop, options, out);
}

void d2d_registry_free(struct d2d_registry *r)
{
    if (!r || r->account.gone)
        return;
    r->account.gone = true;
    handle_bury(&r->account);
}

const char *d2d_registry_detail(const struct d2d_registry *r)
{
    return r->account.detail;
}
