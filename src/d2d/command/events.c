#include "cli.h"

#include "clock.h"
#include "exec.h"
#include "files.h"
#include "message_row.h"
#include "output.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { POSITIONS_MAX = 1024 * 1024, SLICE_MS = 200 };

struct reading {
    struct opt_list from;
    const char *devices[OPT_LIST_CAP + 1]; /* the same, NULL at the end */
    const char *since, *offset, *group, *partition, *exec, *resume;
    int stop_on_error, skip_failed;
    uint64_t most;  /* 0: no limit */
    uint64_t seen;  /* printed, or CMD was run for them */
    int64_t end_ms; /* when the time is up; INT64_MAX: never */
    struct out out;
    struct d2d_loop *loop;
    struct d2d_receiver *receiver;
    struct buf reached;     /* the positions after the last event that is done with, for --resume */
    bool moved;             /* they are not in the file yet */
    enum d2d_err why, away; /* why it ended; why there is no connection now */
    enum status status;     /* not DONE: something went wrong, nothing more is taken */
    bool listened;
};

static const struct column event_columns[] = {
    {"enqueuedTime", "ENQUEUED", 28},  {"deviceId", "DEVICE", 16}, {"partition", "P", 2},
    {"sequenceNumber", "SEQUENCE", 8}, {"body", "BODY", 0},        {0}};

static json_t *event_row(const struct d2d_event *event)
{
    json_t *row = json_object();

    json_object_set_new(row, "deviceId", json_string(event->device));
    message_row_text(row, "moduleId", event->module);
    message_row_time(row, "enqueuedTime", event->enqueued_ms);
    json_object_set_new(row, "partition", json_string(event->partition));
    json_object_set_new(row, "sequenceNumber", json_integer(event->sequence));
    json_object_set_new(row, "offset", json_string(event->offset));
    message_row_text(row, "messageId", event->message_id);
    message_row_text(row, "correlationId", event->correlation_id);
    message_row_text(row, "userId", event->user_id);
    message_row_text(row, "contentType", event->content_type);
    message_row_text(row, "contentEncoding", event->content_encoding);
    message_row_properties(row, event->properties, event->n_properties);
    message_row_body(row, event->body, event->body_len);
    return row;
}

/* Nothing more is taken. */
static void stop(struct reading *r, enum status status)
{
    r->status = r->status ? r->status : status;
    d2d_receiver_pause(r->receiver, true);
    d2d_loop_stop(r->loop);
}

static void save(struct reading *r)
{
    if (!r->moved)
        return;
    r->moved = false;
    if (!r->exec && output_is_file() && !output_sync()) {
        stop(r, FAILED);
        return;
    }
    if (!file_write(r->resume, buf_bytes(&r->reached), 0644))
        return;
    complain("--resume %s cannot be written: %m; the next run begins at the position in that file", r->resume);
    stop(r, FAILED);
}

/* The event is done with: a run that is killed begins again after it. */
static void move_on(struct reading *r)
{
    r->seen++;
    if (r->resume) {
        buf_clear(&r->reached);
        buf_puts(&r->reached, d2d_receiver_positions(r->receiver));
        r->moved = true;
    }
    if (r->exec || r->seen == r->most)
        save(r);
    if (r->seen == r->most)
        stop(r, DONE);
}

static int run_for_event(const char *command, const struct d2d_event *event)
{
    char number[24], enqueued[ISO_TIME_CAP];
    const struct variable variables[] = {{"D2D_DEVICE", event->device},
                                         {"D2D_MODULE", event->module},
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
    return exec_and_wait(command, &(struct occasion){.variables = variables,
                                                     .properties = event->properties,
                                                     .n_properties = event->n_properties,
                                                     .body = event->body,
                                                     .body_len = event->body_len});
}

/* False: the event is still to be done. */
static bool run_exec(struct reading *r, const struct d2d_event *event)
{
    int ended = run_for_event(r->exec, event);

    if (!ended)
        return true;
    say("d2d: \"%s\" ended with status %d for event %lld of %s", r->exec, ended, (long long)event->sequence,
        event->device);
    if (cli_interrupted || r->stop_on_error || (r->resume && !r->skip_failed)) {
        stop(r, cli_interrupted ? INTERRUPTED : REFUSED);
        return false;
    }
    return true;
}

/* The same. A position moves only when the event has arrived at whoever reads; else it is enough that it was written.
 */
static bool print(struct reading *r, const struct d2d_event *event)
{
    struct buf line = buf_max(OUT_LINE_MAX);
    bool made = true, put;

    if (r->out.format == OUT_RAW) {
        buf_put(&line, bytes_of(event->body, event->body_len));
        buf_put_u8(&line, '\n');
    } else {
        made = out_line(&r->out, event_row(event), &line);
    }
    put = made && !line.bad ? output_put(buf_bytes(&line)) : output_fail();
    buf_free(&line);
    if (put && (!r->resume || output_is_file()))
        return true; /* what a file got is put on the disk before the positions are */
    switch (put ? output_wait(r->end_ms == INT64_MAX ? -1 : r->end_ms - clock_ms(CLOCK_MONOTONIC)) : OUTPUT_FAILED) {
    case OUTPUT_ARRIVED:
        return true;
    case OUTPUT_WAITS:
        stop(r, cli_interrupted ? INTERRUPTED : TIMED_OUT);
        break;
    case OUTPUT_FAILED:
        stop(r, cli_interrupted ? INTERRUPTED : FAILED);
        break;
    }
    return false;
}

static void on_event(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event)
{
    struct reading *r = ctx;

    (void)receiver;
    if (cli_interrupted || r->status || (r->most && r->seen == r->most))
        return; /* it was on its way when it was enough */
    if (r->exec ? run_exec(r, event) : print(r, event))
        move_on(r);
}

static void on_listening(void *ctx, struct d2d_receiver *receiver)
{
    struct reading *r = ctx;

    r->away = D2D_OK;
    if (!r->listened)
        say("listening%s", r->from.n && !d2d_receiver_filtered_by_hub(receiver)
                               ? " (this hub cannot filter by sender: all events are received, and filtered here)"
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
    cli_is_away(&r->away, why, d2d_receiver_detail(receiver));
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
    out->value = clock_ms(CLOCK_REALTIME) - ms;
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

/* That they can be kept is tried before the first event, not after it. */
static enum status load_positions(struct reading *r)
{
    enum err e;

    r->reached = buf_max(POSITIONS_MAX);
    if (!r->resume)
        return DONE;
    if ((e = file_read(r->resume, &r->reached)) && e != ERR_NOT_FOUND) {
        complain("--resume %s cannot be read: %m", r->resume);
        return FAILED;
    }
    if (!r->reached.len)
        buf_puts(&r->reached, "{\"partitions\":{}}");
    if (!file_write(r->resume, buf_bytes(&r->reached), 0644))
        return DONE;
    complain("--resume %s cannot be written: %m", r->resume);
    return FAILED;
}

static bool goes_on(const struct reading *r)
{
    return !cli_interrupted && !r->why && !r->status && !(r->most && r->seen == r->most) &&
           (r->exec || output_is_open());
}

/* The missing thing is the group or the partition that was asked for; of both, the hub's own words tell. */
static enum status events_failed(const struct reading *r)
{
    const char *detail = d2d_receiver_detail(r->receiver);

    if (r->why == D2D_NOT_FOUND && r->group && !r->partition)
        return cli_failed_about(A_CONSUMER_GROUP, r->group, r->why, detail);
    if (r->why == D2D_NOT_FOUND && r->partition && !r->group)
        return cli_failed_about(A_PARTITION, r->partition, r->why, detail);
    return cli_failed("the events", r->why, detail);
}

/* The loop is run in slices, so that positions are kept and a reader that is gone is noticed. */
static enum status read_on(struct cli *c, struct reading *r)
{
    r->end_ms = c->timeout_ms ? clock_ms(CLOCK_MONOTONIC) + c->timeout_ms : INT64_MAX;
    while (goes_on(r)) {
        int64_t left_ms = r->end_ms == INT64_MAX ? SLICE_MS : r->end_ms - clock_ms(CLOCK_MONOTONIC);

        if (left_ms <= 0)
            return r->listened && !r->away
                       ? TIMED_OUT
                       : cli_failed("the events", r->away ? r->away : D2D_TIMED_OUT, d2d_receiver_detail(r->receiver));
        d2d_loop_run(r->loop, left_ms < SLICE_MS ? left_ms : SLICE_MS);
        save(r);
    }
    if (r->why)
        return events_failed(r);
    if (cli_interrupted)
        return INTERRUPTED;
    return r->status ? r->status : r->exec || output_is_open() ? DONE : FAILED;
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
    char shown[100];
    enum status status;
    enum d2d_err e;

    if (r->offset && r->since)
        return cli_usage(&command_events, "--offset and --since exclude each other");
    if (r->stop_on_error && !r->exec)
        return cli_usage(&command_events, "--stop-on-error ends the run when the CMD of --exec fails: give --exec too");
    if (r->offset ? !offset_position(r, &options.position) : !since_position(r->since, &options.position))
        return cli_usage(&command_events, "%s must be %s, not \"%s\"", r->offset ? "--offset" : "--since",
                         r->offset ? "PARTITION:OFFSET"
                                   : "earliest, now, a time (2026-01-31T12:00:00Z) or a duration (1h)",
                         opt_shown(r->offset ? r->offset : r->since, shown));
    memcpy(r->devices, r->from.at, r->from.n * sizeof *r->devices);
    partitions[0] = r->partition;
    options.partitions = r->partition ? partitions : NULL;
    if (r->skip_failed && (!r->resume || r->stop_on_error))
        return cli_usage(&command_events, "--skip-failed needs --resume, and excludes --stop-on-error");
    if ((status = cli_choose_identity(c, STRING_EVENTS)) || (status = load_positions(r)))
        return status;
    options.resume = r->resume ? buf_str(&r->reached) : NULL;
    cli_fill_options(c, &options.common);
    options.common.timeout_ms = 0; /* of the command, not of a connection */
    if ((e = cli_loop_new(&r->loop)) || (e = d2d_receiver_new(r->loop, &options, &r->receiver))) {
        if (!r->resume || !strstr(cli_why_not(), "saved positions"))
            return cli_failed("the events", e, cli_why_not());
        complain("--resume %s: these are not saved positions; move it away, or name another file", r->resume);
        return USAGE;
    }
    out_begin(&r->out, c->format, event_columns, "body");
    return read_on(c, r);
}

#define AT(field) .offset = offsetof(struct reading, field)

static const struct opt options[] = {
    {"from", "DEVICE", "only events of this device; may be given several times", OPT_LIST, AT(from),
     .what = OPT_DEVICE},
    {"since", "T", "earliest, now (the default), a time, or how long ago (1h)", OPT_TEXT, AT(since)},
    {"offset", "P:OFFSET", "start after this event of a partition", OPT_TEXT, AT(offset)},
    {"resume", "FILE", "start after the last event of the last run; this file keeps the position", OPT_TEXT, AT(resume),
     .what = OPT_FILE},
    {"group", "G", "consumer group ($Default)", OPT_TEXT, AT(group)},
    {"partition", "N", "only this partition", OPT_TEXT, AT(partition)},
    {"n", "COUNT", "stop after this many", OPT_NUMBER, AT(most), .least = 1, .most = INT64_MAX},
    {"exec", "CMD", "run CMD for each event: body on stdin, properties in the environment", OPT_TEXT, AT(exec)},
    {"stop-on-error", NULL, "end when CMD fails (exit status not 0); --resume implies it", OPT_FLAG, AT(stop_on_error)},
    {"skip-failed", NULL, "with --resume: continue after an event for which CMD fails", OPT_FLAG, AT(skip_failed)},
    {0}};

static enum status events_run(struct cli *c, void *values, int n, char **argv)
{
    struct reading *r = values;
    enum status status;

    (void)n;
    (void)argv;
    status = start(c, r);
    d2d_receiver_free(r->receiver);
    cli_loop_free(r->loop);
    buf_free(&r->reached);
    return status;
}

const struct command command_events = {{.name = "events",
                                        .usage = "[--from DEVICE]... [--since T] [-n COUNT] [--exec CMD]",
                                        .summary = "print what devices send, as it arrives",
                                        .examples = "d2d events --from phone --exec ./open-door.sh\n"
                                                    "d2d events --since 1h -n 10 -o json\n"
                                                    "d2d events --since earliest --resume positions.json\n",
                                        .options = options},
                                       events_run,
                                       sizeof(struct reading)};
