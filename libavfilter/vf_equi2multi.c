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
#include "libavutil/macros.h"
#include "avfilter.h"
#include "equi2multi.h"
#include "filters.h"

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

typedef struct CPUContext {
    Equi2MultiContext e2m;
    Equi2MultiDSP dsp;
    SampleRow sample[4];    ///< by plane
} CPUContext;

/** The sample at column 0 .. w - 1 + w / 2, row -h .. 2 h - 1 of the sphere. */
static const uint8_t *sphere(const Equi2MultiPlane *p, int x, int y, int step)
{
    equi2multi_onto_plane(&x, &y, p->w, p->h);
    return p->data + y * (ptrdiff_t)p->linesize + x * step;
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

/**
 * Sample n positions, all of them inside the plane or anywhere on the sphere.
 *
 * @param shift  what to add to u, rounding included
 */
static av_always_inline void sample_span(uint8_t *dst, const Equi2MultiPlane *p, const uint32_t *u,
                                         const int32_t *v, int n, uint32_t shift,
                                         const int inside, const int interp,
                                         const int bytes, const int comps)
{
    const int step = bytes * comps;
    const int round = equi2multi_rounding(interp != EQUI2MULTI_NEAREST);
    const Equi2MultiPlane src = *p;     // a copy that dst cannot alias
    const ptrdiff_t linesize = src.linesize;
    const int low = bytes == 1 ? 0 : src.low_bits;

    for (int i = 0; i < n; i++, dst += step) {
        uint32_t pu = u[i] + shift;
        const int32_t pv = v[i] + round;
        const int y = pv >> EQUI2MULTI_POS_BITS;
        const uint8_t *a, *b, *c, *d;
        uint32_t fx, fy;
        int x;

        if (!inside && pu >= src.wrap)
            pu -= src.wrap;
        x  = pu >> EQUI2MULTI_POS_BITS;
        fx = equi2multi_weight(pu);
        fy = equi2multi_weight(pv);

        a = inside ? src.data + y * linesize + x * step : sphere(p, x, y, step);
        if (interp == EQUI2MULTI_NEAREST) {
            for (int k = 0; k < comps; k++)
                store(dst, k, bytes, load(a, k, bytes));
            continue;
        }

        if (inside) {
            b = a + step;
            c = a + linesize;
            d = c + step;
        } else {
            b = sphere(p, x + 1, y,     step);
            c = sphere(p, x,     y + 1, step);
            d = sphere(p, x + 1, y + 1, step);
            if (src.half_gap && x == src.w - 1)
                fx *= 2;
        }
        for (int k = 0; k < comps; k++)
            store(dst, k, bytes,
                  equi2multi_bilinear(load(a, k, bytes) >> low, load(b, k, bytes) >> low,
                                      load(c, k, bytes) >> low, load(d, k, bytes) >> low,
                                      fx, fy) << low);
    }
}

static av_always_inline void sample_row(uint8_t *dst, const SourcePlane *src,
                                        const Equi2MultiPositions *pos, int y, uint32_t shift,
                                        const int interp, const int bytes, const int comps)
{
    const Equi2MultiPlane *p = &src->p;
    const int32_t round = equi2multi_rounding(interp != EQUI2MULTI_NEAREST);
    // two columns short of what is needed, for Equi2MultiDSP
    const uint32_t end_u = (uint32_t)FFMAX(p->w - 3, 0) << EQUI2MULTI_POS_BITS;
    const int32_t  end_v =  (int32_t)(p->h - 1) << EQUI2MULTI_POS_BITS;
    const uint32_t *u = pos->u + (size_t)y * pos->w;
    const int32_t  *v = pos->v + (size_t)y * pos->w;
    const Equi2MultiExtent *e = pos->extent + (size_t)y * pos->spans;

    shift += round;
    if (shift >= p->wrap)
        shift -= p->wrap;

    for (int x = 0; x < pos->w; x += EQUI2MULTI_SPAN, e++) {
        const int n = FFMIN(pos->w - x, EQUI2MULTI_SPAN);
        // a span that lies past the seam as a whole
        const uint32_t turn = e->u[0] + shift >= p->wrap ? p->wrap : 0;
        uint8_t *out = dst + x * bytes * comps;
        int done = 0;

        if (e->u[1] + shift - turn >= end_u || e->v[0] + round < 0 || e->v[1] + round >= end_v) {
            sample_span(out, p, u + x, v + x, n, shift, 0, interp, bytes, comps);
            continue;
        }

        if (interp == EQUI2MULTI_LINEAR && bytes == 1 && comps == 1 && src->offsets_fit) {
            done = n & ~7;
            if (done)
                src->dsp->linear_8(out, p->data, p->linesize, u + x, v + x, done, shift - turn);
        }
        sample_span(out + done * bytes * comps, p, u + x + done, v + x + done, n - done,
                    shift - turn, 1, interp, bytes, comps);
    }
}

static void linear_8_c(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                       const uint32_t *u, const int32_t *v, int n, uint32_t shift)
{
    const Equi2MultiPlane plane = { .data = src, .linesize = linesize };

    sample_span(dst, &plane, u, v, n, shift, 1, EQUI2MULTI_LINEAR, 1, 1);
}

av_cold void ff_equi2multi_dsp_init(Equi2MultiDSP *dsp)
{
    dsp->linear_8 = linear_8_c;

#if ARCH_X86 && HAVE_X86ASM
    ff_equi2multi_dsp_init_x86(dsp);
#endif
}

#define SAMPLE_ROW(name, interp, bytes, comps)                                              \
static void name ## _ ## bytes ## x ## comps(uint8_t *dst, const SourcePlane *src,          \
                                             const Equi2MultiPositions *pos, int y,         \
                                             uint32_t shift)                                \
{                                                                                           \
    sample_row(dst, src, pos, y, shift, interp, bytes, comps);                              \
}

#define SAMPLE_ROWS(bytes, comps)                                                           \
    SAMPLE_ROW(nearest, EQUI2MULTI_NEAREST, bytes, comps)                                   \
    SAMPLE_ROW(linear,  EQUI2MULTI_LINEAR,  bytes, comps)

SAMPLE_ROWS(1, 1)
SAMPLE_ROWS(1, 2)
SAMPLE_ROWS(1, 4)
SAMPLE_ROWS(2, 1)
SAMPLE_ROWS(2, 2)

static SampleRow get_sample_row(int interp, int bytes, int comps)
{
#define BY_INTERP(bytes, comps) \
    (interp == EQUI2MULTI_NEAREST ? nearest_ ## bytes ## x ## comps : linear_ ## bytes ## x ## comps)

    if (bytes == 1)
        return comps == 1 ? BY_INTERP(1, 1) : comps == 2 ? BY_INTERP(1, 2) : BY_INTERP(1, 4);
    return comps == 1 ? BY_INTERP(2, 1) : BY_INTERP(2, 2);
}

typedef struct RenderData {
    AVFrame *const *out;
    SourcePlane src[4];
} RenderData;

static int render_slice(AVFilterContext *ctx, void *arg, int jobnr, int nb_jobs)
{
    const CPUContext *s = ctx->priv;
    const Equi2MultiContext *e2m = &s->e2m;
    const RenderData *td = arg;

    for (int g = 0; g < e2m->nb_grids; g++) {
        for (int k = 0; k < e2m->nb_planes; k++) {
            const int chroma = e2m->plane[k].chroma;
            const Equi2MultiPositions *pos = &e2m->grids[g].plane[chroma];
            const SourcePlane *src = &td->src[k];
            const int end = ff_slice_pos(pos->h, jobnr + 1, nb_jobs);

            // views inside rows: a row of positions is read from memory once
            for (int y = ff_slice_pos(pos->h, jobnr, nb_jobs); y < end; y++)
                for (int i = 0; i < e2m->nb_views; i++) {
                    const Equi2MultiView *view = &e2m->views[i];
                    const AVFrame *out = td->out[i];

                    if (out && view->grid == g)
                        s->sample[k](out->data[k] + y * (ptrdiff_t)out->linesize[k], src, pos, y,
                                     view->shift[chroma]);
                }
        }
    }

    return 0;
}

static int render(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out)
{
    const CPUContext *s = ctx->priv;
    RenderData td = { .out = out };

    for (int k = 0; k < s->e2m.nb_planes; k++) {
        SourcePlane *src = &td.src[k];

        src->p           = ff_equi2multi_plane(&s->e2m, in, k);
        src->offsets_fit = FFABS((int64_t)src->p.linesize) * src->p.h <= INT32_MAX;
        src->dsp         = &s->dsp;
    }

    return ff_filter_execute(ctx, render_slice, &td, NULL, ff_filter_get_nb_threads(ctx));
}

static int config_input(AVFilterLink *inlink)
{
    CPUContext *s = inlink->dst->priv;
    int ret = ff_equi2multi_config_input(inlink, inlink->format);
    if (ret < 0)
        return ret;

    for (int k = 0; k < s->e2m.nb_planes; k++)
        s->sample[k] = get_sample_row(s->e2m.interp, s->e2m.bytes, s->e2m.plane[k].samples);
    return 0;
}

static const Equi2MultiBackend backend = {
    .render = render,
};

static av_cold int init(AVFilterContext *ctx)
{
    ff_equi2multi_dsp_init(&((CPUContext *)ctx->priv)->dsp);
    return ff_equi2multi_init(ctx, &backend);
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

#define OFFSET(x) offsetof(CPUContext, e2m.x)
static const AVOption equi2multi_options[] = {
    EQUI2MULTI_OPTIONS(OFFSET)
};

AVFILTER_DEFINE_CLASS(equi2multi);

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
    .uninit          = ff_equi2multi_uninit,
    .activate        = ff_equi2multi_activate,
    .process_command = ff_equi2multi_process_command,
    FILTER_INPUTS(inputs),
    FILTER_PIXFMTS_ARRAY(pix_fmts),
};
