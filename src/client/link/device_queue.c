#include "device_queue.h"

#include <stdlib.h>

static struct queued *of(struct list *l)
{
    return LIST_OF(l, struct queued, link);
}

static size_t size_of(const struct queued *q)
{
    return q->head_len + q->body_len;
}

void queue_init(struct device_queue *q, size_t n_max, size_t bytes_max)
{
    *q = (struct device_queue){.n_max = n_max, .bytes_max = bytes_max};
    list_init(&q->all);
    q->next = &q->all;
}

enum err queue_put(struct device_queue *q, struct bytes head, struct bytes body, uint8_t qos, struct queued **out)
{
    struct queued *e;

    if (q->n >= q->n_max || q->bytes + head.len + body.len > q->bytes_max)
        return ERR_FULL;
    e = malloc(sizeof *e + head.len + body.len);
    if (!e)
        return ERR_MEMORY;
    *e = (struct queued){.qos = qos, .head_len = head.len, .body_len = body.len};
    if (head.len)
        memcpy(e->bytes, head.at, head.len);
    if (body.len)
        memcpy(e->bytes + head.len, body.at, body.len);
    list_add(&q->all, &e->link);
    if (q->next == &q->all)
        q->next = &e->link;
    q->n++;
    q->bytes += size_of(e);
    *out = e;
    return OK;
}

struct bytes queued_head(const struct queued *e)
{
    return bytes_of(e->bytes, e->head_len);
}

struct bytes queued_body(const struct queued *e)
{
    return bytes_of(e->bytes + e->head_len, e->body_len);
}

/* Messages that have an id stand in front, and there are at most as many as a window has. */
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
        q->last_id = q->last_id == QUEUE_ID_MAX ? 1 : (uint16_t)(q->last_id + 1);
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
    LIST_EACH (&q->all, it) {
        if (of(it)->ctx == ctx) {
            of(it)->sent = NULL;
            of(it)->posted = NULL;
        }
    }
}
