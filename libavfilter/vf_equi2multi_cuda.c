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
 * takes one launch a plane, with no allocation or synchronization.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

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

typedef struct CUDAContext {
    Equi2MultiContext e2m;
    AVBufferRef *device_ref;
    AVCUDADeviceContext *hwctx;     ///< of device_ref
    CUmodule module;
    CUfunction kernel[4];           ///< by plane
    int tiled[4];                   ///< by plane, see EQUI2MULTI_CUDA_TILED_BYTES
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

/** Render plane k of the views of some grids. */
static int launch(AVFilterContext *ctx, int k, Equi2MultiCUDALaunch *params, int nb_grids)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    void *args[] = { params };
    const int block_w   = s->tiled[k] ? EQUI2MULTI_CUDA_TILE : EQUI2MULTI_CUDA_BLOCK_W;
    const int block_h   = s->tiled[k] ? EQUI2MULTI_CUDA_TILE : EQUI2MULTI_CUDA_BLOCK_H;
    const int threads_y = s->tiled[k] ? EQUI2MULTI_CUDA_TILE_THREADS_Y : EQUI2MULTI_CUDA_BLOCK_H;
    int w = 0, h = 0;

    for (int g = 0; g < nb_grids; g++) {
        w = FFMAX(w, params->grid[g].w);
        h = FFMAX(h, params->grid[g].h);
    }
    return CHECK_CU(cu->cuLaunchKernel(s->kernel[k], DIV_UP(w, block_w), DIV_UP(h, block_h), nb_grids,
                                       block_w, threads_y, 1, 0, s->hwctx->stream, args, NULL));
}

/** Render plane k of all views, which takes one launch unless there are very many. */
static int render_plane(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out, int k)
{
    const CUDAContext *s = ctx->priv;
    const Equi2MultiContext *e2m = &s->e2m;
    const int chroma = e2m->plane[k].chroma;
    const int round = equi2multi_rounding(e2m->interp != EQUI2MULTI_NEAREST);
    Equi2MultiCUDALaunch params;
    int nb_grids = 0, nb_views = 0, ret;

    params.src = ff_equi2multi_plane(e2m, in, k);
    for (int g = 0; g < e2m->nb_grids; g++) {
        const Equi2MultiPositions *pos = &e2m->grids[g].plane[chroma];
        Equi2MultiCUDAGrid *grid = NULL;

        for (int i = 0; i < e2m->nb_views; i++) {
            const Equi2MultiView *view = &e2m->views[i];

            if (!out[i] || view->grid != g)
                continue;
            if (nb_views == EQUI2MULTI_CUDA_MAX_VIEWS ||
                (!grid && nb_grids == EQUI2MULTI_CUDA_MAX_GRIDS)) {
                ret = launch(ctx, k, &params, nb_grids);
                if (ret < 0)
                    return ret;
                nb_grids = nb_views = 0;
                grid = NULL;
            }
            if (!grid) {
                grid  = &params.grid[nb_grids++];
                *grid = (Equi2MultiCUDAGrid) {
                    .u     = (const unsigned *)pos->device,
                    .v     = (const int *)pos->device + (size_t)pos->w * pos->h,
                    .tile  = (const Equi2MultiExtent *)
                             ((const int *)pos->device + 2 * (size_t)pos->w * pos->h),
                    .w     = pos->w,
                    .h     = pos->h,
                    .first = nb_views,
                };
            }
            params.view[nb_views++] = (Equi2MultiCUDAView) {
                .data     = out[i]->data[k],
                .linesize = out[i]->linesize[k],
                .shift    = (view->shift[chroma] + round) % params.src.wrap,
            };
            grid->end = nb_views;
        }
    }

    return nb_views ? launch(ctx, k, &params, nb_grids) : 0;
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
    for (int k = 0; ret >= 0 && k < s->e2m.nb_planes; k++)
        ret = render_plane(ctx, in, out, k);
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
    frames->sw_format = s->e2m.format;
    frames->width     = outlink->w;
    frames->height    = outlink->h;

    ret = ff_filter_init_hw_frames(ctx, outlink, 0);
    if (ret < 0)
        return ret;
    return av_hwframe_ctx_init(l->hw_frames_ctx);
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

    return ff_set_common_formats_from_list2(ctx, cfg_in, cfg_out, pix_fmts);
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

#define OFFSET(x) offsetof(CUDAContext, e2m.x)
static const AVOption equi2multi_cuda_options[] = {
    EQUI2MULTI_OPTIONS(OFFSET)
};

AVFILTER_DEFINE_CLASS(equi2multi_cuda);

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
