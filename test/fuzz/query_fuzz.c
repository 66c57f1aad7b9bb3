/* Must reach: every expression, function and refusal of query.c and query_condition.c, with and without a document. */
#include "query.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *document;
    char why[QUERY_WHY_CAP] = "";
    struct query q;

    if (!document)
        document = json_loads("{\"a\":1,\"b\":\"text\",\"c\":{\"d\":[1,\"x\",null],\"e\":null},\"f\":true}", 0, NULL);
    enum err e = query_parse(bytes_of(data, size), &q, why);
    if ((e == OK) != (why[0] == '\0'))
        abort();
    if (e)
        return 0;
    query_selects(&q, document);
    json_t *row = query_columns(&q, document);
    if (!row || json_object_size(row) > q.n_columns)
        abort();
    json_decref(row);
    return 0;
}
