/* The twin with which a device begins at its hub (provisioning 3.8). */
#include "assign.h"
#include "json_span.h"
#include "log.h"

/* A part that is not there, or null, is empty. */
static struct bytes part_of(struct bytes object, const char *name)
{
    struct bytes part = json_span(object, bytes_str(name));

    return part.len && part.at[0] == '{' ? part : BYTES("{}");
}

struct bytes enrollment_twin(const struct enrollment *e)
{
    return json_span(buf_bytes(&e->text), BYTES("initialTwin"));
}

void twin_begin(const struct front_env *env, const char *device, struct bytes twin, int64_t now_ms, uint64_t *at)
{
    struct bytes properties = json_span(twin, BYTES("properties"));
    const struct twin_change change = {.part = {[TWIN_TAGS] = part_of(twin, "tags"),
                                                [TWIN_DESIRED] = part_of(properties, "desired"),
                                                [TWIN_REPORTED] = part_of(properties, "reported")},
                                       .replace = true};
    struct twin_fault fault = {.why = ""};
    enum err e = hub_twin_change(env->hub, bytes_str(device), &change, now_ms, &fault, at);

    if (e)
        log_event(LOG_WARN, "twin-refused", KVS("device", device), KVS("reason", err_name(e)),
                  KVS("detail", fault.why[0] ? fault.why : err_text(e)));
}
