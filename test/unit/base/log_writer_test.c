#include "check.h"

#include "log.h"
#include "log_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static struct log_writer w;

static void tell(uint64_t dropped, struct buf *out)
{
    buf_printf(out, "missing %llu\n", (unsigned long long)dropped);
}

static void open_pipe(int ends[2])
{
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0);
    CHECK(log_writer_open(&w, ends[1], tell));
}

static void put(unsigned from, unsigned to, bool important)
{
    char line[128];

    for (unsigned i = from; i < to; i++) {
        snprintf(line, sizeof line, "line %u ..............................................................\n", i);
        log_writer_put(&w, bytes_str(line), important);
    }
}

/* Lines that are not there are counted; "missing N" must come to as many. Until the pipe ends. */
struct seen {
    unsigned lines, next, skipped, told;
};

static void *read_all(void *ctx)
{
    struct seen *s = ctx;
    unsigned n;
    char line[256];
    FILE *f = fdopen(s->told, "r");

    s->told = 0;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "line %u", &n) == 1) {
            CHECK(n >= s->next);
            s->skipped += n - s->next;
            s->next = n + 1;
            s->lines++;
        } else if (sscanf(line, "missing %u", &n) == 1) {
            s->told += n;
        } else {
            fail_msg("%s", line);
        }
    }
    fclose(f);
    return NULL;
}

static struct seen read_to_end(int end)
{
    struct seen s = {.told = (unsigned)end};

    read_all(&s);
    return s;
}

TEST(what_is_put_is_written_in_order_before_it_is_closed)
{
    pthread_t reader;
    struct seen s;
    int ends[2];

    open_pipe(ends);
    s = (struct seen){.told = (unsigned)ends[0]};
    CHECK(pthread_create(&reader, NULL, read_all, &s) == 0);
    put(0, 1000, false);
    log_writer_close(&w, PATIENCE_MS);
    close(ends[1]);
    pthread_join(reader, NULL);
    CHECK(s.lines == 1000 && s.skipped == 0 && s.told == 0);
}

TEST(without_a_reader_nobody_waits_and_what_is_missing_is_told)
{
    enum { FLOOD = 20000 };
    pthread_t reader;
    struct seen s;
    int ends[2];

    open_pipe(ends);
    put(0, FLOOD, false);
    log_writer_flush(&w, 1);
    s = (struct seen){.told = (unsigned)ends[0]};
    CHECK(pthread_create(&reader, NULL, read_all, &s) == 0);
    log_writer_flush(&w, PATIENCE_MS);
    put(FLOOD, FLOOD + 1, false);
    log_writer_close(&w, PATIENCE_MS);
    close(ends[1]);
    pthread_join(reader, NULL);
    CHECK(s.next == FLOOD + 1);
    CHECK(s.skipped > 0 && s.told == s.skipped && s.lines == FLOOD + 1 - s.skipped);
}

TEST(important_lines_have_room_when_others_have_none)
{
    enum { FLOOD = 20000 };
    pthread_t reader;
    struct seen s;
    int ends[2];

    open_pipe(ends);
    put(0, FLOOD, false);
    put(FLOOD, FLOOD + 100, true);
    s = (struct seen){.told = (unsigned)ends[0]};
    CHECK(pthread_create(&reader, NULL, read_all, &s) == 0);
    log_writer_close(&w, PATIENCE_MS);
    close(ends[1]);
    pthread_join(reader, NULL);
    CHECK(s.next == FLOOD + 100 && s.told == s.skipped && s.skipped > 0);
    CHECK(s.lines == FLOOD + 100 - s.skipped);
}

TEST(what_cannot_be_written_is_told_when_it_can)
{
    FILE *f = tmpfile();
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC), fd;
    struct seen s;

    CHECK(f && full >= 0);
    fd = dup(full);
    CHECK(log_writer_open(&w, fd, tell));
    put(0, 7, false);
    log_writer_flush(&w, PATIENCE_MS);
    put(7, 10, false);
    log_writer_flush(&w, PATIENCE_MS);
    CHECK(dup2(fileno(f), fd) == fd);
    put(10, 11, false);
    log_writer_close(&w, PATIENCE_MS);
    close(fd);
    close(full);
    rewind(f);
    s = read_to_end(dup(fileno(f)));
    fclose(f);
    CHECK(s.lines == 1 && s.skipped == 10 && s.told == 10);
}

TEST(a_descriptor_that_does_not_block_is_waited_for)
{
    pthread_t reader;
    struct seen s;
    int ends[2];

    open_pipe(ends);
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    put(0, 1000, false);
    s = (struct seen){.told = (unsigned)ends[0]};
    CHECK(pthread_create(&reader, NULL, read_all, &s) == 0);
    log_writer_close(&w, PATIENCE_MS);
    close(ends[1]);
    pthread_join(reader, NULL);
    CHECK(s.lines == 1000 && s.skipped == 0 && s.told == 0);
}

static void leave(void *ctx, enum log_level level, struct bytes line)
{
    struct buf b = buf_max(1000);

    (void)ctx;
    (void)level;
    buf_put(&b, line);
    buf_put_u8(&b, '\n');
    log_writer_put(&w, buf_bytes(&b), false);
    buf_free(&b);
}

static void *chat(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 2000; i++)
        log_event(LOG_INFO, "said", KVN("i", i));
    return NULL;
}

TEST(the_level_may_change_while_others_log)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pthread_t threads[3];

    CHECK(null >= 0 && log_writer_open(&w, null, tell));
    log_to(leave, NULL, LOG_INFO);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, chat, NULL) == 0);
    for (int i = 0; i < 2000; i++)
        log_most(i % 2 ? LOG_INFO : LOG_ERROR);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    log_to(NULL, NULL, LOG_ERROR);
    log_writer_close(&w, PATIENCE_MS);
    close(null);
}

/* The last one: its thread stays with the writer. */
TEST(a_close_waits_only_so_long)
{
    int ends[2];

    open_pipe(ends);
    put(0, 20000, false);
    log_writer_close(&w, 10);
    CHECK(!w.ended);
}

TESTS(RUN(what_is_put_is_written_in_order_before_it_is_closed),
      RUN(without_a_reader_nobody_waits_and_what_is_missing_is_told),
      RUN(important_lines_have_room_when_others_have_none), RUN(what_cannot_be_written_is_told_when_it_can),
      RUN(a_descriptor_that_does_not_block_is_waited_for), RUN(the_level_may_change_while_others_log),
      RUN(a_close_waits_only_so_long))
