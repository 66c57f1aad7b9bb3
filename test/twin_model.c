#include "twin_model.h"

#include "check.h"
#include "twin_json.h"
#include "twin_parse.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t chance;

void model_seed(uint64_t seed)
{
    chance = seed;
}

unsigned model_below(unsigned n)
{
    chance = chance * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(chance >> 33) % n;
}

static json_t *stamp_new(const struct stamp *s, bool is_object)
{
    json_t *meta = json_object();

    json_object_set_new(meta, "$lastUpdated", json_integer(s->ms));
    if (s->part == TWIN_DESIRED)
        json_object_set_new(meta, "$lastUpdatedVersion", json_integer(s->version));
    if (s->part == TWIN_DESIRED && s->by && !is_object)
        json_object_set_new(meta, "$lastUpdatedBy", json_string(s->by));
    return meta;
}

static void restamp(json_t *meta, const struct stamp *s)
{
    json_t *now = stamp_new(s, true);

    json_object_update(meta, now);
    json_decref(now);
}

static void model_set(json_t *value, json_t *meta, const char *key, json_t *to, const struct stamp *s);

/* RFC 7386. */
void model_merge(json_t *value, json_t *meta, json_t *patch, const struct stamp *s)
{
    const char *key;
    json_t *to;

    restamp(meta, s);
    json_object_foreach(patch, key, to) model_set(value, meta, key, to, s);
}

static void model_set(json_t *value, json_t *meta, const char *key, json_t *to, const struct stamp *s)
{
    json_t *now = json_object_get(value, key);

    if (json_is_null(to)) {
        json_object_del(value, key);
        json_object_del(meta, key);
    } else if (json_is_object(to)) {
        if (!json_is_object(now)) {
            json_object_set_new(value, key, json_object());
            json_object_set_new(meta, key, stamp_new(s, true));
        }
        model_merge(json_object_get(value, key), json_object_get(meta, key), to, s);
    } else {
        json_object_set_new(value, key, json_deep_copy(to));
        json_object_set_new(meta, key, stamp_new(s, false));
    }
}

size_t model_size(const json_t *v)
{
    size_t size = 0, i;
    const char *key;
    json_t *in;

    switch (json_typeof(v)) {
    case JSON_OBJECT:
        json_object_foreach((json_t *)v, key, in) size += strlen(key) + model_size(in);
        return size;
    case JSON_ARRAY:
        json_array_foreach(v, i, in) size += model_size(in);
        return size;
    case JSON_STRING:
        for (const char *c = json_string_value(v); *c; c++)
            size += (unsigned char)*c >= 0x20;
        return size;
    case JSON_INTEGER:
    case JSON_REAL:
        return 8;
    case JSON_TRUE:
    case JSON_FALSE:
        return 4;
    case JSON_NULL:
        break;
    }
    return 0;
}

void model_start(struct model *m)
{
    *m = (struct model){.version = 2, .etag = 1, .part_version = {0, 1, 1}};
    for (int part = 0; part < TWIN_PARTS; part++) {
        m->value[part] = json_object();
        m->meta[part] = json_object();
    }
}

void model_end(struct model *m)
{
    for (int part = 0; part < TWIN_PARTS; part++) {
        json_decref(m->value[part]);
        json_decref(m->meta[part]);
    }
}

struct model model_copy(const struct model *m)
{
    struct model copy = *m;

    for (int part = 0; part < TWIN_PARTS; part++) {
        copy.value[part] = json_deep_copy(m->value[part]);
        copy.meta[part] = json_deep_copy(m->meta[part]);
    }
    return copy;
}

void model_change(struct model *m, json_t *const patch[TWIN_PARTS], bool replace, const char *by, int64_t now_ms)
{
    m->version++;
    m->etag += patch[TWIN_TAGS] || patch[TWIN_DESIRED];
    for (int part = 0; part < TWIN_PARTS; part++) {
        struct stamp stamp = {(enum twin_part)part, now_ms, 0, by};

        if (!patch[part])
            continue;
        m->part_version[part] += part != TWIN_TAGS;
        stamp.version = m->part_version[part];
        if (replace) {
            json_object_clear(m->value[part]);
            json_object_clear(m->meta[part]);
        }
        model_merge(m->value[part], m->meta[part], patch[part], &stamp);
    }
}

/* ---- what comes ------------------------------------------------------------------------------------------------ */

static json_t *random_value(unsigned depth, bool may_null, bool in_array);

static json_t *random_object(unsigned depth, bool may_null, bool in_array)
{
    static const char *const names[] = {"a", "b", "B", "ab", "c\"", "\xC3\xA4", "zz", "0", "a\\", "\xF0\x9F\x98\x80"};
    json_t *o = json_object();

    for (unsigned n = model_below(4); n > 0; n--)
        json_object_set_new(o, names[model_below(10)], random_value(depth + 1, may_null, in_array));
    return o;
}

static json_t *random_array(unsigned depth)
{
    json_t *a = json_array();

    for (unsigned n = model_below(4); n > 0; n--)
        json_array_append_new(a, random_value(depth + 1, false, true));
    return a;
}

static json_t *random_text(void)
{
    char text[64] = "";

    for (unsigned n = model_below(20); n > 0; n--)
        strcat(text, model_below(8) ? "x" : model_below(2) ? "\n" : "\xE2\x82\xAC");
    return json_string(text);
}

static json_t *random_value(unsigned depth, bool may_null, bool in_array)
{
    switch (model_below(depth < 5 ? 8 : 6)) {
    case 0:
        return may_null && !in_array ? json_null() : json_true();
    case 1:
        return json_boolean(model_below(2));
    case 2:
        return json_integer((json_int_t)model_below(1000) - 500);
    case 3:
        return json_real((double)model_below(100000) / 64);
    case 4:
        return random_text();
    case 5:
        return may_null && !in_array ? json_null() : random_text();
    case 6:
        return random_array(depth);
    default:
        return random_object(depth, may_null, in_array);
    }
}

json_t *model_random(bool may_null)
{
    return random_object(0, may_null, false);
}

/* ---- what is compared ------------------------------------------------------------------------------------------ */

json_t *model_loaded(const struct buf *b)
{
    json_t *j = json_loadb((const char *)b->at, b->len, JSON_REJECT_DUPLICATES, NULL);

    CHECK(j);
    return j;
}

/* The times of the run as the model has them. */
static json_t *meta_of(const struct twin_node *n)
{
    json_t *meta = json_object();
    struct twin_node in;
    char key[64];

    if (n->has_time && n->time_ms)
        json_object_set_new(meta, "$lastUpdated", json_integer(n->time_ms));
    if (n->version)
        json_object_set_new(meta, "$lastUpdatedVersion", json_integer((json_int_t)n->version));
    if (n->by.len)
        json_object_set_new(meta, "$lastUpdatedBy", json_stringn((const char *)n->by.at, n->by.len));
    if (n->kind != TWIN_OBJECT)
        return meta;
    for (bool more = twin_first(n, &in); more; more = twin_next(n, &in)) {
        CHECK(bytes_to_str(in.key, key, sizeof key));
        json_object_set_new(meta, key, meta_of(&in));
    }
    return meta;
}

static void check_part(const struct model *m, struct bytes run, enum twin_part part)
{
    struct buf text = buf_max(1 << 20);
    struct twin_facts facts;
    struct twin_node root;
    json_t *json;

    twin_root(run, part, &root);
    twin_facts_of(run, &facts);
    twin_put_value(&text, &root);
    json = model_loaded(&text);
    if (!json_equal(json, m->value[part]))
        fail_msg("%s is %s, not %s", twin_part_name(part), buf_str(&text), json_dumps(m->value[part], JSON_SORT_KEYS));
    json_decref(json);
    CHECK(facts.size[part] == model_size(m->value[part]));
    CHECK(facts.part_version[part] == (uint64_t)m->part_version[part]);
    if (part != TWIN_TAGS) {
        json = meta_of(&root);
        if (!json_equal(json, m->meta[part]))
            fail_msg("the times of %s are %s, not %s", twin_part_name(part), json_dumps(json, JSON_SORT_KEYS),
                     json_dumps(m->meta[part], JSON_SORT_KEYS));
        json_decref(json);
    }
    buf_free(&text);
}

void model_check(const struct model *m, struct bytes run)
{
    struct twin_facts facts;

    CHECK_OK(twin_check(run));
    twin_facts_of(run, &facts);
    CHECK(facts.version == (uint64_t)m->version && facts.etag == (uint64_t)m->etag);
    for (int part = 0; part < TWIN_PARTS; part++)
        check_part(m, run, (enum twin_part)part);
}
