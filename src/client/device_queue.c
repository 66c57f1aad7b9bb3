#include "device_queue.h"

#include "bag.h"
#include "limits.h"

#include <stdlib.h>

static struct queued *of(struct list *l)
{
    return LIST_OF(l, struct queued, link);
}

static size_t size_of(const struct queued *q)
{
    return q->topic_len + q->body_len;
}

void queue_init(struct device_queue *q, size_t n_max, size_t bytes_max)
{
    *q = (struct device_queue){.n_max = n_max, .bytes_max = bytes_max};
    list_init(&q->all);
    q->next = &q->all;
}

/* device 2.9: the names of the system properties. */
static void put_properties(struct buf *topic, const struct d2d_message *m)
{
    const struct {
        const char *name, *value;
    } system[] = {{"$.mid", m->message_id},
                  {"$.cid", m->correlation_id},
                  {"$.uid", m->user_id},
                  {"$.ct", m->content_type},
                  {"$.ce", m->content_encoding}};
    bool first = true;

    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        if (!system[i].value)
            continue;
        bag_put(topic, first, bytes_str(system[i].name), bytes_str(system[i].value));
        first = false;
    }
    for (size_t i = 0; i < m->n_properties; i++) {
        bag_put(topic, first, bytes_str(m->properties[i].name), bytes_str(m->properties[i].value));
        first = false;
    }
}

static enum err check(const struct d2d_message *m)
{
    if ((m->body_len && !m->body) || (m->n_properties && !m->properties))
        return ERR_ARGUMENT;
    if (m->body_len > MESSAGE_LEN_MAX || m->n_properties > PROPS_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < m->n_properties; i++)
        if (!m->properties[i].name || !*m->properties[i].name)
            return ERR_ARGUMENT;
    return OK;
}

static struct queued *entry_new(struct bytes topic, const struct d2d_message *m)
{
    struct queued *e = malloc(sizeof *e + topic.len + m->body_len);

    if (!e)
        return NULL;
    *e = (struct queued){.topic_len = topic.len, .body_len = m->body_len};
    memcpy(e->bytes, topic.at, topic.len);
    if (m->body_len)
        memcpy(e->bytes + topic.len, m->body, m->body_len);
    return e;
}

enum err queue_put(struct device_queue *q, const char *device, const struct d2d_message *m, uint8_t qos, d2d_sent *sent,
                   void *ctx)
{
    struct buf topic = buf_max(TOPIC_LEN_MAX);
    struct queued *entry = NULL;
    enum err e = check(m);

    if (e)
        return e;
    d2c_topic_put(&topic, bytes_str(device));
    put_properties(&topic, m);
    if ((e = buf_check(&topic)))
        goto done;
    if (q->n >= q->n_max || q->bytes + topic.len + m->body_len > q->bytes_max) {
        e = ERR_FULL;
        goto done;
    }
    if (!(entry = entry_new(buf_bytes(&topic), m))) {
        e = ERR_MEMORY;
        goto done;
    }
    entry->qos = qos;
    entry->sent = sent;
    entry->ctx = ctx;
    list_add(&q->all, &entry->link);
    if (q->next == &q->all)
        q->next = &entry->link;
    q->n++;
    q->bytes += size_of(entry);
done:
    buf_free(&topic);
    return e;
}

/* Those that have an id stand in front, and there are at most as many as a window has. */
static bool id_is_taken(const struct device_queue *q, uint16_t id)
{
    for (struct list *it = q->all.next; it != q->next; it = it->next)
        if (of(it)->id == id)
            return true;
    return false;
}

/* An id that no message has: one that is said again keeps its own. */
static uint16_t free_id(struct device_queue *q)
{
    do
        q->last_id = q->last_id == UINT16_MAX ? 1 : (uint16_t)(q->last_id + 1);
    while (id_is_taken(q, q->last_id));
    return q->last_id;
}

static void take_out(struct device_queue *q, struct queued *e)
{
    if (q->next == &e->link)
        q->next = e->link.next;
    list_del(&e->link);
    q->n--;
    q->bytes -= size_of(e);
}

struct queued *queue_next(struct device_queue *q)
{
    struct queued *e;

    if (q->next == &q->all)
        return NULL;
    e = of(q->next);
    if (e->qos && !e->id)
        e->id = free_id(q);
    return e;
}

void queue_said(struct device_queue *q, struct queued *e)
{
    q->next = e->link.next;
    if (e->qos)
        q->on_way++;
    else
        take_out(q, e);
}

struct queued *queue_acked(struct device_queue *q, uint16_t id)
{
    for (struct list *it = q->all.next; it != q->next; it = it->next) {
        if (of(it)->id == id) {
            struct queued *e = of(it);

            take_out(q, e);
            q->on_way--;
            return e;
        }
    }
    return NULL;
}

struct queued *queue_take(struct device_queue *q)
{
    struct queued *e;

    if (list_empty(&q->all))
        return NULL;
    e = of(q->all.next);
    if (q->on_way && q->next != &e->link)
        q->on_way--;
    take_out(q, e);
    return e;
}

void queue_rewind(struct device_queue *q)
{
    for (struct list *it = q->all.next; it != q->next; it = it->next)
        of(it)->again = true;
    q->next = q->all.next;
    q->on_way = 0;
}

void queue_forget(struct device_queue *q, const void *ctx)
{
    LIST_EACH (&q->all, it)
        if (of(it)->ctx == ctx)
            of(it)->sent = NULL;
}
