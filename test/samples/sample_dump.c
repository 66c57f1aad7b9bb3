/* sample_dump DATA: prints everything that a hub knows, one line each, as of the time of its last event. Nothing is
 * written. */
#include "crc32c.h"
#include "disk_store.h"
#include "hub.h"
#include "hub_ca.h"
#include "hub_job.h"
#include "runner.h"
#include "state_open.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t now_ms; /* messages of a sample have not expired */

/* Reading takes random numbers for locks, which are not shown. */
static void no_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 7, len);
}

static void no_wake(struct waker *w)
{
    (void)w;
}

static void print_hex(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        printf("%02x", b.at[i]);
}

static void print_key(const char *before, const struct key_bytes *key)
{
    printf("%s", before);
    print_hex(bytes_of(key->at, key->len));
}

/* Prints what can be read of it. */
static void print_text(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        putchar(b.at[i] >= 32 && b.at[i] < 127 ? b.at[i] : '~');
}

static void dump_hub(struct hub *hub)
{
    const struct hub_birth *b = hub_birth(hub);
    struct buf groups = buf_max(GROUPS_MAX * (GROUP_LEN_MAX + 2));
    struct policy policies[16];
    struct hub_counts counts;
    size_t n = hub_policy_list(hub, policies, 16);

    hub_count(hub, &counts);
    printf("hub %s partitions=%u scope=%s created=%lld placed=%u devices=%llu disabled=%llu\n", b->name, b->partitions,
           b->scope, (long long)b->created_ms, b->placed, (unsigned long long)counts.devices,
           (unsigned long long)counts.disabled);
    for (size_t i = 0; i < n; i++) {
        printf("policy %s rights=%u", policies[i].name, policies[i].rights);
        print_key(" primary=", &policies[i].primary);
        print_key(" secondary=", &policies[i].secondary);
        puts("");
    }
    if (hub_group_list(hub, &groups))
        exit(1);
    printf("groups ");
    print_text(buf_bytes(&groups));
    puts("");
    buf_free(&groups);
}

static void dump_mail(struct hub *hub, const char *device)
{
    struct buf room = buf_max(C2D_LEN_MAX + 4096);
    struct c2d c;
    enum err e;

    while (!(e = hub_take(hub, bytes_str(device), now_ms, &room, &c))) {
        printf("letter %s number=%llu deliveries=%u enqueued=%lld expires=%lld ", device,
               (unsigned long long)c.sequence, c.delivery_count, (long long)c.enqueued_ms, (long long)c.expiry_ms);
        print_text(c.sections);
        puts("");
        buf_clear(&room);
    }
    buf_free(&room);
    if (e != ERR_NOT_FOUND)
        exit(1);
}

/* A twin that nobody has written is not shown. */
static void dump_twin(struct hub *hub, const char *name)
{
    struct buf json = buf_max(TWIN_JSON_MAX);
    struct twin_head head;

    if (hub_twin_read(hub, bytes_str(name), TWIN_FOR_SERVICE, &json, &head, NULL))
        exit(1);
    if (head.version > 2 || head.model[0]) {
        printf("twin %s etag=%s version=%lld model=%s ", name, head.etag, (long long)head.version, head.model);
        print_text(buf_bytes(&json));
        puts("");
    }
    buf_free(&json);
}

static void dump_modules(struct hub *hub, const char *device)
{
    static struct device modules[MODULES_ROOM];
    size_t n;

    if (hub_module_list(hub, bytes_str(device), modules, &n))
        exit(1);
    for (size_t i = 0; i < n; i++) {
        const struct device *m = &modules[i];

        printf("module %s generation=%s etag=%s auth=%d by=%s", m->id, m->generation, m->etag, (int)m->auth,
               m->managed_by);
        print_key(" primary=", &m->primary);
        print_key(" secondary=", &m->secondary);
        puts("");
        dump_twin(hub, m->id);
    }
}

static void dump_devices(struct hub *hub)
{
    struct device d = {.id = ""};
    size_t n;

    while (!hub_device_list(hub, bytes_str(d.id), &d, 1, &n) && n) {
        printf("device %s generation=%s etag=%s disabled=%d reason=%s auth=%d thumbprints=%s,%s status=%lld letters=%u",
               d.id, d.generation, d.etag, d.disabled, d.reason, (int)d.auth, d.thumbprint[0], d.thumbprint[1],
               (long long)d.status_ms, d.c2d_count);
        print_key(" primary=", &d.primary);
        print_key(" secondary=", &d.secondary);
        puts(d.edge ? " edge" : "");
        dump_twin(hub, d.id);
        dump_modules(hub, d.id);
        dump_mail(hub, d.id);
    }
}

static void dump_documents(struct hub *hub)
{
    struct ca ca = {.name = ""};

    while (!hub_ca_next(hub, bytes_str(ca.name), &ca)) {
        printf("ca %s verified=%d etag=%s created=%lld ", ca.name, ca.verified, ca.etag, (long long)ca.created_ms);
        print_hex(bytes_of(ca.der, ca.der_len));
        puts("");
    }
    for (int kind = 0; kind < DOC_KINDS; kind++) {
        struct buf body = buf_max(DOC_LEN_MAX);
        struct doc doc = {.id = ""};

        while (!hub_doc_next(hub, (enum doc_kind)kind, bytes_str(doc.id), &body, &doc)) {
            printf("document %d %s etag=%s created=%lld updated=%lld ", kind, doc.id, doc.etag,
                   (long long)doc.created_ms, (long long)doc.updated_ms);
            print_text(buf_bytes(&body));
            puts("");
            buf_clear(&body);
        }
        buf_free(&body);
    }
}

static void dump_jobs(struct hub *hub)
{
    struct buf body = buf_max(JOB_BODY_MAX), room = buf_max(JOB_RESULT_MAX + IDENTITY_LEN_MAX + 1);
    struct job j = {.serial = 0};

    while (!hub_job_next(hub, j.serial, &body, &j)) {
        printf("job %s kind=%d state=%d created=%lld start=%lld end=%lld rows=%u ", j.id, (int)j.kind, (int)j.state,
               (long long)j.created_ms, (long long)j.start_ms, (long long)j.end_ms, (unsigned)j.n_rows);
        if (j.kind == JOB_IMPORT)
            printf("failed=%u ", job_failed_lines(&j));
        print_text(buf_bytes(&body));
        puts("");
        buf_clear(&body);
        for (uint32_t i = 0; i < j.n_rows; i++) {
            struct job_row row;

            buf_clear(&room);
            if (hub_job_row(hub, j.serial, i, &room, &row))
                exit(1);
            printf("of job %s: %.*s state=%d start=%lld end=%lld\n", j.id, BYTES_ARG(row.device), (int)row.state,
                   (long long)row.start_ms, (long long)row.end_ms);
        }
    }
    buf_free(&body);
    buf_free(&room);
}

static bool print_left(void *ctx, struct bytes key, struct bytes value)
{
    (void)ctx;
    (void)value;
    printf("left %.*s\n", BYTES_ARG(bytes_skip(key, 2)));
    return true;
}

/* Identities that were connected at the last checkpoint, where that is told. */
static void dump_left(struct state *state)
{
    if (state_each(state, BYTES("l/"), NO_BYTES, print_left, NULL))
        exit(1);
}

static void dump_feedback(struct hub *hub)
{
    struct feedback_record all[FEEDBACK_BATCH];
    struct c2d_lock lock;
    size_t n;

    if (hub_feedback_take(hub, now_ms, all, &n, &lock))
        return;
    for (size_t i = 0; i < n; i++)
        printf("feedback %s of %s (%s): %s at %lld\n", all[i].message_id, all[i].device, all[i].generation,
               fate_name(all[i].fate), (long long)all[i].ms);
}

static void dump_events(struct hub *hub, unsigned number)
{
    struct waker waker = {no_wake};
    struct read_options options = {
        .group = BYTES("readers"), .partition = number, .position = {.from = FROM_EARLIEST}, .waker = &waker};
    struct partition p;
    struct reader *reader;
    struct event event;
    enum err e;

    if (hub_partition(hub, number, &p) || hub_reader_open(hub, &options, NULL, &reader))
        exit(1);
    printf("partition %u first=%lld last=%lld offset=%llu time=%lld\n", number, (long long)p.first_sequence,
           (long long)p.last_sequence, (unsigned long long)p.last_offset, (long long)p.last_enqueued_ms);
    while (!(e = hub_read(reader, &event)) || e == ERR_BUSY) {
        if (e)
            continue;
        printf("event %.*s number=%lld offset=%llu bytes=%zu crc=%08x\n", BYTES_ARG(event.device),
               (long long)event.sequence, (unsigned long long)event.offset, event.sections.len,
               (unsigned)crc32c(0, event.sections));
    }
    hub_reader_close(reader);
}

int main(int argc, char **argv)
{
    char log[4096], state[4096], why[256] = "";
    struct disk_options disk = {.folder = log, .segment_size = 16384};
    struct hub_options options = {.random = no_random, .hash_seed = 1};
    struct hub *hub = NULL;
    enum err e;

    if (argc < 2)
        return 2;
    snprintf(log, sizeof log, "%s/log", argv[1]);
    snprintf(state, sizeof state, "%s/state", argv[1]);
    if ((e = disk_store_open(&disk, &options.store, why)) || (e = lmdb_state_open(state, 0, &options.state, why)) ||
        (e = hub_open(&options, &hub))) {
        fprintf(stderr, "%s: %s %s\n", argv[1], err_text(e), why);
        return 1;
    }
    for (unsigned i = 0; i < hub_partitions(hub); i++) {
        struct partition p;

        if (!hub_partition(hub, i, &p) && p.last_enqueued_ms > now_ms)
            now_ms = p.last_enqueued_ms;
    }
    dump_hub(hub);
    dump_devices(hub);
    dump_documents(hub);
    dump_jobs(hub);
    dump_left(options.state);
    dump_feedback(hub);
    for (unsigned i = 0; i < hub_partitions(hub); i++)
        dump_events(hub, i);
    store_close(options.store);
    hub_close(hub);
    state_close(options.state);
    return 0;
}
