#include "near.h"

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t near_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1] = {0};
    size_t *before = rows[0], *above = rows[1], *row = rows[2], n = strlen(a), m = strlen(b);

    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= m; j++)
        above[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *free_row = before;

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = free_row;
    }
    return above[m];
}

void near_look(struct near *n, const char *word)
{
    size_t letters = strlen(n->said), far = near_distance(n->said, word);
    size_t most = letters < 6 ? 1 : letters / 3;

    if (letters < 2 || far > most || far >= strlen(word))
        return;
    if (n->best && far >= n->distance)
        return;
    n->best = word;
    n->distance = far;
}
