#include "device_twin.h"

#include "device_error.h"

#include <assert.h>

static const struct {
    enum err e;
    unsigned code; /* device 7.4; its first three digits are the status */
} codes[] = {
    {ERR_MALFORMED, 400004},    {ERR_ARGUMENT, 400004}, {ERR_RANGE, 400004},     {ERR_TOO_LARGE, 403100},
    {ERR_PRECONDITION, 412001}, {ERR_BUSY, 429001},     {ERR_QUOTA, 429001},     {ERR_LIMIT, 429001},
    {ERR_STOLEN, 400027},       {ERR_DISABLED, 403012}, {ERR_NOT_FOUND, 404001}, {ERR_UNAUTHORIZED, 401002},
    {ERR_DISK_FULL, 503001},    {ERR_MEMORY, 503001},   {ERR_SHUTDOWN, 503001},
};

static unsigned code_of(enum err e)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].e == e)
            return codes[i].code;
    return 500001;
}

static void fail(const struct front_env *env, enum err e, const char *why, int64_t now_ms, struct twin_reply *out)
{
    twin_reply_fail(env, code_of(e), bytes_str(why[0] ? why : err_text(e)), now_ms, out);
}

void twin_reply_fail(const struct front_env *env, unsigned code, struct bytes message, int64_t now_ms,
                     struct twin_reply *out)
{
    assert(code >= 400000 && code < 600000);
    buf_free(&out->body);
    *out = (struct twin_reply){.status = code / 1000, .version = -1, .body = buf_max(TWIN_JSON_MAX)};
    device_error_put(env, &out->body, code, message, now_ms);
}

void twin_reply_get(const struct front_env *env, struct seat *seat, int64_t now_ms, struct twin_reply *out)
{
    struct twin_head head = {.at = 0};
    enum err e;

    *out = (struct twin_reply){.status = 200, .version = -1, .body = buf_max(TWIN_JSON_MAX)};
    if ((e = seat_state(seat)) ||
        (e = hub_twin_read(env->hub, seat_device(seat), TWIN_FOR_DEVICE, &out->body, &head, NULL)))
        fail(env, e, "", now_ms, out);
    else
        out->after = head.at;
}

void twin_reply_report(const struct front_env *env, struct seat *seat, struct bytes patch, int64_t expected,
                       int64_t now_ms, struct twin_reply *out)
{
    struct twin_fault fault = {.why = ""};
    enum err e;

    assert(seat && expected >= -1);
    *out = (struct twin_reply){.status = 204, .version = -1, .body = buf_max(TWIN_JSON_MAX)};
    if ((e = hub_twin_report(seat, patch, expected, now_ms, &fault, &out->version, &out->after)))
        fail(env, e, fault.why, now_ms, out);
}
