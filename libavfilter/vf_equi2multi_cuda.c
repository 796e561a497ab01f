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
 * Pinhole views of an equirectangular panorama, on the GPU: what
 * vf_equi2multi.c makes, bit for bit, of CUDA frames.
 *
 * The positions are computed on the CPU and uploaded once. From then on a frame
 * takes one launch a plane, or one in all where colours are converted, with no
 * allocation or synchronization.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libavutil/attributes.h"
#include "libavutil/buffer.h"
#include "libavutil/common.h"
#include "libavutil/cuda_check.h"
#include "libavutil/hwcontext.h"
#include "libavutil/hwcontext_cuda_internal.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"
#include "avfilter.h"
#include "equi2multi.h"
#include "filters.h"
#include "formats.h"
#include "vf_equi2multi_cuda.h"

#include "cuda/load_helper.h"

extern const unsigned char ff_vf_equi2multi_cuda_ptx_data[];
extern const unsigned int ff_vf_equi2multi_cuda_ptx_len;

static_assert(sizeof(Equi2MultiCUDALaunch) <= 4096, "more than a launch can take");
static_assert(sizeof(Equi2MultiCUDAConversion) <= 4096, "more than a launch can take");

typedef struct CUDAContext {
    Equi2MultiContext e2m;
    AVBufferRef *device_ref;
    AVCUDADeviceContext *hwctx;     ///< of device_ref
    CUmodule module;
    CUfunction kernel[4];           ///< by plane
    int tiled[4];                   ///< by plane, see EQUI2MULTI_CUDA_TILED_BYTES
    CUfunction convert;
} CUDAContext;

#define CHECK_CU(x) FF_CUDA_CHECK_DL(ctx, s->hwctx->internal->cuda_dl, x)
#define DIV_UP(a, b) (((a) + (b) - 1) / (b))

static int nb_tiles(const Equi2MultiPositions *pos)
{
    return DIV_UP(pos->w, EQUI2MULTI_CUDA_TILE) * DIV_UP(pos->h, EQUI2MULTI_CUDA_TILE);
}

/** Extents of the tiles as the kernels lay them out. */
static void find_extents(const Equi2MultiPositions *pos, Equi2MultiExtent *tile)
{
    const int size = EQUI2MULTI_CUDA_TILE;

    for (int top = 0; top < pos->h; top += size) {
        for (int left = 0; left < pos->w; left += size, tile++) {
            const int y0 = av_clip(top,  0, FFMAX(pos->h - size, 0));
            const int x0 = av_clip(left, 0, FFMAX(pos->w - size, 0));
            uint32_t u0 = UINT32_MAX, u1 = 0;
            int32_t  v0 = INT32_MAX,  v1 = INT32_MIN;

            for (int y = y0; y < FFMIN(y0 + size, pos->h); y++) {
                for (int x = x0; x < FFMIN(x0 + size, pos->w); x++) {
                    const uint32_t u = pos->u[(size_t)y * pos->w + x];
                    const int32_t  v = pos->v[(size_t)y * pos->w + x];

                    u0 = FFMIN(u0, u);
                    u1 = FFMAX(u1, u);
                    v0 = FFMIN(v0, v);
                    v1 = FFMAX(v1, v);
                }
            }
            *tile = (Equi2MultiExtent) { { u0, u1 }, { v0, v1 } };
        }
    }
}

static int load(AVFilterContext *ctx, Equi2MultiPositions *pos)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    const size_t size = (size_t)pos->w * pos->h * sizeof(*pos->u);
    const size_t tiles_size = nb_tiles(pos) * sizeof(Equi2MultiExtent);
    Equi2MultiExtent *tiles = av_malloc(tiles_size);
    CUcontext dummy;
    CUdeviceptr device;
    CUresult err;
    int ret;

    if (!tiles)
        return AVERROR(ENOMEM);
    ret = CHECK_CU(cu->cuCtxPushCurrent(s->hwctx->cuda_ctx));
    if (ret < 0) {
        av_free(tiles);
        return ret;
    }

    err = cu->cuMemAlloc(&device, 2 * size + tiles_size);
    if (err != CUDA_SUCCESS) {
        const char *reason = NULL;

        cu->cuGetErrorString(err, &reason);
        av_log(ctx, AV_LOG_ERROR, "No GPU memory for the %.1f MiB of a grid of %dx%d positions (%s): "
               "choose fewer or smaller views, or equi2multi\n",
               2 * size / 1048576., pos->w, pos->h, reason ? reason : "unknown error");
        ret = AVERROR(ENOMEM);
        goto exit;
    }
    pos->device = device;

    // from pageable memory: it has been read when these return
    ret = CHECK_CU(cu->cuMemcpyHtoDAsync(device, pos->u, size, s->hwctx->stream));
    if (ret >= 0)
        ret = CHECK_CU(cu->cuMemcpyHtoDAsync(device + size, pos->v, size, s->hwctx->stream));
    if (ret >= 0) {
        find_extents(pos, tiles);
        ret = CHECK_CU(cu->cuMemcpyHtoDAsync(device + 2 * size, tiles, tiles_size, s->hwctx->stream));
    }

exit:
    CHECK_CU(cu->cuCtxPopCurrent(&dummy));
    av_free(tiles);
    return ret;
}

static void unload(AVFilterContext *ctx, Equi2MultiPositions *pos)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    CUcontext dummy;

    if (CHECK_CU(cu->cuCtxPushCurrent(s->hwctx->cuda_ctx)) < 0)
        return;
    // waits for kernels that still read it
    CHECK_CU(cu->cuMemFree(pos->device));
    CHECK_CU(cu->cuCtxPopCurrent(&dummy));
    pos->device = 0;
}

/** Launch a kernel for grids of up to w x h positions, in blocks or in tiles. */
static int launch(AVFilterContext *ctx, CUfunction kernel, int tiled, void *params,
                  int w, int h, int nb_grids)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    void *args[] = { params };
    const int block_w   = tiled ? EQUI2MULTI_CUDA_TILE : EQUI2MULTI_CUDA_BLOCK_W;
    const int block_h   = tiled ? EQUI2MULTI_CUDA_TILE : EQUI2MULTI_CUDA_BLOCK_H;
    const int threads_y = tiled ? EQUI2MULTI_CUDA_TILE_THREADS_Y : EQUI2MULTI_CUDA_BLOCK_H;

    return CHECK_CU(cu->cuLaunchKernel(kernel, DIV_UP(w, block_w), DIV_UP(h, block_h), nb_grids,
                                       block_w, threads_y, 1, 0, s->hwctx->stream, args, NULL));
}

static const unsigned *positions_u(const Equi2MultiPositions *pos)
{
    return (const unsigned *)pos->device;
}

static const int *positions_v(const Equi2MultiPositions *pos)
{
    return (const int *)pos->device + (size_t)pos->w * pos->h;
}

/** Render plane k of all views that take it as it is: one launch, unless they are very many. */
static int sample_plane(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out, int k)
{
    const CUDAContext *s = ctx->priv;
    const Equi2MultiContext *e2m = &s->e2m;
    const int chroma = k == 1 || k == 2;
    const int round = equi2multi_rounding(e2m->interp != EQUI2MULTI_NEAREST);
    Equi2MultiCUDALaunch params;
    int w = 0, h = 0, nb_grids = 0, nb_views = 0, ret;

    params.src = ff_equi2multi_plane(e2m, in, k);
    for (int g = 0; g < e2m->nb_grids; g++) {
        const Equi2MultiPositions *pos = &e2m->grids[g].pos;
        Equi2MultiCUDAGrid *grid = NULL;

        for (int i = 0; i < e2m->nb_views; i++) {
            const Equi2MultiView *view = &e2m->views[i];

            if (!out[i] || view->grid[chroma] != g || view->target.method[k] != EQUI2MULTI_SAMPLED)
                continue;
            if (nb_views == EQUI2MULTI_CUDA_MAX_VIEWS ||
                (!grid && nb_grids == EQUI2MULTI_CUDA_MAX_GRIDS)) {
                ret = launch(ctx, s->kernel[k], s->tiled[k], &params, w, h, nb_grids);
                if (ret < 0)
                    return ret;
                w = h = nb_grids = nb_views = 0;
                grid = NULL;
            }
            if (!grid) {
                grid  = &params.grid[nb_grids++];
                *grid = (Equi2MultiCUDAGrid) {
                    .u     = positions_u(pos),
                    .v     = positions_v(pos),
                    .tile  = (const Equi2MultiExtent *)(positions_v(pos) + (size_t)pos->w * pos->h),
                    .w     = pos->w,
                    .h     = pos->h,
                    .first = nb_views,
                };
                w = FFMAX(w, pos->w);
                h = FFMAX(h, pos->h);
            }
            params.view[nb_views++] = (Equi2MultiCUDAView) {
                .data     = out[i]->data[k],
                .linesize = out[i]->linesize[k],
                .shift    = (view->shift[e2m->grids[g].chroma] + round) % params.src.wrap,
            };
            grid->end = nb_views;
        }
    }

    return nb_views ? launch(ctx, s->kernel[k], s->tiled[k], &params, w, h, nb_grids) : 0;
}

/** Convert all views whose target is that of the first one. */
static int convert(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out, int first)
{
    const CUDAContext *s = ctx->priv;
    const Equi2MultiContext *e2m = &s->e2m;
    const Equi2MultiTarget *t = &e2m->views[first].target;
    const int round = equi2multi_rounding(e2m->interp != EQUI2MULTI_NEAREST);
    const int nb_comps = t->method[1] ? 3 : 1;
    Equi2MultiCUDAConversion params = {
        .luma           = t->method[0] == EQUI2MULTI_CONVERTED,
        .chroma         = t->method[1] == EQUI2MULTI_CONVERTED,
        .chroma_in_luma = t->chroma_in_luma,
        .siting         = { { 1, 1 }, { 1, 1 } },
        .bytes          = t->comp[0].bytes,
        .low_bits       = t->comp[0].low_bits,
        .conversion     = t->conversion,
    };
    int w = 0, h = 0, nb_grids = 0, nb_views = 0, ret;

    if (params.chroma)
        memcpy(params.siting, t->siting, sizeof(params.siting));
    for (int k = 0; k < nb_comps; k++)
        params.step[k] = t->comp[k].step;
    for (int k = 0; k < (e2m->nb_planes > 1 ? nb_comps : 1); k++) {
        Equi2MultiCUDAComponent *src = &params.src[k];

        src->plane       = ff_equi2multi_plane(e2m, in, e2m->comp[k].plane);
        src->plane.data += e2m->comp[k].offset;
        src->step        = e2m->comp[k].step;
        src->bytes       = e2m->comp[k].bytes;
    }

    for (int g = 0; g < e2m->nb_grids; g++) {
        Equi2MultiCUDAConvertedGrid *grid = NULL;

        for (int i = first; i < e2m->nb_views; i++) {
            const Equi2MultiView *view = &e2m->views[i];
            Equi2MultiCUDAConvertedView *to;

            if (!out[i] || view->grid[0] != g || memcmp(&view->target, t, sizeof(*t)))
                continue;
            if (nb_views == EQUI2MULTI_CUDA_MAX_CONVERTED_VIEWS ||
                (!grid && nb_grids == EQUI2MULTI_CUDA_MAX_CONVERTED_GRIDS)) {
                ret = launch(ctx, s->convert, 0, &params, w, h, nb_grids);
                if (ret < 0)
                    return ret;
                w = h = nb_grids = nb_views = 0;
                grid = NULL;
            }
            if (!grid) {
                grid  = &params.grid[nb_grids++];
                *grid = (Equi2MultiCUDAConvertedGrid) { .first = nb_views };
                for (int k = 0; k < (params.chroma ? 2 : 1); k++) {
                    const Equi2MultiPositions *pos = &e2m->grids[view->grid[k]].pos;

                    grid->u[k] = positions_u(pos);
                    grid->v[k] = positions_v(pos);
                    grid->w[k] = pos->w;
                    grid->h[k] = pos->h;
                }
                w = FFMAX(w, grid->w[0]);
                h = FFMAX(h, grid->h[0]);
            }
            to = &params.view[nb_views++];
            for (int k = 0; k < nb_comps; k++) {
                to->data[k]     = out[i]->data[t->comp[k].plane] + t->comp[k].offset;
                to->linesize[k] = out[i]->linesize[t->comp[k].plane];
            }
            for (int k = 0; k < 2; k++)
                to->shift[k] = params.src[k].plane.data ?
                               (view->shift[k && e2m->plane[1].chroma] + round) % params.src[k].plane.wrap : 0;
            grid->end = nb_views;
        }
    }

    return nb_views ? launch(ctx, s->convert, 0, &params, w, h, nb_grids) : 0;
}

static int render_views(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out)
{
    const CUDAContext *s = ctx->priv;
    const Equi2MultiContext *e2m = &s->e2m;
    int ret = 0;

    for (int k = 0; ret >= 0 && k < e2m->nb_planes; k++)
        ret = sample_plane(ctx, in, out, k);

    for (int i = 0; i < e2m->nb_views; i++) {
        const Equi2MultiTarget *t = &e2m->views[i].target;
        int before = 0;

        while (before < i && memcmp(&e2m->views[before].target, t, sizeof(*t)))
            before++;
        if (ret >= 0 && before == i &&
            (t->method[0] == EQUI2MULTI_CONVERTED || t->method[1] == EQUI2MULTI_CONVERTED))
            ret = convert(ctx, in, out, i);
    }
    return ret;
}

static int render(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    CUcontext dummy;
    int ret;

    if (((AVHWFramesContext *)in->hw_frames_ctx->data)->device_ctx->hwctx != s->hwctx) {
        av_log(ctx, AV_LOG_ERROR, "The frame is of another CUDA device than the first one\n");
        return AVERROR(EINVAL);
    }

    ret = CHECK_CU(cu->cuCtxPushCurrent(s->hwctx->cuda_ctx));
    if (ret < 0)
        return ret;
    ret = render_views(ctx, in, out);
    CHECK_CU(cu->cuCtxPopCurrent(&dummy));
    return ret;
}

static int load_kernels(AVFilterContext *ctx)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    CUcontext dummy;
    char name[32];
    int ret = CHECK_CU(cu->cuCtxPushCurrent(s->hwctx->cuda_ctx));
    if (ret < 0)
        return ret;

    ret = ff_cuda_load_module(ctx, s->hwctx, &s->module, ff_vf_equi2multi_cuda_ptx_data,
                              ff_vf_equi2multi_cuda_ptx_len);
    if (ret < 0)
        av_log(ctx, AV_LOG_ERROR, "The driver cannot load the kernels: a GPU of 2018 (Turing) or "
               "later and a driver of its time or later are needed, or equi2multi\n");
    for (int k = 0; ret >= 0 && k < s->e2m.nb_planes; k++) {
        snprintf(name, sizeof(name), "equi2multi_%s_%dx%d",
                 s->e2m.interp == EQUI2MULTI_NEAREST ? "nearest" : "linear",
                 s->e2m.bytes, s->e2m.plane[k].samples);
        ret = CHECK_CU(cu->cuModuleGetFunction(&s->kernel[k], s->module, name));
        s->tiled[k] = s->e2m.interp == EQUI2MULTI_LINEAR &&
                      s->e2m.bytes * s->e2m.plane[k].samples <= EQUI2MULTI_CUDA_TILED_BYTES;
    }
    if (ret >= 0)
        ret = CHECK_CU(cu->cuModuleGetFunction(&s->convert, s->module, s->e2m.interp == EQUI2MULTI_NEAREST ?
                                               "equi2multi_nearest_convert" : "equi2multi_linear_convert"));

    CHECK_CU(cu->cuCtxPopCurrent(&dummy));
    return ret;
}

static int config_input(AVFilterLink *inlink)
{
    AVFilterContext *ctx = inlink->dst;
    CUDAContext *s = ctx->priv;
    FilterLink *l = ff_filter_link(inlink);
    const AVHWFramesContext *frames;
    const AVPixFmtDescriptor *desc;
    int ret;

    if (!l->hw_frames_ctx) {
        av_log(ctx, AV_LOG_ERROR, "The input has no CUDA frames context\n");
        return AVERROR(EINVAL);
    }
    frames = (AVHWFramesContext *)l->hw_frames_ctx->data;
    desc   = av_pix_fmt_desc_get(frames->sw_format);
    if (desc->flags & AV_PIX_FMT_FLAG_HWACCEL) {
        av_log(ctx, AV_LOG_ERROR, "CUDA frames of format %s are not supported\n", desc->name);
        return AVERROR(ENOSYS);
    }

    s->device_ref = av_buffer_ref(frames->device_ref);
    if (!s->device_ref)
        return AVERROR(ENOMEM);
    s->hwctx = frames->device_ctx->hwctx;

    if (s->e2m.out_format != AV_PIX_FMT_NONE && s->e2m.out_format != frames->sw_format &&
        !(ff_equi2multi_converts(s->e2m.out_format) && ff_equi2multi_converts(frames->sw_format))) {
        av_log(ctx, AV_LOG_ERROR, "format=%s is not possible for an input of %s: only YUV without alpha "
               "is converted, to the same\n", av_get_pix_fmt_name(s->e2m.out_format), desc->name);
        return AVERROR(EINVAL);
    }

    ret = ff_equi2multi_config_input(inlink, frames->sw_format);
    if (ret < 0)
        return ret;
    return load_kernels(ctx);
}

static int config_output(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    CUDAContext *s = ctx->priv;
    FilterLink *l = ff_filter_link(outlink);
    AVHWFramesContext *frames;
    int ret;

    av_buffer_unref(&l->hw_frames_ctx);
    l->hw_frames_ctx = av_hwframe_ctx_alloc(s->device_ref);
    if (!l->hw_frames_ctx)
        return AVERROR(ENOMEM);

    // the pool grows with what encoders hold: no size to choose
    frames            = (AVHWFramesContext *)l->hw_frames_ctx->data;
    frames->format    = AV_PIX_FMT_CUDA;
    frames->sw_format = s->e2m.out_format != AV_PIX_FMT_NONE ? s->e2m.out_format : s->e2m.format;
    frames->width     = outlink->w;
    frames->height    = outlink->h;

    ret = ff_filter_init_hw_frames(ctx, outlink, 0);
    if (ret < 0)
        return ret;
    ret = av_hwframe_ctx_init(l->hw_frames_ctx);
    if (ret == AVERROR(ENOSYS))
        av_log(ctx, AV_LOG_ERROR, "format=%s is not possible; nv12, yuv420p, yuv422p, yuv444p, p010le and others "
               "that CUDA frames can have are\n", av_get_pix_fmt_name(frames->sw_format));
    return ret;
}

/** CUDA frames alone. To others, which nothing can convert, say what to do. */
static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **cfg_in,
                         AVFilterFormatsConfig **cfg_out)
{
    static const enum AVPixelFormat pix_fmts[] = { AV_PIX_FMT_CUDA, AV_PIX_FMT_NONE };
    const AVFilterLink *link = ctx->inputs[0];

    // up through filters that take whatever they are given
    while (1) {
        const AVFilterFormats *formats = link->incfg.formats;
        int k = 0;

        if (!formats)
            return AVERROR(EAGAIN);
        while (k < formats->nb_formats && formats->formats[k] != AV_PIX_FMT_CUDA)
            k++;
        if (k == formats->nb_formats) {
            av_log((void *)ctx, AV_LOG_ERROR, "The input is %s frames, not CUDA frames: decode with "
                   "-hwaccel cuda -hwaccel_output_format cuda, put hwupload_cuda before this "
                   "filter, or use equi2multi\n", av_get_pix_fmt_name(formats->formats[0]));
            return AVERROR(EINVAL);
        }
        if (!link->src->nb_inputs || link->src->inputs[0]->outcfg.formats != formats)
            break;
        link = link->src->inputs[0];
    }

    return ff_equi2multi_query_formats(ctx, cfg_in, cfg_out, pix_fmts);
}

static const Equi2MultiBackend backend = {
    .config_output = config_output,
    .load          = load,
    .unload        = unload,
    .render        = render,
};

static av_cold int init(AVFilterContext *ctx)
{
    return ff_equi2multi_init(ctx, &backend);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    CUDAContext *s = ctx->priv;

    ff_equi2multi_uninit(ctx);
    if (s->module) {
        CudaFunctions *cu = s->hwctx->internal->cuda_dl;
        CUcontext dummy;

        if (CHECK_CU(cu->cuCtxPushCurrent(s->hwctx->cuda_ctx)) >= 0) {
            CHECK_CU(cu->cuModuleUnload(s->module));
            CHECK_CU(cu->cuCtxPopCurrent(&dummy));
        }
    }
    av_buffer_unref(&s->device_ref);
}

AVFILTER_DEFINE_CLASS_EXT(equi2multi_cuda, "equi2multi_cuda", ff_equi2multi_options);

static const AVFilterPad inputs[] = {
    {
        .name         = "default",
        .type         = AVMEDIA_TYPE_VIDEO,
        .config_props = config_input,
    },
};

const FFFilter ff_vf_equi2multi_cuda = {
    .p.name          = "equi2multi_cuda",
    .p.description   = NULL_IF_CONFIG_SMALL("Make pinhole views of an equirectangular panorama, CUDA."),
    .p.priv_class    = &equi2multi_cuda_class,
    .p.flags         = AVFILTER_FLAG_DYNAMIC_OUTPUTS | AVFILTER_FLAG_SLICE_THREADS,
    .priv_size       = sizeof(CUDAContext),
    .init            = init,
    .uninit          = uninit,
    .activate        = ff_equi2multi_activate,
    .process_command = ff_equi2multi_process_command,
    FILTER_INPUTS(inputs),
    FILTER_QUERY_FUNC2(query_formats),
    .flags_internal  = FF_FILTER_FLAG_HWFRAME_AWARE,
};
