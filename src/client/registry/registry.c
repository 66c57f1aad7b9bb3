#include "registry.h"

#include "identity.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- devices --------------------------------------------------------------------------------------------------- */

static enum d2d_err exchange_identity(struct d2d_registry *r, const char *method, const char *if_match,
                                      struct d2d_identity *out)
{
    json_t *answer = NULL;
    enum d2d_err e = registry_request(r, method, if_match, &answer, NULL);

    if (!e && !identity_read(answer, out))
        e = account_fail(&r->account, D2D_FAILED, "the answer is not an identity");
    json_decref(answer);
    return e;
}

static enum d2d_err put(struct d2d_registry *r, struct d2d_identity *d, const char *if_match)
{
    char id[sizeof d->id + sizeof d->module];
    enum d2d_err e;

    if (!r || !d || (unsigned)d->auth > D2D_AUTH_CA)
        return D2D_ARGUMENT;
    if ((e = account_check_id(&r->account, d->id)) || (d->module[0] && (e = account_check_id(&r->account, d->module))))
        return e;
    snprintf(id, sizeof id, d->module[0] ? "%s/%s" : "%s", d->id, d->module);
    registry_target_identity(r, "/devices", id, NULL);
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
    registry_target_identity(r, "/devices", id, NULL);
    return exchange_identity(r, "GET", NULL, out);
}

enum d2d_err d2d_registry_remove(struct d2d_registry *r, const char *id)
{
    if (!r || !id || !*id)
        return D2D_ARGUMENT;
    registry_target_identity(r, "/devices", id, NULL);
    return registry_request(r, "DELETE", "\"*\"", NULL, NULL);
}

enum d2d_err d2d_registry_purge(struct d2d_registry *r, const char *id, uint64_t *n)
{
    json_t *answer = NULL;
    enum d2d_err e;

    if (!r || !id || !*id || !n)
        return D2D_ARGUMENT;
    registry_target(r, "/devices", id, "commands");
    if ((e = registry_request(r, "DELETE", NULL, &answer, NULL)))
        return e;
    *n = (uint64_t)json_integer_value(json_object_get(answer, "totalMessagesPurged"));
    json_decref(answer);
    return D2D_OK;
}

/* An answer that is a list of identities. */
static enum d2d_err request_list(struct d2d_registry *r, struct d2d_identity **out, size_t *n)
{
    struct d2d_identity *all;
    json_t *answer = NULL;
    enum d2d_err e;

    if ((e = registry_request(r, "GET", NULL, &answer, NULL)))
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

enum d2d_err d2d_registry_list(struct d2d_registry *r, size_t most, struct d2d_identity **out, size_t *n)
{
    if (!r || !out || !n || !most)
        return D2D_ARGUMENT;
    registry_target(r, "/devices", NULL, NULL);
    buf_printf(&r->target, "&top=%zu", most < LIST_MAX ? most : LIST_MAX);
    return request_list(r, out, n);
}

enum d2d_err d2d_registry_modules(struct d2d_registry *r, const char *device, struct d2d_identity **out, size_t *n)
{
    if (!r || !device || !*device || !out || !n)
        return D2D_ARGUMENT;
    registry_target(r, "/devices", device, "modules");
    return request_list(r, out, n);
}

static enum d2d_err take_page(struct d2d_registry *r, struct http_talk *h, char after[D2D_AFTER_CAP],
                              struct d2d_identity **out, size_t *n)
{
    struct bytes body = buf_bytes(&h->in.body);
    json_t *rows = json_loadb(body.len ? (const char *)body.at : "", body.len, JSON_REJECT_DUPLICATES, NULL);
    struct d2d_identity *page = calloc(json_array_size(rows) + 1, sizeof *page);
    enum d2d_err e = page ? D2D_OK : D2D_NO_MEMORY;

    if (!json_is_array(rows))
        e = account_fail(&r->account, D2D_FAILED, "the hub's answer to a query is not a list");
    else if (!bytes_to_str(http_header(&h->in.head, BYTES("x-ms-continuation")), after, D2D_AFTER_CAP))
        e = account_fail(&r->account, D2D_FAILED, "the continuation token of the hub is too long");
    *n = 0;
    for (size_t i = 0; !e && i < json_array_size(rows); i++)
        *n += identity_read_twin(json_array_get(rows, i), &page[*n]);
    json_decref(rows);
    if (e)
        free(page);
    else
        *out = page;
    return e;
}

static void put_query(struct d2d_registry *r, const char *where)
{
    struct buf query = buf_max(HTTP_BODY_MAX / 8);

    buf_puts(&query, "SELECT * FROM devices");
    if (where)
        buf_printf(&query, " WHERE %s", where);
    buf_puts(&r->body, "{\"query\":");
    buf_put_json(&r->body, buf_bytes(&query));
    buf_puts(&r->body, "}");
    r->body.bad |= query.bad;
    buf_free(&query);
}

enum d2d_err d2d_registry_find(struct d2d_registry *r, const char *where, char after[D2D_AFTER_CAP],
                               struct d2d_identity **out, size_t *n)
{
    struct http_talk h;
    enum d2d_err e;

    if (!r || !after || !out || !n)
        return D2D_ARGUMENT;
    registry_target(r, "/devices", "query", NULL);
    put_query(r, where);
    if (!(e = registry_ask(r, "POST", NULL, after[0] ? after : NULL, &h)))
        e = take_page(r, &h, after, out, n);
    http_talk_close(&h);
    return e;
}

enum d2d_err d2d_registry_page(struct d2d_registry *r, char after[D2D_AFTER_CAP], struct d2d_identity **out, size_t *n)
{
    return d2d_registry_find(r, NULL, after, out, n);
}

/* ---- what only a d2dhub has ------------------------------------------------------------------------------------ */

#define GROUPS "/eventHubEndpoints/events/ConsumerGroups"
#define STATUS "/hub/status"

enum d2d_err d2d_registry_group_add(struct d2d_registry *r, const char *name)
{
    if (!r || !name || !*name)
        return D2D_ARGUMENT;
    registry_target(r, GROUPS, name, NULL);
    return registry_request(r, "PUT", NULL, NULL, NULL);
}

enum d2d_err d2d_registry_group_remove(struct d2d_registry *r, const char *name)
{
    if (!r || !name || !*name)
        return D2D_ARGUMENT;
    registry_target(r, GROUPS, name, NULL);
    return registry_request(r, "DELETE", NULL, NULL, NULL);
}

static enum d2d_err get_text(struct d2d_registry *r, const char *path, char **json)
{
    if (!r || !json)
        return D2D_ARGUMENT;
    registry_target(r, path, NULL, NULL);
    return registry_request(r, "GET", NULL, NULL, json);
}

enum d2d_err d2d_registry_groups(struct d2d_registry *r, char **json)
{
    return get_text(r, GROUPS, json);
}

enum d2d_err d2d_registry_status(struct d2d_registry *r, char **json)
{
    return get_text(r, STATUS, json);
}

/* ---- CA certificates ------------------------------------------------------------------------------------------- */

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
    registry_target(r, CERTIFICATES, name, NULL);
    put_certificate(r, certificate, len, verified);
    /* Without an ETag this is all that can have changed. */
    return (e = registry_request(r, "PUT", NULL, NULL, json)) == D2D_CHANGED ? D2D_EXISTS : e;
}

enum d2d_err d2d_registry_ca_remove(struct d2d_registry *r, const char *name)
{
    if (!r || !name || !*name)
        return D2D_ARGUMENT;
    registry_target(r, CERTIFICATES, name, NULL);
    return registry_request(r, "DELETE", "*", NULL, NULL);
}

enum d2d_err d2d_registry_ca_code(struct d2d_registry *r, const char *name, char **json)
{
    if (!r || !name || !*name || !json)
        return D2D_ARGUMENT;
    registry_target(r, CERTIFICATES, name, "generateVerificationCode");
    buf_puts(&r->body, "{}");
    return registry_request(r, "POST", "*", NULL, json);
}

enum d2d_err d2d_registry_ca_verify(struct d2d_registry *r, const char *name, const void *proof, size_t len,
                                    char **json)
{
    if (!r || !name || !*name || !proof || !len || !json)
        return D2D_ARGUMENT;
    registry_target(r, CERTIFICATES, name, "verify");
    put_certificate(r, proof, len, false);
    return registry_request(r, "POST", "*", NULL, json);
}
