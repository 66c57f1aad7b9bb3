#include "cli.h"

enum status cli_with_registry(struct cli *c, registry_call *call, void *ctx, enum subject kind, const char *name)
{
    struct d2d_loop *loop = NULL;
    struct d2d_registry *registry = NULL;
    struct d2d_options options;
    enum status status = cli_choose_identity(c, STRING_SERVICE);
    enum d2d_err e;

    if (status)
        return status;
    cli_fill_options(c, &options);
    if ((e = cli_loop_new(&loop)) || (e = d2d_registry_new(loop, &options, &registry)) || (e = call(registry, ctx)))
        status = cli_failed_about(kind, name, e, registry ? d2d_registry_detail(registry) : cli_why_not());
    else
        cli_done(kind, name);
    d2d_registry_free(registry);
    cli_loop_free(loop);
    return status;
}
