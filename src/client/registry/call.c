/* Calling a direct method of a device (service 4.7). */
#include "registry.h"

#include "identity.h"
#include "json_text.h"
#include "options.h"
#include "text.h"

#include <stdlib.h>

enum { RESPONSE_S = 30, MARGIN_MS = 15000 };

/* Which of the failures of a call it is: their numbers stand in the text of the error. */
static enum d2d_err verdict(struct d2d_registry *r, enum d2d_err e)
{
    static const struct {
        const char *number;
        enum d2d_err e;
    } failures[] = {{"\"errorCode\":404103", D2D_NO_CONNECTION},
                    {"\"errorCode\":404104", D2D_CLOSED},
                    {"\"errorCode\":502000", D2D_REFUSED},
                    {"\"errorCode\":504101", D2D_TIMED_OUT}};

    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        if (strstr(r->account.detail, failures[i].number))
            return failures[i].e;
    return e;
}

static void put_question(struct d2d_registry *r, const struct d2d_question *q, unsigned response_s)
{
    buf_puts(&r->body, "{\"methodName\":");
    buf_put_json(&r->body, bytes_str(q->method));
    buf_printf(&r->body, ",\"responseTimeoutInSeconds\":%u,\"connectTimeoutInSeconds\":%u", response_s, q->connect_s);
    if (q->payload) {
        buf_puts(&r->body, ",\"payload\":");
        buf_puts(&r->body, q->payload);
    }
    buf_puts(&r->body, "}");
}

static enum d2d_err take(struct d2d_registry *r, const json_t *answer, int *status, char **payload)
{
    const json_t *number = json_object_get(answer, "status");

    if (!json_is_number(number))
        return account_fail(&r->account, D2D_FAILED, "the answer has no status");
    *status = (int)json_number_value(number);
    *payload = json_text(json_object_get(answer, "payload"), JSON_COMPACT | JSON_ENCODE_ANY);
    if (!*payload && !(*payload = strdup("null")))
        return D2D_NO_MEMORY;
    return D2D_OK;
}

enum d2d_err d2d_registry_call(struct d2d_registry *r, const char *device, const struct d2d_question *given,
                               int *status, char **payload)
{
    struct d2d_question q;
    json_t *answer = NULL;
    unsigned response_s;
    enum d2d_err e;

    if (!r || !device || !given || !status || !payload || !options_copy(given, &q, sizeof q) || !q.method)
        return D2D_ARGUMENT;
    response_s = q.response_s ? q.response_s : RESPONSE_S;
    registry_target_identity(r, "/twins", device, "methods");
    put_question(r, &q, response_s);
    r->limit_ms = ((int64_t)response_s + q.connect_s) * 1000 + MARGIN_MS;
    e = registry_request(r, "POST", NULL, &answer, NULL);
    r->limit_ms = 0;
    e = e ? verdict(r, e) : take(r, answer, status, payload);
    json_decref(answer);
    return e;
}
