/* PyTorch's order of equal elements.
 *
 * Note [Ties]: where `stable` is not asked for, PyTorch leaves the order of equal elements to the
 * C++ library's algorithms, and programs print and compare what comes out. For rows of up to
 * FAC__TIES_LIMIT elements that order is reproduced: a row is first ranked the fast way, and only
 * where equal keys could show are the library's algorithms run on words (rank, place), of which the
 * ranks alone are compared. Longer rows keep the original order.
 *
 * The algorithms: introspective sort and selection (D. Musser, Introspective Sorting and Selection
 * Algorithms, 1997) with the GNU library's choices: median of the second, the middle and the last
 * element as pivot, insertion sort below 16 and 3 elements, heaps below a depth of 2 log2 n. */
#include "order_ties.h"

static inline bool less(uint64_t a, uint64_t b) {
    return a >> 32 < b >> 32;
}
static inline void swap(uint64_t *a, uint64_t *b) {
    uint64_t x = *a;
    *a = *b;
    *b = x;
}

static void push_up(uint64_t *v, int64_t hole, int64_t top, uint64_t x) {
    while (hole > top && less(v[(hole - 1) / 2], x)) {
        v[hole] = v[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    v[hole] = x;
}

/* Sinks the hole to a leaf, then lets x rise from there. */
static void sift(uint64_t *v, int64_t hole, int64_t n, uint64_t x) {
    int64_t top = hole, child = hole;
    while (child < (n - 1) / 2) {
        child = 2 * (child + 1);
        if (less(v[child], v[child - 1]))
            child--;
        v[hole] = v[child];
        hole = child;
    }
    if ((n & 1) == 0 && child == (n - 2) / 2) {
        child = 2 * child + 1;
        v[hole] = v[child];
        hole = child;
    }
    push_up(v, hole, top, x);
}

static void pop(uint64_t *v, int64_t n, uint64_t *to) {
    uint64_t x = *to;
    *to = v[0];
    sift(v, 0, n, x);
}

/* The `middle` smallest of v[0, n), as a heap in front. */
static void heap_select(uint64_t *v, int64_t middle, int64_t n) {
    for (int64_t parent = (middle - 2) / 2; middle >= 2 && parent >= 0; parent--)
        sift(v, parent, middle, v[parent]);
    for (int64_t i = middle; i < n; i++)
        if (less(v[i], v[0]))
            pop(v, middle, v + i);
}

void FAC__K(fac__ties_partial_sort)(uint64_t *v, int64_t middle, int64_t n) {
    heap_select(v, middle, n);
    for (int64_t last = middle; last > 1; last--)
        pop(v, last - 1, v + last - 1);
}

static void insert_back(uint64_t *v, int64_t i) { /* something in front is no greater */
    uint64_t x = v[i];
    for (; less(x, v[i - 1]); i--)
        v[i] = v[i - 1];
    v[i] = x;
}

static void insertion(uint64_t *v, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        if (!less(v[i], v[0])) {
            insert_back(v, i);
            continue;
        }
        uint64_t x = v[i];
        for (int64_t j = i; j > 0; j--)
            v[j] = v[j - 1];
        v[0] = x;
    }
}

/* Splits v[0, n) around its pivot, which ends in front; the cut. */
static int64_t split(uint64_t *v, int64_t n) {
    uint64_t *a = v + 1, *b = v + n / 2, *c = v + n - 1;
    if (less(*a, *b))
        swap(v, less(*b, *c) ? b : less(*a, *c) ? c : a);
    else
        swap(v, less(*a, *c) ? a : less(*b, *c) ? c : b);
    int64_t i = 1, j = n;
    for (;; i++) {
        while (less(v[i], v[0]))
            i++;
        j--;
        while (less(v[0], v[j]))
            j--;
        if (i >= j)
            return i;
        swap(v + i, v + j);
    }
}

static int twice_log(int64_t n) {
    return 2 * (order_width((uint64_t)n) - 1);
}

static void sort_parts(uint64_t *v, int64_t n, int depth) {
    while (n > 16) {
        if (depth-- == 0) {
            FAC__K(fac__ties_partial_sort)(v, n, n);
            return;
        }
        int64_t cut = split(v, n);
        sort_parts(v + cut, n - cut, depth);
        n = cut;
    }
}

void FAC__K(fac__ties_sort)(uint64_t *v, int64_t n) {
    if (n < 2)
        return;
    sort_parts(v, n, twice_log(n));
    insertion(v, n < 16 ? n : 16);
    for (int64_t i = 16; i < n; i++)
        insert_back(v, i);
}

void FAC__K(fac__ties_select)(uint64_t *v, int64_t nth, int64_t n) {
    if (n == 0 || nth >= n)
        return;
    int depth = twice_log(n);
    while (n > 3) {
        if (depth-- == 0) {
            heap_select(v, nth + 1, n);
            swap(v, v + nth);
            return;
        }
        int64_t cut = split(v, n);
        if (cut <= nth) {
            v += cut;
            nth -= cut;
            n -= cut;
        } else {
            n = cut;
        }
    }
    insertion(v, n);
}

/* Selection as kthvalue does it (Press et al., Numerical Recipes, 8.5). */
void FAC__K(fac__ties_quickselect)(uint64_t *v, int64_t k, int64_t n) {
    int64_t left = 0, right = n - 1;
    while (right > left) {
        if (right == left + 1) {
            if (less(v[right], v[left]))
                swap(v + left, v + right);
            return;
        }
        swap(v + left + (right - left) / 2, v + left + 1);
        if (less(v[right], v[left + 1]))
            swap(v + left + 1, v + right);
        if (less(v[right], v[left]))
            swap(v + left, v + right);
        if (less(v[left], v[left + 1]))
            swap(v + left + 1, v + left);
        int64_t i = left + 1, j = right;
        uint64_t pivot = v[left];
        for (;;) {
            do
                i++;
            while (less(v[i], pivot));
            do
                j--;
            while (less(pivot, v[j]));
            if (j < i)
                break;
            swap(v + i, v + j);
        }
        swap(v + left, v + j);
        if (j <= k)
            left = i;
        if (j >= k)
            right = j - 1;
    }
}
