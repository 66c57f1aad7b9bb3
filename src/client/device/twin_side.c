#include "twin_side.h"

#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MS = 5000, WHY_CAP = 300 };

void twin_init(struct twin_side *t, int64_t timeout_ms)
{
    list_init(&t->asks);
    t->timeout_ms = timeout_ms;
}

bool twin_is_wanted(const struct twin_side *t)
{
    return t->follows || t->n;
}

static struct twin_ask *make(struct twin_side *t, enum twin_verb verb, struct bytes body)
{
    struct twin_ask *a = calloc(1, sizeof *a + body.len);

    if (!a)
        return NULL;
    a->id = ++t->last_id;
    a->verb = verb;
    a->len = body.len;
    if (body.len)
        memcpy(a->body, body.at, body.len);
    t->n++;
    return a;
}

struct twin_ask *twin_put(struct twin_side *t, enum twin_verb verb, struct bytes body, bool *full)
{
    struct twin_ask *a = NULL;

    *full = t->n >= TWIN_ASKS_MAX;
    if (!*full && (a = make(t, verb, body)))
        list_add(&t->asks, &a->link);
    return a;
}

struct twin_ask *twin_ask_next(struct twin_side *t, int64_t now_ms)
{
    LIST_EACH (&t->asks, it) {
        struct twin_ask *a = LIST_OF(it, struct twin_ask, link);

        if (a->said)
            continue;
        a->said = true;
        a->until_ms = now_ms + t->timeout_ms;
        return a;
    }
    return NULL;
}

bool twin_waits(const struct twin_side *t)
{
    LIST_EACH (&t->asks, it)
        if (LIST_OF(it, struct twin_ask, link)->said)
            return true;
    return false;
}

void twin_forget(struct twin_side *t, const void *ctx, d2d_twin_answered *done)
{
    LIST_EACH (&t->asks, it) {
        struct twin_ask *a = LIST_OF(it, struct twin_ask, link);

        if (a->ctx == ctx)
            a->done = done;
    }
}

static struct twin_ask *take(struct twin_side *t, struct twin_ask *a)
{
    list_del(&a->link);
    t->n--;
    return a;
}

/* Ours come before the program's. A failure to make one is mended by the next connection. */
static void ask_first(struct twin_side *t, enum twin_verb verb)
{
    struct twin_ask *a = make(t, verb, NO_BYTES);

    if (a)
        list_add(t->asks.next, &a->link);
}

static void sync_now(struct twin_side *t)
{
    t->syncing = true;
    t->again_ms = 0;
    ask_first(t, TWIN_GET);
}

void twin_opened(struct twin_side *t, bool follow)
{
    t->ahead = 0;
    if (!t->follows)
        return;
    sync_now(t);
    if (follow)
        ask_first(t, TWIN_FOLLOW);
}

/* Ours belong to their connection. */
static bool is_ours(const struct twin_ask *a)
{
    return a->verb == TWIN_FOLLOW || (a->verb == TWIN_GET && !a->done);
}

void twin_rewind(struct twin_side *t)
{
    LIST_EACH (&t->asks, it) {
        struct twin_ask *a = LIST_OF(it, struct twin_ask, link);

        a->said = false;
        if (is_ours(a))
            free(take(t, a));
    }
    t->syncing = false;
    t->again_ms = 0;
}

static enum d2d_err error_of(int64_t status)
{
    switch (status) {
    case 400:
    case 413:
        return D2D_ARGUMENT;
    case 401:
    case 403:
        return D2D_NOT_AUTHORISED;
    case 404:
        return D2D_NOT_FOUND;
    case 408:
    case 504:
        return D2D_TIMED_OUT;
    case 412:
        return D2D_CHANGED;
    case 429:
    case 503:
        return D2D_OVER_QUOTA;
    default:
        return status >= 200 && status < 300 ? D2D_OK : D2D_FAILED;
    }
}

/* device 2.12: an error is JSON with a message. */
static void put_why(int64_t status, struct bytes body, char out[WHY_CAP])
{
    json_t *root = json_loadb(body.len ? (const char *)body.at : "", body.len, 0, NULL);
    const char *message = json_string_value(json_object_get(root, "message"));

    if (!message)
        message = json_string_value(json_object_get(root, "Message"));
    snprintf(out, WHY_CAP, "%s (status %lld)", message ? message : "the hub refused it", (long long)status);
    json_decref(root);
}

/* ---- the desired properties ------------------------------------------------------------------------------------ */

static void give(struct twin_side *t, const json_t *properties, int64_t version, bool whole)
{
    char *text = json_text(properties, JSON_COMPACT | JSON_REAL_PRECISION(17));

    if (!text) {
        t->failed(t->ctx, "out of memory");
        return;
    }
    t->known = true;
    t->version = version;
    t->desired(t->ctx,
               &(struct d2d_desired){.version = version, .whole = whole, .json = text, .json_len = strlen(text)});
    free(text);
}

static bool version_of(const json_t *properties, int64_t *out)
{
    const json_t *version = json_object_get(properties, "$version");

    *out = json_integer_value(version);
    return json_is_integer(version);
}

/* A change that was notified before this was read is in it, or it is asked for once more. */
static void take_whole(struct twin_side *t, struct bytes body)
{
    json_t *root = json_loadb(body.len ? (const char *)body.at : "", body.len, 0, NULL);
    const json_t *desired = json_object_get(root, "desired");
    int64_t version;

    if (!version_of(desired, &version)) {
        t->failed(t->ctx, "the hub's answer has no desired properties");
    } else if (version < t->ahead) {
        sync_now(t);
    } else if (!t->known || version != t->version) {
        give(t, desired, version, true);
    }
    json_decref(root);
}

static void sync_answered(struct twin_side *t, const struct twin_answer *answer, int64_t now_ms)
{
    t->syncing = false;
    if (!answer->e) {
        take_whole(t, answer->body);
        return;
    }
    t->again_ms = now_ms + AGAIN_MS;
    t->failed(t->ctx, answer->why);
}

void twin_notified(struct twin_side *t, struct bytes patch)
{
    json_t *root = t->follows ? json_loadb(patch.len ? (const char *)patch.at : "", patch.len, 0, NULL) : NULL;
    int64_t version;

    if (version_of(root, &version)) {
        if (version > t->ahead)
            t->ahead = version;
        if (!t->syncing && t->known && version == t->version + 1)
            give(t, root, version, false);
        else if (!t->syncing && (!t->known || version > t->version))
            sync_now(t);
    }
    json_decref(root);
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void tell(struct twin_side *t, struct twin_ask *a, const struct twin_answer *answer, int64_t now_ms)
{
    take(t, a);
    if (a->done)
        t->answered(t->ctx, a, answer);
    else if (a->verb == TWIN_GET && t->syncing)
        sync_answered(t, answer, now_ms);
    else if (a->verb == TWIN_FOLLOW && answer->e)
        t->failed(t->ctx, answer->why);
    free(a);
}

void twin_answer_came(struct twin_side *t, uint64_t id, int64_t status, int64_t version, struct bytes body,
                      int64_t now_ms)
{
    char why[WHY_CAP] = "";
    struct twin_answer answer = {.e = error_of(status), .why = why, .version = version, .body = body};

    LIST_EACH (&t->asks, it) {
        struct twin_ask *a = LIST_OF(it, struct twin_ask, link);

        if (a->id != id || !a->said)
            continue;
        if (answer.e)
            put_why(status, body, why);
        tell(t, a, &answer, now_ms);
        return;
    }
}

int64_t twin_due(struct twin_side *t, int64_t now_ms)
{
    static const struct twin_answer late = {.e = D2D_TIMED_OUT, .why = "the hub does not answer"};
    int64_t next_ms = INT64_MAX;

    if (t->again_ms && now_ms >= t->again_ms)
        sync_now(t);
    else if (t->again_ms)
        next_ms = t->again_ms;
    if (list_empty(&t->asks))
        return next_ms;
    /* The first has waited longest; one a call, because its owner may go in the meantime. */
    struct twin_ask *first = LIST_OF(t->asks.next, struct twin_ask, link);
    if (!first->said)
        return next_ms;
    if (now_ms >= first->until_ms) {
        tell(t, first, &late, now_ms);
        return now_ms;
    }
    return first->until_ms < next_ms ? first->until_ms : next_ms;
}

void twin_end(struct twin_side *t, enum d2d_err why)
{
    const struct twin_answer answer = {.e = why, .why = d2d_err_text(why)};

    t->syncing = false;
    t->again_ms = 0;
    while (!list_empty(&t->asks)) {
        struct twin_ask *a = LIST_OF(list_take(&t->asks), struct twin_ask, link);

        if (is_ours(a))
            free(take(t, a));
        else
            tell(t, a, &answer, 0);
    }
}
