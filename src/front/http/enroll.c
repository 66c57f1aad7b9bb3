/* The service API of the provisioning service: enrollments, groups of them, registrations (provisioning 3). */
#include "http_front.h"

#include "document.h"
#include "json_body.h"
#include "json_row.h"
#include "query.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

enum { BULK = 10 }; /* provisioning 3.5 */

/* Takes the JSON. */
static enum err answer(struct http_answer *a, json_t *json)
{
    enum err e = json_put(json, &a->body);

    json_decref(json);
    return e;
}

static enum doc_kind kind_of(const struct http_request *r)
{
    return bytes_starts_nocase(r->head->path, BYTES("/enrollmentgroups")) ? DOC_ENROLLMENT_GROUP : DOC_ENROLLMENT;
}

/* provisioning 3.4 */
static struct match match_of(struct bytes text)
{
    text = http_unquoted(text);
    struct match match = {.how = text.len ? MATCH_ETAG : MATCH_NONE, .etag = text};

    if (bytes_eq(text, BYTES("*")))
        match.how = MATCH_ANY;
    return match;
}

/* The header; an empty one is none. */
static struct match match_asked(const struct http_request *r)
{
    bool is_there = http_unquoted(http_header(r->head, BYTES("if-match"))).len > 0;

    return is_there ? http_match(r->head) : (struct match){.how = MATCH_NONE};
}

static enum err says(struct http_answer *a, enum err e, struct bytes id)
{
    if (e == ERR_NOT_FOUND) {
        a->code = CODE_NOT_FOUND;
        return http_says(a, e, "Enrollment '%.*s' does not exist", BYTES_ARG(bytes_first(id, ID_LEN_MAX)));
    }
    if (e == ERR_EXISTS && !a->text[0]) {
        a->code = CODE_CONFLICT;
        return http_says(a, e, "Enrollment '%.*s' already exists: a change needs If-Match",
                         BYTES_ARG(bytes_first(id, ID_LEN_MAX)));
    }
    return e;
}

/* With what became of the device, for an enrollment of its own. Takes `kept`; NULL: no memory. */
static json_t *shown_of(struct http_request *r, json_t *kept, const struct doc *doc, bool with_keys)
{
    json_t *shown = document_show(kept, doc, with_keys);
    struct doc registration;
    json_t *state;

    if (shown && doc->kind == DOC_ENROLLMENT &&
        !document_get(r->env, DOC_REGISTRATION, bytes_str(doc->id), &registration, &state))
        json_object_set_new(shown, "registrationState", document_show_registration(state));
    return shown;
}

/* provisioning 3.3: keys only to who wrote them, or had them made. */
static enum err show(struct http_request *r, struct http_answer *a, json_t *kept, const struct doc *doc, bool with_keys)
{
    json_t *shown = shown_of(r, kept, doc, with_keys);

    assert(doc->kind == DOC_ENROLLMENT || doc->kind == DOC_ENROLLMENT_GROUP);
    return shown ? answer(a, shown) : ERR_MEMORY;
}

enum err http_enrollment_get(struct http_request *r, struct http_answer *a)
{
    struct bytes id = bytes_str(r->names[0]);
    struct doc doc;
    json_t *kept;
    enum err e = document_get(r->env, kind_of(r), id, &doc, &kept);

    if (e)
        return says(a, e, id);
    snprintf(a->etag, sizeof a->etag, "%s", doc.etag);
    return show(r, a, kept, &doc, false);
}

static void audit(const struct http_request *r, enum doc_kind kind, struct bytes id, const char *done,
                  const char *detail)
{
    const char *name = kind == DOC_ENROLLMENT         ? "enrollment"
                       : kind == DOC_ENROLLMENT_GROUP ? "enrollment-group"
                                                      : "registration";
    char what[48];

    snprintf(what, sizeof what, "%s-%s", name, done);
    http_audit(r, what, name, id, detail);
}

static enum err put_one(struct http_request *r, struct http_answer *a, enum doc_kind kind, json_t *from,
                        struct bytes id, struct match match, struct doc *doc, json_t **kept)
{
    struct buf text = buf_max(DOC_LEN_MAX);
    struct enrollment made;
    char why[160];
    uint64_t at;
    enum err e = http_spell(from, NAMES_ENROLLMENT, a), decoded;

    assert(kind == DOC_ENROLLMENT || kind == DOC_ENROLLMENT_GROUP); /* nobody brings a registration */
    if (e)
        return e;
    e = document_take(r->env, kind, from, id, why, kept);
    if (e)
        return why[0] ? http_says(a, e, "%s", why) : e;
    if (json_put(*kept, &text) || text.bad)
        e = http_says(a, ERR_ARGUMENT, "An enrollment must be at most %d bytes", DOC_LEN_MAX);
    if ((decoded = enrollment_decode(&made, &text)) && !e)
        e = decoded;
    if (!e && enrollment_is_taken(r->env, &made, id)) {
        a->code = CODE_CONFLICT;
        e = http_says(a, ERR_EXISTS, "Another enrollment has this endorsement key");
    }
    if (!e)
        e = hub_doc_put(r->env->hub, kind, id, buf_bytes(&made.text), match, r->now_ms, doc, &at);
    if (!e) {
        audit(r, kind, id, match.how == MATCH_NONE ? "created" : "updated", made.disabled ? "disabled" : "");
        front_wait_for(r->front, at);
    }
    enrollment_free(&made);
    if (e)
        json_decref(*kept);
    return says(a, e, id);
}

enum err http_enrollment_put(struct http_request *r, struct http_answer *a)
{
    struct match match = match_asked(r);
    struct doc doc;
    json_t *body, *kept;
    enum err e = http_json(r->body, &body, a);

    if (e)
        return e;
    e = put_one(r, a, kind_of(r), body, bytes_str(r->names[0]), match, &doc, &kept);
    json_decref(body);
    if (e)
        return e;
    snprintf(a->etag, sizeof a->etag, "%s", doc.etag);
    return show(r, a, kept, &doc, true);
}

static enum err delete_one(struct http_request *r, struct http_answer *a, enum doc_kind kind, struct bytes id,
                           struct match match)
{
    uint64_t at;
    enum err e = hub_doc_delete(r->env->hub, kind, id, match, &at);

    if (!e) {
        audit(r, kind, id, "deleted", NULL);
        front_wait_for(r->front, at);
    }
    return says(a, e, id);
}

enum err http_enrollment_delete(struct http_request *r, struct http_answer *a)
{
    a->status = 204;
    return delete_one(r, a, kind_of(r), bytes_str(r->names[0]), match_asked(r));
}

/* provisioning 3.3: the only way to read keys. */
enum err http_enrollment_mechanism(struct http_request *r, struct http_answer *a)
{
    struct bytes id = bytes_str(r->names[0]);
    struct doc doc;
    json_t *kept;
    enum err e = document_get(r->env, kind_of(r), id, &doc, &kept);

    if (e)
        return says(a, e, id);
    e = answer(a, json_incref(json_object_get(kept, "attestation")));
    json_decref(kept);
    return e;
}

/* ---- many at once ---------------------------------------------------------------------------------------------- */

/* Enrollments that are made or changed go behind `made`, with their keys. */
static enum err run_one(struct http_request *r, struct http_answer *a, struct bytes mode, enum doc_kind kind,
                        json_t *one, struct bytes id, json_t *made)
{
    struct match match = {.how = MATCH_ANY}, none = {.how = MATCH_NONE};
    struct match etag = match_of(document_text(one, "etag", NULL, NULL));
    struct doc doc = {0};
    json_t *kept = NULL;
    enum err e;

    if (bytes_eq_nocase(mode, BYTES("delete")))
        return delete_one(r, a, kind, id, none);
    if (bytes_eq_nocase(mode, BYTES("updateIfMatchETag")) && etag.how == MATCH_NONE)
        return http_says(a, ERR_PRECONDITION, "The etag is missing");
    if (bytes_eq_nocase(mode, BYTES("create")))
        match = none;
    else if (!bytes_eq_nocase(mode, BYTES("update")))
        match = etag;
    if (!(e = put_one(r, a, kind, one, id, match, &doc, &kept)))
        json_array_append_new(made, shown_of(r, kept, &doc, true));
    return e;
}

static json_t *error_of(struct http_answer *a, const char *name, struct bytes id, enum err e)
{
    return json_pack("{ss% si ss}", name, id.len ? (const char *)id.at : "", id.len, "errorCode",
                     http_code_number(a, e), "errorStatus", a->text[0] ? a->text : err_text(e));
}

static bool is_mode(struct bytes mode)
{
    return bytes_eq_nocase(mode, BYTES("create")) || bytes_eq_nocase(mode, BYTES("update")) ||
           bytes_eq_nocase(mode, BYTES("updateIfMatchETag")) || bytes_eq_nocase(mode, BYTES("delete"));
}

enum err http_enrollments_bulk(struct http_request *r, struct http_answer *a)
{
    enum doc_kind kind = kind_of(r);
    const char *list = kind == DOC_ENROLLMENT ? "enrollments" : "enrollmentGroups";
    const char *name = kind == DOC_ENROLLMENT ? "registrationId" : "enrollmentGroupId";
    json_t *body, *errors, *made;
    enum err e = http_json(r->body, &body, a);

    if (e)
        return e;
    e = http_spell(body, NAMES_ENROLLMENTS, a);
    const json_t *all = json_object_get(body, list);
    struct bytes mode = document_text(body, "mode", NULL, NULL);
    if (!e && (!is_mode(mode) || !json_is_array(all) || json_array_size(all) > BULK))
        e = http_says(a, ERR_ARGUMENT, "The body must be {mode, %s} with at most %d of them", list, BULK);
    errors = json_array();
    made = json_array();
    if (!errors || !made)
        e = ERR_MEMORY;
    for (size_t i = 0; !e && i < json_array_size(all); i++) {
        json_t *one = json_array_get(all, i);

        a->code = CODE_NONE;
        a->text[0] = 0;
        enum err failed = http_spell(one, NAMES_ENROLLMENT, a);
        struct bytes id = document_text(one, name, NULL, NULL);
        if (!failed)
            failed = run_one(r, a, mode, kind, one, id, made);
        if (failed)
            json_array_append_new(errors, error_of(a, name, id, failed));
    }
    if (!e)
        e = answer(a,
                   json_pack("{sb sO sO}", "isSuccessful", json_array_size(errors) == 0, "errors", errors, list, made));
    json_decref(made);
    json_decref(errors);
    json_decref(body);
    return e;
}

/* ---- going through them ---------------------------------------------------------------------------------------- */

struct walk {
    struct http_request *request;
    enum doc_kind kind;
    const char *group; /* of registrations; NULL: all */
    struct query query;
    size_t most, n;
    char after[ID_LEN_MAX + 1];
};

/* FROM names something else here; the rest of the language is that of queries over devices. */
static enum err take_query(struct http_answer *a, json_t *body, const char *source, struct query *q)
{
    enum err e = http_spell(body, NAMES_QUERY, a);
    struct bytes text = document_text(body, "query", NULL, NULL);
    struct complaint why;

    if (e || !bytes_trim(text).len)
        return e;
    if ((e = query_open_from(q, text, source, &why)) && why.e)
        e = http_says(a, ERR_ARGUMENT, "The query cannot be run: %s", why.text);
    return e;
}

static bool is_wanted(const struct walk *w, const json_t *kept)
{
    struct row row = json_row(kept);

    if (w->group && !bytes_eq_nocase(document_text(kept, "entry", NULL, NULL), bytes_str(w->group)))
        return false;
    return query_selects(&w->query, &row);
}

/* *more: there is another one that is wanted, so that a continuation always leads to one. */
static enum err walk(struct walk *w, struct http_answer *a, bool *more)
{
    char at[ID_LEN_MAX + 1];
    struct doc doc;
    json_t *kept;
    enum err e = OK;

    assert(w->most > 0 && w->n == 0);
    *more = false;
    memcpy(at, w->after, sizeof at);
    buf_puts(&a->body, "[");
    while (!e && !*more && !(e = document_next(w->request->env, w->kind, bytes_str(at), &doc, &kept))) {
        bool wanted = is_wanted(w, kept);

        memcpy(at, doc.id, sizeof at);
        *more = wanted && w->n == w->most;
        if (!wanted || *more) {
            json_decref(kept);
            continue;
        }
        memcpy(w->after, at, sizeof w->after);
        buf_puts(&a->body, w->n++ ? "," : "");
        e = w->kind == DOC_REGISTRATION ? answer(a, document_show_registration(kept))
                                        : show(w->request, a, kept, &doc, false);
    }
    buf_puts(&a->body, "]");
    assert(w->n <= w->most && (!*more || w->n == w->most));
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err run_query(struct http_request *r, struct http_answer *a, struct walk *w)
{
    static const char *const sources[DOC_KINDS] = {[DOC_ENROLLMENT] = "enrollments",
                                                   [DOC_ENROLLMENT_GROUP] = "enrollmentGroups",
                                                   [DOC_REGISTRATION] = "registrations"};
    struct bytes most = http_header(r->head, BYTES("x-ms-max-item-count"));
    struct bytes after = http_header(r->head, BYTES("x-ms-continuation"));
    uint64_t n = QUERY_PAGE_MAX;
    json_t *body = NULL;
    bool more;
    enum err e = OK;

    if ((most.len && (!bytes_to_u64(most, &n) || !n)) || !bytes_to_str(after, w->after, sizeof w->after))
        return http_says(a, ERR_ARGUMENT, "x-ms-max-item-count or x-ms-continuation is not valid");
    w->most = n < DPS_PAGE_MAX ? (size_t)n : DPS_PAGE_MAX;
    if (bytes_trim(r->body).len)
        e = http_json(r->body, &body, a);
    if (!e)
        e = take_query(a, body, sources[w->kind], &w->query);
    if (!e)
        e = walk(w, a, &more);
    if (!e && more)
        http_put_header(&a->headers, "x-ms-continuation", bytes_str(w->after));
    query_close(&w->query);
    json_decref(body);
    return e;
}

enum err http_enrollments_query(struct http_request *r, struct http_answer *a)
{
    struct walk w = {.request = r, .kind = kind_of(r)};

    http_put_header(&a->headers, "x-ms-item-type",
                    w.kind == DOC_ENROLLMENT ? BYTES("Enrollment") : BYTES("EnrollmentGroup"));
    return run_query(r, a, &w);
}

enum err http_registrations_query(struct http_request *r, struct http_answer *a)
{
    struct walk w = {.request = r, .kind = DOC_REGISTRATION, .group = r->names[0]};

    http_put_header(&a->headers, "x-ms-item-type", BYTES("DeviceRegistration"));
    return run_query(r, a, &w);
}

/* ---- registrations --------------------------------------------------------------------------------------------- */

enum err http_registration_get(struct http_request *r, struct http_answer *a)
{
    enum err e = registration_put(r->env, bytes_str(r->names[0]), &a->body);

    return says(a, e, bytes_str(r->names[0]));
}

enum err http_registration_delete(struct http_request *r, struct http_answer *a)
{
    a->status = 204;
    return delete_one(r, a, DOC_REGISTRATION, bytes_str(r->names[0]), match_asked(r));
}
