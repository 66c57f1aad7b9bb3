#include "feedback.h"

#include "text.h"

#include <string.h>

static const char *text(const json_t *record, const char *key)
{
    const char *value = json_string_value(json_object_get(record, key));

    return value ? value : "";
}

static enum d2d_err result_of(const char *status)
{
    if (strcmp(status, "Success") == 0)
        return D2D_OK;
    return strcmp(status, "Expired") == 0 ? D2D_EXPIRED : D2D_REFUSED;
}

static struct d2d_feedback read_record(const json_t *record)
{
    struct d2d_feedback f = {.message_id = text(record, "originalMessageId"),
                             .device = text(record, "deviceId"),
                             .generation = text(record, "deviceGenerationId"),
                             .status = text(record, "statusCode"),
                             .description = text(record, "description")};

    f.result = result_of(f.status);
    if (iso_time_parse(bytes_str(text(record, "enqueuedTimeUtc")), &f.ended_ms))
        f.ended_ms = 0;
    return f;
}

enum err feedback_read(struct bytes body, struct feedback_batch *out)
{
    json_t *json = json_loadb((const char *)body.at, body.len, 0, NULL);
    size_t n = json_array_size(json);

    if (!json_is_array(json) || n > FEEDBACK_RECORDS_MAX) {
        json_decref(json);
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < n; i++)
        out->at[i] = read_record(json_array_get(json, i));
    out->n = n;
    out->json = json;
    return OK;
}

void feedback_batch_free(struct feedback_batch *b)
{
    json_decref(b->json);
    b->json = NULL;
    b->n = 0;
}
