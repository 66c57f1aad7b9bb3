#include "feedback_json.h"

#include "text.h"

#include <assert.h>

void feedback_put_json(struct buf *b, const struct feedback_record *records, size_t n)
{
    char time[ISO_TIME_CAP];

    assert(n > 0 && n <= FEEDBACK_BATCH);
    buf_puts(b, "[");
    for (size_t i = 0; i < n; i++) {
        const struct feedback_record *r = &records[i];

        iso_time(r->ms, time);
        buf_puts(b, i ? ",{\"originalMessageId\":" : "{\"originalMessageId\":");
        buf_put_json(b, bytes_str(r->message_id));
        buf_printf(b, ",\"description\":\"%s\",\"deviceGenerationId\":", fate_name(r->fate));
        buf_put_json(b, bytes_str(r->generation));
        buf_puts(b, ",\"deviceId\":");
        buf_put_json(b, bytes_str(r->device));
        buf_printf(b, ",\"enqueuedTimeUtc\":\"%s\",\"statusCode\":\"%s\"}", time, fate_name(r->fate));
    }
    buf_puts(b, "]");
}
