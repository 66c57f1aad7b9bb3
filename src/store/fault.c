#include "fault.h"

#include "ceilings.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE_CAP = 1024 };

/* A table and no list: the handler may run in one thread while another drops a region, and what it looks at must still
 * be there. */
struct region {
    _Atomic uintptr_t at; /* 0: a free one */
    _Atomic size_t len;
    const char *_Atomic file;
};

static struct {
    pthread_mutex_t lock; /* of whoever changes it; the handler takes none */
    struct region at[FAULT_REGIONS_MAX];
    _Atomic size_t n; /* all behind it were never used */
    uintptr_t page;
} regions = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct region *region_of(uintptr_t address)
{
    size_t n = atomic_load(&regions.n);

    for (size_t i = 0; i < n; i++) {
        struct region *r = &regions.at[i];
        uintptr_t at = atomic_load(&r->at);

        if (at && address >= at && address - at < atomic_load(&r->len))
            return r;
    }
    return NULL;
}

static size_t put(char *line, size_t len, const char *text)
{
    size_t n = strlen(text);

    n = n < LINE_CAP - len ? n : LINE_CAP - len;
    memcpy(line + len, text, n);
    return len + n;
}

static void end_with(const char *file)
{
    char line[LINE_CAP];
    size_t len = put(line, 0, "d2dhub: ");
    ssize_t done;

    len = put(line, len, file);
    len = put(
        line, len,
        ": damaged: the file was cut short or the disk cannot read it, and the hub cannot continue without it. What "
        "was acknowledged is in the log; check the disk, then start again\n");
    done = write(STDERR_FILENO, line, len);
    (void)done; /* nobody could be told */
    _exit(1);
}

/* Everything in here may be called in a handler. */
static void on_fault(int number, siginfo_t *facts, void *ctx)
{
    int error = errno;
    uintptr_t address = (uintptr_t)facts->si_addr;
    struct region *r = region_of(address);
    const char *file = r ? atomic_load(&r->file) : NULL;
    void *page = (void *)(address & ~(regions.page - 1));

    (void)ctx;
    if (file)
        end_with(file);
    if (!r || mmap(page, regions.page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
        /* It is none of ours: what would have happened without us. */
        sigaction(number, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        raise(number);
    }
    errno = error;
}

/* Each time: whoever else has installed one of his own meanwhile would end the process. */
static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    if (!regions.page)
        regions.page = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigaction(SIGBUS, &action, NULL);
}

bool fault_region_add(const void *at, size_t len, const char *file)
{
    size_t i = 0;
    bool room;

    pthread_mutex_lock(&regions.lock);
    install();
    while (i < regions.n && atomic_load(&regions.at[i].at))
        i++;
    room = i < FAULT_REGIONS_MAX;
    if (room) {
        atomic_store(&regions.at[i].len, len);
        atomic_store(&regions.at[i].file, file);
        atomic_store(&regions.at[i].at, (uintptr_t)at);
        if (i == regions.n)
            atomic_store(&regions.n, i + 1);
    }
    pthread_mutex_unlock(&regions.lock);
    return room;
}

void fault_region_drop(const void *at)
{
    pthread_mutex_lock(&regions.lock);
    for (size_t i = 0; at && i < regions.n; i++)
        if (atomic_load(&regions.at[i].at) == (uintptr_t)at)
            atomic_store(&regions.at[i].at, 0);
    pthread_mutex_unlock(&regions.lock);
}
