#include "json_argument.h"

static json_t *parse(const struct command *command, const char *name, const char *text, bool object)
{
    json_error_t why;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    char shown[100];

    if (!value)
        cli_usage(command, "%s must be well-formed JSON%s, not \"%s\": %s", name,
                  object ? "" : " (a text needs quotes, as in '\"on\"')", opt_shown(text, shown), why.text);
    else if (object && !json_is_object(value))
        cli_usage(command, "%s must be a JSON object, as in '{\"interval\":5}', not \"%s\"", name,
                  opt_shown(text, shown));
    else
        return value;
    json_decref(value);
    return NULL;
}

json_t *json_argument(const struct command *command, const char *name, const char *text)
{
    return parse(command, name, text, true);
}

json_t *json_argument_value(const struct command *command, const char *name, const char *text)
{
    return parse(command, name, text, false);
}

bool json_argument_put(const struct command *command, json_t *to, const char *key, const char *name, const char *text)
{
    json_t *value = text ? json_argument(command, name, text) : NULL;

    if (value)
        json_object_set_new(to, key, value);
    return value || !text;
}
