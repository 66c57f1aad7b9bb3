#include "device_error.h"

#include "text.h"

#include <assert.h>

void device_error_put(const struct front_env *env, struct buf *b, unsigned code, struct bytes message, int64_t now_ms)
{
    uint8_t tracking[16] = {0};
    char time[ISO_TIME_CAP];

    assert(code >= 400000 && code < 600000); /* its first three digits are a status */
    if (env->random)
        env->random(env->random_ctx, tracking, sizeof tracking);
    iso_time(hub_wall_ms(env->hub, now_ms), time);
    buf_printf(b, "{\"errorCode\":%u,\"trackingId\":\"", code);
    buf_put_hex(b, bytes_of(tracking, sizeof tracking));
    buf_printf(b, "-G:0-TimeStamp:%.2s/%.2s/%.4s %.8s\",\"message\":", time + 5, time + 8, time, time + 11);
    buf_put_json(b, message);
    buf_printf(b, ",\"timestampUtc\":\"%s\"}", time);
}
