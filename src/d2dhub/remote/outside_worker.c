#include "outside_worker.h"

#include "data.h"
#include "json_text.h"
#include "log.h"
#include "net.h"
#include "outside_hub.h"
#include "text.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* WAIT_MS and the time that one request takes stay below ASSIGNING_MS. */
enum { QUEUE = 256, WAIT_MS = 2 * 60000, ANSWER_MAX = 64 * 1024, LINE_CAP = 1024 };

struct waiting {
    struct outside_request *request;
    int64_t since_ms;
};

struct outside_worker {
    struct outside table;
    char run[20];
    const struct front_env *env;
    struct outside_line line;
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

static bool add_hub(struct outside_worker *w, const char *line)
{
    struct linked_hub *h = &w->hubs[w->n_hubs];

    if (w->n_hubs == LINKED_HUBS_MAX || !(h->text = strdup(line)))
        return false;
    w->n_hubs++; /* it is freed with the others */
    w->names[w->n_hubs - 1] = h->host;
    return linked_hub_read(h);
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
        if (line[0] && line[0] != '#' && !add_hub(w, line)) {
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

/* ---- a request --------------------------------------------------------------------------------------------------- */

/* The answers of others about the device: all on the heap, or NULL. */
struct said {
    char *host;    /* of the webhook */
    char *payload; /* its, an object as JSON */
    char *twin;    /* its, or what the device had at the hub that it leaves */
};

static void ask_webhook(const struct outside_worker *w, const struct outside_request *request, struct said *out)
{
    struct buf answer = buf_max(ANSWER_MAX);
    json_t *root = NULL;
    const json_t *host, *payload, *twin;
    int status = 0;

    if (!outside_ask(&w->line, NULL, "POST", request->url, NULL, bytes_str(request->question), &answer, &status) &&
        status == 200)
        root = json_loadb((const char *)answer.at, answer.len, JSON_REJECT_DUPLICATES, NULL);
    host = json_object_get(root, "iotHubHostName");
    payload = json_object_get(root, "payload");
    if (json_is_string(host))
        out->host = strdup(json_string_value(host));
    if (json_is_object(payload)) /* provisioning 1.2.2: anything else breaks clients */
        out->payload = json_text(payload, JSON_COMPACT);
    twin = json_object_get(root, "initialTwin");
    if (json_is_object(twin))
        out->twin = json_text(twin, JSON_COMPACT);
    json_decref(root);
    buf_free(&answer);
}

static bool moves_to(const struct outside_request *request, const char *host)
{
    return request->leave[0] && strcmp(request->leave, host) != 0;
}

static char *twin_of_here(const struct outside_worker *w, const char *id)
{
    struct buf text = buf_max(TWIN_JSON_MAX);
    char *twin = NULL;

    buf_puts(&text, "{");
    if (!hub_twin_read(w->env->hub, bytes_str(id), TWIN_FOR_SERVICE, &text, NULL, NULL)) {
        buf_puts(&text, "}");
        twin = text.bad ? NULL : strdup(buf_str(&text));
    }
    buf_free(&text);
    return twin;
}

/* provisioning 3.8: a device that is to keep its data takes its twin along. */
static void take_twin_along(const struct outside_worker *w, const struct outside_request *request, const char *host,
                            struct said *said)
{
    const struct linked_hub *left = find_hub(w, request->leave);
    char *twin = NULL;

    if (!request->migrates || !moves_to(request, host))
        return;
    if (is_here(w, request->leave))
        twin = twin_of_here(w, request->leave_id);
    else if (left)
        twin = hub_read_twin(&w->line, left, request->leave_id);
    if (!twin) {
        log_event(LOG_WARN, "twin-not-moved", KVS("device", request->leave_id), KVS("hub", request->leave));
        return;
    }
    free(said->twin);
    said->twin = twin;
}

static bool make_there(const struct outside_worker *w, const struct outside_request *request, const char *host,
                       const char *twin)
{
    const struct linked_hub *hub = find_hub(w, host);
    bool is_new;

    if (!hub_make_device(&w->line, hub, request, &is_new))
        return false;
    if (moves_to(request, host) || (is_new && twin))
        hub_write_twin(&w->line, hub, request->device.id, twin ? twin : "{}");
    return true;
}

/* Finds where the device belongs, and makes it there. */
static void carry_out(const struct outside_worker *w, const struct outside_request *request, struct said *said,
                      struct outside_end *end)
{
    const char *asked = request->url ? said->host : request->host;
    const char *host = asked ? outside_hub(w->env, request, asked) : NULL;

    if (host)
        take_twin_along(w, request, host, said);
    end->payload = bytes_str(said->payload);
    end->twin = bytes_str(said->twin ? said->twin : request->twin);
    end->host = host;
    if (!asked) {
        end->error = DPS_WEBHOOK;
        end->message = "The answer of the webhook names no hub.";
    } else if (!host) {
        end->error = DPS_HUB_REFUSES;
        end->message = "The hub is not linked to this service, or not for this enrollment.";
    } else if (!is_here(w, host) && !make_there(w, request, host, said->twin ? said->twin : request->twin)) {
        end->error = DPS_HUB_REFUSES;
        end->message = "The hub refuses the device.";
    }
}

/* Its other place is given up only when it has arrived. */
static void leave(const struct outside_worker *w, const struct outside_request *request, const char *host)
{
    const struct linked_hub *left = request->leave[0] ? find_hub(w, request->leave) : NULL;

    if (left && strcmp(left->host, host) != 0)
        hub_remove_device(&w->line, left, request->leave_id);
}

static void run_request(const struct outside_worker *w, const struct waiting *one)
{
    struct outside_end end = {.error = 0};
    struct said said = {.host = NULL};
    bool wanted = outside_is_wanted(w->env, one->request);

    if (net_steady_ms() - one->since_ms > WAIT_MS) {
        end.error = DPS_WEBHOOK;
        end.message = "Too many registrations are waiting; register again.";
    } else if (wanted) {
        if (one->request->url)
            ask_webhook(w, one->request, &said);
        if ((wanted = outside_is_wanted(w->env, one->request)))
            carry_out(w, one->request, &said, &end);
    }
    if (wanted && !atomic_load(&w->stopping) && outside_finish(w->env, one->request, &end, net_steady_ms()))
        leave(w, one->request, end.host);
    free(said.host);
    free(said.payload);
    free(said.twin);
    outside_request_free(one->request);
}

static enum err start(void *ctx, struct outside_request *request)
{
    struct outside_worker *w = ctx;
    enum err e = ERR_BUSY;

    pthread_mutex_lock(&w->lock);
    if (w->n < QUEUE) {
        w->queue[(w->first + w->n++) % QUEUE] = (struct waiting){request, net_steady_ms()};
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
        run_request(w, &one);
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
    w->line = (struct outside_line){.ca_file = ca_file, .stopping = &w->stopping};
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
        outside_request_free(w->queue[w->first].request);
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
