#include "outside_hub.h"

#include "json_text.h"
#include "log.h"
#include "net.h"
#include "outside_http.h"
#include "sas.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 64 * 1024, TOKEN_S = 300 };

bool linked_hub_read(struct linked_hub *h)
{
    size_t len;

    if (connstr_parse(bytes_str(h->text), &h->string) || h->string.kind != CONNSTR_SERVICE || !h->string.key_name.len ||
        base64_decode(h->string.key, h->key.at, sizeof h->key.at, &len) || !len ||
        !bytes_to_str(h->string.host, h->host, sizeof h->host))
        return false;
    h->key.len = (uint8_t)len;
    return true;
}

/* A query may hold the key of the webhook. */
static void log_failure(const struct outside_http *h, enum err e)
{
    struct bytes url = bytes_str(h->url);
    char shown[256];

    snprintf(shown, sizeof shown, "%.*s", BYTES_ARG(bytes_first(url, bytes_find(url, '?'))));
    log_event(LOG_WARN, "outside-refused", KVS("method", h->method), KVS("url", shown), KVN("status", h->status),
              KVS("why", !e          ? "status"
                         : h->why[0] ? h->why
                                     : err_text(e)));
}

enum err outside_ask(const struct outside_line *line, const struct linked_hub *hub, const char *method, const char *url,
                     const char *if_match, struct bytes body, struct buf *answer, int *status)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    struct outside_http h = {.ca_file = line->ca_file,
                             .stopping = line->stopping,
                             .method = method,
                             .url = url,
                             .if_match = if_match,
                             .body = body,
                             .answer = answer};
    enum err e = OK;

    if (hub) {
        e = sas_make(hub->string.host, hub->string.key_name, net_wall_ms() / 1000 + TOKEN_S,
                     bytes_of(hub->key.at, hub->key.len), &token);
        h.token = buf_str(&token);
    }
    if (!e)
        e = outside_http(&h);
    *status = h.status;
    if (e || h.status < 200 || h.status > 299)
        log_failure(&h, e);
    buf_free(&token);
    return e;
}

static json_t *json_of_key(const struct key_bytes *key)
{
    char room[KEY_TEXT_MAX + 1];
    struct buf b = buf_over(room, sizeof room);
    json_t *text;

    buf_put_base64(&b, bytes_of(key->at, key->len));
    text = json_stringn(room, b.len);
    explicit_bzero(room, sizeof room);
    return text;
}

/* service 4.3 */
static json_t *authentication_of(const struct device *d)
{
    if (d->auth == AUTH_SAS)
        return json_pack("{ss s{so so}}", "type", "sas", "symmetricKey", "primaryKey", json_of_key(&d->primary),
                         "secondaryKey", json_of_key(&d->secondary));
    return json_pack("{ss s{ss ss}}", "type", "selfSigned", "x509Thumbprint", "primaryThumbprint", d->thumbprint[0],
                     "secondaryThumbprint", d->thumbprint[1]);
}

/* Below /devices or /twins. */
static void put_url(const struct linked_hub *hub, const char *below, const char *device, struct buf *out)
{
    buf_printf(out, "https://%s:%u/%s/", hub->host, hub->string.port ? hub->string.port : 443, below);
    buf_put_percent(out, bytes_str(device));
    buf_puts(out, "?api-version=2021-04-12");
}

/* Takes the identity. */
static enum err put_there(const struct outside_line *line, const struct linked_hub *hub, const char *url,
                          json_t *identity, const char *if_match, int *status)
{
    char *text = identity ? json_text(identity, JSON_COMPACT) : NULL;
    struct buf answer = buf_max(ANSWER_MAX);
    enum err e = text ? outside_ask(line, hub, "PUT", url, if_match, bytes_str(text), &answer, status) : ERR_MEMORY;

    json_decref(identity);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    buf_free(&answer);
    return e;
}

/* A device that is there already keeps its state, also whether it may connect: only its proof of identity changes. */
static enum err change_there(const struct outside_line *line, const struct linked_hub *hub,
                             const struct outside_request *request, const char *url, int *status)
{
    struct buf answer = buf_max(ANSWER_MAX);
    enum err e = outside_ask(line, hub, "GET", url, NULL, NO_BYTES, &answer, status);
    json_t *identity = !e && *status == 200 ? json_loadb((const char *)answer.at, answer.len, 0, NULL) : NULL;
    const char *etag = json_string_value(json_object_get(identity, "etag"));
    char if_match[128];

    if (!etag || (size_t)snprintf(if_match, sizeof if_match, "\"%s\"", etag) >= sizeof if_match ||
        json_object_set_new(identity, "authentication", authentication_of(&request->device))) {
        json_decref(identity);
        e = e ? e : ERR_PROTOCOL;
    } else {
        e = put_there(line, hub, url, identity, if_match, status);
    }
    if (answer.at)
        explicit_bzero(answer.at, answer.cap);
    buf_free(&answer);
    return e;
}

bool hub_make_device(const struct outside_line *line, const struct linked_hub *hub,
                     const struct outside_request *request, bool *is_new)
{
    struct buf url = buf_max(2048);
    int status = 0;
    enum err e;

    put_url(hub, "devices", request->device.id, &url);
    e = put_there(line, hub, buf_str(&url),
                  json_pack("{ss ss so s{sb}}", "deviceId", request->device.id, "status", "enabled", "authentication",
                            authentication_of(&request->device), "capabilities", "iotEdge", request->device.edge),
                  NULL, &status);
    *is_new = !e && status >= 200 && status < 300;
    if (!e && (status == 409 || status == 412) && outside_may_replace(request, hub->host))
        e = change_there(line, hub, request, buf_str(&url), &status);
    buf_free(&url);
    return !e && status >= 200 && status < 300;
}

void hub_remove_device(const struct outside_line *line, const struct linked_hub *hub, const char *id)
{
    struct buf url = buf_max(2048), answer = buf_max(ANSWER_MAX);
    int status = 0;

    put_url(hub, "devices", id, &url);
    (void)!outside_ask(line, hub, "DELETE", buf_str(&url), "\"*\"", NO_BYTES, &answer, &status);
    buf_free(&url);
    buf_free(&answer);
}

char *hub_read_twin(const struct outside_line *line, const struct linked_hub *hub, const char *id)
{
    struct buf url = buf_max(2048), answer = buf_max(TWIN_JSON_MAX);
    char *twin = NULL;
    int status = 0;

    put_url(hub, "twins", id, &url);
    if (!outside_ask(line, hub, "GET", buf_str(&url), NULL, NO_BYTES, &answer, &status) && status == 200)
        twin = strdup(buf_str(&answer));
    buf_free(&url);
    buf_free(&answer);
    return twin;
}

/* An object, or an empty one. */
static json_t *object_at(const json_t *in, const char *name)
{
    json_t *part = json_object_get(in, name);

    return json_is_object(part) ? json_incref(part) : json_object();
}

void hub_write_twin(const struct outside_line *line, const struct linked_hub *hub, const char *id, const char *twin)
{
    json_t *root = json_loads(twin, 0, NULL);
    json_t *written = json_pack("{so s{so}}", "tags", object_at(root, "tags"), "properties", "desired",
                                object_at(json_object_get(root, "properties"), "desired"));
    struct buf url = buf_max(2048);
    int status = 0;

    put_url(hub, "twins", id, &url);
    (void)!put_there(line, hub, buf_str(&url), written, "\"*\"", &status);
    json_decref(root);
    buf_free(&url);
}
