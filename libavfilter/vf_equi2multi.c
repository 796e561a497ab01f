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
 * Pinhole views of an equirectangular panorama, on the CPU.
 *
 * Every view is resampled by integer arithmetic from cached source positions,
 * so the pictures are the same on every machine and with every thread count.
 */

#include "config.h"

#include "libavutil/attributes.h"
#include "libavutil/common.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"
#include "avfilter.h"
#include "equi2multi.h"
#include "filters.h"
#include "formats.h"

/** A plane of the panorama, and how to read it. */
typedef struct SourcePlane {
    Equi2MultiPlane p;
    int offsets_fit;        ///< in 31 bits
    const Equi2MultiDSP *dsp;
} SourcePlane;

/**
 * Sample row y of a view.
 *
 * @param shift  what the view's heading adds to u
 */
typedef void (*SampleRow)(uint8_t *dst, const SourcePlane *src, const Equi2MultiPositions *pos,
                          int y, uint32_t shift);

/** Samples of a span to be converted, of one component or two. */
typedef uint16_t WideSpan[EQUI2MULTI_SPAN];

/** Sample the span of row y that begins at column x, to EQUI2MULTI_WIDE_BITS. */
typedef void (*SampleSpan)(WideSpan *dst, const SourcePlane *src, const Equi2MultiPositions *pos,
                           int y, int x, uint32_t shift);

#define SCRATCH_VIEWS 8

typedef struct CPUContext {
    Equi2MultiContext e2m;
    Equi2MultiDSP dsp;
    SampleRow sample[4];    ///< by plane
    SampleSpan wide[4];     ///< by plane
    uint8_t *scratch;       ///< ChromaRows by thread, of so many views at a time
    unsigned scratch_size;
} CPUContext;

static int nb_spans(const Equi2MultiPositions *pos)
{
    return (pos->w + EQUI2MULTI_SPAN - 1) / EQUI2MULTI_SPAN;
}

static av_always_inline uint32_t load(const uint8_t *p, int i, int bytes)
{
    return bytes == 1 ? p[i] : ((const uint16_t *)p)[i];
}

static av_always_inline void store(uint8_t *p, int i, int bytes, uint32_t value)
{
    if (bytes == 1)
        p[i] = value;
    else
        ((uint16_t *)p)[i] = value;
}

/** Sample a position at or beyond an edge. The sum has 2 * EQUI2MULTI_WEIGHT_BITS more bits than a sample. */
static av_noinline void sample_edge(uint32_t *sum, const Equi2MultiPlane *src, uint32_t u, int32_t v,
                                    int interp, int bytes, int comps, int low)
{
    const int linear = interp != EQUI2MULTI_NEAREST;

    for (int k = 0; k < comps; k++)
        sum[k] = src->nothing << 2 * EQUI2MULTI_WEIGHT_BITS;
    if (!equi2multi_is_inside(src, u, v))
        return;

    for (int row = 0; row < 1 + linear; row++) {
        const Equi2MultiTaps taps = equi2multi_taps(src, u, (v >> EQUI2MULTI_POS_BITS) + row);
        const uint8_t *line = src->data + taps.y * (ptrdiff_t)src->linesize;

        for (int k = 0; k < comps; k++) {
            const uint32_t at = equi2multi_lerp(load(line, taps.x[0] * comps + k, bytes) >> low,
                                                load(line, taps.x[1] * comps + k, bytes) >> low,
                                                linear ? taps.weight : 0);

            sum[k] = row ? equi2multi_lerp(sum[k], at, equi2multi_weight(v)) :
                     linear ? at : at * EQUI2MULTI_WEIGHT_ONE;
        }
    }
}

/**
 * Sample n positions, all of them between samples of the plane, or anywhere.
 *
 * @param shift  what to add to u, rounding included
 * @param wide   dst is a WideSpan
 */
static av_always_inline void sample_span(uint8_t *dst, const Equi2MultiPlane *p, const uint32_t *u,
                                         const int32_t *v, int n, uint32_t shift,
                                         const int inside, const int interp,
                                         const int bytes, const int comps, const int wide)
{
    const int step = bytes * comps;
    const int round = equi2multi_rounding(interp != EQUI2MULTI_NEAREST);
    const Equi2MultiPlane src = *p;     // a copy that dst cannot alias
    const ptrdiff_t linesize = src.linesize;
    const int low = bytes == 1 ? 0 : src.low_bits;
    const int depth = bytes == 1 ? 8 : src.depth;

    for (int i = 0; i < n; i++, dst += wide ? sizeof(uint16_t) : step) {
        uint32_t pu = u[i] + shift, sum[4];
        const int32_t pv = v[i] + round;
        const int y = pv >> EQUI2MULTI_POS_BITS;
        int x;

        if (!inside && pu >= src.turn)
            pu -= src.turn;
        x = pu >> EQUI2MULTI_POS_BITS;

        if (inside || (x < src.w - 1 && y >= 0 && y < src.h - 1)) {
            const uint8_t *a = src.data + y * linesize + x * step, *b = a + step;
            const uint8_t *c = a + linesize, *d = c + step;

            for (int k = 0; k < comps; k++)
                sum[k] = interp == EQUI2MULTI_NEAREST ? load(a, k, bytes) >> low << 2 * EQUI2MULTI_WEIGHT_BITS :
                         equi2multi_blend(load(a, k, bytes) >> low, load(b, k, bytes) >> low,
                                          load(c, k, bytes) >> low, load(d, k, bytes) >> low,
                                          equi2multi_weight(pu), equi2multi_weight(pv));
        } else {
            sample_edge(sum, p, pu, pv, interp, bytes, comps, low);
        }

        for (int k = 0; k < comps; k++)
            if (wide)
                store(dst, k * EQUI2MULTI_SPAN, 2, equi2multi_widen(sum[k], depth));
            else
                store(dst, k, bytes, (interp == EQUI2MULTI_NEAREST ? sum[k] >> 2 * EQUI2MULTI_WEIGHT_BITS :
                                      equi2multi_round(sum[k])) << low);
    }
}

/** Sample columns start to end - 1, start being that of a span. */
static av_always_inline void sample_row(uint8_t *dst, const SourcePlane *src,
                                        const Equi2MultiPositions *pos, int y, int start, int end,
                                        uint32_t shift, const int interp,
                                        const int bytes, const int comps, const int wide)
{
    const Equi2MultiPlane *p = &src->p;
    const int32_t round = equi2multi_rounding(interp != EQUI2MULTI_NEAREST);
    // two columns short of what is needed, for Equi2MultiDSP
    const uint32_t end_u = (uint32_t)FFMAX(p->w - 3, 0) << EQUI2MULTI_POS_BITS;
    const int32_t  end_v =  (int32_t)(p->h - 1) << EQUI2MULTI_POS_BITS;
    const uint32_t *u = pos->u + (size_t)y * pos->w;
    const int32_t  *v = pos->v + (size_t)y * pos->w;
    const Equi2MultiExtent *e = pos->extent + (size_t)y * nb_spans(pos) + start / EQUI2MULTI_SPAN;
    const int step = wide ? sizeof(uint16_t) : bytes * comps;

    shift += round;
    if (shift >= p->turn)
        shift -= p->turn;

    for (int x = start; x < end; x += EQUI2MULTI_SPAN, dst += EQUI2MULTI_SPAN * step, e++) {
        const int n = FFMIN(end - x, EQUI2MULTI_SPAN);
        // a span that lies past the seam as a whole
        const uint32_t turn = e->u[0] + shift >= p->turn ? p->turn : 0;
        int done = 0;

        if (e->u[1] + shift - turn >= end_u || e->v[0] + round < 0 || e->v[1] + round >= end_v) {
            sample_span(dst, p, u + x, v + x, n, shift, 0, interp, bytes, comps, wide);
            continue;
        }

        if (interp == EQUI2MULTI_LINEAR && bytes == 1 && comps <= 1 + wide && src->offsets_fit) {
            done = n & ~7;
            if (done)
                (wide ? comps == 2 ? src->dsp->linear_8x2_wide : src->dsp->linear_8_wide : src->dsp->linear_8)
                    (dst, p->data, p->linesize, u + x, v + x, done, shift - turn);
        }
        sample_span(dst + done * step, p, u + x + done, v + x + done, n - done,
                    shift - turn, 1, interp, bytes, comps, wide);
    }
}

#define LINEAR_8_C(name, comps, wide)                                                       \
static void name ## _c(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,                \
                       const uint32_t *u, const int32_t *v, int n, uint32_t shift)          \
{                                                                                           \
    const Equi2MultiPlane plane = { .data = src, .linesize = linesize };                    \
                                                                                            \
    sample_span(dst, &plane, u, v, n, shift, 1, EQUI2MULTI_LINEAR, 1, comps, wide);         \
}

LINEAR_8_C(linear_8,        1, 0)
LINEAR_8_C(linear_8_wide,   1, 1)
LINEAR_8_C(linear_8x2_wide, 2, 1)

static void mix_8_c(uint8_t *dst, const uint16_t *y, const uint16_t *u, const uint16_t *v,
                    const Equi2MultiMix *mix, int n)
{
    const Equi2MultiMix m = *mix;

    for (int i = 0; i < n; i++)
        dst[i] = equi2multi_mix(&m, 8, y[i], u[i], v[i]);
}

static void between_c(uint16_t *dst, const uint16_t *a, const uint16_t *b, int quarters)
{
    for (int i = 0; i < EQUI2MULTI_SPAN; i++)
        dst[i] = equi2multi_between(a[i], b[i], quarters);
}

static void upsample_c(uint16_t *dst, const uint16_t *src, int past_before, int past)
{
    for (int i = 0; i < EQUI2MULTI_SPAN / 2; i++) {
        dst[2 * i]     = equi2multi_between(src[i - 1], src[i],     past_before);
        dst[2 * i + 1] = equi2multi_between(src[i],     src[i + 1], past);
    }
}

av_cold void ff_equi2multi_dsp_init(Equi2MultiDSP *dsp)
{
    dsp->linear_8        = linear_8_c;
    dsp->linear_8_wide   = linear_8_wide_c;
    dsp->linear_8x2_wide = linear_8x2_wide_c;
    dsp->mix_8           = mix_8_c;
    dsp->between         = between_c;
    dsp->upsample        = upsample_c;

#if ARCH_X86 && HAVE_X86ASM
    ff_equi2multi_dsp_init_x86(dsp);
#endif
}

#define SAMPLE(interp_name, interp, bytes, comps)                                           \
static void interp_name ## _ ## bytes ## x ## comps(uint8_t *dst, const SourcePlane *src,   \
                                                    const Equi2MultiPositions *pos, int y,  \
                                                    uint32_t shift)                         \
{                                                                                           \
    sample_row(dst, src, pos, y, 0, pos->w, shift, interp, bytes, comps, 0);                \
}

#define SAMPLE_WIDE(interp_name, interp, bytes, comps)                                      \
static void interp_name ## _wide_ ## bytes ## x ## comps(WideSpan *dst, const SourcePlane *src, \
                                                         const Equi2MultiPositions *pos,    \
                                                         int y, int x, uint32_t shift)      \
{                                                                                           \
    sample_row((uint8_t *)dst, src, pos, y, x, FFMIN(x + EQUI2MULTI_SPAN, pos->w), shift,   \
               interp, bytes, comps, 1);                                                    \
}

#define BOTH(sample, bytes, comps)                                                          \
    sample(nearest, EQUI2MULTI_NEAREST, bytes, comps)                                       \
    sample(linear,  EQUI2MULTI_LINEAR,  bytes, comps)

BOTH(SAMPLE, 1, 1)
BOTH(SAMPLE, 1, 2)
BOTH(SAMPLE, 1, 4)
BOTH(SAMPLE, 2, 1)
BOTH(SAMPLE, 2, 2)
BOTH(SAMPLE_WIDE, 1, 1)
BOTH(SAMPLE_WIDE, 1, 2)
BOTH(SAMPLE_WIDE, 2, 1)
BOTH(SAMPLE_WIDE, 2, 2)

#define BY_INTERP(interp, what) (interp == EQUI2MULTI_NEAREST ? nearest_ ## what : linear_ ## what)

static SampleRow get_sample_row(int interp, int bytes, int comps)
{
    if (bytes == 1)
        return comps == 1 ? BY_INTERP(interp, 1x1) : comps == 2 ? BY_INTERP(interp, 1x2) : BY_INTERP(interp, 1x4);
    return comps == 1 ? BY_INTERP(interp, 2x1) : BY_INTERP(interp, 2x2);
}

static SampleSpan get_sample_span(int interp, int bytes, int comps)
{
    if (bytes == 1)
        return comps == 1 ? BY_INTERP(interp, wide_1x1) : BY_INTERP(interp, wide_1x2);
    return comps == 1 ? BY_INTERP(interp, wide_2x1) : BY_INTERP(interp, wide_2x2);
}

/** Rows of the chroma of a view that its luma depends on: even ones, odd ones. */
typedef struct ChromaRows {
    int row[2];             ///< those that are there
    WideSpan samples[];     ///< of each row in turn: U and V, or V and U, of each span in turn
} ChromaRows;

typedef struct RenderData {
    AVFrame *const *out;
    SourcePlane src[4];
    size_t rows_size;       ///< of a ChromaRows
} RenderData;

/** Samples of row y of chroma, from column x on, to two WideSpan. */
static void sample_chroma(const CPUContext *s, const RenderData *td, const Equi2MultiView *view,
                          WideSpan *dst, int x, int y)
{
    const Equi2MultiGrid *grid = &s->e2m.grids[view->grid[1]];

    for (int k = 1; k < FFMIN(s->e2m.nb_planes, 3); k++)
        s->wide[k](dst + k - 1, &td->src[k], &grid->pos, y, x, view->shift[EQUI2MULTI_CHROMA]);
}

/** Convert n samples to component k of row y of a view. */
static void store_span(const CPUContext *s, const Equi2MultiTarget *t, const AVFrame *out, int k,
                       int x, int y, int n, const uint16_t *luma, const uint16_t *u, const uint16_t *v)
{
    const Equi2MultiComponent *comp = &t->comp[k];
    const Equi2MultiMix mix = t->conversion.mix[k];
    const int bytes = comp->bytes, step = comp->step, depth = comp->depth, low = comp->low_bits;
    uint8_t *dst = out->data[comp->plane] + y * (ptrdiff_t)out->linesize[comp->plane] +
                   comp->offset + x * step * bytes;
    int i = 0;

    if (bytes == 1 && step == 1) {
        i = n & ~15;
        if (i)
            s->dsp.mix_8(dst, luma, u, v, &mix, i);
    }
    for (; i < n; i++)
        store(dst, i * step, bytes, equi2multi_mix(&mix, depth, luma[i], u[i], v[i]) << low);
}

static void store_chroma(const CPUContext *s, const Equi2MultiView *view, const AVFrame *out,
                         int x, int y, int n, const WideSpan *chroma)
{
    const int v_first = s->e2m.comp[1].offset > s->e2m.comp[2].offset;

    // luma does not count
    for (int k = 1; k < 3; k++)
        store_span(s, &view->target, out, k, x, y, n, chroma[0], chroma[v_first], chroma[!v_first]);
}

/** Convert row y of the luma of a view, which does not depend on chroma. */
static void convert_luma(const CPUContext *s, const RenderData *td, const Equi2MultiView *view,
                         const AVFrame *out, int y)
{
    const Equi2MultiGrid *grid = &s->e2m.grids[view->grid[0]];
    WideSpan luma, none;

    for (int i = 0; i < EQUI2MULTI_SPAN; i++)
        none[i] = 1 << (EQUI2MULTI_WIDE_BITS - 1);
    for (int x = 0; x < grid->pos.w; x += EQUI2MULTI_SPAN) {
        s->wide[0](&luma, &td->src[0], &grid->pos, y, x, view->shift[0]);
        store_span(s, &view->target, out, 0, x, y, FFMIN(grid->pos.w - x, EQUI2MULTI_SPAN), luma, none, none);
    }
}

/** Convert row y of the chroma of a view. */
static void convert_chroma(const CPUContext *s, const RenderData *td, const Equi2MultiView *view,
                           const AVFrame *out, int y)
{
    const Equi2MultiPositions *pos = &s->e2m.grids[view->grid[1]].pos;
    WideSpan chroma[2];

    // what gray has
    for (int i = 0; i < EQUI2MULTI_SPAN; i++)
        chroma[0][i] = chroma[1][i] = 1 << (EQUI2MULTI_WIDE_BITS - 1);
    for (int x = 0; x < pos->w; x += EQUI2MULTI_SPAN) {
        sample_chroma(s, td, view, chroma, x, y);
        store_chroma(s, view, out, x, y, FFMIN(pos->w - x, EQUI2MULTI_SPAN), chroma);
    }
}

/** Get row y of chroma. Convert it on the way, if it lies beside luma rows start to end - 1. */
static const WideSpan *chroma_row(const CPUContext *s, const RenderData *td, const Equi2MultiView *view,
                                  const AVFrame *out, ChromaRows *rows, int y, int start, int end)
{
    const Equi2MultiPositions *pos = &s->e2m.grids[view->grid[1]].pos;
    const int step = view->target.siting[1].step;
    WideSpan *samples;

    y = av_clip(y, 0, pos->h - 1);
    samples = rows->samples + (y & 1) * 2 * nb_spans(pos);
    if (rows->row[y & 1] == y)
        return samples;
    rows->row[y & 1] = y;
    for (int x = 0; x < pos->w; x += EQUI2MULTI_SPAN) {
        WideSpan *chroma = samples + 2 * (x / EQUI2MULTI_SPAN);

        sample_chroma(s, td, view, chroma, x, y);
        if (y * step >= start && y * step < end)
            store_chroma(s, view, out, x, y, FFMIN(pos->w - x, EQUI2MULTI_SPAN), chroma);
    }
    return samples;
}

/** Convert row y of luma that depends on chroma, and chroma on the way. */
static void convert_both(const CPUContext *s, const RenderData *td, const Equi2MultiView *view,
                         const AVFrame *out, ChromaRows *rows, int y, int start, int end)
{
    const Equi2MultiTarget *t = &view->target;
    const Equi2MultiPositions *luma_pos = &s->e2m.grids[view->grid[0]].pos;
    const Equi2MultiPositions *pos      = &s->e2m.grids[view->grid[1]].pos;
    const int v_first = s->e2m.comp[1].offset > s->e2m.comp[2].offset;
    const int step_x = t->siting[0].step;
    const int at = equi2multi_on_chroma(&t->siting[1], y), quarters = at & 3;
    const WideSpan *above = chroma_row(s, td, view, out, rows, at >> 2, start, end);
    const WideSpan *below = chroma_row(s, td, view, out, rows, (at >> 2) + !!quarters, start, end);
    const int even = equi2multi_on_chroma(&t->siting[0], 0), odd = equi2multi_on_chroma(&t->siting[0], 1);
    uint16_t half[2][1 + EQUI2MULTI_MAX_VIEW_SIZE / 2 + 1];     // one before the row, one after
    WideSpan luma, chroma[2];

    if (step_x == 2) {
        for (int k = 0; k < 2; k++) {
            uint16_t *row = half[k] + 1;

            for (int i = 0; i < nb_spans(pos); i++)
                s->dsp.between(row + i * EQUI2MULTI_SPAN, above[2 * i + k], below[2 * i + k], quarters);
            row[-1]     = row[0];
            row[pos->w] = row[pos->w - 1];
        }
    }

    for (int x = 0; x < luma_pos->w; x += EQUI2MULTI_SPAN) {
        s->wide[0](&luma, &td->src[0], luma_pos, y, x, view->shift[0]);
        for (int k = 0; k < 2; k++) {
            if (step_x == 2) {
                s->dsp.upsample(chroma[k], half[k] + 1 + x / 2, 4 + even, odd);
            } else {
                const int i = 2 * (x / EQUI2MULTI_SPAN) + k;

                s->dsp.between(chroma[k], above[i], below[i], quarters);
            }
        }
        store_span(s, t, out, 0, x, y, FFMIN(luma_pos->w - x, EQUI2MULTI_SPAN),
                   luma, chroma[v_first], chroma[!v_first]);
    }
}

/** Render the part of a job of plane k of the views first to last - 1 that take a grid. */
static void render_rows(const CPUContext *s, const RenderData *td, uint8_t *scratch, int g, int k,
                        int first, int last, int jobnr, int nb_jobs)
{
    const Equi2MultiContext *e2m = &s->e2m;
    const Equi2MultiPositions *pos = &e2m->grids[g].pos;
    const int chroma = k == 1 || k == 2;
    const int start = ff_slice_pos(pos->h, jobnr,     nb_jobs);
    const int end   = ff_slice_pos(pos->h, jobnr + 1, nb_jobs);

    // views inside rows: a row of positions is read from memory once
    for (int y = start; y < end; y++)
        for (int i = first; i < last; i++) {
            const Equi2MultiView *view = &e2m->views[i];
            const Equi2MultiTarget *t = &view->target;
            const AVFrame *out = td->out[i];

            if (!out || view->grid[chroma] != g || !t->method[k])
                continue;
            if (t->method[k] == EQUI2MULTI_SAMPLED)
                s->sample[k](out->data[k] + y * (ptrdiff_t)out->linesize[k], &td->src[k], pos, y,
                             view->shift[chroma]);
            else if (!t->chroma_in_luma)
                (chroma ? convert_chroma : convert_luma)(s, td, view, out, y);
            else if (!chroma)
                convert_both(s, td, view, out, (ChromaRows *)(scratch + (i - first) * td->rows_size),
                             y, start, end);
        }
}

static int render_slice(AVFilterContext *ctx, void *arg, int jobnr, int nb_jobs)
{
    const CPUContext *s = ctx->priv;
    const Equi2MultiContext *e2m = &s->e2m;
    const RenderData *td = arg;
    uint8_t *scratch = s->scratch + jobnr * SCRATCH_VIEWS * td->rows_size;

    for (int first = 0; first < e2m->nb_views; first += SCRATCH_VIEWS) {
        const int last = FFMIN(first + SCRATCH_VIEWS, e2m->nb_views);

        for (int i = 0; td->rows_size && i < SCRATCH_VIEWS; i++) {
            ChromaRows *rows = (ChromaRows *)(scratch + i * td->rows_size);

            rows->row[0] = rows->row[1] = -1;
        }
        for (int g = 0; g < e2m->nb_grids; g++)
            for (int k = 0; k < 4; k++)
                render_rows(s, td, scratch, g, k, first, last, jobnr, nb_jobs);
    }

    return 0;
}

static int render(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out)
{
    CPUContext *s = ctx->priv;
    const int nb_jobs = ff_filter_get_nb_threads(ctx);
    RenderData td = { .out = out };

    for (int k = 0; k < s->e2m.nb_planes; k++) {
        SourcePlane *src = &td.src[k];

        src->p           = ff_equi2multi_plane(&s->e2m, in, k);
        src->offsets_fit = FFABS((int64_t)src->p.linesize) * src->p.h <= INT32_MAX;
        src->dsp         = &s->dsp;
    }

    for (int i = 0; i < s->e2m.nb_views; i++) {
        const Equi2MultiView *view = &s->e2m.views[i];

        if (out[i] && view->target.chroma_in_luma)
            td.rows_size = FFMAX(td.rows_size, sizeof(ChromaRows) +
                                 4 * nb_spans(&s->e2m.grids[view->grid[1]].pos) * sizeof(WideSpan));
    }
    if (td.rows_size) {
        av_fast_malloc(&s->scratch, &s->scratch_size, td.rows_size * SCRATCH_VIEWS * nb_jobs);
        if (!s->scratch)
            return AVERROR(ENOMEM);
    }

    return ff_filter_execute(ctx, render_slice, &td, NULL, nb_jobs);
}

static int config_input(AVFilterLink *inlink)
{
    CPUContext *s = inlink->dst->priv;
    int ret = ff_equi2multi_config_input(inlink, inlink->format);
    if (ret < 0)
        return ret;

    for (int k = 0; k < s->e2m.nb_planes; k++) {
        s->sample[k] = get_sample_row(s->e2m.interp, s->e2m.comp[0].bytes, s->e2m.plane[k].samples);
        s->wide[k]   = get_sample_span(s->e2m.interp, s->e2m.comp[0].bytes, s->e2m.plane[k].samples);
    }
    return 0;
}

static int build_slice(AVFilterContext *ctx, void *arg, int jobnr, int nb_jobs)
{
    const Equi2MultiGridKey key = ((const Equi2MultiGrid *)arg)->key;   // a copy that u and v cannot alias
    const Equi2MultiPositions *pos = &((const Equi2MultiGrid *)arg)->pos;
    const int end = ff_slice_pos(pos->h, jobnr + 1, nb_jobs);

    for (int y = ff_slice_pos(pos->h, jobnr, nb_jobs); y < end; y++) {
        uint32_t *u = pos->u + (size_t)y * pos->w;
        int32_t  *v = pos->v + (size_t)y * pos->w;
        Equi2MultiExtent *e = pos->extent + (size_t)y * nb_spans(pos) - 1;

        for (int x = 0; x < pos->w; x++) {
            equi2multi_grid_position(&key, x, y, &u[x], &v[x]);
            if (x % EQUI2MULTI_SPAN == 0)
                *++e = (Equi2MultiExtent){ { u[x], u[x] }, { v[x], v[x] } };
            e->u[0] = FFMIN(e->u[0], u[x]);
            e->u[1] = FFMAX(e->u[1], u[x]);
            e->v[0] = FFMIN(e->v[0], v[x]);
            e->v[1] = FFMAX(e->v[1], v[x]);
        }
    }

    return 0;
}

static void discard(AVFilterContext *ctx, Equi2MultiPositions *pos)
{
    av_freep(&pos->u);
    av_freep(&pos->v);
    av_freep(&pos->extent);
    pos->size = 0;
}

static int build(AVFilterContext *ctx, Equi2MultiGrid *grid)
{
    Equi2MultiPositions *pos = &grid->pos;

    if (!pos->size) {
        pos->u      = av_malloc_array(pos->w, pos->h * sizeof(*pos->u));
        pos->v      = av_malloc_array(pos->w, pos->h * sizeof(*pos->v));
        pos->extent = av_malloc_array(nb_spans(pos), pos->h * sizeof(*pos->extent));
        pos->size   = (size_t)pos->w * pos->h * (sizeof(*pos->u) + sizeof(*pos->v));
        if (!pos->u || !pos->v || !pos->extent)
            return AVERROR(ENOMEM);
    }
    return ff_filter_execute(ctx, build_slice, grid, NULL,
                             FFMIN(pos->h, ff_filter_get_nb_threads(ctx)));
}

static const Equi2MultiBackend backend = {
    .build   = build,
    .discard = discard,
    .render  = render,
};

static av_cold int init(AVFilterContext *ctx)
{
    ff_equi2multi_dsp_init(&((CPUContext *)ctx->priv)->dsp);
    return ff_equi2multi_init(ctx, &backend);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    ff_equi2multi_uninit(ctx);
    av_freep(&((CPUContext *)ctx->priv)->scratch);
}

static const enum AVPixelFormat pix_fmts[] = {
    AV_PIX_FMT_GRAY8, AV_PIX_FMT_GRAY9, AV_PIX_FMT_GRAY10, AV_PIX_FMT_GRAY12,
    AV_PIX_FMT_GRAY14, AV_PIX_FMT_GRAY16,
    AV_PIX_FMT_YUV420P,    AV_PIX_FMT_YUV422P,    AV_PIX_FMT_YUV440P,    AV_PIX_FMT_YUV444P,
    AV_PIX_FMT_YUVJ420P,   AV_PIX_FMT_YUVJ422P,   AV_PIX_FMT_YUVJ440P,   AV_PIX_FMT_YUVJ444P,
    AV_PIX_FMT_YUV420P9,   AV_PIX_FMT_YUV422P9,   AV_PIX_FMT_YUV444P9,
    AV_PIX_FMT_YUV420P10,  AV_PIX_FMT_YUV422P10,  AV_PIX_FMT_YUV440P10,  AV_PIX_FMT_YUV444P10,
    AV_PIX_FMT_YUV420P12,  AV_PIX_FMT_YUV422P12,  AV_PIX_FMT_YUV440P12,  AV_PIX_FMT_YUV444P12,
    AV_PIX_FMT_YUV420P14,  AV_PIX_FMT_YUV422P14,  AV_PIX_FMT_YUV444P14,
    AV_PIX_FMT_YUV420P16,  AV_PIX_FMT_YUV422P16,  AV_PIX_FMT_YUV444P16,
    AV_PIX_FMT_YUV444P10MSB, AV_PIX_FMT_YUV444P12MSB,
    AV_PIX_FMT_YUVA420P,   AV_PIX_FMT_YUVA422P,   AV_PIX_FMT_YUVA444P,
    AV_PIX_FMT_YUVA420P9,  AV_PIX_FMT_YUVA422P9,  AV_PIX_FMT_YUVA444P9,
    AV_PIX_FMT_YUVA420P10, AV_PIX_FMT_YUVA422P10, AV_PIX_FMT_YUVA444P10,
    AV_PIX_FMT_YUVA422P12, AV_PIX_FMT_YUVA444P12,
    AV_PIX_FMT_YUVA420P16, AV_PIX_FMT_YUVA422P16, AV_PIX_FMT_YUVA444P16,
    AV_PIX_FMT_GBRP,   AV_PIX_FMT_GBRP9,  AV_PIX_FMT_GBRP10, AV_PIX_FMT_GBRP12,
    AV_PIX_FMT_GBRP14, AV_PIX_FMT_GBRP16, AV_PIX_FMT_GBRP10MSB, AV_PIX_FMT_GBRP12MSB,
    AV_PIX_FMT_GBRAP,  AV_PIX_FMT_GBRAP10, AV_PIX_FMT_GBRAP12, AV_PIX_FMT_GBRAP14,
    AV_PIX_FMT_GBRAP16,
    AV_PIX_FMT_NV12, AV_PIX_FMT_NV21, AV_PIX_FMT_NV16, AV_PIX_FMT_NV20,
    AV_PIX_FMT_NV24, AV_PIX_FMT_NV42,
    AV_PIX_FMT_P010, AV_PIX_FMT_P012, AV_PIX_FMT_P016,
    AV_PIX_FMT_P210, AV_PIX_FMT_P212, AV_PIX_FMT_P216,
    AV_PIX_FMT_P410, AV_PIX_FMT_P412, AV_PIX_FMT_P416,
    AV_PIX_FMT_ARGB, AV_PIX_FMT_RGBA, AV_PIX_FMT_ABGR, AV_PIX_FMT_BGRA,
    AV_PIX_FMT_0RGB, AV_PIX_FMT_RGB0, AV_PIX_FMT_0BGR, AV_PIX_FMT_BGR0,
    AV_PIX_FMT_NONE
};

/** Leave the choice to libavfilter; only what an option names must be possible at all. */
static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **cfg_in,
                         AVFilterFormatsConfig **cfg_out)
{
    const Equi2MultiContext *e2m = &((const CPUContext *)ctx->priv)->e2m;
    int k = 0;

    while (pix_fmts[k] != AV_PIX_FMT_NONE && pix_fmts[k] != e2m->out_format)
        k++;
    if (pix_fmts[k] != e2m->out_format) {
        av_log((void *)ctx, AV_LOG_ERROR, "format=%s is not possible; planar and semi-planar YUV, "
               "planar and 32-bit RGB, and gray are\n", av_get_pix_fmt_name(e2m->out_format));
        return AVERROR(EINVAL);
    }
    return ff_equi2multi_query_formats(ctx, cfg_in, cfg_out, pix_fmts);
}

AVFILTER_DEFINE_CLASS_EXT(equi2multi, "equi2multi", ff_equi2multi_options);

static const AVFilterPad inputs[] = {
    {
        .name         = "default",
        .type         = AVMEDIA_TYPE_VIDEO,
        .config_props = config_input,
    },
};

const FFFilter ff_vf_equi2multi = {
    .p.name          = "equi2multi",
    .p.description   = NULL_IF_CONFIG_SMALL("Make pinhole views of an equirectangular panorama."),
    .p.priv_class    = &equi2multi_class,
    .p.flags         = AVFILTER_FLAG_DYNAMIC_OUTPUTS | AVFILTER_FLAG_SLICE_THREADS,
    .priv_size       = sizeof(CPUContext),
    .init            = init,
    .uninit          = uninit,
    .activate        = ff_equi2multi_activate,
    .process_command = ff_equi2multi_process_command,
    FILTER_INPUTS(inputs),
    FILTER_QUERY_FUNC2(query_formats),
};
