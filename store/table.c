#include "store/table.h"

#include "base/check.h"

/* Grow while more than one bucket in OVERFLOW_SHARE has an overflow bucket: that gives
 * about five items per bucket, and a second step for about one key in twenty. */
enum { FIRST_BUCKETS = 256, SPLITS_AT_ONCE = 2, OVERFLOW_SHARE = 4 };

/* Enough buckets for a load of four to seven items each, and as many overflow buckets:
 * more than the self-regulation ever asks for. */
static uint32_t buckets_for(uint64_t items)
{
    uint64_t n = items / 3 + FIRST_BUCKETS;
    return n > 1u << 31 ? 1u << 31 : (uint32_t)n;
}

static bool grow_range(struct table *t, struct range *r, uint64_t count)
{
    size_t added;
    if (!range_grow(r, count * sizeof(struct bucket), &added))
        return false;
    if (added > 0)
        budget_charge(t->budget, added);
    return true;
}

/* Places begin at 1, so that no slot in use is 0. */
static void lay_out_slots(struct table *t, const struct range *range)
{
    unsigned place_bits = 64 - (unsigned)__builtin_clzll(range->size >> 3);
    CHECK(place_bits < TAG_SHIFT);
    t->origin = (uintptr_t)range->base - 8;
    t->place_mask = (UINT64_C(1) << place_bits) - 1;
    t->label_shift = place_bits;
    t->label_bits = TAG_SHIFT - place_bits;
    if (t->label_bits > LABEL_BITS_MAX)
        t->label_bits = LABEL_BITS_MAX;
}

bool table_init(struct table *t, uint64_t items, const struct range *range,
                struct budget *budget)
{
    *t = (struct table){ .budget = budget };
    lay_out_slots(t, range);
    t->max_buckets = buckets_for(items);
    size_t bytes = (size_t)t->max_buckets * sizeof(struct bucket);
    if (!range_init(&t->bucket_range, bytes) || !range_init(&t->overflow_range, bytes) ||
        !grow_range(t, &t->bucket_range, FIRST_BUCKETS)) {
        table_fini(t);
        return false;
    }
    t->buckets = (struct bucket *)t->bucket_range.base;
    t->overflow = (struct bucket *)t->overflow_range.base;
    t->pool_next = 1; /* 0 means none */
    atomic_store(&t->nbuckets, FIRST_BUCKETS);
    return true;
}

void table_fini(struct table *t)
{
    range_fini(&t->bucket_range);
    range_fini(&t->overflow_range);
}

static void bucket_set_link(struct bucket *b, uint32_t next)
{
    atomic_store_explicit(&b->next, next, memory_order_release);
}

static void set_home(struct table *t, uint32_t index, uint32_t home)
{
    atomic_store_explicit(&t->overflow[index].home, home, memory_order_relaxed);
}

/* For the chain of a locked bucket. 0: no memory. */
static uint32_t pool_take(struct table *t, const struct bucket *home)
{
    uint32_t index = 0;
    spin_acquire(&t->pool_lock);
    if (t->pool_free != 0) {
        index = t->pool_free;
        t->pool_free = bucket_link(&t->overflow[index]);
        bucket_set_link(&t->overflow[index], 0);
    } else if (t->pool_next < t->max_buckets &&
               grow_range(t, &t->overflow_range, (uint64_t)t->pool_next + 1)) {
        index = t->pool_next++;
    }
    spin_release(&t->pool_lock);
    if (index != 0) {
        set_home(t, index, (uint32_t)(home - t->buckets));
        atomic_fetch_add_explicit(&t->pool_used, 1, memory_order_relaxed);
    }
    return index;
}

/* While the bucket of its chain is locked. */
static void pool_give(struct table *t, uint32_t index)
{
    set_home(t, index, NO_HOME);
    spin_acquire(&t->pool_lock);
    bucket_set_link(&t->overflow[index], t->pool_free);
    t->pool_free = index;
    spin_release(&t->pool_lock);
    atomic_fetch_sub_explicit(&t->pool_used, 1, memory_order_relaxed);
}

uint32_t table_overflows(struct table *t)
{
    spin_acquire(&t->pool_lock);
    uint32_t n = t->pool_next;
    spin_release(&t->pool_lock);
    return n;
}

/* Whoever takes an overflow bucket out of a chain has the chain's lock, and leaves
 * NO_HOME behind: a home that is the same under that lock is the true one. */
struct bucket *table_lock_home(struct table *t, uint32_t i)
{
    _Atomic uint32_t *home = &t->overflow[i].home;
    uint32_t index = atomic_load_explicit(home, memory_order_relaxed);
    struct bucket *b = table_lock_index(t, index);
    if (b == NULL || atomic_load_explicit(home, memory_order_relaxed) == index)
        return b;
    table_unlock(b);
    return NULL;
}

table_slot *table_find_item(struct table *t, struct bucket *b, const struct item *it)
{
    uint64_t place = table_place(t, it);
    for (; b != NULL; b = bucket_next(t, b)) {
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            if ((slot_load(&b->slot[i]) & t->place_mask) == place)
                return &b->slot[i];
        }
    }
    return NULL;
}

/* Puts a slot's value into the first free slot of the chain of a locked bucket. */
static enum table_result fill_hole(struct table *t, struct bucket *b, uint64_t value)
{
    const struct bucket *home = b;
    enum table_result result = TABLE_OK;
    for (;; result = TABLE_CROWDED) {
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            if (slot_load(&b->slot[i]) == 0) {
                atomic_store_explicit(&b->slot[i], value, memory_order_relaxed);
                return result;
            }
        }
        if (bucket_link(b) == 0)
            bucket_set_link(b, pool_take(t, home));
        b = bucket_next(t, b);
        if (b == NULL)
            return TABLE_FULL;
    }
}

static uint64_t label_of(const struct table *t, const struct item *it)
{
    if (t->label_hash == NULL)
        return 0;
    return t->label_hash(item_key(it), it->nkey) >> (64 - t->label_bits);
}

enum table_result table_insert(struct table *t, struct bucket *b, const struct item *it)
{
    return fill_hole(t, b,
                     (uint64_t)table_tag(it->hash) << TAG_SHIFT |
                         label_of(t, it) << t->label_shift | table_place(t, it));
}

static bool is_empty(struct bucket *b)
{
    for (int i = 0; i < BUCKET_SLOTS; i++) {
        if (slot_load(&b->slot[i]) != 0)
            return false;
    }
    return true;
}

void table_trim(struct table *t, struct bucket *b)
{
    uint32_t index;
    while ((index = bucket_link(b)) != 0) {
        struct bucket *next = &t->overflow[index];
        if (is_empty(next)) {
            bucket_set_link(b, bucket_link(next));
            pool_give(t, index);
        } else {
            b = next;
        }
    }
}

void table_remove(struct table *t, struct bucket *b, table_slot *slot)
{
    atomic_store_explicit(slot, 0, memory_order_relaxed);
    if (bucket_link(b) != 0)
        table_trim(t, b);
}

/* True if an item of the parent bucket belongs to the new bucket n. The highest bit of n
 * decides: that bit of the hash. From TAG_FIRST on the bit is in the tag. */
static bool goes_up(const struct table *t, uint64_t value, uint32_t n)
{
    unsigned bit = 31 - (unsigned)__builtin_clz(n);
    if (bit >= TAG_FIRST && bit < TAG_FIRST + TAG_BITS)
        return (value >> (TAG_SHIFT + bit - TAG_FIRST) & 1) != 0;
    return (slot_item(t, value)->hash >> bit & 1) != 0;
}

/* Copies the items that belong to the new bucket. False: no memory for an overflow
 * bucket. */
static bool divide(struct table *t, struct bucket *from, struct bucket *to, uint32_t n)
{
    for (struct bucket *b = from; b != NULL; b = bucket_next(t, b)) {
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            uint64_t value = slot_load(&b->slot[i]);
            if (value == 0 || !goes_up(t, value, n))
                continue;
            if (fill_hole(t, to, value) == TABLE_FULL)
                return false;
        }
    }
    return true;
}

/* Removes from a chain the items that belong to bucket n. Whoever finds them gone here
 * finds them there: hence the order of release. */
static void keep_lower(struct table *t, struct bucket *chain, uint32_t n)
{
    CHECK(chain != NULL);
    for (struct bucket *b = chain; b != NULL; b = bucket_next(t, b)) {
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            uint64_t value = slot_load(&b->slot[i]);
            if (value != 0 && goes_up(t, value, n))
                atomic_store_explicit(&b->slot[i], 0, memory_order_release);
        }
    }
    table_trim(t, chain);
}

static uint32_t parent_of(uint32_t n)
{
    return n & ~(1u << (31 - __builtin_clz(n)));
}

static bool split(struct table *t)
{
    uint32_t n = table_count(t);
    if (n >= t->max_buckets || !grow_range(t, &t->bucket_range, (uint64_t)n + 1))
        return false;
    struct bucket *from = &t->buckets[parent_of(n)];
    struct bucket *to = &t->buckets[n];
    spin_acquire(&from->lock);
    /* Until keep_lower is done, nobody may free the items that both chains hold: it
     * reads their hashes. */
    spin_acquire(&to->lock);
    bool done = divide(t, from, to, n);
    if (done)
        atomic_store_explicit(&t->nbuckets, n + 1, memory_order_release);
    keep_lower(t, done ? from : to, n);
    spin_release(&to->lock);
    spin_release(&from->lock);
    return done;
}

void table_grow(struct table *t)
{
    if (!spin_try(&t->growing))
        return;
    for (int i = 0; i < SPLITS_AT_ONCE; i++) {
        if (atomic_load_explicit(&t->pool_used, memory_order_relaxed) * OVERFLOW_SHARE <
                table_count(t) ||
            !split(t))
            break;
    }
    spin_release(&t->growing);
}

/* Copies a whole chain into another one. */
static bool pour(struct table *t, struct bucket *from, struct bucket *to)
{
    for (struct bucket *b = from; b != NULL; b = bucket_next(t, b)) {
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            uint64_t value = slot_load(&b->slot[i]);
            if (value != 0 && fill_hole(t, to, value) == TABLE_FULL)
                return false;
        }
    }
    return true;
}

/* The memory of merged buckets is given back in steps of this size. */
enum { RELEASE_STEP = 256 << 10 };

static void release_buckets(struct table *t)
{
    size_t used = (size_t)table_count(t) * sizeof(struct bucket);
    if (t->bucket_range.charged > used + RELEASE_STEP)
        budget_credit(t->budget, range_shrink(&t->bucket_range, used));
}

bool table_shrink(struct table *t)
{
    bool done = false;
    spin_acquire(&t->growing);
    uint32_t n = table_count(t) - 1;
    if (n >= FIRST_BUCKETS) {
        struct bucket *to = &t->buckets[parent_of(n)];
        struct bucket *from = &t->buckets[n];
        spin_acquire(&to->lock);
        spin_acquire(&from->lock);
        done = pour(t, from, to);
        if (done)
            atomic_store_explicit(&t->nbuckets, n, memory_order_release);
        keep_lower(t, done ? from : to, n);
        spin_release(&from->lock);
        spin_release(&to->lock);
    }
    release_buckets(t);
    spin_release(&t->growing);
    return done;
}
