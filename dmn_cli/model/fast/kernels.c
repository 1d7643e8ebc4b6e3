/* The gated recurrence and the gate on a CPU: what scan.py and gate.py compute, in plain C.
 *
 * The file includes itself once for every instruction set and number type: the lower part is the code, the upper part
 * says for what to compile it and chooses at run time. Python calls the four functions dmn_* (see kernels.py).
 *
 * Everything is built on one routine, gemm: C (+)= A B, with B packed in panels of up to three vectors of columns, A
 * read element by element (so A may be transposed) and a block of C held in registers. Packed and scratch rows are
 * padded to whole vectors: `pad(n)`; rows of the caller are not.
 *
 * Threads: the rows are split in `parts`; each part has its own scratch memory and its own sums, which are added in
 * order at the end, so the result depends on the number of parts alone.
 */
#ifndef real

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OK, BAD_INDEX, NO_MEMORY };
enum { BLOCK = 16, CHUNK = 96}; /* rows a product, and rows a product summed over rows */

/* All fields are 8 bytes wide: kernels.py mirrors them. A pointer that may be absent is marked with a question mark. */
struct scan {
    int64_t parts, attention, hidden, table, rows, sequences, steps;
    const int64_t *sizes, *index;                       /* (T), (N) */
    const void *inputs, *state, *weight, *bias, *gate;  /* (R, 3H), (B, H), (3H, H), (3H), ?(N) */
    void *states, *last, *saved;                        /* (N, H), (B, H), ?(N, 4H), or (N, 3H) with attention */
    const void *d_states, *d_last;                      /* ?(N, H), ?(B, H) */
    void *d_inputs, *d_state, *d_weight, *d_bias, *d_gate;
};

struct gate {
    int64_t parts, hidden, units, facts_count, questions_count, rows;
    const int64_t *fact, *question;                               /* (N), (N) */
    const void *facts, *other, *bilinear, *weight;                /* (C, H), (Q, H), ?(Q, H), (G, 2H or 2H + 1) */
    const void *per_fact, *per_question, *once, *w2, *b2;         /* ?(C, G), ?(Q, G), ?(N, G), ?(G), ?(1) */
    void *first, *logits;                                         /* (N, G), ?(N) */
    const void *d_out;                                            /* (N), or (N, G) without w2 */
    void *d_facts, *d_other, *d_bilinear, *d_weight;              /* as the tensors */
    void *d_per_fact, *d_per_question, *d_once, *d_w2, *d_b2;     /* as the tensors */
};

/* The team of threads that Torch uses already, if kernels.py found it: OpenMP's. */
static void (*team_run)(void (*)(void *), void *, unsigned, unsigned);

void dmn_team(void *run) { team_run = (void (*)(void (*)(void *), void *, unsigned, unsigned))run; }

struct team {
    void (*work)(void *job, int64_t part, char *memory);
    void *job;
    char *memory;
    size_t each;
    int64_t parts;
    atomic_long next;
};

static void team_work(void *argument) {
    struct team *team = argument;
    for (int64_t part; (part = atomic_fetch_add(&team->next, 1)) < team->parts;)
        team->work(team->job, part, team->memory + part * team->each);
}

/* Do all parts, each with its own `each` bytes of memory. */
static void run(void (*work)(void *, int64_t, char *), void *job, int64_t parts, char *memory, size_t each) {
    struct team team = {work, job, memory, each, parts, 0};
    if (team_run && parts > 1)
        team_run(team_work, &team, (unsigned)parts, 0);
    else
        team_work(&team);
}

static int outside(const int64_t *index, int64_t rows, int64_t limit) {
    int bad = 0;
    for (int64_t i = 0; i < rows; i++) bad |= (uint64_t)index[i] >= (uint64_t)limit;
    return bad;
}

/* What the rows of a part of the gate are summed up in: gradients the caller wants, and two more. */
enum { D_FACTS, D_OTHER, D_BILINEAR, D_PER_FACT, D_PER_QUESTION, D_W2, D_B2, OUTPUTS };
enum { D_WEIGHT = OUTPUTS, D_W_DOT, SUMS };

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/* Sequences of a part are neighbours, and parts have about the same number of rows: the first sequence of a part. */
static int64_t first_sequence(const struct scan *s, int64_t part) {
    int64_t sequence = 0, before = 0;
    for (int64_t t = s->steps; sequence < s->sequences; before += t, sequence++) {
        while (t > 0 && s->sizes[t - 1] <= sequence) t--; /* the sequence's length */
        if (before * s->parts >= part * s->rows) break;
    }
    return part == s->parts ? s->sequences : sequence;
}

#define ALWAYS static inline __attribute__((always_inline)) TARGET
#define FN static TARGET
#define JOIN3(a, b, c) a##_##b##_##c
#define JOIN2(a, b, c) JOIN3(a, b, c)
#define F(name) JOIN2(name, LEVEL, real)
#define SIMD _Pragma("omp simd")

#ifdef __clang__
#define WIDE_VECTORS
#else
#define WIDE_VECTORS ",prefer-vector-width=512" /* else loops are compiled for 256 bits */
#endif

#if defined(__x86_64__)
#define LEVELS 3
#define LEVEL avx512
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma" WIDE_VECTORS)))
#define BYTES 64
#define ROWS 8
#define real float
#include "kernels.c"
#undef real
#define real double
#include "kernels.c"
#undef real
#undef LEVEL
#undef TARGET
#undef BYTES
#undef ROWS
#define LEVEL avx2
#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define ROWS 4
#define real float
#include "kernels.c"
#undef real
#define real double
#include "kernels.c"
#undef real
#undef LEVEL
#undef TARGET
#undef BYTES
#undef ROWS
#define ROWS 4
#else
#define LEVELS 1
#define ROWS 8
#endif
#define LEVEL base
#define TARGET
#define BYTES 16
#define real float
#include "kernels.c"
#undef real
#define real double
#include "kernels.c"
#undef real

/* ---- choosing ---- */

#ifndef DMN_SOURCE
#define DMN_SOURCE ""
#endif
const char *dmn_source(void) { return DMN_SOURCE; } /* the digest of this file when it was compiled */

static int level; /* 0 base, 1 AVX2, 2 AVX-512 */

/* The best instruction set of this machine. */
int dmn_best(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

/* Use the best instruction set up to `limit`; returns the one used. */
int dmn_use(int limit) { return level = limit < dmn_best() ? limit : dmn_best(); }

#if LEVELS == 3
#define CHOOSE(name, job, wide)                                                                        \
    (level == 2   ? (wide ? name##_avx512_double(job) : name##_avx512_float(job))                      \
     : level == 1 ? (wide ? name##_avx2_double(job) : name##_avx2_float(job))                          \
                  : (wide ? name##_base_double(job) : name##_base_float(job)))
#else
#define CHOOSE(name, job, wide) (wide ? name##_base_double(job) : name##_base_float(job))
#endif

int dmn_scan_forward(struct scan *job, int wide) { return CHOOSE(scan_forward, job, wide); }
int dmn_scan_backward(struct scan *job, int wide) { return CHOOSE(scan_backward, job, wide); }
int dmn_gate_forward(struct gate *job, int wide) { return CHOOSE(gate_forward, job, wide); }
int dmn_gate_backward(struct gate *job, int wide) { return CHOOSE(gate_backward, job, wide); }

#else /* ---- the code, for one instruction set and one number type ---- */

#define AT(pointer, n) ((real *)(pointer) + (n))
#define LANES ((int64_t)(BYTES / sizeof(real)))
#define WIDE (sizeof(real) == 8)

typedef real F(vector) __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));

FN int64_t F(pad)(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

/* tanh to about 3 units in the last place: x P(x²) / Q(x²), a minimax fit in the relative error on |x| ≤ 8.4. */
ALWAYS real F(tanh)(real x) {
    if (WIDE) return tanh(x);
    real a = (real)fabs(x), y;
    a = a > (real)8.4 ? (real)8.4 : a; /* lets NaN through */
    y = a * a;
    real p = (real)1.4457591568373118e-08 * y + (real)2.1379646568675525e-05;
    p = p * y + (real)0.0035416120663285255;
    p = p * y + (real)0.13419575989246368;
    p = p * y + 1;
    real q = (real)8.219872711379139e-07 * y + (real)0.000336141703883186;
    q = q * y + (real)0.026051422581076622;
    q = q * y + (real)0.4675289988517761;
    q = q * y + 1;
    return (real)copysign(a * p / q, x);
}

ALWAYS real F(sigmoid)(real x) {
    if (WIDE) return 1 / (1 + exp(-x));
    return (real)0.5 + (real)0.5 * F(tanh)((real)0.5 * x);
}

/* C[m, w] (+)= Σ_k A[m·down + k·right] B[k, w] for m < M and w < W vectors. */
ALWAYS void F(micro)(const int M, const int W, int64_t K, const real *A, int64_t down, int64_t right, const real *B,
                     real *C, int64_t stride, int add) {
    F(vector) sum[ROWS][3];
#pragma GCC unroll 8
    for (int m = 0; m < M; m++)
#pragma GCC unroll 3
        for (int w = 0; w < W; w++)
            sum[m][w] = add ? *(const F(vector) *)(C + m * stride + w * LANES) : (F(vector)){0};
    for (int64_t k = 0; k < K; k++, A += right, B += W * LANES) {
        F(vector) b[3];
#pragma GCC unroll 3
        for (int w = 0; w < W; w++) b[w] = *(const F(vector) *)(B + w * LANES);
#pragma GCC unroll 8
        for (int m = 0; m < M; m++)
#pragma GCC unroll 3
            for (int w = 0; w < W; w++) sum[m][w] += A[m * down] * b[w];
    }
#pragma GCC unroll 8
    for (int m = 0; m < M; m++)
#pragma GCC unroll 3
        for (int w = 0; w < W; w++) *(F(vector) *)(C + m * stride + w * LANES) = sum[m][w];
}

/* C (rows, vectors) (+)= A B. Element (m, k) of A is A[m·down + k·right]; a panel of B has room for `room` ≥ K rows. */
FN void F(gemm)(int64_t rows, int64_t vectors, int64_t K, const real *A, int64_t down, int64_t right, const real *B,
                int64_t room, real *C, int64_t stride, int add) {
    for (; vectors > 0; vectors -= 3) {
        int64_t width = at_most(vectors, 3);
        for (int64_t m = 0; m < rows; m += ROWS) {
            const real *a = A + m * down;
            real *c = C + m * stride;
            switch (at_most(rows - m, ROWS) * 4 + width) {
#define CASE(M, W) case M * 4 + W: F(micro)(M, W, K, a, down, right, B, c, stride, add); break;
#define CASES(M) CASE(M, 1) CASE(M, 2) CASE(M, 3)
                CASES(1) CASES(2) CASES(3) CASES(4)
#if ROWS == 8
                CASES(5) CASES(6) CASES(7) CASES(8)
#endif
#undef CASE
#undef CASES
            }
        }
        B += room * width * LANES;
        C += width * LANES;
    }
}

/* Row k of a packed B: n numbers, which start `at` columns from the left (whole vectors). The rest is left as it is. */
FN void F(pack_row)(real *B, int64_t vectors, int64_t room, int64_t k, int64_t at, const real *row, int64_t n) {
    for (; vectors > 0; vectors -= 3) {
        int64_t columns = at_most(vectors, 3) * LANES, from = at > 0 ? at : 0, end = at_most(at + n, columns);
        SIMD for (int64_t c = from; c < end; c++) B[k * columns + c] = row[c - at];
        at -= columns;
        B += room * columns;
    }
}

/* The transposed matrix W (n, K) in a packed B: its row c is column `at` + c. */
FN void F(pack_transposed)(real *B, int64_t vectors, int64_t K, int64_t at, const real *W, int64_t n) {
    for (int64_t c = 0; c < n; c++, W += K) {
        int64_t panel = (at + c) / (3 * LANES) * 3, columns = at_most(vectors - panel, 3) * LANES;
        real *to = B + panel * LANES * (K - 1) + at + c;
        for (int64_t k = 0; k < K; k++) to[k * columns] = W[k];
    }
}

/* Σ a b, with LANES partial sums that are added in pairs. */
ALWAYS real F(dot)(const real *a, const real *b, int64_t n) {
    F(vector) sum = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) sum += *(const F(vector) *)(a + i) * *(const F(vector) *)(b + i);
    real total = 0, parts[BYTES / sizeof(real)];
    for (; i < n; i++) total += a[i] * b[i];
    memcpy(parts, &sum, sizeof sum);
#pragma GCC unroll 4
    for (int64_t half = LANES / 2; half > 0; half /= 2)
        for (int64_t k = 0; k < half; k++) parts[k] += parts[k + half];
    return total + parts[0];
}

ALWAYS void F(add)(real *to, const real *from, int64_t n) {
    SIMD for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

/* For the rows k of a chunk: sum (wide, P) += Σ_k A_k ⊗ B_k, and total (wide) += Σ_k A_k. */
FN void F(sum_rows)(int64_t wide, int64_t P, int64_t rows, const real *A, const real *B, real *sum, real *total) {
    F(gemm)(wide, P / LANES, rows, A, 1, wide, B, CHUNK, sum, P, 1);
    for (int64_t k = 0; k < rows; k++) F(add)(total, A + k * wide, wide);
}

/* Memory in whole cache lines; *memory is moved behind it. */
FN real *F(take)(char **memory, int64_t numbers) {
    real *taken = (real *)*memory;
    *memory += (numbers * sizeof(real) + 63) / 64 * 64;
    return taken;
}

FN real *F(zeroed)(char **memory, int64_t numbers) {
    real *taken = F(take)(memory, numbers);
    return numbers ? memset(taken, 0, numbers * sizeof(real)) : taken;
}

FN char *F(allocate)(size_t bytes) {
    void *memory = NULL;
    return posix_memalign(&memory, 64, bytes + 64) ? NULL : memory;
}

/* ---- the recurrence ---- */

/* Inside, the three chunks of U stand in the order reset, new, update, so that the attention GRU, which has no update
 * gate, is the first two. */
static const int64_t F(order)[3] = {0, 2, 1};

struct F(scan_shared) {
    struct scan *s;
    real *U;     /* packed: of U transposed (H, chunks · pad(H)) on the way forward, of U (chunks · H, H) backward */
    real **sums; /* backward: for every part d_inputs, d_weight, d_bias */
};

/* h' of one row (scan.py has the equations), and what the way back needs: r, U_n h + b_n, n, z. */
ALWAYS void F(cell)(const int attention, int64_t H, const real *x, const real *u, const real *b, const real *h, real g,
                    real *new, real *saved) {
    int64_t P = F(pad)(H);
    SIMD for (int64_t j = 0; j < H; j++) {
        real r = F(sigmoid)(x[j] + u[j] + b[j]);
        real m = u[P + j] + b[2 * H + j];
        real n = F(tanh)(x[2 * H + j] + r * m);
        real to = n;
        if (!attention) {
            real z = F(sigmoid)(x[H + j] + u[2 * P + j] + b[H + j]);
            to = n + z * (h[j] - n);
            saved[3 * H + j] = z;
        }
        saved[j] = r;
        saved[H + j] = m;
        saved[2 * H + j] = n;
        new[j] = h[j] + g * (to - h[j]);
    }
}

FN void F(scan_forward_part)(void *argument, int64_t part, char *memory) {
    struct F(scan_shared) *shared = argument;
    struct scan *s = shared->s;
    int64_t H = s->hidden, P = F(pad)(H), chunks = s->attention ? 2 : 3, kept = chunks + 1;
    int64_t low = first_sequence(s, part), high = first_sequence(s, part + 1);
    real *u = F(take)(&memory, BLOCK * chunks * P), *unsaved = F(take)(&memory, 4 * H);
    const real *h = AT(s->state, low * H), *gate = s->gate;
    memcpy(AT(s->last, low * H), h, (high - low) * H * sizeof(real));
    for (int64_t t = 0, start = 0; t < s->steps && s->sizes[t] > low; start += s->sizes[t++]) {
        int64_t rows = at_most(s->sizes[t], high) - low;
        real *new = AT(s->states, (start + low) * H);
        for (int64_t i = 0; i < rows; i += BLOCK) {
            int64_t block = at_most(rows - i, BLOCK);
            F(gemm)(block, chunks * P / LANES, H, h + i * H, H, 1, shared->U, H, u, chunks * P, 0);
            for (int64_t k = 0; k < block; k++) {
                int64_t row = start + low + i + k;
                const real *x = AT(s->inputs, s->index[row] * 3 * H);
                real *saved = s->saved ? AT(s->saved, row * kept * H) : unsaved, g = gate ? gate[row] : 1;
                const real *u_row = u + k * chunks * P, *h_row = h + (i + k) * H;
                s->attention ? F(cell)(1, H, x, u_row, s->bias, h_row, g, new + (i + k) * H, saved)
                             : F(cell)(0, H, x, u_row, s->bias, h_row, g, new + (i + k) * H, saved);
            }
        }
        int64_t ends = t + 1 < s->steps ? at_most(s->sizes[t + 1], high) - low : 0; /* the others stop here */
        ends = ends > 0 ? ends : 0;
        memcpy(AT(s->last, (low + ends) * H), new + ends * H, (rows - ends) * H * sizeof(real));
        h = new;
    }
}

FN int F(scan_forward)(struct scan *s) {
    int64_t H = s->hidden, P = F(pad)(H), chunks = s->attention ? 2 : 3;
    if (outside(s->index, s->rows, s->table)) return BAD_INDEX;
    size_t each = (BLOCK * chunks * P + 4 * H) * sizeof(real) + 256;
    each = (each + 63) / 64 * 64;
    char *memory = F(allocate)(s->parts * each + H * chunks * P * sizeof(real) + 64), *rest = memory;
    if (!memory) return NO_MEMORY;
    struct F(scan_shared) shared = {.s = s, .U = F(zeroed)(&rest, H * chunks * P)};
    for (int64_t c = 0; c < chunks; c++)
        F(pack_transposed)(shared.U, chunks * P / LANES, H, c * P, AT(s->weight, F(order)[c] * H * H), H);
    run(F(scan_forward_part), &shared, s->parts, rest, each);
    free(memory);
    return OK;
}

/* One row backwards: the gradient d of h' becomes that of h but for the products with U (scan.py: _backward), which
 * D = [∂r, ∂m, ∂z] is for; the gradient of the inputs is added to d_x; terms are those of the gate's gradient. */
ALWAYS void F(cell_backward)(const int attention, int64_t H, const real *h, const real *saved, real g, real *d, real *D,
                             real *d_x, real *terms) {
    SIMD for (int64_t j = 0; j < H; j++) {
        real r = saved[j], m = saved[H + j], n = saved[2 * H + j], z = attention ? 0 : saved[3 * H + j];
        real d_new = d[j] * (1 - z), d_n = g * d_new * (1 - n * n), d_m = d_n * r, d_r = d_m * m * (1 - r);
        terms[j] = d_new * (n - h[j]);
        D[j] = d_r;
        D[H + j] = d_m;
        d_x[j] += d_r;
        d_x[2 * H + j] += d_n;
        if (!attention) {
            real d_z = g * d_new * z * (h[j] - n);
            D[2 * H + j] = d_z;
            d_x[H + j] += d_z;
        }
        d[j] *= 1 + g * (z - 1);
    }
}

FN void F(scan_backward_part)(void *argument, int64_t part, char *memory) {
    struct F(scan_shared) *shared = argument;
    struct scan *s = shared->s;
    int64_t H = s->hidden, P = F(pad)(H), chunks = s->attention ? 2 : 3, kept = chunks + 1, wide = chunks * H;
    int64_t low = first_sequence(s, part), high = first_sequence(s, part + 1), vectors = P / LANES, filled = 0;
    real *d_weight = F(zeroed)(&memory, wide * P), *d_bias = F(zeroed)(&memory, wide);
    real *D = F(take)(&memory, CHUNK * wide), *before = F(zeroed)(&memory, CHUNK * P); /* the last rows, and their h */
    real *d = F(zeroed)(&memory, (high - low) * P), *d_inputs = part ? F(zeroed)(&memory, s->table * 3 * H) : s->d_inputs;
    real *terms = F(take)(&memory, H), *ones = F(take)(&memory, H);
    for (int64_t j = 0; j < H; j++) ones[j] = 1;
    real *sums[3] = {d_inputs, d_weight, d_bias};
    memcpy(shared->sums + 3 * part, sums, sizeof sums);
    if (!part) memset(d_inputs, 0, s->table * 3 * H * sizeof(real));
    for (int64_t i = 0; s->d_last && i < high - low; i++)
        memcpy(d + i * P, AT(s->d_last, (low + i) * H), H * sizeof(real));

    int64_t start = s->rows;
    for (int64_t t = s->steps - 1; t >= 0; t--) {
        start -= s->sizes[t];
        int64_t rows = at_most(s->sizes[t], high) - low;
        const real *h = (t ? AT(s->states, (start - s->sizes[t - 1]) * H) : AT(s->state, 0)) + low * H;
        for (int64_t i = 0, block; i < rows; i += block) {
            block = at_most(rows - i, BLOCK);
            if (filled + block > CHUNK) {
                F(sum_rows)(wide, P, filled, D, before, d_weight, d_bias);
                filled = 0;
            }
            for (int64_t k = 0; k < block; k++) {
                int64_t row = start + low + i + k;
                real *d_row = d + (i + k) * P, *D_row = D + (filled + k) * wide;
                real *d_x = d_inputs + s->index[row] * 3 * H, g = s->gate ? *AT(s->gate, row) : 1;
                const real *saved = AT(s->saved, row * kept * H), *h_row = h + (i + k) * H;
                if (s->d_states) F(add)(d_row, AT(s->d_states, row * H), H);
                F(pack_row)(before, vectors, CHUNK, filled + k, 0, h_row, H);
                s->attention ? F(cell_backward)(1, H, h_row, saved, g, d_row, D_row, d_x, terms)
                             : F(cell_backward)(0, H, h_row, saved, g, d_row, D_row, d_x, terms);
                if (s->d_gate) *AT(s->d_gate, row) = F(dot)(terms, ones, H);
            }
            F(gemm)(block, vectors, wide, D + filled * wide, wide, 1, shared->U, wide, d + i * P, P, 1);
            filled += block;
        }
    }
    F(sum_rows)(wide, P, filled, D, before, d_weight, d_bias);
    for (int64_t i = 0; i < high - low; i++)
        memcpy(AT(s->d_state, (low + i) * H), d + i * P, H * sizeof(real));
}

FN int F(scan_backward)(struct scan *s) {
    int64_t H = s->hidden, P = F(pad)(H), chunks = s->attention ? 2 : 3, wide = chunks * H;
    size_t numbers = wide * P + wide + CHUNK * wide + CHUNK * P + s->sequences * P + s->table * 3 * H + 2 * H;
    size_t each = (numbers * sizeof(real) + 8 * 64 + 63) / 64 * 64;
    char *memory = F(allocate)(s->parts * (each + 3 * sizeof(real *)) + wide * P * sizeof(real) + 128);
    if (!memory) return NO_MEMORY;
    char *rest = memory;
    struct F(scan_shared) shared = {.s = s, .U = F(zeroed)(&rest, wide * P)};
    shared.sums = (real **)rest;
    rest += (s->parts * 3 * sizeof(real *) + 63) / 64 * 64;
    for (int64_t c = 0; c < chunks; c++)
        for (int64_t i = 0; i < H; i++)
            F(pack_row)(shared.U, P / LANES, wide, c * H + i, 0, AT(s->weight, (F(order)[c] * H + i) * H), H);
    run(F(scan_backward_part), &shared, s->parts, rest, each);

    memset(s->d_weight, 0, 3 * H * H * sizeof(real));
    memset(s->d_bias, 0, 3 * H * sizeof(real));
    for (int64_t part = 0; part < s->parts; part++) {
        real **sums = shared.sums + 3 * part;
        if (part) F(add)(s->d_inputs, sums[0], s->table * 3 * H);
        for (int64_t c = 0; c < chunks; c++) {
            real *d_weight = AT(s->d_weight, F(order)[c] * H * H);
            for (int64_t i = 0; i < H; i++) F(add)(d_weight + i * H, sums[1] + (c * H + i) * P, H);
            F(add)(AT(s->d_bias, F(order)[c] * H), sums[2] + c * H, H);
        }
    }
    free(memory);
    return OK;
}

/* ---- the gate ---- */

struct F(gate_shared) {
    struct gate *g;
    real *W;     /* packed: the weight transposed (2H + 1, pad(G)) on the way forward, (G, pad(2H)) of it backward */
    real *w_dot; /* backward: its last column */
    real **sums; /* backward: for every part the gate_sums */
};

/* z = [f ∘ v, |f − v|, f · u] of one row; u may be absent. */
ALWAYS void F(features)(int64_t H, const real *f, const real *v, const real *u, real *z) {
    SIMD for (int64_t j = 0; j < H; j++) {
        real difference = f[j] - v[j];
        z[j] = f[j] * v[j];
        z[H + j] = difference < 0 ? -difference : difference;
    }
    if (u) z[2 * H] = F(dot)(f, u, H);
}

FN void F(gate_forward_part)(void *argument, int64_t part, char *memory) {
    struct F(gate_shared) *shared = argument;
    struct gate *g = shared->g;
    int64_t H = g->hidden, G = g->units, P = F(pad)(G), K = 2 * H + (g->bilinear != NULL);
    int64_t low = g->rows * part / g->parts, high = g->rows * (part + 1) / g->parts, block;
    real *z = F(take)(&memory, BLOCK * K), *sum = F(take)(&memory, BLOCK * P);
    for (int64_t i = low; i < high; i += block) {
        block = at_most(high - i, BLOCK);
        for (int64_t k = 0; k < block; k++) {
            int64_t c = g->fact[i + k], q = g->question[i + k];
            const real *u = g->bilinear ? AT(g->bilinear, q * H) : NULL;
            F(features)(H, AT(g->facts, c * H), AT(g->other, q * H), u, z + k * K);
        }
        F(gemm)(block, P / LANES, K, z, K, 1, shared->W, K, sum, P, 0);
        for (int64_t k = 0; k < block; k++) {
            int64_t row = i + k;
            real *s = sum + k * P, *first = AT(g->first, row * G);
            if (g->per_fact) F(add)(s, AT(g->per_fact, g->fact[row] * G), G);
            if (g->per_question) F(add)(s, AT(g->per_question, g->question[row] * G), G);
            if (g->once) F(add)(s, AT(g->once, row * G), G);
            if (!g->w2) {
                memcpy(first, s, G * sizeof(real));
                continue;
            }
            SIMD for (int64_t j = 0; j < G; j++) first[j] = F(tanh)(s[j]);
            *AT(g->logits, row) = F(dot)(g->w2, first, G) + *AT(g->b2, 0);
        }
    }
}

FN int F(gate_forward)(struct gate *g) {
    int64_t G = g->units, P = F(pad)(G), K = 2 * g->hidden + (g->bilinear != NULL);
    if (outside(g->fact, g->rows, g->facts_count)) return BAD_INDEX;
    if (outside(g->question, g->rows, g->questions_count)) return BAD_INDEX;
    size_t each = (BLOCK * (K + P) * sizeof(real) + 3 * 64) / 64 * 64;
    char *memory = F(allocate)(g->parts * each + K * P * sizeof(real) + 64), *rest = memory;
    if (!memory) return NO_MEMORY;
    struct F(gate_shared) shared = {.g = g, .W = F(zeroed)(&rest, K * P)};
    F(pack_transposed)(shared.W, P / LANES, K, 0, g->weight, G);
    run(F(gate_forward_part), &shared, g->parts, rest, each);
    free(memory);
    return OK;
}

/* What the rows of every part add to, with sizes: the gradients the caller wants, and two more. */
FN void F(gate_sums)(const struct gate *g, real **sums, int64_t *sizes) {
    real *outputs[] = {g->d_facts, g->d_other, g->d_bilinear, g->d_per_fact, g->d_per_question, g->d_w2, g->d_b2};
    int64_t C = g->facts_count, Q = g->questions_count, H = g->hidden, G = g->units;
    int64_t numbers[] = {C * H, Q * H, Q * H, C * G, Q * G, G, 1, G * F(pad)(2 * H), G};
    memcpy(sums, outputs, sizeof outputs);
    for (int n = 0; n < SUMS; n++) sizes[n] = n >= OUTPUTS || outputs[n] ? numbers[n] : 0;
}

/* Gradients of f, v and u of one row from those of its features: d_z (2H) and d_dot; sign(0) = 0. */
ALWAYS void F(features_backward)(const int bilinear, int64_t H, const real *f, const real *v, const real *u,
                                 const real *d_z, real d_dot, real *d_f, real *d_v, real *d_u) {
    SIMD for (int64_t j = 0; j < H; j++) {
        real difference = f[j] - v[j], d = d_z[H + j];
        d = difference > 0 ? d : difference < 0 ? -d : 0;
        d_v[j] += d_z[j] * f[j] - d;
        d += d_z[j] * v[j];
        if (bilinear) {
            d += d_dot * u[j];
            d_u[j] += d_dot * f[j];
        }
        d_f[j] += d;
    }
}

FN void F(gate_backward_part)(void *argument, int64_t part, char *memory) {
    struct F(gate_shared) *shared = argument;
    struct gate *g = shared->g;
    int64_t H = g->hidden, G = g->units, Z = F(pad)(2 * H), sizes[SUMS], block;
    int64_t low = g->rows * part / g->parts, high = g->rows * (part + 1) / g->parts;
    real *z = F(take)(&memory, 2 * H + 1), *z_packed = F(zeroed)(&memory, CHUNK * Z), *d_z = F(take)(&memory, CHUNK * Z);
    real *d_first = F(take)(&memory, CHUNK * G), *d_dot = F(take)(&memory, CHUNK), **sum = shared->sums + part * SUMS;
    F(gate_sums)(g, sum, sizes);
    for (int n = 0; n < SUMS; n++) {
        if (part || n >= OUTPUTS) sum[n] = sizes[n] ? F(zeroed)(&memory, sizes[n]) : NULL;
        else if (sum[n]) memset(sum[n], 0, sizes[n] * sizeof(real));
    }
    for (int64_t i = low; i < high; i += block) {
        block = at_most(high - i, CHUNK);
        for (int64_t k = 0; k < block; k++) {
            int64_t row = i + k, c = g->fact[row], q = g->question[row];
            F(features)(H, AT(g->facts, c * H), AT(g->other, q * H), g->bilinear ? AT(g->bilinear, q * H) : NULL, z);
            F(pack_row)(z_packed, Z / LANES, CHUNK, k, 0, z, 2 * H);
            real *d = d_first + k * G;
            if (g->w2) {
                const real d_logit = *AT(g->d_out, row), *w2 = g->w2, *first = AT(g->first, row * G);
                real *d_w2 = sum[D_W2];
                SIMD for (int64_t j = 0; j < G; j++) {
                    d[j] = d_logit * w2[j] * (1 - first[j] * first[j]);
                    d_w2[j] += d_logit * first[j];
                }
                *sum[D_B2] += d_logit;
            } else
                memcpy(d, AT(g->d_out, row * G), G * sizeof(real));
            if (g->d_once) memcpy(AT(g->d_once, row * G), d, G * sizeof(real));
            if (sum[D_PER_FACT]) F(add)(sum[D_PER_FACT] + c * G, d, G);
            if (sum[D_PER_QUESTION]) F(add)(sum[D_PER_QUESTION] + q * G, d, G);
            if (!g->bilinear) continue;
            real *d_w_dot = sum[D_W_DOT], z_dot = z[2 * H];
            d_dot[k] = F(dot)(d, shared->w_dot, G);
            SIMD for (int64_t j = 0; j < G; j++) d_w_dot[j] += d[j] * z_dot;
        }
        F(gemm)(block, Z / LANES, G, d_first, G, 1, shared->W, G, d_z, Z, 0);
        F(gemm)(G, Z / LANES, block, d_first, 1, G, z_packed, CHUNK, sum[D_WEIGHT], Z, 1);
        for (int64_t k = 0; k < block; k++) {
            int64_t c = g->fact[i + k] * H, q = g->question[i + k] * H;
            const real *f = AT(g->facts, c), *v = AT(g->other, q);
            real *d_f = sum[D_FACTS] + c, *d_v = sum[D_OTHER] + q, *d_u = g->bilinear ? sum[D_BILINEAR] + q : NULL;
            g->bilinear ? F(features_backward)(1, H, f, v, AT(g->bilinear, q), d_z + k * Z, d_dot[k], d_f, d_v, d_u)
                        : F(features_backward)(0, H, f, v, NULL, d_z + k * Z, 0, d_f, d_v, NULL);
        }
    }
}

FN int F(gate_backward)(struct gate *g) {
    int64_t H = g->hidden, G = g->units, Z = F(pad)(2 * H), K = 2 * H + (g->bilinear != NULL), sizes[SUMS];
    real *outputs[SUMS];
    F(gate_sums)(g, outputs, sizes);
    size_t numbers = 2 * H + 1 + CHUNK * (2 * Z + G + 1);
    for (int n = 0; n < SUMS; n++) numbers += sizes[n];
    size_t each = (numbers * sizeof(real) + (6 + SUMS) * 64) / 64 * 64;
    char *memory = F(allocate)(g->parts * (each + SUMS * sizeof(real *)) + G * (Z + 1) * sizeof(real) + 256);
    if (!memory) return NO_MEMORY;
    char *rest = memory;
    struct F(gate_shared) shared = {.g = g};
    shared.W = F(zeroed)(&rest, G * Z);
    shared.w_dot = F(take)(&rest, G);
    shared.sums = (real **)rest;
    rest += (g->parts * SUMS * sizeof(real *) + 63) / 64 * 64;
    for (int64_t i = 0; i < G; i++) {
        F(pack_row)(shared.W, Z / LANES, G, i, 0, AT(g->weight, i * K), 2 * H);
        shared.w_dot[i] = *AT(g->weight, i * K + K - 1);
    }
    run(F(gate_backward_part), &shared, g->parts, rest, each);

    memset(g->d_weight, 0, G * K * sizeof(real));
    for (int64_t part = 0; part < g->parts; part++) {
        real **sum = shared.sums + part * SUMS;
        for (int n = 0; part && n < OUTPUTS; n++)
            if (outputs[n]) F(add)(outputs[n], sum[n], sizes[n]);
        for (int64_t i = 0; i < G; i++) {
            F(add)(AT(g->d_weight, i * K), sum[D_WEIGHT] + i * Z, 2 * H);
            if (g->bilinear) *AT(g->d_weight, i * K + 2 * H) += sum[D_W_DOT][i];
        }
    }
    free(memory);
    return OK;
}

#undef AT
#undef LANES
#undef WIDE
#endif
