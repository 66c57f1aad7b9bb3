#include "loop_peer.h"

TEST(what_is_said_comes_back)
{
    struct world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect(&w);
    RUN_UNTIL(&w, c->open);
    party_say(c, BYTES("hello"));
    RUN_UNTIL(&w, c->heard == 5);
    CHECK_BYTES(buf_bytes(&c->in), BYTES("hello"));
    world_close(&w);
}

TESTS(RUN(what_is_said_comes_back))
