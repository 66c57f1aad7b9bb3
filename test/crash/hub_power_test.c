/* The promise of the whole hub: whatever happens to the machine, everything that was acknowledged is there, nothing is
 * doubled, no number is given twice, twins and jobs are as they were, mail is accounted for to the last letter and told
 * of once. D2D_SEEDS: how many stories; D2D_SEED: only this one. */
#include "hub_power.h"

#include <stdlib.h>

enum { STEPS = 700 };

struct machine machine;
int64_t now_ms;

static uint64_t seed_now;
static bool done;
static unsigned cuts, kills, in_recovery, trims;

unsigned below(unsigned n)
{
    return (unsigned)machine_random(&machine, n);
}

struct hub *hub(void)
{
    return atomic_load(&machine.hub);
}

bool is_durable(uint64_t at)
{
    return at < store_durable(machine.store);
}

static void check_all(void)
{
    things_check();
    twins_check();
    jobs_check();
    mail_check();
    events_check();
}

/* Changes that did not reach the disk never happened. */
static void start_again(void)
{
    uint64_t end = store_end(machine.store);
    bool cut = machine_is_cut(&machine);

    seats_leave();
    mail_close();
    machine_start_again(&machine);
    CHECK(cut || store_end(machine.store) >= end);
    end = store_end(machine.store);
    things_forget(end);
    twins_forget(end);
    jobs_forget(end);
    mail_forget(end);
    events_forget(end);
    mail_open();
    check_all();
}

/* The disk works, and sometimes that is the moment. */
static void step_of_disk(void)
{
    unsigned dice = below(10);

    if (below(3) == 0)
        machine_cut_soon(&machine, 1 + below(16));
    if (dice < 5)
        machine_write(&machine);
    else if (dice < 8)
        CHECK_OK(hub_checkpoint(hub(), now_ms));
    else
        machine_rest(&machine);
    machine_cut_soon(&machine, 0);
    if (machine_is_cut(&machine))
        start_again();
}

static void step(void)
{
    unsigned dice = below(100);

    now_ms += below(50);
    machine_make_room(&machine);
    if (dice < 15)
        things_step();
    else if (dice < 30)
        twins_step();
    else if (dice < 40)
        jobs_step();
    else if (dice < 62)
        mail_step();
    else if (dice < 85)
        events_step();
    else if (dice < 97)
        step_of_disk();
    else {
        if (dice < 99)
            machine_cut(&machine);
        start_again();
    }
    machine_settle(&machine);
}

static void run(uint64_t seed)
{
    machine = (struct machine){.seed = 0};
    now_ms = 1767225600000;
    mail_begin();
    machine_on(&machine, seed);
    machine.options.retention_bytes = machine.segment_size * (2 + below(6));
    machine.options.checkpoint_batch = below(4) ? 1 + below(3000) : 0;
    events_begin();
    twins_begin();
    jobs_begin();
    things_begin();
    mail_open();
    start_again();
    for (int i = 0; i < STEPS; i++)
        step();
    machine_rest(&machine);
    CHECK_OK(hub_checkpoint(hub(), now_ms));
    start_again();
    mail_finish();
    check_all();
    seats_leave();
    mail_close();
    cuts += machine.cuts;
    kills += machine.kills;
    in_recovery += machine.in_recovery;
    trims += store_first(machine.store) > machine.segment_size;
    machine_off(&machine);
}

TEST(whatever_is_cut_what_was_acknowledged_is_there_once)
{
    const char *only = getenv("D2D_SEED"), *many = getenv("D2D_SEEDS");
    uint64_t first = only ? strtoull(only, NULL, 10) : 1, n = only ? 1 : many ? strtoull(many, NULL, 10) : 40;

    for (seed_now = first; seed_now < first + n; seed_now++)
        run(seed_now);
    /* The stories were about what they are meant to be about. */
    CHECK(n < 20 || (cuts > 5 * n && kills > n && in_recovery > n / 2 && trims > n / 4));
    done = true;
}

static int say_seed(void **state)
{
    (void)state;
    if (!done)
        print_error("again with D2D_SEED=%llu\n", (unsigned long long)seed_now);
    return 0;
}

TESTS(cmocka_unit_test_teardown(whatever_is_cut_what_was_acknowledged_is_there_once, say_seed))
