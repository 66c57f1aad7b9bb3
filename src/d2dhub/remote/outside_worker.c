#include "outside_worker.h"

#include "connstr.h"
#include "data.h"
#include "json_text.h"
#include "log.h"
#include "net.h"
#include "outside_http.h"
#include "sas.h"
#include "text.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* WAIT_MS and the time that one job takes stay below ASSIGNING_MS. */
enum { QUEUE = 256, WAIT_MS = 2 * 60000, ANSWER_MAX = 64 * 1024, LINE_CAP = 1024, TOKEN_S = 300 };

struct linked_hub {
    char *text; /* the connection string, into which `string` looks */
    struct connstr string;
    char host[HOST_LEN_MAX + 1];
    struct key_bytes key;
};

struct waiting {
    struct outside_job *job;
    int64_t since_ms;
};

struct outside_worker {
    struct outside table;
    char run[20];
    const struct front_env *env;
    const char *ca_file;
    struct linked_hub hubs[LINKED_HUBS_MAX];
    const char *names[LINKED_HUBS_MAX + 1];
    size_t n_hubs;
    pthread_t thread;
    bool runs;
    _Atomic bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct waiting queue[QUEUE];
    size_t first, n;
};

/* ---- the hubs -------------------------------------------------------------------------------------------------- */

static bool take_hub(struct outside_worker *w, const char *line)
{
    struct linked_hub *h = &w->hubs[w->n_hubs];
    size_t len;

    if (w->n_hubs == LINKED_HUBS_MAX || !(h->text = strdup(line)))
        return false;
    w->n_hubs++; /* it is freed with the others */
    if (connstr_parse(bytes_str(h->text), &h->string) || h->string.kind != CONNSTR_SERVICE || !h->string.key_name.len ||
        base64_decode(h->string.key, h->key.at, sizeof h->key.at, &len) || !len ||
        !bytes_to_str(h->string.host, h->host, sizeof h->host))
        return false;
    h->key.len = (uint8_t)len;
    w->names[w->n_hubs - 1] = h->host;
    return true;
}

static enum err read_hubs(struct outside_worker *w, const char *path)
{
    FILE *f = *path ? fopen(path, "re") : NULL;
    char line[LINE_CAP];
    unsigned n = 0;
    enum err e = OK;

    if (*path && !f) {
        fprintf(stderr, "d2dhub run: %s cannot be read: %m\n", path);
        return ERR_IO;
    }
    while (!e && f && fgets(line, sizeof line, f)) {
        n++;
        line[strcspn(line, "\r\n")] = 0;
        if (line[0] && line[0] != '#' && !take_hub(w, line)) {
            fprintf(stderr, "d2dhub run: %s:%u: this is not a connection string of a service policy, or one too many\n",
                    path, n);
            e = ERR_MALFORMED;
        }
    }
    explicit_bzero(line, sizeof line);
    if (f)
        fclose(f);
    return e;
}

static const struct linked_hub *find_hub(const struct outside_worker *w, const char *host)
{
    for (size_t i = 0; i < w->n_hubs; i++)
        if (bytes_eq_nocase(bytes_str(w->hubs[i].host), bytes_str(host)))
            return &w->hubs[i];
    return NULL;
}

static bool is_here(const struct outside_worker *w, const char *host)
{
    return !strcmp(host, w->env->host);
}

/* ---- what is said ---------------------------------------------------------------------------------------------- */

/* A query may hold the key of the webhook. */
static void log_failure(const struct outside_http *h, enum err e)
{
    struct bytes url = bytes_str(h->url);
    char shown[256];

    snprintf(shown, sizeof shown, "%.*s", BYTES_ARG(bytes_first(url, bytes_find(url, '?'))));
    log_event(LOG_WARN, "outside-refused", KVS("method", h->method), KVS("url", shown), KVN("status", h->status),
              KVS("why", !e          ? "status"
                         : h->why[0] ? h->why
                                     : err_text(e)));
}

static enum err ask(const struct outside_worker *w, const struct linked_hub *hub, const char *method, const char *url,
                    const char *if_match, struct bytes body, struct buf *answer, int *status)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    struct outside_http h = {.ca_file = w->ca_file,
                             .stopping = &w->stopping,
                             .method = method,
                             .url = url,
                             .if_match = if_match,
                             .body = body,
                             .answer = answer};
    enum err e = OK;

    if (hub) {
        e = sas_make(hub->string.host, hub->string.key_name, net_wall_ms() / 1000 + TOKEN_S,
                     bytes_of(hub->key.at, hub->key.len), &token);
        h.token = buf_str(&token);
    }
    if (!e)
        e = outside_http(&h);
    *status = h.status;
    if (e || h.status < 200 || h.status > 299)
        log_failure(&h, e);
    buf_free(&token);
    return e;
}

static json_t *json_of_key(const struct key_bytes *key)
{
    char room[KEY_TEXT_MAX + 1];
    struct buf b = buf_over(room, sizeof room);
    json_t *text;

    buf_put_base64(&b, bytes_of(key->at, key->len));
    text = json_stringn(room, b.len);
    explicit_bzero(room, sizeof room);
    return text;
}

/* service 4.3 */
static json_t *authentication_of(const struct device *d)
{
    if (d->auth == AUTH_SAS)
        return json_pack("{ss s{so so}}", "type", "sas", "symmetricKey", "primaryKey", json_of_key(&d->primary),
                         "secondaryKey", json_of_key(&d->secondary));
    return json_pack("{ss s{ss ss}}", "type", "selfSigned", "x509Thumbprint", "primaryThumbprint", d->thumbprint[0],
                     "secondaryThumbprint", d->thumbprint[1]);
}

static void put_url(const struct linked_hub *hub, const char *device, struct buf *out)
{
    buf_printf(out, "https://%s:%u/devices/", hub->host, hub->string.port ? hub->string.port : 443);
    buf_put_percent(out, bytes_str(device));
    buf_puts(out, "?api-version=2021-04-12");
}

/* Takes the identity. */
static enum err put_there(const struct outside_worker *w, const struct linked_hub *hub, const char *url,
                          json_t *identity, const char *if_match, int *status)
{
    char *text = identity ? json_text(identity, JSON_COMPACT) : NULL;
    struct buf answer = buf_max(ANSWER_MAX);
    enum err e = text ? ask(w, hub, "PUT", url, if_match, bytes_str(text), &answer, status) : ERR_MEMORY;

    json_decref(identity);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    buf_free(&answer);
    return e;
}

/* A device that is there already keeps its state, also whether it may connect: only its proof of identity changes. */
static enum err change_there(const struct outside_worker *w, const struct outside_job *job,
                             const struct linked_hub *hub, const char *url, int *status)
{
    struct buf answer = buf_max(ANSWER_MAX);
    enum err e = ask(w, hub, "GET", url, NULL, NO_BYTES, &answer, status);
    json_t *identity = !e && *status == 200 ? json_loadb((const char *)answer.at, answer.len, 0, NULL) : NULL;
    const char *etag = json_string_value(json_object_get(identity, "etag"));
    char if_match[128];

    if (!etag || (size_t)snprintf(if_match, sizeof if_match, "\"%s\"", etag) >= sizeof if_match ||
        json_object_set_new(identity, "authentication", authentication_of(&job->device))) {
        json_decref(identity);
        e = e ? e : ERR_PROTOCOL;
    } else {
        e = put_there(w, hub, url, identity, if_match, status);
    }
    if (answer.at)
        explicit_bzero(answer.at, answer.cap);
    buf_free(&answer);
    return e;
}

static bool make_there(const struct outside_worker *w, const struct outside_job *job, const struct linked_hub *hub)
{
    struct buf url = buf_max(2048);
    int status = 0;
    enum err e;

    put_url(hub, job->device.id, &url);
    e = put_there(w, hub, buf_str(&url),
                  json_pack("{ss ss so s{sb}}", "deviceId", job->device.id, "status", "enabled", "authentication",
                            authentication_of(&job->device), "capabilities", "iotEdge", job->device.edge),
                  NULL, &status);
    if (!e && (status == 409 || status == 412) && outside_may_replace(job, hub->host))
        e = change_there(w, job, hub, buf_str(&url), &status);
    buf_free(&url);
    return !e && status >= 200 && status < 300;
}

/* A device that cannot be removed stays where it was; that has been logged. */
static void remove_there(const struct outside_worker *w, const struct outside_job *job, const struct linked_hub *hub)
{
    struct buf url = buf_max(2048), answer = buf_max(ANSWER_MAX);
    int status = 0;

    put_url(hub, job->leave_id, &url);
    if (ask(w, hub, "DELETE", buf_str(&url), "\"*\"", NO_BYTES, &answer, &status))
        status = 0;
    buf_free(&url);
    buf_free(&answer);
}

/* ---- a job ----------------------------------------------------------------------------------------------------- */

/* The answer of a webhook. */
struct said {
    char *host;    /* NULL: it names none */
    char *payload; /* an object as JSON; NULL: none */
};

static void ask_webhook(const struct outside_worker *w, const struct outside_job *job, struct said *out)
{
    struct buf answer = buf_max(ANSWER_MAX);
    json_t *root = NULL;
    const json_t *host, *payload;
    int status = 0;

    if (!ask(w, NULL, "POST", job->url, NULL, bytes_str(job->question), &answer, &status) && status == 200)
        root = json_loadb((const char *)answer.at, answer.len, JSON_REJECT_DUPLICATES, NULL);
    host = json_object_get(root, "iotHubHostName");
    payload = json_object_get(root, "payload");
    if (json_is_string(host))
        out->host = strdup(json_string_value(host));
    if (json_is_object(payload)) /* provisioning 1.2.2: anything else breaks clients */
        out->payload = json_text(payload, JSON_COMPACT);
    json_decref(root);
    buf_free(&answer);
}

/* Finds where the device belongs, and makes it there. */
static void carry_out(const struct outside_worker *w, const struct outside_job *job, const struct said *said,
                      struct outside_end *end)
{
    const char *asked = job->url ? said->host : job->host;
    const char *host = asked ? outside_hub(w->env, job, asked) : NULL;

    end->payload = bytes_str(said->payload);
    end->host = host;
    if (!asked) {
        end->error = DPS_WEBHOOK;
        end->message = "The answer of the webhook names no hub.";
    } else if (!host) {
        end->error = DPS_HUB_REFUSES;
        end->message = "The hub is not linked to this service, or not for this enrollment.";
    } else if (!is_here(w, host) && !make_there(w, job, find_hub(w, host))) {
        end->error = DPS_HUB_REFUSES;
        end->message = "The hub refuses the device.";
    }
}

/* Its other place is given up only when it has arrived. */
static void leave(const struct outside_worker *w, const struct outside_job *job, const char *host)
{
    const struct linked_hub *left = job->leave[0] ? find_hub(w, job->leave) : NULL;

    if (left && strcmp(left->host, host) != 0)
        remove_there(w, job, left);
}

static void run_job(const struct outside_worker *w, const struct waiting *one)
{
    struct outside_end end = {.error = 0};
    struct said said = {.host = NULL};
    bool wanted = outside_is_wanted(w->env, one->job);

    if (net_steady_ms() - one->since_ms > WAIT_MS) {
        end.error = DPS_WEBHOOK;
        end.message = "Too many registrations are waiting; register again.";
    } else if (wanted) {
        if (one->job->url)
            ask_webhook(w, one->job, &said);
        if ((wanted = outside_is_wanted(w->env, one->job)))
            carry_out(w, one->job, &said, &end);
    }
    if (wanted && !atomic_load(&w->stopping) && outside_finish(w->env, one->job, &end, net_steady_ms()))
        leave(w, one->job, end.host);
    free(said.host);
    free(said.payload);
    outside_job_free(one->job);
}

static enum err start(void *ctx, struct outside_job *job)
{
    struct outside_worker *w = ctx;
    enum err e = ERR_BUSY;

    pthread_mutex_lock(&w->lock);
    if (w->n < QUEUE) {
        w->queue[(w->first + w->n++) % QUEUE] = (struct waiting){job, net_steady_ms()};
        pthread_cond_signal(&w->more);
        e = OK;
    }
    pthread_mutex_unlock(&w->lock);
    return e;
}

static bool next(struct outside_worker *w, struct waiting *out)
{
    bool some;

    pthread_mutex_lock(&w->lock);
    while (!w->n && !atomic_load(&w->stopping))
        pthread_cond_wait(&w->more, &w->lock);
    some = w->n > 0 && !atomic_load(&w->stopping);
    if (some) {
        *out = w->queue[w->first];
        w->first = (w->first + 1) % QUEUE;
        w->n--;
    }
    pthread_mutex_unlock(&w->lock);
    return some;
}

static void *run(void *ctx)
{
    struct outside_worker *w = ctx;
    struct waiting one;

    while (next(w, &one))
        run_job(w, &one);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

enum err outside_worker_open(const char *hubs_file, const char *ca_file, struct outside_worker **out)
{
    struct outside_worker *w = calloc(1, sizeof *w);
    enum err e = w && !curl_global_init(CURL_GLOBAL_DEFAULT) ? OK : ERR_MEMORY;

    if (e) {
        free(w);
        return e;
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    w->ca_file = ca_file;
    if ((e = read_hubs(w, hubs_file))) {
        outside_worker_close(w);
        return e;
    }
    snprintf(w->run, sizeof w->run, "%llx", (unsigned long long)net_steady_ms());
    w->table = (struct outside){.hubs = w->names, .run = w->run, .start = start, .ctx = w};
    *out = w;
    return OK;
}

const struct outside *outside_worker_table(const struct outside_worker *w)
{
    return &w->table;
}

enum err outside_worker_start(struct outside_worker *w, const struct front_env *env)
{
    w->env = env;
    w->runs = pthread_create(&w->thread, NULL, run, w) == 0;
    return w->runs ? OK : ERR_MEMORY;
}

void outside_worker_close(struct outside_worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->stopping, true);
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    if (w->runs)
        pthread_join(w->thread, NULL);
    for (; w->n; w->n--, w->first = (w->first + 1) % QUEUE)
        outside_job_free(w->queue[w->first].job);
    for (size_t i = 0; i < w->n_hubs; i++) {
        explicit_bzero(w->hubs[i].text, strlen(w->hubs[i].text));
        free(w->hubs[i].text);
    }
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    explicit_bzero(w, sizeof *w);
    free(w);
    curl_global_cleanup();
}
