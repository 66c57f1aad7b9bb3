#include "twin_value.h"

#include "text.h"
#include "twin_json.h"

#include <stdlib.h>

/* The handles of whole sections, and of all properties; other objects and arrays have their node in the run. */
static const char wholes[TWIN_PARTS + 1];

/* ---- paths ------------------------------------------------------------------------------------------------------ */

static bool is_named(const struct path *path, size_t i, const char *name)
{
    return i < path->n && bytes_eq_nocase(path->at[i].name, bytes_str(name));
}

bool twin_path_is(const struct path *path)
{
    return is_named(path, 0, "tags") || is_named(path, 0, "properties");
}

size_t twin_path_section(const struct path *path, enum twin_part *part)
{
    if (is_named(path, 0, "tags")) {
        *part = TWIN_TAGS;
        return 1;
    }
    if (is_named(path, 1, "desired"))
        *part = TWIN_DESIRED;
    else if (is_named(path, 1, "reported"))
        *part = TWIN_REPORTED;
    else
        return 0;
    return 2;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

/* As it was sent: an integer if it is one that fits. */
static struct value number_of(struct bytes text)
{
    char digits[64];
    int64_t integer;

    if (bytes_to_i64(text, &integer))
        return value_int(integer);
    if (!bytes_to_str(text, digits, sizeof digits))
        return value_undefined();
    return value_double(strtod(digits, NULL));
}

static struct value value_of(const struct twin_node *n)
{
    switch (n->kind) {
    case TWIN_NULL:
        return value_null();
    case TWIN_FALSE:
    case TWIN_TRUE:
        return value_bool(n->kind == TWIN_TRUE);
    case TWIN_NUMBER:
        return number_of(n->value);
    case TWIN_TEXT:
        return value_text(n->value);
    case TWIN_ARRAY:
    case TWIN_OBJECT:
        break;
    }
    return (struct value){.kind = n->kind == TWIN_ARRAY ? VALUE_ARRAY : VALUE_OBJECT, .handle = n->at};
}

/* From a node to the one inside of it that the name, or the number, says. False: there is none. */
static bool step(struct twin_node *n, const struct path_part *to)
{
    const struct twin_node of = *n;

    return to->name.at ? twin_find(&of, to->name, n) : twin_nth(&of, to->index, n);
}

static struct value metadata_of(const struct twin_node *n)
{
    return (struct value){.kind = VALUE_OBJECT, .metadata = true, .handle = n->at};
}

/* Of a path behind $metadata: when the node that the names lead to was changed last, or which version did. */
static struct value metadata_at(const struct twin_node *root, const struct path *path, size_t i,
                                struct scratch *scratch)
{
    struct twin_node n = *root;
    char *iso;

    for (; i + 1 < path->n; i++)
        if (!step(&n, &path->at[i]))
            return value_undefined();
    if (is_named(path, i, "$lastUpdatedVersion"))
        return n.version ? value_int((int64_t)n.version) : value_undefined();
    if (!is_named(path, i, "$lastUpdated"))
        return step(&n, &path->at[i]) ? metadata_of(&n) : value_undefined();
    if (!(iso = (char *)scratch_take(scratch, ISO_TIME_CAP)))
        return value_undefined();
    if (!n.time_ms)
        return value_text(BYTES("0001-01-01T00:00:00Z"));
    iso_time(n.time_ms, iso);
    return value_text(bytes_str(iso));
}

static struct value version_of(struct bytes run, enum twin_part part)
{
    struct twin_facts facts;

    twin_facts_of(run, &facts);
    return value_int((int64_t)facts.part_version[part]);
}

void twin_value_at(struct bytes run, const struct path *path, struct scratch *scratch, struct value *out,
                   struct bytes *spelled)
{
    enum twin_part part = TWIN_PARTS;
    size_t i = twin_path_section(path, &part);
    struct twin_node n;
    bool found = true;

    if (i == path->n || (!i && path->n == 1)) {
        *out = (struct value){.kind = VALUE_OBJECT, .handle = &wholes[part]};
        if (spelled)
            *spelled = bytes_str(i == 1 ? "tags" : part == TWIN_DESIRED ? "desired" : i ? "reported" : "properties");
        return;
    }
    if (!i)
        return;
    if (part != TWIN_TAGS && i + 1 == path->n && is_named(path, i, "$version")) {
        *out = version_of(run, part);
        return;
    }
    twin_root(run, part, &n);
    if (part != TWIN_TAGS && is_named(path, i, "$metadata")) {
        if (i + 1 == path->n)
            *out = (struct value){.kind = VALUE_OBJECT, .metadata = true, .handle = &wholes[part]};
        else
            *out = metadata_at(&n, path, i + 1, scratch);
        return;
    }
    for (; found && i < path->n; i++)
        found = step(&n, &path->at[i]);
    if (found)
        *out = value_of(&n);
}

bool twin_value_nth(const struct value *array, size_t n, struct value *out)
{
    struct twin_node of, at;

    twin_nodes_root(bytes_of(array->handle, 1), &of);
    if (!twin_nth(&of, n, &at))
        return false;
    *out = value_of(&at);
    return true;
}

static bool is_whole(const void *handle)
{
    return (uintptr_t)handle >= (uintptr_t)wholes && (uintptr_t)handle < (uintptr_t)(wholes + sizeof wholes);
}

bool twin_value_is(struct bytes run, const struct value *v)
{
    uintptr_t at = (uintptr_t)v->handle, begin = (uintptr_t)run.at;

    return (v->kind == VALUE_OBJECT || v->kind == VALUE_ARRAY) &&
           (is_whole(v->handle) || (run.len && at >= begin && at < begin + run.len));
}

void twin_value_put(struct buf *out, struct bytes run, const struct value *v)
{
    enum twin_part part = is_whole(v->handle) ? (enum twin_part)((const char *)v->handle - wholes) : TWIN_PARTS;
    struct twin_node n;

    if (!is_whole(v->handle))
        twin_nodes_root(bytes_of(v->handle, 1), &n);
    else if (v->metadata)
        twin_root(run, part, &n);
    if (v->metadata)
        twin_put_metadata(out, &n);
    else if (!is_whole(v->handle))
        twin_put_value(out, &n);
    else if (part < TWIN_PARTS)
        twin_put_part(out, run, part, part != TWIN_TAGS);
    else {
        buf_puts(out, "{\"desired\":");
        twin_put_part(out, run, TWIN_DESIRED, true);
        buf_puts(out, ",\"reported\":");
        twin_put_part(out, run, TWIN_REPORTED, true);
        buf_puts(out, "}");
    }
}
