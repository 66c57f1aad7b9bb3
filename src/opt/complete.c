/* Completion: words that the shells offer after a tab. */
#include "program.h"

#include <stdio.h>

static void offer(struct buf *out, struct bytes word, const char *help, const char *begun)
{
    if (!bytes_starts(word, bytes_str(begun)))
        return;
    buf_put(out, word);
    buf_printf(out, "\t%s\n", help);
}

/* The words that may come first: each group once. */
static void offer_commands(const struct opt_program *p, const char *begun, struct buf *out)
{
    const struct opt_command *c;
    struct bytes last = NO_BYTES;

    for (size_t i = 0; (c = p->command(i)); i++) {
        struct bytes word = bytes_first(bytes_str(c->name), strcspn(c->name, " "));

        if (!bytes_eq(word, last))
            offer(out, word, c->name[word.len] ? "" : c->summary, begun);
        last = word;
    }
    offer(out, BYTES("help"), "about a command", begun);
    if (*begun == '-') {
        offer(out, BYTES("--help"), "the commands", begun);
        offer(out, BYTES("--version"), "the version", begun);
    }
}

static void offer_of_group(const struct opt_program *p, const char *group, const char *begun, struct buf *out)
{
    size_t len = strlen(group);
    const struct opt_command *c;

    for (size_t i = 0; (c = p->command(i)); i++)
        if (strncmp(c->name, group, len) == 0 && c->name[len] == ' ')
            offer(out, bytes_str(c->name + len + 1), c->summary, begun);
}

struct completing {
    int argc;
    char **argv;
    opt_names *names;
    struct buf *out;
};

static const char *begun_by(const struct completing *k)
{
    return k->argv[k->argc - 1];
}

static void offer_what(const struct completing *k, enum opt_what what)
{
    struct buf all = buf_max(1024 * 1024);
    struct bytes rest;

    switch (what) {
    case OPT_ANY:
        break;
    case OPT_FILE:
        buf_puts(k->out, ":file\n");
        break;
    case OPT_FOLDER:
        buf_puts(k->out, ":folder\n");
        break;
    case OPT_DEVICE:
    case OPT_CONTEXT:
        k->names(what, k->argc, k->argv, &all);
        rest = buf_bytes(&all);
        while (rest.len) {
            struct bytes name = bytes_cut(&rest, '\n');

            if (name.len)
                offer(k->out, name, "", begun_by(k));
        }
        break;
    }
    buf_free(&all);
}

static void offer_value(const struct completing *k, const struct opt *o)
{
    struct bytes rest = bytes_str(o->argument);

    if (o->type != OPT_CHOICE) {
        offer_what(k, o->what);
        return;
    }
    while (rest.at)
        offer(k->out, bytes_cut(&rest, '|'), "", begun_by(k));
}

static const struct opt *find_option(const struct opt *opts, const char *word)
{
    for (; opts && opts->name; opts++) {
        bool is_short = !opts->name[1];

        if (word[0] == '-' && word[1] == '-' && !is_short && strcmp(opts->name, word + 2) == 0)
            return opts;
        if (word[0] == '-' && word[1] && !word[2] && (is_short ? opts->name[0] : opts->letter) == word[1])
            return opts;
    }
    return NULL;
}

static void offer_options(const struct completing *k, const struct opt *opts)
{
    char name[48];

    for (; opts && opts->name; opts++)
        offer(k->out, bytes_str(opt_spelling(opts, name)), opts->help, begun_by(k));
}

static void offer_of_command(const struct opt_program *p, const struct opt_command *c, const struct completing *k,
                             int words)
{
    const struct opt *waiting = NULL; /* for its value */
    int n_args = 0;
    bool over = false;

    for (int i = 1 + words; i + 1 < k->argc; i++) {
        const struct opt *o = over || waiting ? NULL : find_option(c->options, k->argv[i]);

        if (!over && !waiting && !o && !(o = find_option(c->more, k->argv[i])))
            o = find_option(p->common, k->argv[i]);
        over = over || (!waiting && strcmp(k->argv[i], "--") == 0);
        n_args += !waiting && !over && k->argv[i][0] != '-';
        waiting = o && o->argument ? o : NULL;
    }
    if (waiting) {
        offer_value(k, waiting);
    } else if (begun_by(k)[0] == '-' && !over) {
        offer_options(k, c->options);
        offer_options(k, c->more);
        offer_options(k, p->common);
    } else if (n_args < c->most) {
        offer_what(k, n_args ? c->rest : c->first);
    }
}

void opt_put_completion(const struct opt_program *p, int argc, char **argv, opt_names *names, struct buf *out)
{
    struct completing k = {argc, argv, names, out};
    struct buf unused = buf_max(64 * 1024);
    const struct opt_command *c;
    int words = 0, status;

    if (argc > 2 && strcmp(argv[1], "help") == 0) {
        if (argc == 3)
            offer_commands(p, begun_by(&k), out);
        else
            offer_of_group(p, argv[2], begun_by(&k), out);
    } else if (argc == 2) {
        offer_commands(p, argv[1], out);
    } else if (argc > 2) {
        c = opt_find(p, argc - 1, argv, &words, &unused, &status);
        if (c)
            offer_of_command(p, c, &k, words);
        else if (argc == 3)
            offer_of_group(p, argv[1], begun_by(&k), out);
    }
    buf_free(&unused);
}
