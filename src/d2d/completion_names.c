#include "cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECONDS = 1, DEVICES_MAX = 1000 };

static void put_context(void *ctx, const char *name)
{
    buf_printf(ctx, "%s\n", name);
}

static enum d2d_err put_devices(struct d2d_registry *registry, void *ctx)
{
    struct d2d_identity *found = NULL;
    size_t n = 0;
    enum d2d_err e = d2d_registry_list(registry, DEVICES_MAX, &found, &n);

    for (size_t i = 0; !e && i < n; i++)
        buf_printf(ctx, "%s\n", found[i].id);
    free(found);
    return e;
}

/* Which hub the words so far are about. They may be half of a command line: what is wrong with them is not said. */
static void take_words(struct cli *c, int argc, char **argv)
{
    const struct opt_table table = {cli_common, c, false};
    char why[OPT_WHY_CAP];

    for (int i = 1; i + 1 < argc; i++) {
        struct opt_line line;
        char *two[] = {argv[0], argv[i], argv[i + 1], NULL};

        if (argv[i][0] == '-' && opt_scan(&table, 1, 3, two, &line, why) && !opt_apply(&line, why))
            *c = (struct cli){0};
    }
}

void cli_names(enum opt_what what, int argc, char **argv, struct buf *out)
{
    struct cli c = {0};
    char why[OPT_WHY_CAP];
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (what == OPT_CONTEXT) {
        if (context_each(put_context, out))
            buf_clear(out);
        return;
    }
    /* Nobody asked for errors: a tab says nothing. */
    if (nowhere < 0 || dup2(nowhere, STDERR_FILENO) < 0)
        return;
    take_words(&c, argc - 1, argv);
    c.as = NULL;
    c.timeout_ms = SECONDS * 1000;
    alarm(2 * SECONDS);
    if (cli_take_common(&c, why))
        cli_with_registry(&c, put_devices, out, A_THING, "");
    close(nowhere);
}
