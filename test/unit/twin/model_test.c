/* Property: whatever sequence of patches and replacements comes, from devices, services and configurations, the twin is
 * what a naive model over a library of JSON makes of them: values, versions, times, sizes. And whoever follows what is
 * told of desired properties, patch by patch or by a patch that stands for many, has what is desired. */
#include "check.h"
#include "twin_json.h"
#include "twin_model.h"
#include "twin_parse.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 400, SEEDS = 40, LIMIT = 60 };

static unsigned refused, done;

/* As its writer may send it: in another order, with blanks, with what it has read. */
static char *sent(json_t *patch)
{
    static const char *const read = ",\"$version\":7,\"$metadata\":{\"a\":{\"$lastUpdated\":null}}}";
    char *plain = json_dumps(patch, model_below(2) ? JSON_SORT_KEYS : JSON_INDENT(2)), *text;

    if (model_below(4) || !json_object_size(patch))
        return plain;
    text = malloc(strlen(plain) + strlen(read) + 1);
    sprintf(text, "%.*s%s", (int)strlen(plain) - 1, plain, read);
    free(plain);
    return text;
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
    patch = model_loaded(&text);
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
    bool device = model_below(3) == 0, replace = !device && model_below(4) == 0;
    struct twin_fault fault;

    *s = (struct step){.by = !device && model_below(4) == 0 ? "lamps" : NULL};
    s->write = (struct twin_write){.replace = replace, .by = bytes_str(s->by), .wall_ms = now_ms};
    for (int part = 0; part < TWIN_PARTS; part++) {
        char *text;

        s->nodes[part] = buf_max(RECORD_LEN_MAX);
        if (device != (part == TWIN_REPORTED) || (!device && model_below(2)))
            continue;
        s->patch[part] = model_random(!replace);
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
        model_change(&l->model, s.patch, s.write.replace, s.by, s.write.wall_ms);
        model_check(&l->model, buf_bytes(&next));
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

    model_seed(with);
    model_start(&l.model);
    l.quick = json_object();
    l.slow = json_object();
    for (int i = 0; i < STEPS; i++) {
        step(&l, 1767225600000 + i);
        if (model_below(10))
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
