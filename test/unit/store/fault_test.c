/* Pages of a mapped file that are gone: zeros where checksums will tell, an end with a name where nobody can go on. */
#include "check.h"

#include "fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 4, SAID = 512 };

struct file {
    char path[64];
    int fd;
    size_t page;
    const volatile uint8_t *map;
};

static void open_file(struct file *f)
{
    *f = (struct file){.path = "/tmp/d2d-fault-XXXXXX", .page = (size_t)sysconf(_SC_PAGESIZE)};
    f->fd = mkstemp(f->path);
    assert_true(f->fd >= 0);
    for (size_t i = 0; i < PAGES * f->page; i++)
        assert_int_equal(pwrite(f->fd, "x", 1, (off_t)i), 1);
    f->map = mmap(NULL, PAGES * f->page, PROT_READ, MAP_SHARED, f->fd, 0);
    assert_true(f->map != MAP_FAILED);
}

static void close_file(struct file *f)
{
    munmap((void *)(uintptr_t)f->map, PAGES * f->page);
    close(f->fd);
    unlink(f->path);
}

static void cut(const struct file *f)
{
    assert_int_equal(ftruncate(f->fd, (off_t)f->page), 0);
}

TEST(a_page_that_is_gone_reads_as_zeros)
{
    struct file f, other;

    open_file(&f);
    open_file(&other);
    assert_true(fault_region_add((const void *)f.map, PAGES * f.page, NULL));
    assert_true(fault_region_add((const void *)other.map, PAGES * other.page, NULL));
    cut(&f);
    assert_int_equal(f.map[0], 'x');
    assert_int_equal(f.map[f.page + 7], 0);
    assert_int_equal(f.map[PAGES * f.page - 1], 0);
    assert_int_equal(other.map[PAGES * other.page - 1], 'x');
    fault_region_drop((const void *)f.map);
    fault_region_drop((const void *)other.map);
    close_file(&f);
    close_file(&other);
}

/* The end of a child that reads a page that is gone: its status, and what it said. */
static int read_in_a_child(const struct file *f, bool added, const char *name, char said[SAID])
{
    int ends[2], how;
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        dup2(ends[1], STDERR_FILENO);
        if (added && !fault_region_add((const void *)f->map, PAGES * f->page, name))
            _exit(7);
        if (!added && !fault_region_add(said, SAID, NULL)) /* another region */
            _exit(7);
        _exit(f->map[2 * f->page] ? 8 : 9);
    }
    close(ends[1]);
    n = read(ends[0], said, SAID - 1);
    said[n > 0 ? n : 0] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    return how;
}

TEST(where_a_file_is_named_the_process_ends_with_its_name)
{
    struct file f;
    char said[SAID];
    int how;

    open_file(&f);
    cut(&f);
    how = read_in_a_child(&f, true, "/where/data.mdb", said);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 1);
    assert_non_null(strstr(said, "/where/data.mdb: damaged"));
    close_file(&f);
}

TEST(what_is_none_of_ours_ends_as_ever)
{
    struct file f;
    char said[SAID];
    int how;

    open_file(&f);
    cut(&f);
    how = read_in_a_child(&f, false, NULL, said);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGBUS);
    close_file(&f);
}

TESTS(RUN(a_page_that_is_gone_reads_as_zeros), RUN(where_a_file_is_named_the_process_ends_with_its_name),
      RUN(what_is_none_of_ours_ends_as_ever))
