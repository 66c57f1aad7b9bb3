/* Routes that no other hub has: health, consumer groups, the state of the hub (see the table of routes). */
#include "http_front.h"

#include "capacity.h"
#include "text.h"

#include <stdio.h>

enum err http_healthz(struct http_request *r, struct http_answer *a)
{
    (void)r;
    a->type = "text/plain; charset=utf-8";
    buf_puts(&a->body, "ok\n");
    return OK;
}

enum err http_readyz(struct http_request *r, struct http_answer *a)
{
    if (r->env->ready && !r->env->ready(r->env->ready_ctx)) {
        a->code = CODE_UNAVAILABLE;
        return http_says(a, ERR_BUSY, "The hub is not ready");
    }
    a->type = "text/plain; charset=utf-8";
    buf_puts(&a->body, "ready\n");
    return OK;
}

/* ---- consumer groups ------------------------------------------------------------------------------------------- */

static void put_group(struct http_answer *a, struct bytes name)
{
    buf_puts(&a->body, "{\"name\":");
    buf_put_json(&a->body, name);
    buf_puts(&a->body, "}");
}

static enum err no_group(const struct http_request *r, struct http_answer *a)
{
    a->code = CODE_NOT_FOUND;
    return http_says(a, ERR_NOT_FOUND, "Consumer group '%.100s' does not exist", r->names[0]);
}

enum err http_groups_list(struct http_request *r, struct http_answer *a)
{
    struct buf names = buf_max(GROUPS_MAX * (GROUP_LEN_MAX + 1));
    enum err e = hub_group_list(r->env->hub, &names);
    struct bytes rest = buf_bytes(&names);

    buf_puts(&a->body, "[");
    while (!e && rest.len) {
        if (a->body.len > 1)
            buf_puts(&a->body, ",");
        put_group(a, bytes_cut(&rest, '\0'));
    }
    buf_puts(&a->body, "]");
    buf_free(&names);
    return e;
}

enum err http_group_get(struct http_request *r, struct http_answer *a)
{
    if (!hub_group_exists(r->env->hub, bytes_str(r->names[0])))
        return no_group(r, a);
    put_group(a, bytes_str(r->names[0]));
    return OK;
}

/* As in the management plane: to make one that is there changes nothing. */
enum err http_group_put(struct http_request *r, struct http_answer *a)
{
    uint64_t at = 0;
    enum err e = hub_group_add(r->env->hub, bytes_str(r->names[0]), &at);

    if (e == ERR_ARGUMENT)
        return http_says(a, e, "The name of a consumer group must be 1 to %d of A-Z a-z 0-9 - _ .", GROUP_LEN_MAX);
    if (e == ERR_LIMIT) {
        a->code = CODE_ARGUMENT;
        return http_says(a, e, "There are already %d consumer groups", GROUPS_MAX);
    }
    if (e && e != ERR_EXISTS)
        return e;
    if (!e)
        http_audit(r, "group-created", "group", bytes_str(r->names[0]), NULL);
    front_wait_for(r->front, at);
    put_group(a, bytes_str(r->names[0]));
    return OK;
}

enum err http_group_delete(struct http_request *r, struct http_answer *a)
{
    uint64_t at;
    enum err e = hub_group_del(r->env->hub, bytes_str(r->names[0]), &at);

    if (e == ERR_ARGUMENT)
        return http_says(a, e, "The consumer group $Default cannot be deleted");
    if (e)
        return e == ERR_NOT_FOUND ? no_group(r, a) : e;
    http_audit(r, "group-deleted", "group", bytes_str(r->names[0]), NULL);
    front_wait_for(r->front, at);
    a->status = 204;
    return OK;
}

/* ---- the state ------------------------------------------------------------------------------------------------- */

static void put_partition(struct http_answer *a, unsigned number, const struct partition *p)
{
    char iso[ISO_TIME_CAP] = "0001-01-01T00:00:00", offset[OFFSET_TEXT_CAP] = "-1";

    if (p->last_sequence >= 0) {
        iso_time(p->last_enqueued_ms, iso);
        offset_text(p->last_offset, offset);
    }
    buf_printf(&a->body,
               "%s{\"partition\":\"%u\",\"begin_sequence_number\":%lld,\"last_enqueued_sequence_number\":%lld,"
               "\"last_enqueued_offset\":\"%s\",\"last_enqueued_time_utc\":\"%s\",\"is_partition_empty\":%s}",
               number ? "," : "", number, (long long)p->first_sequence, (long long)p->last_sequence, offset, iso,
               p->empty ? "true" : "false");
}

/* The log and its room; messages that were refused, or had to wait, for want of it and for going over a ceiling. */
static void put_room(struct http_answer *a, const struct hub_counts *n)
{
    buf_printf(&a->body,
               "\"log_bytes\":%llu,\"log_bytes_max\":%llu,\"disk_full\":%s,\"refused_disk_full\":%llu,"
               "\"refused_throttled\":%llu,\"refused_quota\":%llu",
               (unsigned long long)n->log_bytes, (unsigned long long)n->log_bytes_max, n->full ? "true" : "false",
               (unsigned long long)n->refused_full, (unsigned long long)n->refused_busy,
               (unsigned long long)n->refused_quota);
}

static size_t count_groups(struct hub *hub)
{
    struct buf names = buf_max(GROUPS_MAX * (GROUP_LEN_MAX + 1));
    size_t n = 0;

    if (!hub_group_list(hub, &names))
        for (size_t i = 0; i < names.len; i++)
            n += names.at[i] == 0;
    buf_free(&names);
    return n;
}

/* Connections, with and without having shown who they are, and what they cost. */
static void put_load(struct http_request *r, struct buf *b)
{
    struct capacity_load l;

    if (!r->env->capacity)
        return;
    r->env->capacity->load(r->env->capacity->ctx, &l);
    buf_printf(b,
               ",\"connections\":%llu,\"unauthenticated_connections\":%llu,\"refused_connections\":%llu,"
               "\"memory_used\":%llu,\"memory_limit\":%llu,\"memory_short\":%s",
               (unsigned long long)l.connections, (unsigned long long)l.unproved, (unsigned long long)l.refused,
               (unsigned long long)l.memory_used, (unsigned long long)l.memory_limit,
               l.memory_short ? "true" : "false");
}

enum err http_hub_status(struct http_request *r, struct http_answer *a)
{
    struct hub *hub = r->env->hub;
    struct hub_counts n;
    struct partition p;
    enum err e = OK;

    hub_count(hub, &n);
    buf_puts(&a->body, "{\"host_name\":");
    buf_put_json(&a->body, bytes_str(r->env->host));
    buf_puts(&a->body, ",\"entity\":");
    buf_put_json(&a->body, bytes_str(r->env->entity));
    buf_puts(&a->body, ",\"scope_id\":");
    buf_put_json(&a->body, bytes_str(hub_birth(hub)->scope));
    buf_printf(&a->body,
               ",\"devices\":%llu,\"disabled_devices\":%llu,\"connected_devices\":%llu,\"events_received\":%llu,"
               "\"bytes_received\":%llu,\"damaged_ranges\":%llu,\"damaged_bytes\":%llu,\"consumer_groups\":%zu,"
               "\"partition_count\":%u,",
               (unsigned long long)n.devices, (unsigned long long)n.disabled, (unsigned long long)n.connected,
               (unsigned long long)n.received, (unsigned long long)n.received_bytes, (unsigned long long)n.damaged,
               (unsigned long long)n.damaged_bytes, count_groups(hub), hub_partitions(hub));
    put_room(a, &n);
    buf_puts(&a->body, ",\"partitions\":[");
    for (unsigned i = 0; !e && i < hub_partitions(hub); i++)
        if (!(e = hub_partition(hub, i, &p)))
            put_partition(a, i, &p);
    buf_puts(&a->body, "]");
    put_load(r, &a->body);
    buf_printf(&a->body, ",\"fault_injection\":%s}", r->env->faults ? "true" : "false");
    return e;
}
