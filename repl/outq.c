#include "repl/outq.h"

#include <stdlib.h>

#include "base/check.h"

void outq_init(struct outq *q, const struct repl_store_ops *store_ops, void *store)
{
    *q = (struct outq){ .store_ops = store_ops, .store = store };
    buffer_init(&q->bytes);
}

static struct outq_value *value_at(const struct outq *q, size_t i)
{
    return &q->values[(q->first + i) & (q->size - 1)];
}

static void drop_first(struct outq *q)
{
    q->store_ops->release(q->store, value_at(q, 0)->item.item);
    q->first = (q->first + 1) & (q->size - 1);
    q->n--;
    q->value_sent = 0;
}

void outq_fini(struct outq *q)
{
    while (q->n > 0)
        drop_first(q);
    free(q->values);
    buffer_fini(&q->bytes);
}

static bool grow(struct outq *q)
{
    size_t size = q->size ? 2 * q->size : 16;
    struct outq_value *values = malloc(size * sizeof(*values));
    if (values == NULL)
        return false;
    for (size_t i = 0; i < q->n; i++)
        values[i] = *value_at(q, i);
    free(q->values);
    q->values = values;
    q->size = size;
    q->first = 0;
    return true;
}

void outq_add_value(struct outq *q, struct repl_item *item)
{
    if (q->n == q->size && !grow(q)) {
        q->store_ops->release(q->store, item->item);
        q->bytes.failed = true;
        return;
    }
    *value_at(q, q->n) = (struct outq_value){
        .after = q->composed_out + buffer_length(&q->bytes),
        .item = *item,
    };
    q->n++;
    q->value_bytes += item->state.nvalue;
}

size_t outq_length(const struct outq *q)
{
    return buffer_length(&q->bytes) + q->value_bytes;
}

int outq_gather(const struct outq *q, struct iovec *iov, int max)
{
    const char *bytes = buffer_head(&q->bytes);
    size_t left = buffer_length(&q->bytes), skip = q->value_sent;
    uint64_t at = q->composed_out;
    int n = 0;
    for (size_t i = 0; i < q->n && n + 2 <= max; i++, skip = 0) {
        const struct outq_value *v = value_at(q, i);
        size_t run = (size_t)(v->after - at);
        if (run > 0)
            iov[n++] = (struct iovec){ (void *)(uintptr_t)bytes, run };
        bytes += run;
        left -= run;
        at += run;
        iov[n++] = (struct iovec){ (char *)(uintptr_t)v->item.state.value + skip,
                                   v->item.state.nvalue - skip };
        if (i + 1 < q->n && n + 2 > max)
            return n;
    }
    if (left > 0 && n < max)
        iov[n++] = (struct iovec){ (void *)(uintptr_t)bytes, left };
    return n;
}

void outq_sent(struct outq *q, size_t n)
{
    while (n > 0) {
        size_t run = q->n > 0 ? (size_t)(value_at(q, 0)->after - q->composed_out)
                              : buffer_length(&q->bytes);
        size_t part = run < n ? run : n;
        buffer_consume(&q->bytes, part);
        q->composed_out += part;
        n -= part;
        if (n == 0)
            break;
        CHECK(q->n > 0);
        size_t rest = value_at(q, 0)->item.state.nvalue - q->value_sent;
        part = rest < n ? rest : n;
        q->value_sent += part;
        q->value_bytes -= part;
        n -= part;
        if (part == rest)
            drop_first(q);
    }
}
