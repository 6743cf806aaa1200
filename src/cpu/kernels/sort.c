/* Sorting by keys, the one algorithm behind sort, topk, mode and unique.
 *
 * A key's leading bits (less the smallest key, so that small ranges take few bits) and its place
 * are packed into one word. All words differ, so that any way of sorting them is stable. Then, by
 * length:
 *   - up to 32 words: each word's place is the number of smaller ones, counted without branches;
 *   - up to BLOCK: least-significant-digit radix sort, eight bits a pass, of as many leading bits
 * as tell nearly all words apart; runs that agree in those are sorted again by the rest (Knuth, The
 * Art of Computer Programming 3, 5.2.5, exercise on the combination with insertion);
 *   - above: one most-significant-digit pass that scatters all words by blocks in parallel, then
 *     each bucket for itself, in cache (McIlroy, Bostic, McIlroy, Engineering Radix Sort, 1993).
 * Keys of more bits than a word holds beside the place are finished run by run from the keys.
 * A sorted order of different words is one only, whatever the number of threads. */
#include "order.h"

#include <string.h>

enum { TINY = 16, BLOCK = 1 << 15, DIGIT = 8, BIG_DIGIT = 11, SLACK = 6 };

static void insertion(uint64_t *a, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        uint64_t x = a[i];
        int64_t j = i;
        for (; j > 0 && a[j - 1] > x; j--)
            a[j] = a[j - 1];
        a[j] = x;
    }
}

/* n <= size words, by counting for each those that are smaller. */
static inline void count_smaller(uint64_t *a, int64_t n, int size) {
    int64_t v[2 * TINY] = {0}, place[2 * TINY] = {0};
    for (int i = 0; i < n; i++)
        v[i] = (int64_t)(a[i] ^ (uint64_t)1 << 63);
    for (int64_t j = 0; j < n; j++)
        for (int i = 0; i < size; i++)
            place[i] += v[j] < v[i];
    for (int64_t i = 0; i < n; i++)
        a[place[i]] = (uint64_t)v[i] ^ (uint64_t)1 << 63;
}

static void sort_tiny(uint64_t *a, int64_t n) {
    if (n <= 6)
        insertion(a, n);
    else if (n <= TINY)
        count_smaller(a, n, TINY);
    else
        count_smaller(a, n, 2 * TINY);
}

/* Merges the sorted a[0, m) and a[m, n) into t without branches on the data. */
static void merge(const uint64_t *a, int64_t m, int64_t n, uint64_t *t) {
    int64_t i = 0, j = m, k = 0;
    while (i < m && j < n) {
        uint64_t x = a[i], y = a[j];
        bool left = x < y;
        t[k++] = left ? x : y;
        i += left;
        j += !left;
    }
    memcpy(t + k, a + i, sizeof *t * (size_t)(m - i));
    memcpy(t + k + (m - i), a + j, sizeof *t * (size_t)(n - j));
}

/* Some tens of words, where a radix pass would pay more for its counts than for the words. */
static void merge_sort(uint64_t *a, uint64_t *t, int64_t n) {
    for (int64_t i = 0; i < n; i += TINY)
        sort_tiny(a + i, n - i < TINY ? n - i : TINY);
    uint64_t *from = a, *to = t;
    for (int64_t w = TINY; w < n; w *= 2) {
        for (int64_t i = 0; i < n; i += 2 * w) {
            int64_t rest = n - i;
            merge(from + i, rest < w ? rest : w, rest < 2 * w ? rest : 2 * w, to + i);
        }
        uint64_t *x = from;
        from = to;
        to = x;
    }
    if (from != a)
        memcpy(a, from, sizeof *a * (size_t)n);
}

static void sort_block(uint64_t *a, uint64_t *t, int64_t n, int lo, int hi);

/* a is sorted by the bits from `cut` up; sorts by all. Nearly everything is in place: an insertion
 * looks back TINY words at most; where that doesn't do, the run that agrees from `cut` up is sorted
 * for itself. */
static void finish(uint64_t *a, uint64_t *t, int64_t n, int lo, int cut) {
    for (int64_t i = 1; i < n; i++) {
        if (__builtin_expect(a[i] >= a[i - 1], 1))
            continue;
        uint64_t x = a[i], differ = 0;
        int64_t j = i, stop = i < TINY ? 0 : i - TINY;
        for (; j > stop && a[j - 1] > x; j--)
            a[j] = a[j - 1];
        a[j] = x;
        if (j == 0 || a[j - 1] < x)
            continue;
        int64_t end = i + 1;
        while (j > 0 && (a[j - 1] ^ x) >> cut == 0)
            j--;
        while (end < n && (a[end] ^ x) >> cut == 0)
            end++;
        for (int64_t k = j; k < end; k++)
            differ |= a[k] ^ x;
        sort_block(a + j, t + j, end - j, lo, order_width(differ));
        i = end - 1;
    }
}

/* Counts of the digits of all passes in one reading. */
static void count_passes(const uint64_t *a, int64_t n, int cut, int passes,
                         uint32_t (*count)[1 << DIGIT]) {
    const uint64_t last = (1 << DIGIT) - 1;
    memset(count, 0, sizeof count[0] * (size_t)passes);
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = a[i] >> cut;
        count[0][x & last]++;
        if (passes > 1)
            count[1][x >> DIGIT & last]++;
        if (passes > 2)
            count[2][x >> 2 * DIGIT & last]++;
    }
}

/* Sorts by the bits [lo, hi); words that agree in them are in order already, and all agree above.
 */
static void sort_block(uint64_t *a, uint64_t *t, int64_t n, int lo, int hi) {
    uint32_t count[3][1 << DIGIT];
    if (hi <= lo)
        return;
    if (n <= 2 * TINY) {
        sort_tiny(a, n);
        return;
    }
    if (n <= 6 * TINY) {
        merge_sort(a, t, n);
        return;
    }
    int want = order_width((uint64_t)n) + SLACK, bits = hi - lo;
    want = want < 3 * DIGIT ? want : 3 * DIGIT;
    int passes = ((bits < want ? bits : want) + DIGIT - 1) / DIGIT;
    int cut = hi - passes * DIGIT < lo ? lo : hi - passes * DIGIT;
    const uint64_t last = (1 << DIGIT) - 1;
    count_passes(a, n, cut, passes, count);
    uint64_t *from = a, *to = t;
    for (int p = 0; p < passes; p++) {
        int shift = cut + p * DIGIT;
        uint32_t *next = count[p], sum = 0;
        if (next[(from[0] >> shift) & last] == (uint32_t)n)
            continue; /* all agree */
        for (int d = 0; d <= (int)last; d++) {
            uint32_t c = next[d];
            next[d] = sum;
            sum += c;
        }
        for (int64_t i = 0; i < n; i++) {
            uint64_t x = from[i];
            to[next[(x >> shift) & last]++] = x;
        }
        uint64_t *x = from;
        from = to;
        to = x;
    }
    if (from != a)
        memcpy(a, from, sizeof *a * (size_t)n);
    if (cut > lo)
        finish(a, t, n, lo, cut);
}

/* --- long rows ------------------------------------------------------------------------------- */

struct partition {
    uint64_t *a, *t;
    int64_t n, piece; /* elements a piece */
    int lo, shift, digits;
    int64_t *count; /* [pieces][digits], then where each piece writes its next word of a digit */
    int64_t *start; /* [digits + 1] */
};

static int count_digits(void *ctx, int64_t begin, int64_t end) {
    struct partition *p = ctx;
    for (int64_t k = begin; k < end; k++) {
        int64_t *count = p->count + k * p->digits;
        int64_t stop = (k + 1) * p->piece < p->n ? (k + 1) * p->piece : p->n;
        memset(count, 0, sizeof *count * (size_t)p->digits);
        for (int64_t i = k * p->piece; i < stop; i++)
            count[(p->a[i] >> p->shift) & (uint64_t)(p->digits - 1)]++;
    }
    return 0;
}

static int scatter_digits(void *ctx, int64_t begin, int64_t end) {
    struct partition *p = ctx;
    for (int64_t k = begin; k < end; k++) {
        int64_t *next = p->count + k * p->digits;
        int64_t stop = (k + 1) * p->piece < p->n ? (k + 1) * p->piece : p->n;
        for (int64_t i = k * p->piece; i < stop; i++)
            p->t[next[(p->a[i] >> p->shift) & (uint64_t)(p->digits - 1)]++] = p->a[i];
    }
    return 0;
}

/* Sorts the buckets that begin within [begin, end) and are no longer than a block. */
static int sort_buckets(void *ctx, int64_t begin, int64_t end) {
    struct partition *p = ctx;
    for (int d = 0; d < p->digits; d++) {
        int64_t s = p->start[d], n = p->start[d + 1] - s;
        if (n == 0 || s < begin || s >= end)
            continue;
        if (n <= BLOCK)
            sort_block(p->t + s, p->a + s, n, p->lo, p->shift);
        memcpy(p->a + s, p->t + s, sizeof *p->a * (size_t)n);
    }
    return 0;
}

static int sort_words(uint64_t *a, uint64_t *t, int64_t n, int lo, int hi) {
    if (n <= BLOCK || hi <= lo) {
        sort_block(a, t, n, lo, hi);
        return 0;
    }
    int digit = hi - lo < BIG_DIGIT ? hi - lo : BIG_DIGIT;
    struct partition p = {.a = a, .t = t, .n = n, .lo = lo, .shift = hi - digit};
    p.digits = 1 << digit;
    p.piece = n / 64 > BLOCK ? n / 64 : BLOCK;
    int64_t pieces = (n + p.piece - 1) / p.piece;
    size_t bytes = sizeof(int64_t) * (size_t)((pieces + 1) * p.digits + 1);
    if ((p.count = fac__alloc(bytes)) == NULL)
        return -1;
    p.start = p.count + pieces * p.digits;
    fac__parallel_for(pieces, 1, count_digits, &p);
    int64_t sum = 0;
    for (int d = 0; d < p.digits; d++) {
        p.start[d] = sum;
        for (int64_t k = 0; k < pieces; k++) {
            int64_t c = p.count[k * p.digits + d];
            p.count[k * p.digits + d] = sum;
            sum += c;
        }
    }
    p.start[p.digits] = n;
    fac__parallel_for(pieces, 1, scatter_digits, &p);
    fac__parallel_for(n, BLOCK / 2, sort_buckets, &p);
    int r = 0;
    for (int d = 0; d < p.digits && r == 0; d++) {
        int64_t s = p.start[d], m = p.start[d + 1] - s;
        uint64_t differ = 0;
        if (m <= BLOCK)
            continue;
        for (int64_t i = s; i < s + m; i++)
            differ |= a[i] ^ a[s];
        r = sort_words(a + s, t + s, m, lo, order_width(differ));
    }
    fac__free(p.count, bytes);
    return r;
}

/* --- from keys to words ---------------------------------------------------------------------- */

struct packing {
    const void *keys;
    bool wide;
    int64_t n, piece;
    uint64_t *a;
    uint64_t least, most;
    uint64_t *low, *high; /* of each piece */
    int bits, shift;
};

/* Short rows stay away from the pool. */
static int over(int64_t n, int64_t grain, fac__range_fn *fn, void *ctx) {
    return n <= 1 || n < grain ? fn(ctx, 0, n) : fac__parallel_for(n, grain, fn, ctx);
}

static int find_range(void *ctx, int64_t begin, int64_t end) {
    struct packing *p = ctx;
    for (int64_t k = begin; k < end; k++) {
        int64_t first = k * p->piece;
        int64_t stop = first + p->piece < p->n ? first + p->piece : p->n;
        if (p->wide) {
            const uint64_t *x = p->keys;
            uint64_t low = x[first], high = low;
            for (int64_t i = first; i < stop; i++) {
                low = x[i] < low ? x[i] : low;
                high = x[i] > high ? x[i] : high;
            }
            p->low[k] = low;
            p->high[k] = high;
        } else {
            const uint32_t *x = p->keys;
            uint32_t low = x[first], high = low;
            for (int64_t i = first; i < stop; i++) {
                low = x[i] < low ? x[i] : low;
                high = x[i] > high ? x[i] : high;
            }
            p->low[k] = low;
            p->high[k] = high;
        }
    }
    return 0;
}

static int pack(void *ctx, int64_t begin, int64_t end) {
    struct packing *p = ctx;
    uint64_t least = p->least;
    int bits = p->bits, shift = p->shift;
    if (p->wide) {
        const uint64_t *x = p->keys;
        for (int64_t i = begin; i < end; i++)
            p->a[i] = (x[i] - least) >> shift << bits | (uint64_t)i;
    } else {
        const uint32_t *x = p->keys;
        for (int64_t i = begin; i < end; i++)
            p->a[i] = (x[i] - least) >> shift << bits | (uint64_t)i;
    }
    return 0;
}

/* Sorts the runs of words that agree in the key bits they hold by the `shift` bits they lack. */
static int finish_keys(const struct packing *p, uint64_t *a, uint64_t *t, int64_t n, int shift) {
    int room = 64 - p->bits, next = shift > room ? shift - room : 0;
    uint64_t mask = ((uint64_t)1 << p->bits) - 1;
    uint64_t part = (shift - next == 64 ? 0 : (uint64_t)1 << (shift - next)) - 1;
    for (int64_t i = 0; i < n;) {
        int64_t j = i + 1;
        while (j < n && (a[j] ^ a[i]) >> p->bits == 0)
            j++;
        if (j - i > 1) {
            for (int64_t k = i; k < j; k++) {
                uint64_t place = a[k] & mask;
                uint64_t key = order_key_at(p->keys, p->wide, (int64_t)place) - p->least;
                a[k] = ((key >> next) & part) << p->bits | place;
            }
            if (sort_words(a + i, t + i, j - i, p->bits, p->bits + shift - next) != 0)
                return -1;
            if (next > 0 && finish_keys(p, a + i, t + i, j - i, next) != 0)
                return -1;
        }
        i = j;
    }
    return 0;
}

int FAC__K(fac__rank)(const void *keys, bool wide, int64_t n, uint64_t *scratch,
                      struct fac__ranking *out) {
    uint64_t low[64], high[64];
    struct packing p = {.keys = keys, .wide = wide, .n = n, .a = scratch, .low = low, .high = high};
    p.bits = order_width((uint64_t)n) > 32 ? order_width((uint64_t)n) : 32;
    *out = (struct fac__ranking){scratch, ((uint64_t)1 << p.bits) - 1, p.bits, true};
    if (n == 0)
        return 0;
    p.piece = n / 63 > BLOCK ? n / 63 : BLOCK;
    int64_t pieces = (n + p.piece - 1) / p.piece;
    over(pieces, 1, find_range, &p);
    p.least = p.low[0];
    p.most = p.high[0];
    for (int64_t k = 1; k < pieces; k++) {
        p.least = p.low[k] < p.least ? p.low[k] : p.least;
        p.most = p.high[k] > p.most ? p.high[k] : p.most;
    }
    int width = order_width(p.most - p.least), room = 64 - p.bits;
    p.shift = width > room ? width - room : 0;
    over(n, BLOCK, pack, &p);
    out->exact = p.shift == 0;
    if (sort_words(scratch, scratch + n, n, p.bits, p.bits + width - p.shift) != 0)
        return -1;
    return p.shift > 0 ? finish_keys(&p, scratch, scratch + n, n, p.shift) : 0;
}
