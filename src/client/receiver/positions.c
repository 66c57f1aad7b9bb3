#include "positions.h"

#include "text.h"

#include <inttypes.h>
#include <jansson.h>

struct progress *positions_of(struct positions *p, struct bytes id)
{
    struct progress *made;

    for (size_t i = 0; i < p->n; i++)
        if (bytes_eq(bytes_str(p->at[i].id), id))
            return &p->at[i];
    if (p->n == PARTITIONS_MAX)
        return NULL;
    made = &p->at[p->n];
    *made = (struct progress){.sequence = -1};
    if (!id.len || !bytes_to_str(id, made->id, sizeof made->id))
        return NULL;
    p->n++;
    return made;
}

static enum err load_one(struct positions *p, const char *id, const json_t *value)
{
    const char *offset = json_string_value(json_object_get(value, "offset"));
    const json_t *sequence = json_object_get(value, "sequence");
    struct progress *at = offset ? positions_of(p, bytes_str(id)) : NULL;

    if (!at || !bytes_to_str(bytes_str(offset), at->offset, sizeof at->offset))
        return ERR_MALFORMED;
    at->known = true;
    at->sequence = json_is_integer(sequence) ? json_integer_value(sequence) : -1;
    return OK;
}

enum err positions_load(struct positions *p, const char *json)
{
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL), *all = json_object_get(root, "partitions"), *value;
    const json_t *born = json_object_get(root, "born");
    enum err e = json_is_object(all) && (!born || json_is_integer(born)) ? OK : ERR_MALFORMED;
    const char *id;

    p->born_ms = json_integer_value(born);
    json_object_foreach(all, id, value) if (!e) e = load_one(p, id, value);
    json_decref(root);
    return e;
}

void positions_save(const struct positions *p, struct buf *out)
{
    const char *between = "";

    buf_puts(out, "{");
    if (p->born_ms)
        buf_printf(out, "\"born\":%" PRId64 ",", p->born_ms);
    buf_puts(out, "\"partitions\":{");
    for (size_t i = 0; i < p->n; i++) {
        if (!p->at[i].known)
            continue;
        buf_puts(out, between);
        buf_put_json(out, bytes_str(p->at[i].id));
        buf_puts(out, ":{\"offset\":");
        buf_put_json(out, bytes_str(p->at[i].offset));
        if (p->at[i].sequence >= 0)
            buf_printf(out, ",\"sequence\":%" PRId64, p->at[i].sequence);
        buf_puts(out, "}");
        between = ",";
    }
    buf_puts(out, "}}");
}

#define ANNOTATION "amqp.annotation."

/* Quotes are doubled inside of a text. */
static void put_quoted(struct buf *out, const char *text)
{
    buf_puts(out, "'");
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            buf_puts(out, "'");
        buf_put_u8(out, (uint8_t)*c);
    }
    buf_puts(out, "'");
}

static enum err put_offset(const char *offset, bool inclusive, struct buf *out)
{
    if (!offset || !*offset || strpbrk(offset, "'\""))
        return ERR_ARGUMENT;
    buf_printf(out, ANNOTATION "x-opt-offset %s '%s'", inclusive ? ">=" : ">", offset);
    return OK;
}

static enum err put_position(const struct d2d_position *p, struct buf *out)
{
    const char *op = p->inclusive ? ">=" : ">";

    switch (p->from) {
    case D2D_FROM_LATEST:
        return put_offset("@latest", false, out);
    case D2D_FROM_EARLIEST:
        return put_offset("-1", false, out);
    case D2D_FROM_OFFSET:
        return put_offset(p->offset, p->inclusive, out);
    case D2D_FROM_SEQUENCE:
        buf_printf(out, ANNOTATION "x-opt-sequence-number %s '%" PRId64 "'", op, p->value);
        return OK;
    case D2D_FROM_TIME: /* the operator is always strict there: a millisecond earlier is the same */
        buf_printf(out, ANNOTATION "x-opt-enqueued-time > '%" PRId64 "'", p->value - (p->inclusive ? 1 : 0));
        return OK;
    }
    return ERR_ARGUMENT;
}

enum err selector_put(const struct progress *at, const struct d2d_position *p, const char *const *devices,
                      struct buf *out)
{
    enum err e = at->known ? put_offset(at->offset, false, out) : put_position(p, out);

    if (e)
        return e;
    if (devices && devices[0]) {
        buf_puts(out, " AND " ANNOTATION "iothub-connection-device-id");
        buf_puts(out, devices[1] ? " IN (" : " = ");
        for (size_t i = 0; devices[i]; i++) {
            buf_puts(out, i ? ", " : "");
            put_quoted(out, devices[i]);
        }
        buf_puts(out, devices[1] ? ")" : "");
    }
    return buf_check(out);
}
