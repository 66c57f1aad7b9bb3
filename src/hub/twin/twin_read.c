/* Twins as others read them. */
#include "identities.h"
#include "identity.h"
#include "twin_json.h"
#include "twins.h"

void twin_head_of(struct bytes run, struct twin_head *out)
{
    struct twin_facts facts;

    twin_facts_of(run, &facts);
    *out = (struct twin_head){.version = (int64_t)facts.version,
                              .desired_version = (int64_t)facts.part_version[TWIN_DESIRED],
                              .reported_version = (int64_t)facts.part_version[TWIN_REPORTED]};
    twin_etag_text(facts.etag, out->etag);
    if (!bytes_to_str(facts.model, out->model, sizeof out->model))
        out->model[0] = 0; /* a text has no NUL */
}

/* Reads a twin that is in memory. */
static enum err copy(struct hub *h, const struct identity *i, struct buf *run, struct device *device, uint64_t *at)
{
    struct buf value = buf_max(TWIN_RUN_MAX + 8);
    struct bytes found = i->twin ? twin_run(i->twin) : NO_BYTES;
    enum err e = i->gone ? ERR_NOT_FOUND : i->twin ? OK : twin_read(h, &i->device, &value, &found);

    if (!e)
        buf_put(run, found);
    if (!e && device)
        *device = i->device;
    if (at)
        *at = i->twin ? i->twin->changed_at : 0;
    buf_free(&value);
    return e;
}

/* Reads a twin that only the checkpoint has. */
static enum err copy_kept(struct hub *h, struct bytes id, struct buf *run, struct device *device, uint64_t *at)
{
    struct buf value = buf_max(DEVICE_VALUE_MAX);
    char key[STATE_KEY_MAX];
    struct identity i;
    enum err e = identity_valid(id) ? state_get(h->state, identity_key(key, id), &value) : ERR_NOT_FOUND;

    if (!e && !(e = identity_decode(buf_bytes(&value), &i)))
        e = copy(h, &i, run, device, at);
    buf_free(&value);
    return e;
}

enum err twin_copy(struct hub *h, const struct shard *s, struct bytes id, struct buf *run, struct device *device,
                   uint64_t *at)
{
    const struct identity *i = map_get(&s->identities, id);
    enum err e = i ? copy(h, i, run, device, at) : copy_kept(h, id, run, device, at);

    assert_locked(&s->lock);
    return e ? e : buf_check(run);
}

enum err hub_twin_copy(struct hub *h, struct bytes id, struct buf *run, struct device *device, uint64_t *at)
{
    struct shard *s = shard_of(h, id);
    enum err e;

    mutex_lock(&s->lock);
    e = twin_copy(h, s, id, run, device, at);
    mutex_unlock(&s->lock);
    return e;
}

enum err hub_twin_read(struct hub *h, struct bytes id, enum twin_form form, struct buf *json, struct twin_head *head,
                       struct device *device)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    uint64_t at;
    enum err e = hub_twin_copy(h, id, &run, device, &at);

    if (!e && head) {
        twin_head_of(buf_bytes(&run), head);
        head->at = at;
    }
    if (!e && form == TWIN_FOR_DEVICE)
        twin_put_device(json, buf_bytes(&run));
    else if (!e)
        twin_put_service(json, buf_bytes(&run));
    buf_free(&run);
    return e ? e : buf_check(json);
}
