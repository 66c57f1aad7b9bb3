/* Changes of twins, told as events (service 7): a patch as it was made, or the whole twin where a section was replaced.
 * Where that would be larger than a message may be, it is told without the metadata. */
#include "life.h"

#include "text.h"
#include "twin_json.h"
#include "twin_record.h"

static const struct telling update = {LIFE_TWINS, "twinChangeEvents", "twinChangeNotification", "updateTwin",
                                      ROOM_MESSAGES};
static const struct telling replace = {LIFE_TWINS, "twinChangeEvents", "twinChangeNotification", "replaceTwin",
                                       ROOM_MESSAGES};

/* The metadata of each property of a patch: when, in which version, and by which configuration. */
struct stamp {
    const struct twin_write *write;
    uint64_t version; /* 0: it has none */
    char time[ISO_TIME_CAP];
};

static void put_metadata(struct buf *out, const struct twin_node *of, const struct stamp *s)
{
    struct twin_node n;

    buf_printf(out, "{\"$lastUpdated\":\"%s\"", s->time);
    if (s->version)
        buf_printf(out, ",\"$lastUpdatedVersion\":%llu", (unsigned long long)s->version);
    if (s->write->by.len) {
        buf_puts(out, ",\"$lastUpdatedBy\":");
        buf_put_json(out, s->write->by);
    }
    for (bool more = of->kind == TWIN_OBJECT && twin_first(of, &n); more; more = twin_next(of, &n)) {
        if (n.kind == TWIN_NULL) /* it is gone */
            continue;
        buf_puts(out, ",");
        buf_put_json(out, n.key);
        buf_puts(out, ":");
        put_metadata(out, &n, s);
    }
    buf_puts(out, "}");
}

/* The write of a configuration is told with all that is desired, and a null for each that has gone (service 7). */
static void put_all_desired(struct buf *out, const struct twin_told *t)
{
    struct buf nodes = buf_max(MESSAGE_LEN_MAX);
    struct twin_node before, after;

    twin_root(t->before, TWIN_DESIRED, &before);
    twin_root(t->after, TWIN_DESIRED, &after);
    twin_catch_up(&before, &after, &nodes);
    out->bad = out->bad || nodes.bad;
    twin_put_patch(out, buf_bytes(&nodes), t->write->after.part_version[TWIN_DESIRED]);
    buf_free(&nodes);
}

/* A section of the patch, with its version and, behind that, its metadata. */
static void put_section(struct buf *out, const struct twin_told *t, enum twin_part part, bool metadata)
{
    const struct twin_write *w = t->write;
    struct stamp s = {.write = w, .version = part == TWIN_DESIRED ? w->after.part_version[part] : 0};
    struct twin_node root;

    twin_nodes_root(w->nodes[part], &root);
    if (part == TWIN_TAGS) {
        twin_put_value(out, &root);
        return;
    }
    if (part == TWIN_DESIRED && w->by.len)
        put_all_desired(out, t);
    else
        twin_put_patch(out, w->nodes[part], w->after.part_version[part]);
    if (!metadata || out->bad)
        return;
    out->len--; /* its bracket, which comes behind the metadata */
    iso_time(w->wall_ms, s.time);
    buf_puts(out, ",\"$metadata\":");
    put_metadata(out, &root, &s);
    buf_puts(out, "}");
}

static void put_update(struct buf *out, const struct twin_told *t, bool metadata)
{
    const struct twin_write *w = t->write;
    bool desired = w->nodes[TWIN_DESIRED].at, reported = w->nodes[TWIN_REPORTED].at;

    buf_printf(out, "{\"version\":%llu", (unsigned long long)w->after.version);
    if (w->nodes[TWIN_TAGS].at) {
        buf_puts(out, ",\"tags\":");
        put_section(out, t, TWIN_TAGS, metadata);
    }
    if (desired || reported)
        buf_puts(out, ",\"properties\":{");
    if (desired) {
        buf_puts(out, "\"desired\":");
        put_section(out, t, TWIN_DESIRED, metadata);
    }
    if (reported) {
        buf_puts(out, desired ? ",\"reported\":" : "\"reported\":");
        put_section(out, t, TWIN_REPORTED, metadata);
    }
    buf_puts(out, desired || reported ? "}}" : "}");
}

static void put_whole(struct buf *out, struct bytes name, const struct twin_told *t, bool metadata)
{
    struct bytes module = identity_module(name);
    char etag[TWIN_ETAG_CAP];

    twin_etag_text(t->write->after.etag, etag);
    buf_puts(out, "{\"deviceId\":");
    buf_put_json(out, identity_device(name));
    if (module.at) {
        buf_puts(out, ",\"moduleId\":");
        buf_put_json(out, module);
    }
    buf_printf(out, ",\"etag\":\"%s\",\"version\":%llu,", etag, (unsigned long long)t->write->after.version);
    if (metadata) {
        twin_put_service(out, t->after);
    } else {
        buf_puts(out, "\"properties\":");
        twin_put_device(out, t->after);
    }
    buf_puts(out, "}");
}

static void put_body(struct buf *out, struct bytes name, const struct twin_told *t, bool metadata)
{
    buf_clear(out);
    if (t->write->replace)
        put_whole(out, name, t, metadata);
    else
        put_update(out, t, metadata);
}

void life_twin_changed(struct hub *h, struct shard *s, const struct twin_told *t, uint64_t *at)
{
    struct bytes name = bytes_str(t->identity->device.id);
    struct buf body;

    if (!(h->options.life & LIFE_TWINS))
        return;
    body = buf_max(MESSAGE_LEN_MAX);
    put_body(&body, name, t, true);
    if (body.bad)
        put_body(&body, name, t, false);
    if (!buf_check(&body))
        life_tell(h, &(struct life_of){.scratch = &s->scratch, .name = name}, t->write->replace ? &replace : &update,
                  buf_bytes(&body), t->now_ms, at);
    buf_free(&body);
}
