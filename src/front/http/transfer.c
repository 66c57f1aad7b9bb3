/* Import and export of the registry (service 4.10). They are made, shown and cancelled here; who does them is src/job.
 */
#include "http_front.h"

#include "hub_job.h"
#include "runner.h"
#include "text.h"
#include "transfer.h"

#include <stdio.h>

enum { LISTED_MAX = 100, URI_MAX = 1024 };
#define BAD_BLOB "%s must be 1 to %d of A-Z a-z 0-9 . - _ and not begin with a dot"

/* ---- shown ------------------------------------------------------------------------------------------------------ */

static bool is_ours(const struct job *j)
{
    return job_is_of_registry(j->kind);
}

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char iso[ISO_TIME_CAP];

    iso_time(ms, iso);
    buf_printf(b, ",\"%s\":\"%s\"", name, iso);
}

/* The files are told as they were asked for, but for the secrets of their URIs. */
static void put_job(struct buf *b, const struct job *j, struct bytes body)
{
    static const char *const states[JOB_STATES] = {"enqueued", "running", "completed", "failed", "cancelled"};
    struct bytes condition, document;

    buf_puts(b, "{\"jobId\":");
    buf_put_json(b, bytes_str(j->id));
    buf_printf(b, ",\"type\":\"%s\",\"status\":\"%s\",\"progress\":%u", job_kind_name(j->kind), states[j->state],
               j->percent);
    put_time(b, "startTimeUtc", j->created_ms);
    if (j->end_ms)
        put_time(b, "endTimeUtc", j->end_ms);
    if (!job_body_read(body, &condition, &document)) {
        buf_puts(b, ",");
        buf_put(b, bytes_first(bytes_skip(document, 1), document.len - 2)); /* its members */
    }
    if (j->kind == JOB_IMPORT)
        buf_printf(b, ",\"failedLines\":%u", job_failed_lines(j));
    buf_puts(b, ",\"failureReason\":");
    if (j->failure[0])
        buf_put_json(b, bytes_str(j->failure));
    else
        buf_puts(b, "null");
    buf_puts(b, "}");
}

/* ---- made ------------------------------------------------------------------------------------------------------- */

static struct bytes text_at(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);

    return bytes_of(json_string_value(v), json_string_length(v));
}

static void put_member(struct buf *b, const char *name, struct bytes text)
{
    buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", name);
    buf_put_json(b, text);
}

/* A container and a file in it, which are kept without what the URI has behind its path: a signature is a secret. */
static enum err take_file(const json_t *root, const char *uri_name, const char *blob_name,
                          char container[CONTAINER_MAX + 1], struct buf *out, struct http_answer *a)
{
    struct bytes uri = text_at(root, uri_name), blob = text_at(root, blob_name);

    if (!uri.len) {
        a->code = CODE_MISSING;
        return http_says(a, ERR_ARGUMENT, "%s is missing", uri_name);
    }
    uri = bytes_first(uri, bytes_find(uri, '?'));
    if (uri.len > URI_MAX || !transfer_container(uri, container)) {
        a->code = CODE_CONTAINER;
        return http_says(a, ERR_ARGUMENT, "%s must end with the name of a container: %d to %d of a-z 0-9 -", uri_name,
                         CONTAINER_MIN, CONTAINER_MAX);
    }
    if (blob.len && !transfer_blob_valid(blob))
        return http_says(a, ERR_ARGUMENT, BAD_BLOB, blob_name, BLOB_MAX);
    put_member(out, uri_name, uri);
    put_member(out, blob_name, blob.len ? blob : BYTES(TRANSFER_BLOB));
    return OK;
}

static enum err take_kind(const json_t *root, enum job_kind *out, struct http_answer *a)
{
    struct bytes type = text_at(root, "type");

    *out = bytes_eq_nocase(type, BYTES("export")) ? JOB_EXPORT : JOB_IMPORT;
    if (*out == JOB_IMPORT && !bytes_eq_nocase(type, BYTES("import")))
        return http_says(a, ERR_MALFORMED, "type must be export or import");
    return OK;
}

static bool is_log(struct bytes blob)
{
    return bytes_eq(blob, BYTES(TRANSFER_ERRORS)) || bytes_eq(blob, BYTES(TRANSFER_CONFIGURATION_ERRORS));
}

/* The file of configurations stands beside that of devices, which is `beside`. */
static enum err take_configurations(const json_t *root, enum job_kind kind, struct bytes beside, struct buf *out,
                                    struct http_answer *a)
{
    struct bytes blob = text_at(root, "configurationsBlobName");

    if (!json_is_true(json_object_get(root, "includeConfigurations")))
        return OK;
    if (!blob.len)
        blob = BYTES(TRANSFER_CONFIGURATIONS);
    if (!transfer_blob_valid(blob))
        return http_says(a, ERR_ARGUMENT, BAD_BLOB, "configurationsBlobName", BLOB_MAX);
    if (bytes_eq(blob, beside.len ? beside : BYTES(TRANSFER_BLOB)))
        return http_says(a, ERR_ARGUMENT, "configurationsBlobName must not be the file of devices");
    if (kind == JOB_IMPORT && is_log(blob))
        return http_says(a, ERR_ARGUMENT, "configurationsBlobName must not be a log of errors");
    buf_puts(out, ",\"includeConfigurations\":true");
    put_member(out, "configurationsBlobName", blob);
    return OK;
}

/* The members that the job keeps, as JSON. */
static enum err take_files(const json_t *root, enum job_kind kind, struct buf *out, struct http_answer *a)
{
    char from[CONTAINER_MAX + 1], to[CONTAINER_MAX + 1];
    struct bytes storage = text_at(root, "storageAuthenticationType");
    struct bytes blob = text_at(root, kind == JOB_IMPORT ? "inputBlobName" : "outputBlobName");
    enum err e = OK;

    buf_puts(out, "{");
    if (kind == JOB_IMPORT)
        e = take_file(root, "inputBlobContainerUri", "inputBlobName", from, out, a);
    if (e || (e = take_file(root, "outputBlobContainerUri", "outputBlobName", to, out, a)))
        return e;
    if (kind == JOB_IMPORT && !strcmp(from, to) && is_log(blob))
        return http_says(a, ERR_ARGUMENT, "inputBlobName must not be a log of errors");
    put_member(out, "storageAuthenticationType",
               bytes_eq_nocase(storage, BYTES("identityBased")) ? storage : BYTES("keyBased"));
    buf_printf(out, ",\"excludeKeysInExport\":%s",
               json_is_true(json_object_get(root, "excludeKeysInExport")) ? "true" : "false");
    if ((e = take_configurations(root, kind, blob, out, a)))
        return e;
    buf_puts(out, "}");
    return buf_check(out);
}

static void make_id(const struct front_env *env, char out[JOB_ID_MAX + 1])
{
    struct c2d_lock random;

    env->random(env->random_ctx, random.at, sizeof random.at);
    lock_text(&random, out);
}

static enum err create(struct http_request *r, const json_t *root, enum job_kind kind, struct http_answer *a)
{
    struct buf document = buf_max(JOB_BODY_MAX), body = buf_max(JOB_BODY_MAX);
    struct job wanted = {.kind = kind, .start_ms = hub_wall_ms(r->env->hub, r->now_ms)};
    struct job job = {.serial = 0};
    uint64_t at;
    enum err e = take_files(root, kind, &document, a);

    if (!e) {
        make_id(r->env, wanted.id);
        job_body_put(&body, NO_BYTES, buf_bytes(&document));
        e = hub_job_put(r->env->hub, &wanted, buf_bytes(&body), r->now_ms, &job, &at);
        if (e == ERR_LIMIT) {
            a->code = CODE_JOB_QUOTA;
            http_says(a, e, "Another import or export has not ended yet");
        }
    }
    if (!e) {
        http_audit(r, "job-created", "job", bytes_str(job.id), job_kind_name(job.kind));
        front_wait_for(r->front, at);
        put_job(&a->body, &job, buf_bytes(&body));
    }
    buf_free(&document);
    buf_free(&body);
    return e;
}

static enum err read_body(struct http_request *r, enum json_names names, json_t **root, struct http_answer *a)
{
    enum err e = http_json(r->body, root, a);

    if (e)
        return e;
    return json_is_object(*root) ? http_spell(*root, names, a)
                                 : http_says(a, ERR_ARGUMENT, "the body is not an object");
}

enum err http_transfer_create(struct http_request *r, struct http_answer *a)
{
    enum job_kind kind = JOB_EXPORT;
    json_t *root = NULL;
    enum err e = read_body(r, NAMES_TRANSFER, &root, a);

    if (!e && !(e = take_kind(root, &kind, a)))
        e = create(r, root, kind, a);
    json_decref(root);
    return e;
}

/* As the oldest .NET client asks: a container by its name, and a connection string, which is a secret and passed over.
 */
static enum err create_in(struct http_request *r, enum job_kind kind, struct http_answer *a)
{
    json_t *root = NULL, *files = NULL;
    char uri[URI_MAX] = "https://blobs/";
    struct bytes name;
    enum err e = read_body(r, NAMES_STORAGE, &root, a);

    if (!e && !(name = text_at(root, "containerName")).len) {
        a->code = CODE_MISSING;
        e = http_says(a, ERR_ARGUMENT, "containerName is missing");
    }
    if (!e && (name.len > CONTAINER_MAX || bytes_find(name, '/') < name.len || bytes_find(name, '?') < name.len)) {
        a->code = CODE_CONTAINER;
        e = http_says(a, ERR_ARGUMENT, "containerName must be %d to %d of a-z 0-9 -", CONTAINER_MIN, CONTAINER_MAX);
    }
    if (!e) {
        snprintf(uri + strlen(uri), sizeof uri - strlen(uri), "%.*s", (int)name.len, (const char *)name.at);
        files = json_pack("{ss ss}", "inputBlobContainerUri", uri, "outputBlobContainerUri", uri);
        e = files ? create(r, files, kind, a) : ERR_MEMORY;
    }
    json_decref(files);
    json_decref(root);
    return e;
}

enum err http_registry_export(struct http_request *r, struct http_answer *a)
{
    return create_in(r, JOB_EXPORT, a);
}

enum err http_registry_import(struct http_request *r, struct http_answer *a)
{
    return create_in(r, JOB_IMPORT, a);
}

/* ---- asked for -------------------------------------------------------------------------------------------------- */

static enum err not_found(const struct http_request *r, struct http_answer *a)
{
    a->code = CODE_NO_JOB;
    return http_says(a, ERR_NOT_FOUND, "Job %.64s does not exist", r->names[0]);
}

enum err http_transfer_get(struct http_request *r, struct http_answer *a)
{
    struct buf body = buf_max(JOB_BODY_MAX);
    struct job job;
    enum err e = hub_job_get(r->env->hub, bytes_str(r->names[0]), &body, &job);

    if (!e && is_ours(&job))
        put_job(&a->body, &job, buf_bytes(&body));
    else if (!e || e == ERR_NOT_FOUND)
        e = not_found(r, a);
    front_wait_for(r->front, hub_seen(r->env->hub));
    buf_free(&body);
    return e;
}

enum err http_transfer_cancel(struct http_request *r, struct http_answer *a)
{
    struct bytes id = bytes_str(r->names[0]);
    struct job job;
    uint64_t at;
    enum err e = hub_job_get(r->env->hub, id, NULL, &job);

    if (e || !is_ours(&job))
        return !e || e == ERR_NOT_FOUND ? not_found(r, a) : e;
    if ((e = hub_job_cancel(r->env->hub, id, r->now_ms, &job, &at)) == ERR_PROTOCOL) {
        a->code = CODE_JOB_STATE;
        return http_says(a, e, "Job %.64s has ended", r->names[0]);
    }
    if (e)
        return e;
    http_audit(r, "job-cancelled", "job", id, job_kind_name(job.kind));
    front_wait_for(r->front, at);
    a->status = 204;
    return OK;
}

/* Gives how many there are. */
static size_t count(struct hub *h)
{
    struct job job = {.serial = 0};
    size_t n = 0;

    while (!hub_job_next(h, job.serial, NULL, &job))
        n += is_ours(&job);
    return n;
}

/* The transfers that were made last. */
enum err http_transfers_list(struct http_request *r, struct http_answer *a)
{
    struct buf body = buf_max(JOB_BODY_MAX);
    struct hub *h = r->env->hub;
    struct job job = {.serial = 0};
    size_t all = count(h), n = 0;
    enum err e;

    buf_puts(&a->body, "[");
    while (!(e = hub_job_next(h, job.serial, &body, &job))) {
        if (is_ours(&job) && n++ + LISTED_MAX >= all) {
            buf_puts(&a->body, a->body.len > 1 ? "," : "");
            put_job(&a->body, &job, buf_bytes(&body));
        }
        buf_clear(&body);
    }
    buf_puts(&a->body, "]");
    front_wait_for(r->front, hub_seen(h));
    buf_free(&body);
    return e == ERR_NOT_FOUND ? OK : e;
}
