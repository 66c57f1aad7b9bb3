#include "cli.h"

#include "buf.h"
#include "row.h"
#include "run.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { POSITIONS_MAX = 1024 * 1024 };

struct reading {
    struct opt_list from;
    const char *devices[OPT_LIST_CAP + 1]; /* the same, NULL at the end */
    const char *since, *offset, *group, *partition, *exec, *resume;
    int stop_on_error;
    uint64_t most; /* 0: no limit */
    uint64_t seen;
    struct out out;
    struct d2d_loop *loop;
    struct d2d_receiver *receiver;
    char *resume_text;
    enum d2d_err why, away; /* why it ended; why there is no connection now */
    enum status status;
    bool listened;
};

static const struct column event_columns[] = {
    {"enqueuedTime", "ENQUEUED", 28},  {"deviceId", "DEVICE", 16}, {"partition", "P", 2},
    {"sequenceNumber", "SEQUENCE", 8}, {"body", "BODY", 0},        {0}};

static json_t *event_row(const struct d2d_event *event)
{
    json_t *row = json_object();

    json_object_set_new(row, "deviceId", json_string(event->device));
    row_time(row, "enqueuedTime", event->enqueued_ms);
    json_object_set_new(row, "partition", json_string(event->partition));
    json_object_set_new(row, "sequenceNumber", json_integer(event->sequence));
    json_object_set_new(row, "offset", json_string(event->offset));
    row_text(row, "messageId", event->message_id);
    row_text(row, "correlationId", event->correlation_id);
    row_text(row, "userId", event->user_id);
    row_text(row, "contentType", event->content_type);
    row_text(row, "contentEncoding", event->content_encoding);
    row_properties(row, event->properties, event->n_properties);
    row_body(row, event->body, event->body_len);
    return row;
}

/* The positions are kept after each event: a run that is killed starts again behind the last one that was given out. */
static void keep_positions(struct reading *r)
{
    const char *positions = d2d_receiver_positions(r->receiver);
    char beside[4096];
    FILE *f;

    if (!r->resume || !positions || (size_t)snprintf(beside, sizeof beside, "%s.new", r->resume) >= sizeof beside)
        return;
    f = fopen(beside, "we");
    if (!f || fputs(positions, f) < 0 || fclose(f) || rename(beside, r->resume))
        say("d2d: %s cannot be written: %m", r->resume);
}

static int run_for_event(const char *command, const struct d2d_event *event)
{
    char number[24], enqueued[ISO_TIME_CAP];
    const struct variable variables[] = {{"D2D_DEVICE", event->device},
                                         {"D2D_PARTITION", event->partition},
                                         {"D2D_SEQUENCE", number},
                                         {"D2D_OFFSET", event->offset},
                                         {"D2D_ENQUEUED", enqueued},
                                         {"D2D_MESSAGE_ID", event->message_id},
                                         {"D2D_CORRELATION_ID", event->correlation_id},
                                         {"D2D_CONTENT_TYPE", event->content_type},
                                         {0}};

    iso_time(event->enqueued_ms, enqueued);
    snprintf(number, sizeof number, "%lld", (long long)event->sequence);
    return run_program(command, &(struct occasion){.variables = variables,
                                                   .properties = event->properties,
                                                   .n_properties = event->n_properties,
                                                   .body = event->body,
                                                   .body_len = event->body_len});
}

static void on_event(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event)
{
    struct reading *r = ctx;
    int ended = 0;

    if (r->most && r->seen >= r->most)
        return;
    r->seen++;
    if (r->exec && (ended = run_for_event(r->exec, event)) != 0)
        say("d2d: \"%s\" ended with %d for the event %lld of %s", r->exec, ended, (long long)event->sequence,
            event->device);
    if (!r->exec && r->out.format == OUT_RAW) {
        fwrite(event->body, 1, event->body_len, stdout);
        putchar('\n');
        fflush(stdout);
    } else if (!r->exec) {
        out_row(&r->out, event_row(event));
    }
    if (ended && r->stop_on_error) {
        r->status = REFUSED;
        r->most = r->seen;
    }
    if (r->most && r->seen >= r->most) {
        /* Now: what is on its way still comes, and must not count as seen. */
        keep_positions(r);
        d2d_receiver_pause(receiver, true);
        d2d_loop_stop(r->loop);
    }
}

static void on_listening(void *ctx, struct d2d_receiver *receiver)
{
    struct reading *r = ctx;

    r->away = D2D_OK;
    if (!r->listened)
        say("listening%s", r->from.n && !d2d_receiver_filtered_by_hub(receiver)
                               ? " (this hub cannot filter by sender: everything is sent, and filtered here)"
                               : "");
    r->listened = true;
}

static void on_disconnected(void *ctx, struct d2d_receiver *receiver, enum d2d_err why, bool final)
{
    struct reading *r = ctx;

    if (final) {
        r->why = why;
        d2d_loop_stop(r->loop);
        return;
    }
    r->away = why;
    say("d2d: %s (%s); trying again", d2d_err_text(why), d2d_receiver_detail(receiver));
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "earliest", "now", a duration ago, or a time. */
static bool since_position(const char *text, struct d2d_position *out)
{
    int64_t ms;

    *out = (struct d2d_position){.from = D2D_FROM_LATEST};
    if (!text || strcmp(text, "now") == 0 || strcmp(text, "latest") == 0)
        return true;
    out->from = D2D_FROM_EARLIEST;
    if (strcmp(text, "earliest") == 0)
        return true;
    out->from = D2D_FROM_TIME;
    if (iso_time_parse(bytes_str(text), &out->value) == OK)
        return true;
    if (duration_parse(bytes_str(text), &ms))
        return false;
    out->value = wall_ms() - ms;
    return true;
}

/* "OFFSET" of one partition, or "PARTITION:OFFSET". */
static bool offset_position(struct reading *r, struct d2d_position *out)
{
    static char partition[16];
    const char *colon = strchr(r->offset, ':');

    if (colon) {
        if (!bytes_to_str(bytes_of(r->offset, (size_t)(colon - r->offset)), partition, sizeof partition))
            return false;
        r->partition = partition;
    }
    *out = (struct d2d_position){.from = D2D_FROM_OFFSET, .offset = colon ? colon + 1 : r->offset};
    return r->partition && *out->offset;
}

static void load_positions(struct reading *r)
{
    struct buf text = buf_max(POSITIONS_MAX);
    FILE *f = r->resume ? fopen(r->resume, "re") : NULL;
    char block[4096];

    if (!f)
        return;
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        buf_put(&text, bytes_of(block, n));
    fclose(f);
    r->resume_text = strdup(buf_str(&text));
    buf_free(&text);
}

/* The loop is run in slices, so that Ctrl-C is seen and positions are kept. */
static enum status read_on(struct cli *c, struct reading *r)
{
    int64_t end = c->timeout_ms ? wall_ms() + c->timeout_ms : INT64_MAX;
    uint64_t kept = 0;

    while (!cli_interrupted && !r->why && !r->status && !(r->most && r->seen >= r->most)) {
        int64_t left = end == INT64_MAX ? 200 : end - wall_ms();

        if (left <= 0)
            return r->listened && !r->away
                       ? TIMED_OUT
                       : cli_failed("the events", r->away ? r->away : D2D_TIMED_OUT, d2d_receiver_detail(r->receiver));
        d2d_loop_run(r->loop, left < 200 ? left : 200);
        if (r->seen != kept && r->seen != r->most)
            keep_positions(r);
        kept = r->seen;
    }
    if (r->why)
        return cli_failed("the events", r->why, d2d_receiver_detail(r->receiver));
    return r->status ? r->status : cli_interrupted ? INTERRUPTED : DONE;
}

static enum status start(struct cli *c, struct reading *r)
{
    const char *partitions[2] = {NULL, NULL};
    struct d2d_receiver_options options = {D2D_RECEIVER_OPTIONS,
                                           .group = r->group,
                                           .devices = r->from.n ? r->devices : NULL,
                                           .event = on_event,
                                           .listening = on_listening,
                                           .disconnected = on_disconnected,
                                           .ctx = r};
    enum status status;
    enum d2d_err e;

    if (r->offset ? !offset_position(r, &options.position) : !since_position(r->since, &options.position))
        return cli_usage(&command_events, "%s",
                         r->offset ? "--offset is PARTITION:OFFSET"
                                   : "--since is earliest, now, a time, or a duration (1h)");
    memcpy(r->devices, r->from.at, r->from.n * sizeof *r->devices);
    partitions[0] = r->partition;
    options.partitions = r->partition ? partitions : NULL;
    load_positions(r);
    options.resume = r->resume_text;
    if ((status = cli_who(c, STRING_EVENTS)))
        return status;
    cli_d2d_options(c, &options.common);
    options.common.timeout_ms = 0; /* of the command, not of a connection */
    if ((e = d2d_loop_new(&r->loop)) || (e = d2d_receiver_new(r->loop, &options, &r->receiver)))
        return cli_failed("the events", e, cli_why_not());
    out_begin(&r->out, c->format, event_columns, "body");
    return read_on(c, r);
}

#define AT(field) .offset = offsetof(struct reading, field)

static const struct opt options[] = {
    {"from", "DEVICE", "only what it sent; may be given again and again", OPT_LIST, AT(from), .what = OPT_DEVICE},
    {"since", "T", "earliest, now (the default), a time, or how long ago (1h)", OPT_TEXT, AT(since)},
    {"offset", "P:OFFSET", "after this event of a partition", OPT_TEXT, AT(offset)},
    {"resume", "FILE", "after the last event of the last run with this file", OPT_TEXT, AT(resume), .what = OPT_FILE},
    {"group", "G", "consumer group ($Default)", OPT_TEXT, AT(group)},
    {"partition", "N", "only this partition", OPT_TEXT, AT(partition)},
    {"n", "COUNT", "stop after so many", OPT_NUMBER, AT(most), .least = 1, .most = INT64_MAX},
    {"exec", "CMD", "run this for each event: body on stdin, properties in the environment", OPT_TEXT, AT(exec)},
    {"stop-on-error", NULL, "end when CMD does not end with 0", OPT_FLAG, AT(stop_on_error)},
    {0}};

static enum status events_run(struct cli *c, void *values, int n, char **argv)
{
    struct reading *r = values;
    enum status status;

    (void)n;
    (void)argv;
    status = start(c, r);
    d2d_receiver_free(r->receiver);
    d2d_loop_free(r->loop);
    free(r->resume_text);
    return status;
}

const struct command command_events = {{.name = "events",
                                        .usage = "[--from DEVICE]... [--since T] [-n COUNT] [--exec CMD]",
                                        .summary = "print what devices send, as it comes",
                                        .examples = "d2d events --from phone --exec ./open-door.sh\n"
                                                    "d2d events --since 1h -n 10 -o json\n"
                                                    "d2d events --since earliest --resume positions.json\n",
                                        .options = options},
                                       events_run,
                                       sizeof(struct reading)};
