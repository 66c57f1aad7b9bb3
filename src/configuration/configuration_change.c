#include "configuration_change.h"

#include "json_body.h"

#include <assert.h>

static enum err missing(const char *id, struct entry_fault *f)
{
    if (f) {
        f->number = CONFIGURATION_MISSING;
        return entry_says(f, ERR_NOT_FOUND, "Configuration %.128s does not exist", id);
    }
    return ERR_NOT_FOUND;
}

static size_t count_all(struct hub *hub, size_t *alive)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc = {.id = ""};
    size_t n = 0;

    *alive = 0;
    while (!hub_doc_next(hub, DOC_CONFIGURATION, bytes_str(doc.id), &body, &doc)) {
        n++;
        *alive += body.len > 0;
        buf_clear(&body);
    }
    buf_free(&body);
    assert(*alive <= n);
    return n;
}

/* A new one; `is_empty`: the document of one that was deleted stands there still. */
static enum err may_make(const struct configuration_changer *by, bool is_empty, struct match *match,
                         struct entry_fault *f)
{
    size_t alive, all = count_all(by->hub, &alive);

    if (match->how != MATCH_NONE)
        return missing(by->id, f);
    match->how = is_empty ? MATCH_ANY : MATCH_NONE;
    if (all < CONFIGURATIONS_ROOM && alive < CONFIGURATIONS_ALIVE)
        return OK;
    f->number = CONFIGURATION_TOO_MANY;
    return entry_says(f, ERR_LIMIT, "A hub must have at most %d configurations", CONFIGURATIONS_ALIVE);
}

static enum err may_change(const struct configuration_changer *by, struct bytes body, const json_t *to,
                           const struct match *match, struct entry_fault *f)
{
    char why[JSON_WHY_CAP];
    enum err e = OK;

    if (match->how == MATCH_NONE) {
        f->number = CONFIGURATION_EXISTS;
        return entry_says(f, ERR_EXISTS, "Configuration %.128s already exists", by->id);
    }
    json_t *was = json_body(body, 0, why);
    if (!json_equal(json_object_get(was, "content"), json_object_get(to, "content"))) {
        f->number = CONFIGURATION_OTHER_CONTENT;
        e = entry_says(f, ERR_ARGUMENT, "The content of a configuration cannot change: make another one");
    }
    json_decref(was);
    return e;
}

enum err configuration_get(struct hub *hub, const char *id, struct buf *body, struct doc *doc, struct entry_fault *f)
{
    enum err e = hub_doc_get(hub, DOC_CONFIGURATION, bytes_str(id), body, doc);

    return e == ERR_NOT_FOUND || (!e && configuration_is_gone(buf_bytes(body))) ? missing(id, f) : e;
}

enum err configuration_put(const struct configuration_changer *by, const json_t *to, struct match match,
                           struct buf *body, struct doc *doc, uint64_t *at, struct entry_fault *f)
{
    struct buf was = buf_max(DOC_LEN_MAX);
    enum err e = hub_doc_get(by->hub, DOC_CONFIGURATION, bytes_str(by->id), &was, doc);

    assert(json_object_get(to, "content")); /* it is in the form in which it is kept */
    if (e == ERR_NOT_FOUND || (!e && configuration_is_gone(buf_bytes(&was))))
        e = may_make(by, !e, &match, f);
    else if (!e)
        e = may_change(by, buf_bytes(&was), to, &match, f);
    buf_free(&was);
    if (!e && !(e = json_put(to, body)) && body->bad) {
        f->number = CONFIGURATION_TOO_LARGE;
        e = entry_says(f, ERR_TOO_LARGE, "A configuration must be at most %d bytes", DOC_LEN_MAX);
    }
    return e ? e
             : hub_doc_put(by->hub, DOC_CONFIGURATION, bytes_str(by->id), buf_bytes(body), match, by->now_ms, doc, at);
}

enum err configuration_delete(const struct configuration_changer *by, struct match match, struct doc *doc, uint64_t *at,
                              struct entry_fault *f)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    enum err e = configuration_get(by->hub, by->id, &body, doc, f);

    buf_free(&body);
    if (match.how == MATCH_NONE)
        match.how = MATCH_ANY;
    return e ? e : hub_doc_put(by->hub, DOC_CONFIGURATION, bytes_str(by->id), NO_BYTES, match, by->now_ms, doc, at);
}
