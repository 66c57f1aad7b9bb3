/* Property: whatever sequence of patches and replacements comes, from devices, services and configurations, the twin is
 * what a naive model over a library of JSON makes of them: values, versions, times, sizes. And whoever follows what is
 * told of desired properties, patch by patch or by a patch that stands for many, has what is desired. */
#include "check.h"
#include "twin_json.h"
#include "twin_merge.h"
#include "twin_parse.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 400, SEEDS = 40, LIMIT = 60 };

static uint64_t seed;
static unsigned refused, done;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(seed >> 33) % n;
}

/* ---- the model: a section is its values, and beside each its time --------------------------------------------- */

struct model {
    json_t *value[TWIN_PARTS];
    json_t *meta[TWIN_PARTS]; /* {"$lastUpdated": ms, "$lastUpdatedVersion": n, "$lastUpdatedBy": id, name: meta…} */
    int64_t version, etag, part_version[TWIN_PARTS];
};

struct stamp {
    enum twin_part part;
    int64_t ms, version;
    const char *by;
};

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
static void model_merge(json_t *value, json_t *meta, json_t *patch, const struct stamp *s)
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

static size_t model_size(const json_t *v)
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

static void model_start(struct model *m)
{
    *m = (struct model){.version = 2, .etag = 1, .part_version = {0, 1, 1}};
    for (int part = 0; part < TWIN_PARTS; part++) {
        m->value[part] = json_object();
        m->meta[part] = json_object();
    }
}

static void model_end(struct model *m)
{
    for (int part = 0; part < TWIN_PARTS; part++) {
        json_decref(m->value[part]);
        json_decref(m->meta[part]);
    }
}

/* ---- what comes ------------------------------------------------------------------------------------------------ */

static json_t *random_value(unsigned depth, bool may_null, bool in_array);

static json_t *random_object(unsigned depth, bool may_null, bool in_array)
{
    static const char *const names[] = {"a", "b", "B", "ab", "c\"", "\xC3\xA4", "zz", "0", "a\\", "\xF0\x9F\x98\x80"};
    json_t *o = json_object();

    for (unsigned n = below(4); n > 0; n--)
        json_object_set_new(o, names[below(10)], random_value(depth + 1, may_null, in_array));
    return o;
}

static json_t *random_array(unsigned depth)
{
    json_t *a = json_array();

    for (unsigned n = below(4); n > 0; n--)
        json_array_append_new(a, random_value(depth + 1, false, true));
    return a;
}

static json_t *random_text(void)
{
    char text[64] = "";

    for (unsigned n = below(20); n > 0; n--)
        strcat(text, below(8) ? "x" : below(2) ? "\n" : "\xE2\x82\xAC");
    return json_string(text);
}

static json_t *random_value(unsigned depth, bool may_null, bool in_array)
{
    switch (below(depth < 5 ? 8 : 6)) {
    case 0:
        return may_null && !in_array ? json_null() : json_true();
    case 1:
        return json_boolean(below(2));
    case 2:
        return json_integer((json_int_t)below(1000) - 500);
    case 3:
        return json_real((double)below(100000) / 64);
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

/* As its writer may send it: in another order, with blanks, with what it has read. */
static char *sent(json_t *patch)
{
    static const char *const read = ",\"$version\":7,\"$metadata\":{\"a\":{\"$lastUpdated\":null}}}";
    char *plain = json_dumps(patch, below(2) ? JSON_SORT_KEYS : JSON_INDENT(2)), *text;

    if (below(4) || !json_object_size(patch))
        return plain;
    text = malloc(strlen(plain) + strlen(read) + 1);
    sprintf(text, "%.*s%s", (int)strlen(plain) - 1, plain, read);
    free(plain);
    return text;
}

/* ---- what is compared ------------------------------------------------------------------------------------------ */

static json_t *loaded(const struct buf *b)
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
    json = loaded(&text);
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

static void check_same(const struct model *m, struct bytes run)
{
    struct twin_facts facts;

    CHECK_OK(twin_check(run));
    twin_facts_of(run, &facts);
    CHECK(facts.version == (uint64_t)m->version && facts.etag == (uint64_t)m->etag);
    for (int part = 0; part < TWIN_PARTS; part++)
        check_part(m, run, (enum twin_part)part);
}

/* ---- whoever follows what is told ------------------------------------------------------------------------------ */

static void follow(json_t *has, struct bytes nodes)
{
    struct stamp stamp = {0};
    struct buf text = buf_max(1 << 20);
    struct twin_node root;
    json_t *patch, *meta = json_object();

    twin_nodes_root(nodes, &root);
    twin_put_value(&text, &root);
    patch = loaded(&text);
    model_merge(has, meta, patch, &stamp);
    json_decref(patch);
    json_decref(meta);
    buf_free(&text);
}

static void follow_from(json_t *has, struct bytes before, struct bytes now)
{
    struct buf nodes = buf_max(1 << 20);
    struct twin_node from, to;

    twin_root(before, TWIN_DESIRED, &from);
    twin_root(now, TWIN_DESIRED, &to);
    twin_catch_up(&from, &to, &nodes);
    CHECK_OK(twin_check_nodes(buf_bytes(&nodes)));
    follow(has, buf_bytes(&nodes));
    buf_free(&nodes);
}

/* ---- a life of a twin ------------------------------------------------------------------------------------------ */

struct life {
    struct model model;
    struct buf run, before; /* now, and when somebody who is slow looked last */
    json_t *quick, *slow;   /* what is desired, as they know it */
};

struct step {
    json_t *patch[TWIN_PARTS];
    struct twin_write write;
    struct buf nodes[TWIN_PARTS];
    const char *by;
};

static void step_make(struct step *s, int64_t now_ms)
{
    bool device = below(3) == 0, replace = !device && below(4) == 0;
    struct twin_fault fault;

    *s = (struct step){.by = !device && below(4) == 0 ? "lamps" : NULL};
    s->write = (struct twin_write){.replace = replace, .by = bytes_str(s->by), .wall_ms = now_ms};
    for (int part = 0; part < TWIN_PARTS; part++) {
        char *text;

        s->nodes[part] = buf_max(RECORD_LEN_MAX);
        if (device != (part == TWIN_REPORTED) || (!device && below(2)))
            continue;
        s->patch[part] = random_object(0, !replace, false);
        text = sent(s->patch[part]);
        CHECK_OK(twin_parse(bytes_str(text), (enum twin_part)part, replace, &s->nodes[part], &fault));
        s->write.nodes[part] = buf_bytes(&s->nodes[part]);
        free(text);
    }
}

static void step_free(struct step *s)
{
    for (int part = 0; part < TWIN_PARTS; part++) {
        json_decref(s->patch[part]);
        buf_free(&s->nodes[part]);
    }
}

static void model_step(struct model *m, const struct step *s)
{
    m->version++;
    m->etag += s->patch[TWIN_TAGS] || s->patch[TWIN_DESIRED];
    for (int part = 0; part < TWIN_PARTS; part++) {
        struct stamp stamp = {(enum twin_part)part, s->write.wall_ms, 0, s->by};

        if (!s->patch[part])
            continue;
        m->part_version[part] += part != TWIN_TAGS;
        stamp.version = m->part_version[part];
        if (s->write.replace) {
            json_object_clear(m->value[part]);
            json_object_clear(m->meta[part]);
        }
        model_merge(m->value[part], m->meta[part], s->patch[part], &stamp);
    }
}

/* A copy of what the model would be, so that what is refused can be checked. */
static bool would_be_too_large(const struct model *m, const struct step *s)
{
    for (int part = 0; part < TWIN_PARTS; part++) {
        struct stamp stamp = {0};
        json_t *value, *meta;
        size_t size;

        if (!s->patch[part])
            continue;
        value = s->write.replace ? json_object() : json_deep_copy(m->value[part]);
        meta = json_deep_copy(m->meta[part]);
        model_merge(value, meta, s->patch[part], &stamp);
        size = model_size(value);
        json_decref(value);
        json_decref(meta);
        if (size > LIMIT && size > model_size(m->value[part]))
            return true;
    }
    return false;
}

static void step(struct life *l, int64_t now_ms)
{
    static const uint32_t limit[TWIN_PARTS] = {LIMIT, LIMIT, LIMIT};
    struct buf next = buf_max(TWIN_RUN_MAX);
    struct twin_outcome outcome;
    struct step s;
    enum err e;

    step_make(&s, now_ms);
    twin_write_number(&s.write, buf_bytes(&l->run));
    e = twin_apply(buf_bytes(&l->run), &s.write, limit, &next, &outcome);
    CHECK_ERR(e, would_be_too_large(&l->model, &s) ? ERR_TOO_LARGE : OK);
    refused += e == ERR_TOO_LARGE;
    done += !e;
    if (!e) {
        model_step(&l->model, &s);
        check_same(&l->model, buf_bytes(&next));
        if (s.patch[TWIN_DESIRED] && s.write.replace)
            follow_from(l->quick, buf_bytes(&l->run), buf_bytes(&next));
        else if (s.patch[TWIN_DESIRED])
            follow(l->quick, s.write.nodes[TWIN_DESIRED]);
        CHECK(json_equal(l->quick, l->model.value[TWIN_DESIRED]));
        buf_clear(&l->run);
        buf_put(&l->run, buf_bytes(&next));
    }
    step_free(&s);
    buf_free(&next);
}

static void live(uint64_t with)
{
    struct life l = {.run = buf_max(TWIN_RUN_MAX), .before = buf_max(TWIN_RUN_MAX)};

    seed = with;
    model_start(&l.model);
    l.quick = json_object();
    l.slow = json_object();
    for (int i = 0; i < STEPS; i++) {
        step(&l, 1767225600000 + i);
        if (below(10))
            continue;
        follow_from(l.slow, buf_bytes(&l.before), buf_bytes(&l.run));
        CHECK(json_equal(l.slow, l.model.value[TWIN_DESIRED]));
        buf_clear(&l.before);
        buf_put(&l.before, buf_bytes(&l.run));
    }
    model_end(&l.model);
    json_decref(l.quick);
    json_decref(l.slow);
    buf_free(&l.run);
    buf_free(&l.before);
}

TEST(a_twin_is_what_a_naive_model_makes_of_it)
{
    json_object_seed(1);
    for (uint64_t s = 1; s <= SEEDS; s++)
        live(s);
    CHECK(refused > SEEDS && done > SEEDS * STEPS / 2);
}

/* Damage on a disk is found, or makes another twin; nothing is read beyond its end. */
TEST(a_run_that_is_damaged_is_found_or_whole)
{
    static const char text[] = "{\"a\":{\"b\":[1,{\"c\":\"x\\n\"}],\"d\":true},\"e\":\"\"}";
    struct buf nodes = buf_max(1 << 16), run = buf_max(1 << 16), json = buf_max(1 << 20);
    struct twin_write w = {.wall_ms = 1};
    struct twin_outcome outcome;
    struct twin_fault fault;
    unsigned found = 0;

    CHECK_OK(twin_parse(bytes_str(text), TWIN_DESIRED, true, &nodes, &fault));
    w.nodes[TWIN_DESIRED] = buf_bytes(&nodes);
    twin_write_number(&w, NO_BYTES);
    w.after.model = BYTES("dtmi:a;1");
    CHECK_OK(twin_apply(NO_BYTES, &w, NULL, &run, &outcome));
    for (size_t i = 0; i < run.len * 8; i++) {
        uint8_t *copy = malloc(run.len);

        memcpy(copy, run.at, run.len);
        copy[i / 8] ^= (uint8_t)(1 << i % 8);
        found += twin_check(bytes_of(copy, run.len)) != OK;
        if (!twin_check(bytes_of(copy, run.len))) {
            buf_clear(&json);
            twin_put_service(&json, bytes_of(copy, run.len));
        }
        free(copy);
    }
    for (size_t n = 1; n < run.len; n++) {
        uint8_t *copy = malloc(n);

        memcpy(copy, run.at, n);
        CHECK_ERR(twin_check(bytes_of(copy, n)), ERR_DAMAGED);
        free(copy);
    }
    CHECK(found > run.len);
    buf_free(&nodes);
    buf_free(&run);
    buf_free(&json);
}

TESTS(RUN(a_twin_is_what_a_naive_model_makes_of_it), RUN(a_run_that_is_damaged_is_found_or_whole))
