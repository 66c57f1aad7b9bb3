#include "device.h"

#include "json_text.h"

#include <stdlib.h>

static void on_reported(void *ctx, struct d2d_device *d, enum d2d_err e, int64_t version, const char *json, size_t len)
{
    (void)ctx, (void)d, (void)e, (void)version, (void)json, (void)len;
}

static enum d2d_err ask(struct d2d_device *d, enum twin_verb verb, struct bytes body, d2d_twin_answered *done,
                        void *ctx)
{
    struct twin_ask *a;
    bool full;

    if (d->ended)
        return d->ended;
    if (!(a = twin_put(&d->side.twin, verb, body, &full)))
        return full ? account_fail(&d->account, D2D_OVER_QUOTA, "the twin: %d questions are not answered yet",
                                   TWIN_ASKS_MAX)
                    : D2D_NO_MEMORY;
    a->done = done;
    a->ctx = ctx;
    connection_wake(&d->connection);
    return D2D_OK;
}

enum d2d_err d2d_device_twin(struct d2d_device *d, d2d_twin_answered *answered, void *ctx)
{
    return d && answered ? ask(d, TWIN_GET, NO_BYTES, answered, ctx) : D2D_ARGUMENT;
}

/* A report that no hub would take does not leave. */
static enum d2d_err check_report(struct d2d_device *d, struct bytes json)
{
    json_error_t why;
    json_t *root = json_loadb((const char *)json.at, json.len, JSON_REJECT_DUPLICATES, &why);
    bool good = json_is_object(root);

    if (!root)
        account_fail(&d->account, D2D_ARGUMENT, "the reported properties are not JSON: %s", why.text);
    else if (!good)
        account_fail(&d->account, D2D_ARGUMENT, "the reported properties are not a JSON object");
    json_decref(root);
    return good ? D2D_OK : D2D_ARGUMENT;
}

enum d2d_err d2d_device_report(struct d2d_device *d, const char *json, size_t len, d2d_twin_answered *answered,
                               void *ctx)
{
    enum d2d_err e;

    if (!d || !json)
        return D2D_ARGUMENT;
    if ((e = check_report(d, bytes_of(json, len))))
        return e;
    return ask(d, TWIN_REPORT, bytes_of(json, len), answered ? answered : on_reported, ctx);
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

struct waiting {
    bool done;
    enum d2d_err e;
    int64_t version;
    char *json;
};

static void on_answered(void *ctx, struct d2d_device *d, enum d2d_err e, int64_t version, const char *json, size_t len)
{
    struct waiting *w = ctx;

    (void)d;
    w->done = true;
    w->e = e;
    w->version = version;
    if (json && !(w->json = strndup(json, len)))
        w->e = D2D_NO_MEMORY;
}

static bool is_done(void *ctx)
{
    return ((struct waiting *)ctx)->done;
}

/* It stays among the questions when the time is over; nobody waits for it any more. */
static enum d2d_err wait_for(struct d2d_device *d, struct waiting *w, int64_t timeout_ms)
{
    enum d2d_err e = loop_until(d->account.loop, is_done, w, timeout_ms);

    if (e)
        twin_forget(&d->side.twin, w, on_reported);
    return e ? e : w->e;
}

enum d2d_err d2d_device_twin_wait(struct d2d_device *d, char **json, int64_t timeout_ms)
{
    struct waiting w = {.done = false};
    enum d2d_err e;

    if (!d || !json)
        return D2D_ARGUMENT;
    if ((e = account_may_wait(&d->account)) || (e = d2d_device_twin(d, on_answered, &w)) ||
        (e = wait_for(d, &w, timeout_ms)))
        return e;
    *json = w.json;
    return D2D_OK;
}

enum d2d_err d2d_device_report_wait(struct d2d_device *d, const char *json, size_t len, int64_t *version,
                                    int64_t timeout_ms)
{
    struct waiting w = {.done = false};
    enum d2d_err e;

    if (!d || !json)
        return D2D_ARGUMENT;
    if ((e = account_may_wait(&d->account)) || (e = d2d_device_report(d, json, len, on_answered, &w)) ||
        (e = wait_for(d, &w, timeout_ms)))
        return e;
    if (version)
        *version = w.version;
    return D2D_OK;
}
