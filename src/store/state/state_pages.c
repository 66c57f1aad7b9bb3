#include "state_pages.h"

#include "crew.h"
#include "state_page.h"
#include "state_seal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DEPTH_MAX = 32, /* of LMDB's cursors */
    TABLES_MAX = 3,
    WHAT_CAP = 160,
    SHARED_LEVEL = 2, /* of a tree that several threads walk: each takes pages of this level with all that is below */
};

struct walk;
typedef const char *visit_fn(struct walk *, const struct node *);

struct walk {
    const struct pages_source *source;
    const struct pages_look *look;
    unsigned n_looks; /* threads that share what is below SHARED_LEVEL; each has a look, and in there a walk */
    struct meta meta;
    uint64_t n_pages, n_beyond; /* pages; those of them that are free and behind the end of the file */
    atomic_uchar *used;         /* a bit a page; of all threads */
    uint8_t *pages;             /* one for each level */
    uint8_t *big;
    size_t big_cap;
    const struct tree *tree; /* the one that is walked, */
    struct tree seen;        /* what was found of it, */
    visit_fn *visit;         /* and what is done with its entries */
    struct tree tables[TABLES_MAX];
    size_t n_tables;
    bool damaged, stop;
    enum err failed;
    /* Of a thread among several: */
    atomic_size_t *next; /* the first page of SHARED_LEVEL that nobody has taken; NULL: this thread is alone */
    size_t turn, mine;   /* the page there that it comes to next, and the one that it has taken */
    bool leads;          /* it alone counts what is above */
};

PRINTF_LIKE(3, 4) static void damage(struct walk *w, uint64_t page, const char *format, ...)
{
    char text[WHAT_CAP];
    va_list args;
    int n;

    w->damaged = true;
    if (!w->look->damage) {
        w->stop = true;
        return;
    }
    n = snprintf(text, sizeof text, "page %llu: ", (unsigned long long)page);
    va_start(args, format);
    vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    va_end(args);
    w->stop |= !w->look->damage(w->look->ctx, page * w->meta.page_size, text);
}

static void no_memory(struct walk *w)
{
    w->failed = ERR_MEMORY;
    w->stop = true;
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

/* Each page has one use. */
static bool take(struct walk *w, uint64_t page, uint64_t n)
{
    if (page < META_PAGES || page >= w->n_pages || n > w->n_pages - page)
        return damage(w, page, "something refers to it, and it is outside of the file"), false;
    for (uint64_t p = page; p < page + n; p++) {
        unsigned bit = 1U << p % 8;

        if (atomic_fetch_or_explicit(&w->used[p / 8], (unsigned char)bit, memory_order_relaxed) & bit)
            return damage(w, p, "it is used twice"), false;
    }
    return true;
}

static bool read_page(struct walk *w, uint64_t page, uint8_t *to)
{
    if (!w->source->read(w->source->ctx, page * w->meta.page_size, to, w->meta.page_size))
        return damage(w, page, "it cannot be read, or the file ends before it"), false;
    if (word_at(to) != page)
        return damage(w, page, "it holds another page"), false;
    return true;
}

/* Head of the page, number of its nodes. */
static bool check_head(struct walk *w, uint64_t page, const uint8_t *at, unsigned kind, size_t *n)
{
    size_t lower = u16_at(at + WORD + 4), upper = u16_at(at + WORD + 6);

    if (u16_at(at + WORD + 2) != kind)
        return damage(w, page, "it is not a page of the kind that belongs here"), false;
    if (lower < PAGE_HEAD || lower % 2 || lower > upper || upper > w->meta.page_size)
        return damage(w, page, "its limits are wrong"), false;
    *n = (lower - PAGE_HEAD) / 2;
    if (*n < (kind == IS_BRANCH ? 2 : 1))
        return damage(w, page, "it holds nothing"), false;
    return true;
}

static int compare(const struct walk *w, struct bytes a, struct bytes b)
{
    size_t x, y;

    if (!(w->tree->flags & KEYS_ARE_NUMBERS))
        return bytes_cmp(a, b);
    x = word_at(a.at);
    y = word_at(b.at);
    return x < y ? -1 : x > y;
}

/* Behind `low`, where there is one, or the same where it may be; below `high`, where there is one. */
static bool in_order(const struct walk *w, struct bytes key, struct bytes low, bool may_be, struct bytes high)
{
    if (!key.len || ((w->tree->flags & KEYS_ARE_NUMBERS) && key.len != WORD))
        return false;
    return (!low.len || compare(w, key, low) >= !may_be) && (!high.len || compare(w, key, high) < 0);
}

/* A value that has pages of its own. */
static bool read_big(struct walk *w, struct bytes *value)
{
    uint64_t page = word_at(value->at), most = w->source->size / w->meta.page_size, n;
    uint8_t head[PAGE_HEAD];
    size_t size;

    if (page >= most || !w->source->read(w->source->ctx, page * w->meta.page_size, head, sizeof head))
        return damage(w, page, "a value is in it, and the file ends before it"), false;
    n = u32_at(head + WORD + 4);
    if (word_at(head) != page || u16_at(head + WORD + 2) != IS_OVERFLOW || n < 1 || n > most - page ||
        value->len > n * w->meta.page_size - PAGE_HEAD)
        return damage(w, page, "it does not hold the value that it should"), false;
    if (!take(w, page, n))
        return false;
    size = (size_t)n * w->meta.page_size;
    if (size > w->big_cap) {
        free(w->big);
        w->big_cap = (w->big = malloc(size)) ? size : 0;
        if (!w->big)
            return no_memory(w), false;
    }
    if (!w->source->read(w->source->ctx, page * w->meta.page_size, w->big, size))
        return damage(w, page, "it cannot be read"), false;
    w->seen.overflows += (size_t)n;
    value->at = w->big + PAGE_HEAD;
    return true;
}

/* ---- trees ----------------------------------------------------------------------------------------------------- */

/* All threads go through the pages above; what is below is of the one that takes it. */
static bool is_ours(struct walk *w, unsigned level)
{
    if (!w->next || level != SHARED_LEVEL)
        return true;
    if (w->turn++ != w->mine)
        return false;
    w->mine = atomic_fetch_add_explicit(w->next, 1, memory_order_relaxed);
    return true;
}

static bool counts(const struct walk *w, unsigned level)
{
    return !w->next || level >= SHARED_LEVEL || w->leads;
}

static void leaf_entry(struct walk *w, uint64_t page, struct node *n)
{
    char key[STATE_KEY_TEXT_CAP];
    const char *wrong;

    w->seen.entries++;
    if ((n->flags & BIG_DATA) && !read_big(w, &n->data))
        return;
    if ((wrong = w->visit(w, n)))
        damage(w, page, "\"%s\" %s", w->tree->flags & KEYS_ARE_NUMBERS ? "free pages" : state_key_text(n->key, key),
               wrong);
}

static void walk_leaf(struct walk *w, uint64_t page, const uint8_t *at, struct bytes low, struct bytes high)
{
    size_t n, used = 0, size;
    struct bytes before = low;
    struct node node;

    if (!check_head(w, page, at, IS_LEAF, &n))
        return;
    w->seen.leaves++;
    for (size_t i = 0; i < n && !w->stop; i++) {
        if (!(size = page_node(at, w->meta.page_size, i, true, &node))) {
            damage(w, page, "entry %zu is outside of it", i);
            continue;
        }
        used += size;
        if (in_order(w, node.key, before, i == 0, high)) {
            before = node.key;
        } else {
            damage(w, page, "entry %zu is not in order", i);
            if (!w->look->salvage)
                continue;
        }
        leaf_entry(w, page, &node);
    }
    if (!w->stop && used != w->meta.page_size - u16_at(at + WORD + 6))
        damage(w, page, "its entries do not fill it");
}

static void walk_page(struct walk *w, uint64_t page, unsigned level, struct bytes low, struct bytes high);

static void walk_branch(struct walk *w, uint64_t page, unsigned level, struct bytes low, struct bytes high)
{
    const uint8_t *at = w->pages + level * w->meta.page_size;
    size_t n, used = 0, size;
    struct node node, next = {0};

    if (!check_head(w, page, at, IS_BRANCH, &n))
        return;
    w->seen.branches += counts(w, level);
    for (size_t i = 0; i < n && !w->stop; i++) {
        struct bytes from = i ? node.key : low, to = high;

        if (i == 0 && !page_node(at, w->meta.page_size, i, false, &node)) {
            damage(w, page, "entry 0 is outside of it");
            return;
        }
        if (i + 1 < n) {
            if (!(size = page_node(at, w->meta.page_size, i + 1, false, &next)) ||
                !in_order(w, next.key, from, false, high)) {
                damage(w, page, "entry %zu is outside of it, or not in order", i + 1);
                return;
            }
            used += size;
            to = next.key;
        }
        walk_page(w, page_below(at + u16_at(at + PAGE_HEAD + 2 * i)), level + 1, from, to);
        node = next;
    }
    if (!w->stop &&
        page_node(at, w->meta.page_size, 0, false, &node) + used != w->meta.page_size - u16_at(at + WORD + 6))
        damage(w, page, "its entries do not fill it");
}

/* Bounded: a level deeper each time, and the tree says how deep it is. */
static void walk_page(struct walk *w, uint64_t page, unsigned level, struct bytes low, struct bytes high)
{
    uint8_t *at = w->pages + level * w->meta.page_size;

    if (!is_ours(w, level) || (counts(w, level) && !take(w, page, 1)) || !read_page(w, page, at))
        return;
    if (level + 1 == w->tree->depth)
        walk_leaf(w, page, at, low, high);
    else
        walk_branch(w, page, level, low, high);
}

static const char *visit_entry(struct walk *w, const struct node *node)
{
    if (node->flags & ~(unsigned)BIG_DATA)
        return "is not an entry of a checkpoint";
    return w->look->entry(w->look->ctx, node->key, node->data);
}

static void walk_part(void *ctx, unsigned i)
{
    struct walk *w = (struct walk *)ctx + i;

    w->mine = atomic_fetch_add_explicit(w->next, 1, memory_order_relaxed);
    walk_page(w, w->tree->root, 0, NO_BYTES, NO_BYTES);
}

static void add_part(struct walk *w, const struct walk *part)
{
    w->seen.branches += part->seen.branches;
    w->seen.leaves += part->seen.leaves;
    w->seen.overflows += part->seen.overflows;
    w->seen.entries += part->seen.entries;
    w->damaged |= part->damaged;
    w->stop |= part->stop;
    w->failed = w->failed ? w->failed : part->failed;
}

static void walk_by_all(struct walk *w)
{
    struct walk parts[CREW_MAX];
    atomic_size_t next = 0;
    unsigned n;

    assert(w->n_looks <= CREW_MAX && !w->look->salvage);
    for (n = 0; n < w->n_looks; n++) {
        parts[n] = *w;
        parts[n].look = &w->look[n];
        parts[n].next = &next;
        parts[n].leads = n == 0;
        parts[n].big = NULL;
        parts[n].big_cap = 0;
        if (n && !(parts[n].pages = malloc((size_t)DEPTH_MAX * w->meta.page_size)))
            break;
    }
    crew_run(n, walk_part, parts);
    for (unsigned i = 0; i < n; i++) {
        add_part(w, &parts[i]);
        free(parts[i].big);
        if (i)
            free(parts[i].pages);
    }
}

static void walk_tree(struct walk *w, const struct tree *tree, visit_fn *visit)
{
    bool was_whole = !w->damaged;

    w->tree = tree;
    w->visit = visit;
    w->seen = (struct tree){0};
    if (tree->root == NO_PAGE && !tree->depth)
        ;
    else if (!tree->depth || tree->depth > DEPTH_MAX)
        damage(w, tree->root, "it is the root of a table whose depth is wrong");
    else if (w->n_looks > 1 && visit == visit_entry && tree->depth > SHARED_LEVEL)
        walk_by_all(w);
    else
        walk_page(w, tree->root, 0, NO_BYTES, NO_BYTES);
    /* Pages that could not be reached explain that more was expected. */
    if (!was_whole || w->damaged)
        return;
    if (w->seen.branches != tree->branches || w->seen.leaves != tree->leaves || w->seen.overflows != tree->overflows ||
        w->seen.entries != tree->entries)
        damage(w, tree->root == NO_PAGE ? 0 : tree->root, "the table below it holds more or less than it should");
}

/* A list of free pages: how many, then their numbers, the highest first. */
static const char *visit_free(struct walk *w, const struct node *node)
{
    size_t n, room = node->data.len / WORD;
    uint64_t before = UINT64_MAX;

    if ((node->flags & ~(unsigned)BIG_DATA) || node->data.len % WORD || !room)
        return "is not a list of pages";
    n = word_at(node->data.at);
    if (n > room - 1 || word_at(node->key.at) > w->meta.txn)
        return "is not a list of pages";
    for (size_t i = 1; i <= n && !w->stop; i++) {
        uint64_t page = word_at(node->data.at + i * WORD);

        if (page >= before || !take(w, page, 1))
            return "is not a list of pages";
        before = page;
        w->n_beyond += page >= w->source->size / w->meta.page_size;
    }
    return NULL;
}

static const char *visit_main(struct walk *w, const struct node *node)
{
    struct tree *t = &w->tables[w->n_tables];

    if (node->flags != SUB_DATA || node->data.len != TABLE_LEN || node->key.len > NAME_MAX_LEN ||
        w->n_tables == TABLES_MAX)
        return "is not a table of a checkpoint";
    page_tree(node->data.at, t);
    if (t->flags)
        return "is not a table of a checkpoint";
    t->name_len = (uint8_t)node->key.len;
    memcpy(t->name, node->key.at, node->key.len);
    w->n_tables++;
    return NULL;
}

static void walk_table(struct walk *w, const struct tree *t)
{
    struct bytes name = bytes_of(t->name, t->name_len);
    const char *wrong = w->look->table(w->look->ctx, name);
    char text[STATE_KEY_TEXT_CAP];

    if (wrong)
        damage(w, w->meta.main.root, "\"%s\" %s", state_key_text(name, text), wrong);
    else
        walk_tree(w, t, visit_entry);
}

static void walk_tables(struct walk *w)
{
    for (int others = 0; others < 2; others++)
        for (size_t i = 0; i < w->n_tables && !w->stop; i++)
            if (!bytes_eq(bytes_of(w->tables[i].name, w->tables[i].name_len), bytes_str(STATE_TABLE_SUM)) == others)
                walk_table(w, &w->tables[i]);
}

/* ---- the two first pages --------------------------------------------------------------------------------------- */

static const char *read_meta(struct walk *w, unsigned number, struct meta *out)
{
    uint8_t at[META_LEN];

    if (!w->source->read(w->source->ctx, number * w->meta.page_size, at, sizeof at))
        return "it cannot be read";
    return page_meta(at, number, out);
}

static bool choose_meta(struct walk *w)
{
    struct meta metas[META_PAGES];
    const char *wrong[META_PAGES];

    w->meta.page_size = 0;
    if ((wrong[0] = read_meta(w, 0, &metas[0]))) {
        damage(w, 0, "%s", wrong[0]);
        w->meta.page_size = PAGE_MIN;
        while (w->meta.page_size < PAGE_MAX && read_meta(w, 1, &metas[1]))
            w->meta.page_size *= 2;
    } else {
        w->meta.page_size = metas[0].page_size;
    }
    if ((wrong[1] = read_meta(w, 1, &metas[1])) || metas[1].page_size != w->meta.page_size) {
        damage(w, 1, "%s", wrong[1] ? wrong[1] : "its page size is wrong");
        wrong[1] = "wrong";
    }
    if (w->stop || (wrong[0] && wrong[1]))
        return false;
    w->meta = wrong[0] ? metas[1] : wrong[1] ? metas[0] : metas[metas[0].txn < metas[1].txn];
    return true;
}

/* Pages behind the end of the file were never written: they must be free. */
static bool make_room(struct walk *w)
{
    uint64_t in_file = w->source->size / w->meta.page_size;

    if (w->meta.last_page < META_PAGES - 1 || w->meta.last_page >= in_file + w->source->size / WORD) {
        damage(w, 0, "the number of the last page is wrong");
        return false;
    }
    w->n_pages = (uint64_t)w->meta.last_page + 1;
    w->used = calloc(1, (size_t)(w->n_pages / 8 + 1));
    w->pages = malloc((size_t)DEPTH_MAX * w->meta.page_size);
    if (!w->used || !w->pages)
        return no_memory(w), false;
    return true;
}

/* Entries of a leaf that nothing leads to: those that are within it. */
static void orphan_page(struct walk *w, uint64_t page, const uint8_t *at)
{
    size_t lower = u16_at(at + WORD + 4), upper = u16_at(at + WORD + 6);
    struct node node;

    if (word_at(at) != page || u16_at(at + WORD + 2) != IS_LEAF || lower < PAGE_HEAD || lower > upper ||
        upper > w->meta.page_size)
        return;
    for (size_t i = 0; i < (lower - PAGE_HEAD) / 2 && !w->stop; i++) {
        if (!page_node(at, w->meta.page_size, i, true, &node) || !node.key.len || (node.flags & ~(unsigned)BIG_DATA))
            continue;
        if ((node.flags & BIG_DATA) && !read_big(w, &node.data))
            continue;
        (void)w->look->entry(w->look->ctx, node.key, node.data);
    }
}

/* Pages that are neither reached nor free: a page that leads to them is damaged. */
static void walk_orphans(struct walk *w)
{
    uint64_t in_file = w->source->size / w->meta.page_size;
    uint8_t *at = w->pages;

    (void)w->look->table(w->look->ctx, NO_BYTES);
    for (uint64_t page = META_PAGES; page < w->n_pages && page < in_file && !w->stop; page++)
        if (!(w->used[page / 8] & 1U << page % 8) &&
            w->source->read(w->source->ctx, page * w->meta.page_size, at, w->meta.page_size))
            orphan_page(w, page, at);
}

/* A damaged list of free pages keeps no page from being read, and says of none that it is in use. */
static void salvage_all(struct walk *w)
{
    bool was_damaged = w->damaged, knows_free;

    w->damaged = false;
    walk_tree(w, &w->meta.free, visit_free);
    knows_free = !w->damaged;
    w->damaged |= was_damaged;
    for (uint64_t i = 0; !knows_free && i <= w->n_pages / 8; i++)
        atomic_store(&w->used[i], 0);
    if (!w->stop)
        walk_tree(w, &w->meta.main, visit_main);
    if (!w->stop)
        walk_tables(w);
    if (w->damaged && knows_free && !w->stop)
        walk_orphans(w);
}

static void walk_all(struct walk *w)
{
    uint64_t in_file = w->source->size / w->meta.page_size;

    if (w->look->salvage) {
        salvage_all(w);
        return;
    }
    walk_tree(w, &w->meta.free, visit_free);
    if (!w->damaged && w->n_pages > in_file && w->n_beyond != w->n_pages - in_file)
        damage(w, in_file, "it is in use, and the file ends before it");
    if (!w->stop)
        walk_tree(w, &w->meta.main, visit_main);
    if (!w->stop)
        walk_tables(w);
}

static enum err walk_file(const struct pages_source *source, const struct pages_look *looks, unsigned n)
{
    struct walk w = {.source = source, .look = looks, .n_looks = n};

    if (!source->size)
        return ERR_NOT_FOUND;
    if (choose_meta(&w) && make_room(&w))
        walk_all(&w);
    free(w.used);
    free(w.pages);
    free(w.big);
    return w.failed ? w.failed : w.damaged ? ERR_DAMAGED : OK;
}

enum err pages_walk(const struct pages_source *source, const struct pages_look *look)
{
    return walk_file(source, look, 1);
}

enum err pages_prove(const struct pages_source *source, const struct pages_look *looks, unsigned n)
{
    return walk_file(source, looks, n);
}
