#include "program.h"

#include "files.h"
#include "near.h"

#include <stdio.h>

/* "ls" and "list" are one word, "rm", "delete" and "remove" another one. */
static bool is_alias(const char *a, const char *b)
{
    static const char *const same[][3] = {{"ls", "list", NULL}, {"rm", "delete", "remove"}};

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        int found = 0;

        for (size_t k = 0; k < 3 && same[i][k]; k++)
            found += (strcmp(a, same[i][k]) == 0) + (strcmp(b, same[i][k]) == 0);
        if (found == 2)
            return true;
    }
    return false;
}

/* Whether the command is of that group: "device add" of "device". */
static const char *after_group(const struct opt_command *c, const char *group)
{
    size_t len = strlen(group);

    return strncmp(c->name, group, len) == 0 && c->name[len] == ' ' ? c->name + len + 1 : NULL;
}

static bool is_group(const struct opt_program *p, const char *word)
{
    const struct opt_command *c;

    for (size_t i = 0; (c = p->command(i)); i++)
        if (after_group(c, word))
            return true;
    return false;
}

static void put_row(struct buf *out, const struct opt_command *c)
{
    buf_printf(out, "  %-20s %s\n", c->name, c->summary);
}

static void put_group(const struct opt_program *p, const char *group, struct buf *out)
{
    const struct opt_command *c;

    for (size_t i = 0; (c = p->command(i)); i++)
        if (after_group(c, group))
            put_row(out, c);
    buf_printf(out, "`%s %s COMMAND --help` shows more\n", p->name, group);
}

static void put_program(const struct opt_program *p, struct buf *out)
{
    const struct opt_command *c;

    buf_puts(out, p->head);
    buf_puts(out, "\ncommands:\n");
    for (size_t i = 0; (c = p->command(i)); i++)
        put_row(out, c);
    buf_printf(out, "\n`%s COMMAND --help` shows more. %s", p->name, p->tail);
}

/* The command of one word, or of the two of a group. */
static const struct opt_command *find_exact(const struct opt_program *p, int argc, char **argv, int *words)
{
    const struct opt_command *c;

    for (size_t i = 0; (c = p->command(i)); i++) {
        const char *second = after_group(c, argv[1]);

        if (strcmp(c->name, argv[1]) == 0) {
            *words = 1;
            return c;
        }
        if (second && argc > 2 && (strcmp(second, argv[2]) == 0 || is_alias(second, argv[2]))) {
            *words = 2;
            return c;
        }
    }
    return NULL;
}

static void put_unknown_in_group(const struct opt_program *p, const char *group, const char *said, struct buf *out)
{
    struct near near = {.said = said};
    const struct opt_command *c;
    char shown[100];

    for (size_t i = 0; (c = p->command(i)); i++)
        if (after_group(c, group))
            near_look(&near, after_group(c, group));
    buf_printf(out, "%s: there is no command \"%s %s\"", p->name, group, opt_shown(said, shown));
    if (near.best) {
        buf_printf(out, "; did you mean \"%s %s\"?\n", group, near.best);
        return;
    }
    buf_puts(out, "; there are\n");
    put_group(p, group, out);
}

/* The first word is near that of a command or of a group; the second one may then be right. */
static void put_unknown(const struct opt_program *p, int argc, char **argv, struct buf *out)
{
    struct near near = {.said = argv[1]};
    char firsts[64][40], shown[100];
    const struct opt_command *c;

    for (size_t i = 0; (c = p->command(i)) && i < sizeof firsts / sizeof *firsts; i++) {
        snprintf(firsts[i], sizeof firsts[i], "%.*s", (int)strcspn(c->name, " "), c->name);
        near_look(&near, firsts[i]);
    }
    buf_printf(out, "%s: there is no command \"%s\"", p->name, opt_shown(argv[1], shown));
    if (near.best) {
        char *both[] = {argv[0], (char *)near.best, argc > 2 ? argv[2] : NULL};
        int words;

        c = find_exact(p, argc > 2 ? 3 : 2, both, &words);
        buf_printf(out, "; did you mean \"%s\"?\n", c ? c->name : near.best);
    } else {
        buf_printf(out, "; `%s --help` lists the commands\n", p->name);
    }
}

/* An option before the command, or one that the program itself would have. */
static void put_stray_option(const struct opt_program *p, const char *said, struct buf *out)
{
    static const char *const own[] = {"--help", "--version"};
    struct near near = {.said = said};
    char shown[100];

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        near_look(&near, own[i]);
    buf_printf(out, "%s: ", p->name);
    if (near.best)
        buf_printf(out, "there is no option %s; did you mean %s?\n", opt_shown(said, shown), near.best);
    else
        buf_printf(out, "options follow the command: %s COMMAND %s; `%s --help` lists the commands\n", p->name,
                   opt_shown(said, shown), p->name);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* "help send", "help device", "help device add" */
static int help_about(const struct opt_program *p, int argc, char **argv, struct buf *out)
{
    const struct opt_command *c;
    int words;

    if ((c = find_exact(p, argc, argv, &words))) {
        opt_put_help(p, c, out);
    } else if (is_group(p, argv[1]) && argc == 2) {
        put_group(p, argv[1], out);
    } else {
        if (is_group(p, argv[1]))
            put_unknown_in_group(p, argv[1], argv[2], out);
        else
            put_unknown(p, argc, argv, out);
        return 2;
    }
    return 0;
}

const struct opt_command *opt_find(const struct opt_program *p, int argc, char **argv, int *words, struct buf *out,
                                   int *status)
{
    const struct opt_command *c;

    *status = 2;
    if (argc < 2 || (is_help(argv[1]) && argc == 2)) {
        put_program(p, out);
        *status = argc < 2 ? 2 : 0;
        return NULL;
    }
    if (strcmp(argv[1], "help") == 0) {
        *status = help_about(p, argc - 1, argv + 1, out);
        return NULL;
    }
    if ((c = find_exact(p, argc, argv, words)))
        return c;
    if (argv[1][0] == '-') {
        put_stray_option(p, argv[1], out);
    } else if (!is_group(p, argv[1])) {
        put_unknown(p, argc, argv, out);
    } else if (argc > 2 && is_help(argv[2])) {
        *status = argc == 3 ? 0 : help_about(p, argc - 1, (char *[]){argv[0], argv[1], argv[3], NULL}, out);
        if (argc == 3)
            put_group(p, argv[1], out);
    } else if (argc > 2 && argv[2][0] != '-') {
        put_unknown_in_group(p, argv[1], argv[2], out);
    } else {
        buf_printf(out, "%s: \"%s\" needs one of its commands:\n", p->name, argv[1]);
        put_group(p, argv[1], out);
    }
    return NULL;
}

/* "DEVICE..." is the name of the nth word of the usage that is no option. */
static struct bytes argument_name(const struct opt_command *c, int nth)
{
    struct bytes rest = bytes_str(c->usage), word = NO_BYTES;

    for (int n = 0; rest.at && n <= nth;) {
        struct bytes next = bytes_cut(&rest, ' ');

        if (!next.len || next.at[0] == '[' || next.at[0] == '-')
            continue;
        word = next;
        n++;
    }
    if (bytes_ends(word, BYTES("...")))
        word.len -= 3;
    return word;
}

bool opt_scan_command(const struct opt_program *p, const struct opt_command *c, void *common, void *values, int argc,
                      char **argv, struct opt_line *line, char why[OPT_WHY_CAP])
{
    const struct opt_table tables[] = {
        {c->options, values, true}, {c->more, values, false}, {p->common, common, false}};

    return opt_scan(tables, sizeof tables / sizeof *tables, argc, argv, line, why);
}

bool opt_count(const struct opt_command *c, const struct opt_line *line, char **argv, char why[OPT_WHY_CAP])
{
    char shown[100];

    if (line->n_args > c->most) {
        snprintf(why, OPT_WHY_CAP, "\"%s\" is one argument too many", opt_shown(argv[c->most + 1], shown));
        return false;
    }
    for (int i = 1; i <= line->n_args && !c->words; i++) {
        struct bytes its = argument_name(c, i - 1);
        char name[64];

        snprintf(name, sizeof name, "%.*s", BYTES_ARG(its));
        if (!argv[i][0]) {
            snprintf(why, OPT_WHY_CAP, "%s is empty; is a shell variable not set?", name);
            return false;
        }
        if ((i == 1 ? c->first : c->rest) == OPT_FILE && !opt_input(name, argv[i], why))
            return false;
    }
    if (line->n_args < c->least)
        snprintf(why, OPT_WHY_CAP, "%.*s is missing", BYTES_ARG(argument_name(c, line->n_args)));
    return line->n_args >= c->least;
}

static bool put_manual_of(const struct opt_program *p, const char *path, struct buf *out)
{
    struct buf text = buf_max(1024 * 1024);
    bool good = !file_read(path, &text) && opt_put_manual(p, buf_bytes(&text), out);

    buf_free(&text);
    return good;
}

bool opt_answer(const struct opt_program *p, int argc, char **argv, opt_names *names, struct buf *out, int *status)
{
    *status = 0;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        buf_printf(out, "%s %s\n", p->name, p->version);
    } else if (argc == 3 && strcmp(argv[1], "--manual") == 0) {
        *status = !put_manual_of(p, argv[2], out);
    } else if (argc > 2 && strcmp(argv[1], "--complete") == 0) {
        opt_put_completion(p, argc - 1, argv + 1, names, out);
    } else {
        return false;
    }
    return true;
}
