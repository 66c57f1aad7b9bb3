/* Help and the manual page. */
#include "program.h"

#include <stdio.h>

/* "--to DEVICE", "-o, --output json|table" */
static void put_option(struct buf *out, const struct opt *o)
{
    char name[48];

    if (o->letter)
        buf_printf(out, "-%c, ", o->letter);
    buf_printf(out, "%s%s%s", opt_spelling(o, name), o->argument ? " " : "", o->argument ? o->argument : "");
}

/* The command's own option of that name is the one that counts. */
static bool is_hidden(const struct opt *o, const struct opt *own)
{
    for (; own && own->name; own++)
        if (own != o && strcmp(own->name, o->name) == 0)
            return true;
    return false;
}

/* An option that does not fit beside its help stands in a line above it. */
static void put_options(struct buf *out, const char *title, const struct opt *opts, const struct opt *own)
{
    enum { HELP_AT = 33 };

    if (!opts || !opts->name)
        return;
    buf_printf(out, "\n%s:\n", title);
    for (; opts->name; opts++) {
        struct buf left = buf_max(200);

        if (is_hidden(opts, own))
            continue;

        put_option(&left, opts);
        if (left.len + 2 < HELP_AT)
            buf_printf(out, "  %-*s%s\n", HELP_AT - 2, buf_str(&left), opts->help);
        else
            buf_printf(out, "  %s\n%*s%s\n", buf_str(&left), HELP_AT, "", opts->help);
        buf_free(&left);
    }
}

void opt_put_help(const struct opt_program *p, const struct opt_command *c, struct buf *out)
{
    for (struct bytes rest = bytes_str(c->examples); rest.len;) {
        struct bytes line = bytes_cut(&rest, '\n');

        buf_printf(out, "  %.*s\n", BYTES_ARG(line));
    }
    buf_printf(out, "\n%s %s%s%s\n  %s\n", p->name, c->name, *c->usage ? " " : "", c->usage, c->summary);
    put_options(out, "options", c->options, c->options);
    put_options(out, p->more_title, c->more, c->options);
    put_options(out, p->common_title, p->common, c->options);
}

void opt_put_misuse(const struct opt_program *p, const struct opt_command *c, const char *why, struct buf *out)
{
    buf_printf(out, "%s %s: %s\nusage: %s %s%s%s\n`%s %s --help` shows more\n", p->name, c->name, why, p->name, c->name,
               *c->usage ? " " : "", c->usage, p->name, c->name);
}

/* ---- roff ------------------------------------------------------------------------------------------------------ */

/* A line of text in which nothing is a request of roff. */
static void put_roff(struct buf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        buf_puts(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            buf_puts(out, "\\e");
        else if (*text == '-')
            buf_puts(out, "\\-");
        else if (*text == '`' || *text == '\'')
            buf_puts(out, *text == '`' ? "\\(ga" : "\\(aq");
        else if (*text == '~' || *text == '^')
            buf_puts(out, *text == '~' ? "\\(ti" : "\\(ha");
        else
            buf_put_u8(out, (uint8_t)*text);
    }
}

static void put_roff_options(struct buf *out, const struct opt *opts)
{
    for (; opts && opts->name; opts++) {
        char name[48];

        buf_puts(out, ".TP\n\\fB");
        if (opts->letter) {
            buf_printf(out, "\\-%c\\fR, \\fB", opts->letter);
        }
        put_roff(out, opt_spelling(opts, name));
        buf_puts(out, "\\fR");
        if (opts->argument) {
            buf_puts(out, " \\fI");
            put_roff(out, opts->argument);
            buf_puts(out, "\\fR");
        }
        buf_puts(out, "\n");
        put_roff(out, *opts->help ? opts->help : "\\&");
        buf_puts(out, "\n");
    }
}

static void put_roff_command(const struct opt_program *p, const struct opt_command *c, struct buf *out)
{
    buf_puts(out, ".SS \"");
    put_roff(out, p->name);
    buf_puts(out, " ");
    put_roff(out, c->name);
    if (*c->usage)
        buf_puts(out, " ");
    put_roff(out, c->usage);
    buf_puts(out, "\"\n");
    put_roff(out, c->summary);
    buf_puts(out, "\n");
    put_roff_options(out, c->options);
}

bool opt_put_manual(const struct opt_program *p, struct bytes template, struct buf *out)
{
    const struct opt_command *c;
    const struct opt *more = NULL;
    bool commands = false, others = false, options = false;

    for (size_t i = 0; !more && (c = p->command(i)); i++)
        more = c->more;
    while (template.len) {
        struct bytes line = bytes_cut(&template, '\n');

        if (bytes_eq(line, BYTES("@commands@"))) {
            for (size_t i = 0; (c = p->command(i)); i++)
                put_roff_command(p, c, out);
            commands = true;
        } else if (bytes_eq(line, BYTES("@more@"))) {
            put_roff_options(out, more);
            others = true;
        } else if (bytes_eq(line, BYTES("@options@"))) {
            put_roff_options(out, p->common);
            options = true;
        } else {
            buf_put(out, line);
            buf_put_u8(out, '\n');
        }
    }
    return commands && options && (others || !more) && !out->bad;
}
