/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/**
 * @file
 * Pinhole views of a panorama, on the GPU. The arithmetic is that of
 * vf_equi2multi.c. A sampler, by pixels or by tiles, hands its sums to a sink.
 */

#include "vf_equi2multi_cuda.h"

#define TILE      EQUI2MULTI_CUDA_TILE
#define BOX       (2 * TILE)            ///< columns and rows of the source that a tile may need
#define LINES     4                     ///< that a thread copies in one go
#define APART(rows) (TILE / (rows))     ///< of the rows of a thread, if it has so many
#define GRAY      (1 << (EQUI2MULTI_WIDE_BITS - 1)) ///< chroma of that

// ------------------------------------------------------------------- sinks

/*
 * What takes the sums that a sampler makes of the pixels of a thread: so many rows
 * of a column, APART(rows) apart, of a view, one after the other. A sum a
 * component, with 2 * EQUI2MULTI_WEIGHT_BITS more bits than a sample, and with the
 * sink's rounding. Where a sink is slim, a kernel with tiles shall have no more
 * registers than it needs.
 */

/** Conversion to one of Y, U, V. It is a copy, which stores do not make the compiler read again. */
struct Converter {
    const Equi2MultiMix mix;
    const int depth, low_bits, bytes;

    __device__ Converter(const Equi2MultiCUDALaunch &launch, int k)
        : mix(launch.conversion.mix[k]), depth(launch.conversion.depth),
          low_bits(launch.low_bits), bytes(launch.bytes)
    {
    }

    __device__ void store(unsigned char *out, int y, int u, int v) const
    {
        const int sample = equi2multi_mix(&mix, depth, y, u, v) << low_bits;

        if (bytes == 1)
            *out = sample;
        else
            *(unsigned short *)out = sample;
    }
};

/** Pixels as they are. */
template<typename T, int comps, int rows>
struct Store {
    static const unsigned rounding = EQUI2MULTI_WEIGHT_ONE * EQUI2MULTI_WEIGHT_ONE / 2;
    static const bool slim = false;
    const int linesize, low_bits;
    unsigned char *out;

    __device__ Store(const Equi2MultiCUDALaunch &launch, const Equi2MultiCUDAGrid &,
                     const Equi2MultiCUDAView &view, int x, int y)
        : linesize(view.linesize[0]), low_bits(launch.src.low_bits),
          out(view.data[0] + (long long)y * view.linesize[0] + x * sizeof(T))
    {
    }

    __device__ void put(int, const unsigned (&sum)[comps])
    {
        const int bits = sizeof(T) * 8 / comps;
        T pixel = 0;

        for (int k = 0; k < comps; k++)
            pixel |= sum[k] >> (2 * EQUI2MULTI_WEIGHT_BITS) << (bits == 8 ? 0 : low_bits) << k * bits;
        *(T *)out = pixel;
        out += APART(rows) * (long long)linesize;
    }
};

/** U and V, or one of them: to be kept, or converted. */
template<typename T, int comps, int rows>
struct Chroma {
    static const unsigned rounding = 0;
    static const bool slim = true;
    const Converter to_u, to_v;
    const bool second, keep, finish;
    const int depth, w;
    unsigned char *out[2];
    int linesize[2];
    unsigned *kept;

    __device__ Chroma(const Equi2MultiCUDALaunch &launch, const Equi2MultiCUDAGrid &grid,
                      const Equi2MultiCUDAView &view, int x, int y)
        : to_u(launch, 1), to_v(launch, 2), second(launch.first_chroma), keep(launch.keep_chroma),
          finish(launch.finish_chroma), depth(launch.src.depth), w(grid.w), kept(view.chroma + y * grid.w + x)
    {
        for (int k = 0; k < 2; k++) {
            linesize[k] = view.linesize[k];
            out[k] = view.data[k] + y * (long long)linesize[k] + x * launch.step * launch.bytes;
        }
    }

    __device__ void put(int, const unsigned (&sum)[comps])
    {
        const unsigned sample = equi2multi_widen(sum[0], depth);
        const unsigned other = comps == 2 ? equi2multi_widen(sum[comps - 1], depth) : second ? *kept & 0xffff : 0;
        const unsigned u = second ? other : sample, v = second ? sample : other;

        if (keep)
            *kept = u | v << 16;
        if (finish) {
            to_u.store(out[0], 0, u, v);
            to_v.store(out[1], 0, u, v);
        }
        kept   += APART(rows) * w;
        out[0] += APART(rows) * (long long)linesize[0];
        out[1] += APART(rows) * (long long)linesize[1];
    }
};

/** equi2multi_between() of pairs of samples: what it makes of each fits in half a word. */
static __inline__ __device__ unsigned between(unsigned a, unsigned b, int quarters)
{
    return (a * (4 - quarters) + b * quarters + 0x20002) >> 2 & 0x3fff3fff;
}

/** Luma, converted, with the chroma that has been kept. */
template<typename T, int comps, int rows>
struct Luma {
    static const unsigned rounding = 0;
    static const bool slim = true;
    const Converter to_y;
    const int depth, linesize;
    unsigned char *out;
    unsigned pair[rows];

    /** Read chroma for all of the rows at once: a thread had to wait for each one. */
    __device__ Luma(const Equi2MultiCUDALaunch &launch, const Equi2MultiCUDAGrid &grid,
                    const Equi2MultiCUDAView &view, int x, int y)
        : to_y(launch, 0), depth(launch.src.depth), linesize(view.linesize[0]),
          out(view.data[0] + (long long)y * view.linesize[0] + x * launch.step * launch.bytes)
    {
        // steps are 1 or 2, and division is dear
        const int half_x = launch.siting[0].step - 1, half_y = launch.siting[1].step - 1;
        const int w = (grid.w + half_x) >> half_x, h = (grid.h + half_y) >> half_y;
        const int at_x = equi2multi_on_chroma(&launch.siting[0], x), at_y = equi2multi_on_chroma(&launch.siting[1], y);
        const unsigned *left  = view.chroma + max(at_x >> 2, 0);
        const unsigned *right = view.chroma + min((at_x >> 2) + !!(at_x & 3), w - 1);

#pragma unroll
        for (int row = 0; row < rows; row++) {
            const int j = (at_y >> 2) + (row * APART(rows) >> half_y);
            const int above = max(j, 0) * w, below = min(j + !!(at_y & 3), h - 1) * w;

            pair[row] = !launch.chroma_in_luma ? GRAY | GRAY << 16 :
                        between(between(left[above],  left[below],  at_y & 3),
                                between(right[above], right[below], at_y & 3), at_x & 3);
        }
    }

    __device__ void put(int row, const unsigned (&sum)[comps])
    {
        to_y.store(out, equi2multi_widen(sum[0], depth), pair[row] & 0xffff, pair[row] >> 16);
        out += APART(rows) * (long long)linesize;
    }
};

// --------------------------------------------------------------- positions

static __inline__ __device__ const int *positions_v(const Equi2MultiCUDAGrid &grid)
{
    return (const int *)(grid.u + grid.w * grid.h);
}

static __inline__ __device__ Equi2MultiExtent *extents(const Equi2MultiCUDAGrid &grid)
{
    return (Equi2MultiExtent *)(grid.u + 2 * grid.w * grid.h);
}

/** The first row or column of the tile of a block: the last tiles overlap those before them. */
static __inline__ __device__ int tile_start(unsigned block, int size)
{
    return max(min((int)block * TILE, size - TILE), 0);
}

static __inline__ __device__ void build(const Equi2MultiCUDABuild &launch)
{
    const int threads_y = TILE / EQUI2MULTI_CUDA_BUILT_ROWS;
    static __attribute__((shared)) Equi2MultiExtent part[TILE * threads_y];

    const Equi2MultiCUDAGrid &grid = launch.grid;
    const int x = tile_start(blockIdx.x, grid.w) + threadIdx.x, top = tile_start(blockIdx.y, grid.h);
    const int thread = threadIdx.y * TILE + threadIdx.x;
    Equi2MultiExtent e = { { 0xffffffff, 0 }, { 0x7fffffff, -0x7fffffff } };

    for (int y = top + threadIdx.y; y < min(top + TILE, grid.h) && x < grid.w; y += threads_y) {
        const int at = y * grid.w + x;
        unsigned u;
        int v;

        equi2multi_grid_position(&launch.key, x, y, &u, &v);
        grid.u[at] = u;
        ((int *)positions_v(grid))[at] = v;
        e.u[0] = min(e.u[0], u);
        e.u[1] = max(e.u[1], u);
        e.v[0] = min(e.v[0], v);
        e.v[1] = max(e.v[1], v);
    }

    part[thread] = e;
    for (int n = TILE * threads_y / 2; n > 0; n /= 2) {
        __syncthreads();
        if (thread < n) {
            part[thread].u[0] = min(part[thread].u[0], part[thread + n].u[0]);
            part[thread].u[1] = max(part[thread].u[1], part[thread + n].u[1]);
            part[thread].v[0] = min(part[thread].v[0], part[thread + n].v[0]);
            part[thread].v[1] = max(part[thread].v[1], part[thread + n].v[1]);
        }
    }
    if (thread == 0)
        extents(grid)[blockIdx.y * ((grid.w + TILE - 1) / TILE) + blockIdx.x] = part[0];
}

// ---------------------------------------------------------------- samplers

/** Sample k of a pixel of some, which an integer T holds. */
template<typename T, int comps>
static __inline__ __device__ unsigned component(T pixel, int k, int low_bits)
{
    const int bits = sizeof(T) * 8 / comps;

    return (pixel >> k * bits & ((1u << bits) - 1)) >> (bits == 8 ? 0 : low_bits);
}

/** Sample wherever it is, with what a sink wants added. */
template<typename T, int comps>
static __inline__ __device__ void sample_anywhere(const Equi2MultiCUDALaunch &launch, unsigned pos, int v,
                                                  unsigned rounding, unsigned (&sum)[comps])
{
    const Equi2MultiPlane &src = launch.src;

    for (int k = 0; k < comps; k++)
        sum[k] = src.nothing << 2 * EQUI2MULTI_WEIGHT_BITS;

    // a loop, not two copies of its body: the driver has to compile them
#pragma unroll 1
    for (int row = 0; row < 2 * equi2multi_is_inside(&src, pos, v); row++) {
        const Equi2MultiTaps taps = equi2multi_taps(&src, pos, (v >> EQUI2MULTI_POS_BITS) + row);
        const T *line = (const T *)(src.data + (long long)taps.y * src.linesize);
        const T a = line[taps.x[0]], b = line[taps.x[1]];

        for (int k = 0; k < comps; k++) {
            const unsigned at = equi2multi_lerp(component<T, comps>(a, k, src.low_bits), component<T, comps>(b, k, src.low_bits),
                                                taps.weight & launch.weights);

            sum[k] = row ? equi2multi_lerp(sum[k], at, equi2multi_weight(v) & launch.weights) : at;
        }
    }

    for (int k = 0; k < comps; k++)
        sum[k] += rounding;
}

/**
 * Render one pixel of every view of a grid: the position is read once, and
 * what follows from it but for the heading is computed once.
 *
 * @param slim  no fast path
 */
template<typename T, int comps, template<typename, int, int> class Sink, bool slim>
static __inline__ __device__ void render_pixel(const Equi2MultiCUDALaunch &launch,
                                               const Equi2MultiCUDAGrid &grid, int x, int y)
{
    const Equi2MultiPlane &src = launch.src;
    const unsigned u = grid.u[y * grid.w + x];
    const int v = positions_v(grid)[y * grid.w + x] + launch.rounding;
    const int row = v >> EQUI2MULTI_POS_BITS;
    // copies, which stores do not make the compiler read again
    const unsigned turn = src.turn, weight_bits = launch.weights;
    const int end = grid.end;
    const unsigned fy = equi2multi_weight(v) & weight_bits;
    const int inner_w = !slim && row >= 0 && row + 1 < src.h ? src.w - 1 : 0;
    const T *line = (const T *)(src.data + (long long)row * src.linesize);
    const T *next = (const T *)((const unsigned char *)line + src.linesize);

#pragma unroll 1
    for (int i = grid.first; i < end; i++) {
        Sink<T, comps, 1> sink(launch, grid, launch.view[i], x, y);
        const unsigned rounding = Sink<T, comps, 1>::rounding;
        unsigned pos = u + launch.view[i].shift, sum[comps];

        pos = pos >= turn ? pos - turn : pos;
        const int column = pos >> EQUI2MULTI_POS_BITS;

        if (column < inner_w) {
            const T a = line[column], b = line[column + 1], c = next[column], d = next[column + 1];
            const unsigned fx = equi2multi_weight(pos) & weight_bits;

            for (int k = 0; k < comps; k++)
                sum[k] = equi2multi_blend(component<T, comps>(a, k, src.low_bits), component<T, comps>(b, k, src.low_bits),
                                          component<T, comps>(c, k, src.low_bits), component<T, comps>(d, k, src.low_bits),
                                          fx, fy) + rounding;
        } else {
            sample_anywhere<T, comps>(launch, pos, v, rounding, sum);
        }
        sink.put(0, sum);
    }
}

/** A pixel a thread. */
template<typename T, int comps, template<typename, int, int> class Sink>
static __inline__ __device__ void render(const Equi2MultiCUDALaunch &launch)
{
    const Equi2MultiCUDAGrid &grid = launch.grid[blockIdx.z];
    const int x = blockIdx.x * EQUI2MULTI_CUDA_BLOCK_W + threadIdx.x;
    const int y = blockIdx.y * EQUI2MULTI_CUDA_BLOCK_H + threadIdx.y;

    if (x < grid.w && y < grid.h)
        render_pixel<T, comps, Sink, false>(launch, grid, x, y);
}

/** An integer for two pixels, one below the other: the samples of both in turn. */
template<int size> struct Column;
template<> struct Column<1> { typedef unsigned short type; };
template<> struct Column<2> { typedef unsigned int type; };

// without these two instructions, which no compiler finds, it takes half as long again
#if defined(__CUDACC__) || defined(__CUDA__)
/** The bytes of a and b, 0 to 3 and 4 to 7, that the digits of a selector name. */
#define PERMUTE(out, a, b, selector) asm("prmt.b32 %0, %1, %2, " #selector ";" : "=r"(out) : "r"(a), "r"(b))
/** The lower half of a times the lowest byte of b, plus the upper half times the next one. */
#define DOT(out, a, b) asm("dp2a.lo.u32.u32 %0, %1, %2, 0;" : "=r"(out) : "r"(a), "r"(b))
#endif

/** The columns of two words of pixels. */
template<int bits>
static __inline__ __device__ unsigned long long columns(unsigned a, unsigned b)
{
    unsigned low, high;

    if (bits == 8) {
        PERMUTE(low,  a, b, 0x5140);
        PERMUTE(high, a, b, 0x7362);
    } else {
        low  = (a & 0xffff) | b << 16;
        high = a >> 16 | (b & 0xffff0000);
    }
    return low | (unsigned long long)high << 32;
}

/**
 * Interpolate between the lower two samples of a column; their weights are the
 * halves of an integer. Nothing is rounded, so this comes to what
 * equi2multi_blend() does, in another order.
 */
template<int bits>
static __inline__ __device__ unsigned blend_column(unsigned column, unsigned weights, int low_bits)
{
    unsigned sum;

    if (bits == 8)
        DOT(sum, weights, column);
    else
        sum = ((column & 0xffff) >> low_bits) * (weights & 0xffff) +
              (column >> 16 >> low_bits) * (weights >> 16);
    return sum;
}

/**
 * Load the words of a thread from the box whose left edge is at a position. The
 * box begins with a whole word; return where in it the edge is.
 */
template<typename T, int passes>
static __inline__ __device__ unsigned load(unsigned (&words)[passes][LINES + 1],
                                           const Equi2MultiPlane &src, unsigned pos,
                                           const unsigned char *lines, int word, int rows)
{
    const int src_words = src.w * sizeof(T) / 4;

    pos = pos >= src.turn ? pos - src.turn : pos;
    word += (pos >> EQUI2MULTI_POS_BITS) * sizeof(T) / 4;
    lines += 4 * (word >= src_words ? word - src_words : word);

#pragma unroll
    for (int j = 0; j < passes; j++, lines += BOX / passes * (long long)src.linesize) {
        if (j * BOX / passes < rows) {
#pragma unroll
            for (int k = 0; k <= LINES; k++)
                words[j][k] = *(const unsigned *)(lines + k * (long long)src.linesize);
        }
    }

    return pos & ((4 / sizeof(T) << EQUI2MULTI_POS_BITS) - 1);
}

/**
 * A square of pixels a block, for pixels of up to two bytes.
 *
 * The rows of a view are curves in the panorama, so what a warp reads is
 * scattered over many lines. Hence a block copies the box that its tile needs
 * to shared memory first, and reads it there, two rows at once. While it renders
 * a view, the box of the next one is on its way.
 */
template<typename T, int comps, template<typename, int, int> class Sink, int rows>
static __inline__ __device__ void render_tile(const Equi2MultiCUDALaunch &launch)
{
    typedef typename Column<sizeof(T)>::type Col;
    const int bits = sizeof(T) * 8 / comps;
    const int row_words = BOX * sizeof(T) / 4;
    const int threads_y = TILE / rows;
    const int passes = BOX * row_words / (TILE * threads_y * LINES);
    static __attribute__((shared)) unsigned long long box[BOX][row_words];

    const Equi2MultiPlane &src = launch.src;
    const Equi2MultiCUDAGrid &grid = launch.grid[blockIdx.z];
    const int left = blockIdx.x * TILE, top = blockIdx.y * TILE;

    if (left >= grid.w || top >= grid.h)
        return;

    const int x = tile_start(blockIdx.x, grid.w) + threadIdx.x;
    const int y = tile_start(blockIdx.y, grid.h) + threadIdx.y;
    const int round = launch.rounding;
    const unsigned weight_bits = launch.weights;
    const Equi2MultiExtent tile = extents(grid)[blockIdx.y * ((grid.w + TILE - 1) / TILE) + blockIdx.x];
    const int box_y = (tile.v[0] + round) >> EQUI2MULTI_POS_BITS;
    const int box_h = ((tile.v[1] + round) >> EQUI2MULTI_POS_BITS) - box_y + 1;
    const int box_w = ((tile.u[1] - tile.u[0]) >> EQUI2MULTI_POS_BITS) + 2 + 4 / sizeof(T);
    const int box_words = (box_w * sizeof(T) + 3) / 4;

    // what is copied are whole words, of rows that go round, and some rows more than needed
    if (grid.w < TILE || grid.h < TILE || box_w > BOX || box_w > src.w || box_h > BOX ||
        box_y < 0 || box_y + box_h + LINES > src.h ||
        ((unsigned long long)src.data | src.linesize | src.w * sizeof(T)) % 4 ||
        !(src.border & EQUI2MULTI_GOES_ROUND) || src.half_gap) {
#pragma unroll 1
        for (int k = 0; k < rows && x < grid.w && y + k * threads_y < grid.h; k++)
            render_pixel<T, comps, Sink, Sink<T, comps, 1>::slim>(launch, grid, x, y + k * threads_y);
        return;
    }

    unsigned u[rows], weights[rows];

#pragma unroll
    for (int k = 0; k < rows; k++) {
        const int at = (y + k * threads_y) * grid.w + x;
        const int v = positions_v(grid)[at] + round;
        const int row = (v >> EQUI2MULTI_POS_BITS) - box_y;

        // so that the integer part becomes an index into the box
        u[k] = grid.u[at] - tile.u[0] + (row * BOX << EQUI2MULTI_POS_BITS);
        weights[k] = (EQUI2MULTI_WEIGHT_ONE - (equi2multi_weight(v) & weight_bits)) |
                     (equi2multi_weight(v) & weight_bits) << 16;
    }

    // the part of a thread: a word of LINES rows, in each pass
    const int thread = threadIdx.y * TILE + threadIdx.x;
    const int word = thread & (row_words - 1), row = thread / row_words * LINES;
    const int box_rows = word < box_words ? box_h - row : 0;
    const unsigned char *lines = src.data + (long long)(box_y + row) * src.linesize;
    unsigned words[passes][LINES + 1];
    const int end = grid.end;
    unsigned next = load<T>(words, src, tile.u[0] + launch.view[grid.first].shift, lines, word, box_rows);

#pragma unroll 1
    for (int i = grid.first; i < end; i++) {
        const unsigned offset = next;
        Sink<T, comps, rows> sink(launch, grid, launch.view[i], x, y);

#pragma unroll
        for (int j = 0; j < passes; j++) {
            if (j * BOX / passes < box_rows) {
#pragma unroll
                for (int k = 0; k < LINES; k++)
                    box[j * BOX / passes + row + k][word] = columns<bits>(words[j][k], words[j][k + 1]);
            }
        }
        __syncthreads();

        if (i + 1 < end)
            next = load<T>(words, src, tile.u[0] + launch.view[i + 1].shift, lines, word, box_rows);

#pragma unroll
        for (int k = 0; k < rows; k++) {
            const unsigned pos = u[k] + offset, fx = equi2multi_weight(pos) & weight_bits;
            const Col *col = (const Col *)box[0] + (pos >> EQUI2MULTI_POS_BITS);
            const unsigned a = col[0], b = col[1];
            const int low = bits == 8 ? 0 : src.low_bits;
            unsigned sum[comps];

            for (int c = 0; c < comps; c++)
                sum[c] = blend_column<bits>(a >> 2 * c * bits, weights[k], low) * (EQUI2MULTI_WEIGHT_ONE - fx) +
                         (blend_column<bits>(b >> 2 * c * bits, weights[k], low) * fx + Sink<T, comps, rows>::rounding);
            sink.put(k, sum);
        }
        __syncthreads();
    }
}

// ----------------------------------------------------------------- kernels

/* so many blocks shall fit on a multiprocessor: its 64K registers, among their threads */
#define TILED(name, Sink, type, comps, format, rows, blocks)                      \
__global__ void __attribute__((launch_bounds(TILE * APART(rows), blocks)))        \
equi2multi_ ## name ## _ ## format(Equi2MultiCUDALaunch launch)                   \
{                                                                                 \
    render_tile<type, comps, Sink, rows>(launch);                                 \
}
#define BY_PIXEL(name, Sink, type, comps, format)                                 \
__global__ void equi2multi_ ## name ## _ ## format(Equi2MultiCUDALaunch launch)   \
{                                                                                 \
    render<type, comps, Sink>(launch);                                            \
}

/* The driver compiles a module as a whole, which takes it a while: so the makefile makes one of each kind. */
#ifndef EQUI2MULTI_CUDA_BYTES
#define EQUI2MULTI_CUDA_BYTES   0   // 1, 2: of a sample; 0: both
#define EQUI2MULTI_CUDA_CONVERT 2   // 0, 1: whether samples are converted; 2: both
#endif

extern "C" {

/* bytes of a sample x samples of a pixel; by tiles as EQUI2MULTI_CUDA_IS_TILED() says */

#if EQUI2MULTI_CUDA_CONVERT != 1 && EQUI2MULTI_CUDA_BYTES != 2
TILED(store,     Store,  unsigned char,  1, 1x1, EQUI2MULTI_CUDA_STORED_ROWS, 9)
TILED(store,     Store,  unsigned short, 2, 1x2, EQUI2MULTI_CUDA_STORED_ROWS, 8)
BY_PIXEL(store,  Store,  unsigned int,   4, 1x4)
#endif
#if EQUI2MULTI_CUDA_CONVERT != 1 && EQUI2MULTI_CUDA_BYTES != 1
TILED(store,     Store,  unsigned short, 1, 2x1, EQUI2MULTI_CUDA_STORED_ROWS, 8)
BY_PIXEL(store,  Store,  unsigned int,   2, 2x2)
#endif
#if EQUI2MULTI_CUDA_CONVERT != 0 && EQUI2MULTI_CUDA_BYTES != 2
TILED(chroma,    Chroma, unsigned char,  1, 1x1, EQUI2MULTI_CUDA_CONVERTED_ROWS, 5)
TILED(chroma,    Chroma, unsigned short, 2, 1x2, EQUI2MULTI_CUDA_CONVERTED_ROWS, 5)
TILED(luma,      Luma,   unsigned char,  1, 1x1, EQUI2MULTI_CUDA_CONVERTED_ROWS, 5)
#endif
#if EQUI2MULTI_CUDA_CONVERT != 0 && EQUI2MULTI_CUDA_BYTES != 1
TILED(chroma,    Chroma, unsigned short, 1, 2x1, EQUI2MULTI_CUDA_CONVERTED_ROWS, 5)
BY_PIXEL(chroma, Chroma, unsigned int,   2, 2x2)
TILED(luma,      Luma,   unsigned short, 1, 2x1, EQUI2MULTI_CUDA_CONVERTED_ROWS, 5)
#endif

__global__ void equi2multi_build(Equi2MultiCUDABuild launch)
{
    build(launch);
}

}
