/* HTTP messages. The first byte says which kind, and how many bytes come at a time: that must make no difference. Must
 * reach: lengths, chunks with extensions and trailers, targets in every form, every fault. */
#include "http.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESPONSES = 1, TO_HEAD = 2, SKIP = 4 };

/* A sum over all that was read. */
struct sum {
    uint64_t hash;
    size_t messages, used;
};

static void add(struct sum *s, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        s->hash = (s->hash ^ b.at[i]) * 1099511628211u;
    s->hash = (s->hash ^ b.len) * 1099511628211u;
}

static void add_head(struct sum *s, const struct http_head *head)
{
    static struct http_path path;
    char value[64];

    add(s, head->method);
    add(s, head->path);
    add(s, head->query);
    s->hash += (uint64_t)head->status + head->keep_alive + head->has_body + head->upgrade;
    for (size_t i = 0; i < head->n_headers; i++) {
        add(s, head->headers[i].name);
        add(s, head->headers[i].value);
    }
    if (!http_path_split(head->path, &path))
        for (size_t i = 0; i < path.n; i++)
            add(s, path.segments[i]);
    if (!http_query(head->query, BYTES("top"), value, sizeof value))
        add(s, bytes_str(value));
}

static struct sum read_all(struct bytes in, uint8_t how, size_t slice)
{
    size_t seen = 0, used;
    enum http_step step;
    struct sum s = {0};
    struct http_in h;

    http_in_init(&h, how & RESPONSES ? HTTP_RESPONSES : HTTP_REQUESTS, 4096);
    for (;;) {
        /* A copy of its own size: what is read behind it is seen. */
        size_t n = seen - s.used;
        uint8_t *copy = malloc(n ? n : 1);
        if (!copy)
            abort();
        if (n)
            memcpy(copy, in.at + s.used, n);
        h.answer_to_head = how & TO_HEAD;
        step = http_read(&h, bytes_of(copy, n), &used);
        free(copy);
        if (used > n)
            abort();
        s.used += used;
        if (step == HTTP_STEP_HEAD) {
            add_head(&s, &h.head);
            h.skip_body = how & SKIP;
        } else if (step == HTTP_STEP_MESSAGE) {
            s.messages++;
            add(&s, buf_bytes(&h.body));
        } else if (step == HTTP_STEP_BAD) {
            s.used = 0; /* where it is seen depends on how much is there */
            break;
        } else if (seen == in.len) {
            break;
        } else {
            seen = in.len - seen < slice ? in.len : seen + slice;
        }
    }
    s.hash += h.fault;
    if (step == HTTP_STEP_MORE && http_read_end(&h))
        add(&s, buf_bytes(&h.body));
    http_in_free(&h);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    struct sum whole = read_all(in, data[0], SIZE_MAX / 2), parts = read_all(in, data[0], 1 + (data[0] >> 3));

    if (whole.hash != parts.hash || whole.messages != parts.messages || whole.used != parts.used)
        abort();
    return 0;
}
