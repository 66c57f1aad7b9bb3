#include "digital_twin.h"

#include "text.h"
#include "twin_json.h"

/* A property as both sections have it, or one of them: the other one is of no kind that is in a twin. */
struct property {
    struct bytes key;
    struct twin_node desired, reported;
    bool is_desired, is_reported;
};

/* The members of two objects, by their keys. */
struct both {
    struct twin_node desired, reported;
    bool more_desired, more_reported;
};

static struct both both_of(const struct twin_node *desired, const struct twin_node *reported)
{
    struct both b;

    b.more_desired = desired->kind == TWIN_OBJECT && twin_first(desired, &b.desired);
    b.more_reported = reported->kind == TWIN_OBJECT && twin_first(reported, &b.reported);
    return b;
}

static bool next(const struct twin_node *desired, const struct twin_node *reported, struct both *b,
                 struct property *out)
{
    static const struct twin_node nothing = {.kind = TWIN_NULL};
    int order = !b->more_reported ? -1 : !b->more_desired ? 1 : bytes_cmp(b->desired.key, b->reported.key);

    if (!b->more_desired && !b->more_reported)
        return false;
    *out = (struct property){.desired = nothing, .reported = nothing};
    if ((out->is_desired = order <= 0)) {
        out->desired = b->desired;
        out->key = b->desired.key;
        b->more_desired = twin_next(desired, &b->desired);
    }
    if ((out->is_reported = order >= 0)) {
        out->reported = b->reported;
        out->key = b->reported.key;
        b->more_reported = twin_next(reported, &b->reported);
    }
    return true;
}

/* "__t": "c" is in what stands for a component. */
static bool is_component(const struct twin_node *n)
{
    struct twin_node mark;

    return n->kind == TWIN_OBJECT && twin_find(n, BYTES("__t"), &mark) && bytes_eq(mark.value, BYTES("c"));
}

static bool is_mark(const struct property *p)
{
    return bytes_eq(p->key, BYTES("__t"));
}

/* {"value", "ac", "av", "ad"}: the device tells how far it is with what is desired. */
static bool is_acknowledged(const struct twin_node *n, struct twin_node *value)
{
    struct twin_node code;

    return n->kind == TWIN_OBJECT && twin_find(n, BYTES("value"), value) && twin_find(n, BYTES("ac"), &code);
}

static void put_key(struct buf *out, const char **before, struct bytes key)
{
    buf_puts(out, *before);
    buf_put_json(out, key);
    buf_puts(out, ":");
    *before = ",";
}

static void put_found(struct buf *out, const char **before, const char *name, const struct twin_node *of,
                      const char *member)
{
    struct twin_node n;

    if (of->kind != TWIN_OBJECT || !twin_find(of, bytes_str(member), &n))
        return;
    put_key(out, before, bytes_str(name));
    twin_put_value(out, &n);
}

static void put_metadata(struct buf *out, const struct property *p)
{
    const struct twin_node *last = p->is_reported ? &p->reported : &p->desired;
    const char *before = "";
    char iso[ISO_TIME_CAP];
    struct twin_node value;

    buf_puts(out, "{");
    if (p->is_desired) {
        put_key(out, &before, BYTES("desiredValue"));
        twin_put_value(out, &p->desired);
        put_key(out, &before, BYTES("desiredVersion"));
        buf_printf(out, "%llu", (unsigned long long)p->desired.version);
    }
    if (is_acknowledged(&p->reported, &value)) {
        put_found(out, &before, "ackVersion", &p->reported, "av");
        put_found(out, &before, "ackCode", &p->reported, "ac");
        put_found(out, &before, "ackDescription", &p->reported, "ad");
    }
    if (last->time_ms) {
        iso_time(last->time_ms, iso);
        put_key(out, &before, BYTES("lastUpdateTime"));
        buf_printf(out, "\"%s\"", iso);
    }
    buf_puts(out, "}");
}

/* The properties, then "$metadata" with those again; `model`: it is the root, whose components come between them. */
static void put_level(struct buf *out, const struct twin_node *desired, const struct twin_node *reported,
                      const struct bytes *model, const char *before)
{
    struct both b = both_of(desired, reported);
    struct twin_node value;
    struct property p;

    while (next(desired, reported, &b, &p)) {
        if (is_mark(&p))
            continue;
        if (model && (is_component(&p.desired) || is_component(&p.reported))) {
            put_key(out, &before, p.key);
            put_level(out, &p.desired, &p.reported, NULL, "{");
        } else if (p.is_reported) {
            put_key(out, &before, p.key);
            twin_put_value(out, is_acknowledged(&p.reported, &value) ? &value : &p.reported);
        }
    }
    put_key(out, &before, BYTES("$metadata"));
    before = "{";
    if (model) {
        put_key(out, &before, BYTES("$model"));
        buf_put_json(out, *model);
    }
    b = both_of(desired, reported);
    while (next(desired, reported, &b, &p)) {
        if (is_mark(&p) || (model && (is_component(&p.desired) || is_component(&p.reported))))
            continue;
        put_key(out, &before, p.key);
        put_metadata(out, &p);
    }
    buf_puts(out, *before == '{' ? "{}}" : "}}");
}

void digital_twin_put(struct buf *out, const struct twin_document *d)
{
    struct twin_node desired = {.kind = TWIN_NULL}, reported = {.kind = TWIN_NULL};
    struct twin_facts facts;
    const char *before = "{";

    twin_facts_of(d->run, &facts);
    if (facts.model.len) {
        twin_root(d->run, TWIN_DESIRED, &desired);
        twin_root(d->run, TWIN_REPORTED, &reported);
    }
    put_key(out, &before, BYTES("$dtId"));
    buf_put_json(out, bytes_str(d->device->id));
    put_level(out, &desired, &reported, &facts.model, before);
}
