/* Documents of the provisioning service: kept by name, in order, across restarts, crashes and checkpoints. */
#include "docs.h"
#include "hub_world.h"

static struct world w;

static enum err put(const char *id, const char *text, struct match match, struct doc *out)
{
    uint64_t at;
    return hub_doc_put(w.hub, DOC_ENROLLMENT, bytes_str(id), bytes_str(text), match, w.now_ms, out, &at);
}

static void check_is(enum doc_kind kind, const char *id, const char *text)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc d;
    enum err e = hub_doc_get(w.hub, kind, bytes_str(id), &body, &d);

    CHECK_ERR(e, text ? OK : ERR_NOT_FOUND);
    if (text)
        CHECK_BYTES(buf_bytes(&body), bytes_str(text));
    buf_free(&body);
}

TEST(a_document_is_made_read_replaced_and_deleted)
{
    struct doc one, two;
    uint64_t at;

    world_start(&w, 1);
    check_is(DOC_ENROLLMENT, "Dev-1", NULL);
    CHECK_ERR(put("Dev-1", "x", (struct match){.how = MATCH_ANY}, &one), ERR_NOT_FOUND);
    CHECK_OK(put("Dev-1", "one", (struct match){.how = MATCH_NONE}, &one));
    CHECK(one.created_ms == w.now_ms && one.etag[0] && strcmp(one.id, "Dev-1") == 0);
    check_is(DOC_ENROLLMENT, "dev-1", "one"); /* whatever the case */
    check_is(DOC_ENROLLMENT_GROUP, "dev-1", NULL);
    CHECK_ERR(put("DEV-1", "two", (struct match){.how = MATCH_NONE}, &two), ERR_EXISTS);
    w.now_ms += 1000;
    CHECK_OK(put("dev-1", "two", (struct match){.how = MATCH_ETAG, .etag = bytes_str(one.etag)}, &two));
    CHECK(two.created_ms == one.created_ms && two.updated_ms == w.now_ms && strcmp(one.etag, two.etag) != 0);
    CHECK_ERR(put("dev-1", "three", (struct match){.how = MATCH_ETAG, .etag = bytes_str(one.etag)}, &two),
              ERR_PRECONDITION);
    CHECK_ERR(hub_doc_delete(w.hub, DOC_ENROLLMENT, BYTES("dev-1"),
                             (struct match){.how = MATCH_ETAG, .etag = bytes_str(one.etag)}, &at),
              ERR_PRECONDITION);
    CHECK_OK(hub_doc_delete(w.hub, DOC_ENROLLMENT, BYTES("DEV-1"), (struct match){.how = MATCH_NONE}, &at));
    check_is(DOC_ENROLLMENT, "dev-1", NULL);
    CHECK_ERR(hub_doc_delete(w.hub, DOC_ENROLLMENT, BYTES("dev-1"), (struct match){.how = MATCH_NONE}, &at),
              ERR_NOT_FOUND);
    CHECK_ERR(put("", "x", (struct match){.how = MATCH_NONE}, &one), ERR_ARGUMENT);
    world_end(&w);
}

TEST(documents_of_a_kind_are_gone_through_by_name)
{
    char after[ID_LEN_MAX + 1] = "", all[256] = "";
    struct doc d;
    uint64_t at;

    world_start(&w, 1);
    CHECK_OK(put("b", "", (struct match){.how = MATCH_NONE}, &d));
    CHECK_OK(put("C", "", (struct match){.how = MATCH_NONE}, &d));
    CHECK_OK(put("a", "", (struct match){.how = MATCH_NONE}, &d));
    CHECK_OK(put("d", "", (struct match){.how = MATCH_NONE}, &d));
    CHECK_OK(hub_doc_delete(w.hub, DOC_ENROLLMENT, BYTES("b"), (struct match){.how = MATCH_NONE}, &at));
    CHECK_OK(hub_doc_put(w.hub, DOC_REGISTRATION, BYTES("a"), BYTES("r"), (struct match){.how = MATCH_NONE}, w.now_ms,
                         &d, &at));
    for (;;) {
        struct buf body = buf_max(DOC_LEN_MAX);
        enum err e = hub_doc_next(w.hub, DOC_ENROLLMENT, bytes_str(after), &body, &d);
        buf_free(&body);
        if (e)
            break;
        snprintf(after, sizeof after, "%s", d.id);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s ", d.id);
    }
    assert_string_equal(all, "a C d ");
    world_end(&w);
}

static void come_back(int how)
{
    if (how == 1)
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    if (how == 2)
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
}

TEST(documents_survive_restarts_with_and_without_a_checkpoint)
{
    for (int how = 0; how < 3; how++) {
        struct doc d;
        uint64_t at;

        world_start(&w, 1);
        CHECK_OK(put("Kept", "one", (struct match){.how = MATCH_NONE}, &d));
        CHECK_OK(put("gone", "x", (struct match){.how = MATCH_NONE}, &d));
        come_back(how);
        CHECK_OK(put("kept", "two", (struct match){.how = MATCH_ANY}, &d));
        CHECK_OK(hub_doc_delete(w.hub, DOC_ENROLLMENT, BYTES("GONE"), (struct match){.how = MATCH_NONE}, &at));
        come_back(how);
        come_back(how);
        check_is(DOC_ENROLLMENT, "kept", "two");
        check_is(DOC_ENROLLMENT, "gone", NULL);
        world_end(&w);
    }
}

TEST(a_damaged_record_is_refused_and_none_makes_it_read_beyond)
{
    struct buf b = buf_max(256);
    struct record r = {.kind = REC_DOC, .at = 1};

    world_start(&w, 1);
    buf_put(&b, BYTES("\x01\x00\x01x\x01\x02"
                      "et\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x03"
                      "abc"));
    for (size_t n = 0; n < b.len; n++) {
        r.body = bytes_first(buf_bytes(&b), n);
        CHECK_ERR(hub_apply(w.hub, &r), ERR_DAMAGED);
    }
    r.body = buf_bytes(&b);
    CHECK_OK(hub_apply(w.hub, &r));
    check_is(DOC_ENROLLMENT, "x", "abc");
    CHECK_OK(hub_apply(w.hub, &r)); /* twice changes nothing */
    check_is(DOC_ENROLLMENT, "x", "abc");
    world_end(&w);
    buf_free(&b);
}

TESTS(RUN(a_document_is_made_read_replaced_and_deleted), RUN(documents_of_a_kind_are_gone_through_by_name),
      RUN(documents_survive_restarts_with_and_without_a_checkpoint),
      RUN(a_damaged_record_is_refused_and_none_makes_it_read_beyond))
