/* Selection among keys of type K; included once a key width with NAME(x) giving the names. */

/* The key that would stand at place k in ascending order; *before counts the smaller keys. Radix
 * selection: count the leading digits of the range, keep the digit that holds place k, repeat
 * (Alabi et al., Fast k-selection algorithms, 2012). work has n keys. */
static K NAME(select)(const K *keys, int64_t n, int64_t k, K *work, int64_t *before) {
    enum { DIGIT = 11, FEW = 24 };
    uint32_t count[1 << DIGIT];
    int64_t less = 0;
    for (;;) {
        if (n <= FEW) {
            K few[FEW];
            for (int64_t i = 0; i < n; i++) {
                int64_t j = i;
                for (; j > 0 && few[j - 1] > keys[i]; j--)
                    few[j] = few[j - 1];
                few[j] = keys[i];
            }
            int64_t first = k;
            while (first > 0 && few[first - 1] == few[k])
                first--;
            *before = less + first;
            return few[k];
        }
        K low = keys[0], high = keys[0];
        for (int64_t i = 0; i < n; i++) {
            low = keys[i] < low ? keys[i] : low;
            high = keys[i] > high ? keys[i] : high;
        }
        if (low == high) {
            *before = less;
            return low;
        }
        int width = order_width((uint64_t)(high - low));
        int digit = n < 4096 ? 8 : DIGIT;
        digit = width < digit ? width : digit;
        int shift = width - digit;
        int64_t kept = 0, at = 0;
        /* counts hold 32 bits: longer rows are halved by one bit instead */
        memset(count, 0, sizeof count[0] << digit);
        if (n <= UINT32_MAX) {
            for (int64_t i = 0; i < n; i++)
                count[(keys[i] - low) >> shift]++;
            while (k >= at + (int64_t)count[kept])
                at += count[kept++];
        } else {
            shift = width - 1;
            for (int64_t i = 0; i < n; i++)
                at += (keys[i] - low) >> shift == 0;
            kept = k >= at;
            at = kept ? at : 0;
        }
        k -= at;
        less += at;
        int64_t m = 0;
        for (int64_t i = 0; i < n; i++) {
            K x = keys[i];
            work[m] = x;
            m += (int64_t)((K)(x - low) >> shift) == kept;
        }
        keys = work;
        n = m;
    }
}

/* The place of the element at rank k in the order of (key, place). */
static int64_t NAME(select_place)(const K *keys, int64_t n, int64_t k, K *work) {
    int64_t before;
    K key = NAME(select)(keys, n, k, work, &before);
    int64_t skip = k - before, i = 0;
    for (;; i++)
        if (keys[i] == key && skip-- == 0)
            return i;
}

static K NAME(least)(const K *keys) {
    K low = keys[0];
    for (int64_t i = 0; i < SPAN; i++)
        low = keys[i] < low ? keys[i] : low;
    return low;
}

/* The `few` smallest by (key, place), in order: an insertion into a short list for each key below
 * its last, after a test of SPAN keys at once that random data rarely passes. */
static void NAME(few_smallest)(const K *keys, int64_t n, int64_t few, K *best, int64_t *places) {
    int64_t have = 0;
    for (int64_t s = 0; s < n; s += SPAN) {
        int64_t stop = n - s < SPAN ? n : s + SPAN;
        if (have == few && stop - s == SPAN && NAME(least)(keys + s) >= best[few - 1])
            continue;
        for (int64_t i = s; i < stop; i++) {
            K x = keys[i];
            if (have == few && x >= best[few - 1])
                continue;
            int64_t j = have < few ? have++ : few - 1;
            for (; j > 0 && best[j - 1] > x; j--) {
                best[j] = best[j - 1];
                places[j] = places[j - 1];
            }
            best[j] = x;
            places[j] = i;
        }
    }
}

/* The same for longer lists: places whose keys lie below the limit are gathered, and when there is
 * no more room, cut down to the k best. `room` places, 2 * room keys' worth of scratch words. */
static int NAME(many_smallest)(const K *keys, int64_t n, int64_t k, int64_t room, K *found,
                               int64_t *places, uint64_t *scratch) {
    int64_t have = 0;
    K limit = 0;
    bool limited = false;
    for (int64_t i = 0;; i++) {
        if (have == room || i >= n) {
            struct fac__ranking r;
            if (FAC__K(fac__rank)(found, sizeof(K) == 8, have, scratch, &r) != 0)
                return -1;
            /* the ranking's words give way to places, then to keys, one after another */
            for (int64_t j = 0; j < k; j++)
                scratch[j] = (uint64_t)places[order_place(&r, j)];
            for (int64_t j = 0; j < k; j++) {
                places[j] = (int64_t)scratch[j];
                found[j] = keys[places[j]];
            }
            have = k;
            limit = found[k - 1];
            limited = true;
            if (i >= n)
                return 0;
        }
        while (limited && n - i >= SPAN && NAME(least)(keys + i) >= limit)
            i += SPAN;
        if (i >= n) {
            i--; /* to the last cut */
            continue;
        }
        if (limited && keys[i] >= limit)
            continue;
        found[have] = keys[i];
        places[have++] = i;
    }
}
