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
 * Positions are computed where they are used, when the rig has turned. A frame
 * takes one launch a plane, with no allocation or synchronization.
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

#define MODULE(kind)                                                            \
extern const unsigned char ff_vf_equi2multi_cuda_ ## kind ## _ptx_data[];       \
extern const unsigned int ff_vf_equi2multi_cuda_ ## kind ## _ptx_len;
MODULE(store_8)
MODULE(store_16)
MODULE(convert_8)
MODULE(convert_16)

static_assert(sizeof(Equi2MultiCUDALaunch) <= 4096, "more than a launch can take");

/** Device memory for chroma that is to be kept, unless a single view takes more. */
#define CHROMA_SIZE (64 << 20)

/** What becomes of samples, see the kernels. */
enum Sink {
    STORE,
    CHROMA,
    LUMA,
    NB_SINKS
};

typedef struct CUDAContext {
    Equi2MultiContext e2m;
    AVBufferRef *device_ref;
    AVCUDADeviceContext *hwctx;     ///< of device_ref
    CUmodule module[2];             ///< to store samples, to convert them; loaded when needed
    CUfunction kernel[NB_SINKS][4]; ///< by the panorama's plane
    CUfunction build;
    CUdeviceptr chroma;             ///< see Equi2MultiCUDAView
    size_t chroma_size;             ///< bytes
} CUDAContext;

#define CHECK_CU(x) FF_CUDA_CHECK_DL(ctx, s->hwctx->internal->cuda_dl, x)
#define DIV_UP(a, b) (((a) + (b) - 1) / (b))

/** Get a kernel, its module being loaded on first use. */
static int get_kernel(AVFilterContext *ctx, CUfunction *kernel, int convert, const char *name)
{
#define IMAGE(kind) { ff_vf_equi2multi_cuda_ ## kind ## _ptx_data, &ff_vf_equi2multi_cuda_ ## kind ## _ptx_len }
    static const struct {
        const unsigned char *data;
        const unsigned int *len;
    } images[2][2] = { { IMAGE(store_8), IMAGE(store_16) }, { IMAGE(convert_8), IMAGE(convert_16) } };
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    const int deep = s->e2m.comp[0].bytes - 1;
    CUmodule *module = &s->module[convert];
    int ret;

    if (*kernel)
        return 0;
    if (!*module) {
        ret = ff_cuda_load_module(ctx, s->hwctx, module, images[convert][deep].data, *images[convert][deep].len);
        if (ret < 0) {
            av_log(ctx, AV_LOG_ERROR, "The driver cannot load the kernels: a GPU of 2018 (Turing) or "
                   "later and a driver of its time or later are needed, or equi2multi\n");
            return ret;
        }
    }
    return CHECK_CU(cu->cuModuleGetFunction(kernel, *module, name));
}

static int alloc(AVFilterContext *ctx, CUdeviceptr *device, size_t size, const char *what)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    const char *reason = NULL;
    const CUresult err = cu->cuMemAlloc(device, size);

    if (err == CUDA_SUCCESS)
        return 0;
    *device = 0;
    cu->cuGetErrorString(err, &reason);
    av_log(ctx, AV_LOG_ERROR, "No GPU memory for %.1f MiB of %s (%s): choose fewer or smaller views, "
           "or equi2multi\n", size / 1048576., what, reason ? reason : "unknown error");
    return AVERROR(ENOMEM);
}

/** Launch a kernel for grids of up to w x h positions: by tiles, of so many rows a thread, or by pixels. */
static int launch(AVFilterContext *ctx, CUfunction kernel, int rows, void *params,
                  int w, int h, int nb_grids)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    void *args[] = { params };
    const int block_w   = rows ? EQUI2MULTI_CUDA_TILE        : EQUI2MULTI_CUDA_BLOCK_W;
    const int block_h   = rows ? EQUI2MULTI_CUDA_TILE        : EQUI2MULTI_CUDA_BLOCK_H;
    const int threads_y = rows ? EQUI2MULTI_CUDA_TILE / rows : EQUI2MULTI_CUDA_BLOCK_H;

    return CHECK_CU(cu->cuLaunchKernel(kernel, DIV_UP(w, block_w), DIV_UP(h, block_h), nb_grids,
                                       block_w, threads_y, 1, 0, s->hwctx->stream, args, NULL));
}

static Equi2MultiCUDAGrid describe_positions(const Equi2MultiPositions *pos)
{
    return (Equi2MultiCUDAGrid) { .u = (unsigned *)pos->device, .w = pos->w, .h = pos->h };
}

static int build(AVFilterContext *ctx, Equi2MultiGrid *grid)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    Equi2MultiPositions *pos = &grid->pos;
    const size_t nb_tiles = (size_t)DIV_UP(pos->w, EQUI2MULTI_CUDA_TILE) * DIV_UP(pos->h, EQUI2MULTI_CUDA_TILE);
    const size_t size = (size_t)pos->w * pos->h * 2 * sizeof(unsigned);
    CUcontext dummy;
    int ret = CHECK_CU(cu->cuCtxPushCurrent(s->hwctx->cuda_ctx));
    if (ret < 0)
        return ret;

    if (!pos->size) {
        CUdeviceptr device;

        ret = alloc(ctx, &device, size + nb_tiles * sizeof(Equi2MultiExtent), "positions");
        if (ret >= 0) {
            pos->device = device;
            pos->size   = size;
        }
    }
    if (ret >= 0)   // from the module that will be needed anyway
        ret = get_kernel(ctx, &s->build, s->e2m.views[0].target.method[0] == EQUI2MULTI_CONVERTED, "equi2multi_build");
    if (ret >= 0) {
        Equi2MultiCUDABuild params = { .key = grid->key, .grid = describe_positions(pos) };

        ret = launch(ctx, s->build, EQUI2MULTI_CUDA_BUILT_ROWS, &params, pos->w, pos->h, 1);
    }

    CHECK_CU(cu->cuCtxPopCurrent(&dummy));
    return ret;
}

static void discard(AVFilterContext *ctx, Equi2MultiPositions *pos)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    CUcontext dummy;

    if (CHECK_CU(cu->cuCtxPushCurrent(s->hwctx->cuda_ctx)) < 0)
        return;
    // waits for kernels that still read it
    CHECK_CU(cu->cuMemFree(pos->device));
    CHECK_CU(cu->cuCtxPopCurrent(&dummy));
    pos->size = 0;
}

/** Views that take plane k of the panorama, and what for. */
typedef struct Pass {
    int k;
    enum Sink sink;
    const Equi2MultiTarget *target; ///< of views that are converted
    int first, end;                 ///< among these
    CUdeviceptr *chroma;            ///< of each view
} Pass;

static int takes_part(const Pass *pass, const Equi2MultiView *view)
{
    return pass->target ? !memcmp(pass->target, &view->target, sizeof(view->target)) :
                          view->target.method[pass->k] == EQUI2MULTI_SAMPLED;
}

static Equi2MultiCUDAView describe_view(const Pass *pass, const AVFrame *out, int i)
{
    Equi2MultiCUDAView view = { .chroma = pass->chroma ? (unsigned *)pass->chroma[i] : NULL };

    if (pass->sink == STORE) {
        view.data[0]     = out->data[pass->k];
        view.linesize[0] = out->linesize[pass->k];
    } else {
        for (int c = 0; c < (pass->sink == LUMA ? 1 : 2); c++) {
            const Equi2MultiComponent *comp = &pass->target->comp[pass->sink == LUMA ? 0 : 1 + c];

            view.data[c]     = out->data[comp->plane] + comp->offset;
            view.linesize[c] = out->linesize[comp->plane];
        }
    }
    return view;
}

/** One launch, unless they are very many. */
static int run_pass(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out, const Pass *pass)
{
    static const char *const sinks[] = { [STORE] = "store", [CHROMA] = "chroma", [LUMA] = "luma" };
    CUDAContext *s = ctx->priv;
    const Equi2MultiContext *e2m = &s->e2m;
    const Equi2MultiTarget *t = pass->target;
    const int k = pass->k, chroma = k == 1 || k == 2;
    const int samples = k < e2m->nb_planes ? e2m->plane[k].samples : 2, both = samples == 2;
    const int rows = !EQUI2MULTI_CUDA_IS_TILED(e2m->comp[0].bytes * samples) ? 0 :
                     t ? EQUI2MULTI_CUDA_CONVERTED_ROWS : EQUI2MULTI_CUDA_STORED_ROWS;
    CUfunction *kernel = &s->kernel[pass->sink][k];
    char name[32];
    const int rounding = equi2multi_rounding(e2m->interp != EQUI2MULTI_NEAREST);
    Equi2MultiCUDALaunch params;
    int w = 0, h = 0, nb_grids = 0, nb_views = 0, ret = 0;

    memset(&params, 0, offsetof(Equi2MultiCUDALaunch, grid));
    if (k < e2m->nb_planes) {
        params.src = ff_equi2multi_plane(e2m, in, k);
    } else {    // gray has no chroma
        params.src.turn    = 1 << 30;
        params.src.last[0] = params.src.last[1] = INT_MIN;
        params.src.first[1] = INT_MAX;
        params.src.depth   = 8;
        params.src.nothing = 128;
    }
    params.rounding = rounding;
    params.weights  = e2m->interp != EQUI2MULTI_NEAREST ? EQUI2MULTI_WEIGHT_ONE - 1 : 0;
    if (t) {
        params.first_chroma   = both ? e2m->comp[1].offset > e2m->comp[2].offset : k == 2;
        params.chroma_in_luma = t->chroma_in_luma;
        params.keep_chroma    = t->chroma_in_luma || !both;
        params.finish_chroma  = both || k == 2;
        params.bytes          = t->comp[0].bytes;
        params.step           = t->comp[pass->sink == CHROMA].step;
        params.low_bits       = t->comp[0].low_bits;
        params.conversion     = t->conversion;
        for (int i = 0; i < 2; i++)
            params.siting[i] = t->siting[i].step ? t->siting[i] : (Equi2MultiSiting) { 1, 1 };
    }

    for (int g = 0; g < e2m->nb_grids; g++) {
        Equi2MultiCUDAGrid *grid = NULL;

        for (int i = pass->first; i < pass->end; i++) {
            const Equi2MultiView *view = &e2m->views[i];

            if (!out[i] || view->grid[chroma] != g || !takes_part(pass, view))
                continue;
            if (!*kernel) {
                snprintf(name, sizeof(name), "equi2multi_%s_%dx%d", sinks[pass->sink], e2m->comp[0].bytes, samples);
                ret = get_kernel(ctx, kernel, pass->sink != STORE, name);
                if (ret < 0)
                    return ret;
            }
            if (nb_views == EQUI2MULTI_CUDA_MAX_VIEWS || (!grid && nb_grids == EQUI2MULTI_CUDA_MAX_GRIDS)) {
                ret = launch(ctx, *kernel, rows, &params, w, h, nb_grids);
                if (ret < 0)
                    return ret;
                w = h = nb_grids = nb_views = 0;
                grid = NULL;
            }
            if (!grid) {
                grid  = &params.grid[nb_grids++];
                *grid = describe_positions(&e2m->grids[g].pos);
                grid->first = nb_views;
                w = FFMAX(w, grid->w);
                h = FFMAX(h, grid->h);
            }
            params.view[nb_views] = describe_view(pass, out[i], i);
            params.view[nb_views].shift = (view->shift[chroma] + rounding) % params.src.turn;
            grid->end = ++nb_views;
        }
    }

    return nb_views ? launch(ctx, *kernel, rows, &params, w, h, nb_grids) : 0;
}

/** Convert all views whose target is that of the first one: as many at a time as chroma can be kept of. */
static int convert(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out, int first)
{
    CUDAContext *s = ctx->priv;
    CudaFunctions *cu = s->hwctx->internal->cuda_dl;
    const Equi2MultiContext *e2m = &s->e2m;
    const Equi2MultiTarget *t = &e2m->views[first].target;
    const int keep = t->method[1] == EQUI2MULTI_CONVERTED && (t->chroma_in_luma || e2m->nb_planes > 2);
    CUdeviceptr chroma[EQUI2MULTI_MAX_VIEWS] = { 0 };
    Pass pass = { .target = t, .first = first, .end = first, .chroma = chroma };
    int ret = 0;

    while (ret >= 0 && pass.first < e2m->nb_views) {
        size_t size = 0;

        for (; pass.end < e2m->nb_views; pass.end++) {
            const Equi2MultiView *view = &e2m->views[pass.end];

            if (keep && out[pass.end] && takes_part(&pass, view)) {
                const Equi2MultiPositions *pos = &e2m->grids[view->grid[1]].pos;
                const size_t more = (size_t)pos->w * pos->h * sizeof(unsigned);

                if (size && size + more > CHROMA_SIZE)
                    break;
                chroma[pass.end] = size;
                size += more;
            }
        }
        if (size > s->chroma_size) {
            if (s->chroma)
                CHECK_CU(cu->cuMemFree(s->chroma));
            s->chroma_size = 0;
            ret = alloc(ctx, &s->chroma, size, "chroma");
            if (ret >= 0)
                s->chroma_size = size;
        }
        for (int i = pass.first; i < pass.end; i++)
            chroma[i] += s->chroma;

        pass.sink = CHROMA;
        for (pass.k = 1; ret >= 0 && t->method[1] == EQUI2MULTI_CONVERTED &&
             pass.k <= (e2m->nb_planes > 2 ? 2 : 1); pass.k++)
            ret = run_pass(ctx, in, out, &pass);
        pass.sink = LUMA;
        pass.k    = 0;
        if (ret >= 0 && t->method[0] == EQUI2MULTI_CONVERTED)
            ret = run_pass(ctx, in, out, &pass);
        pass.first = pass.end;
    }
    return ret;
}

static int render_views(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out)
{
    const CUDAContext *s = ctx->priv;
    const Equi2MultiContext *e2m = &s->e2m;
    int ret = 0;

    for (int k = 0; ret >= 0 && k < e2m->nb_planes; k++)
        ret = run_pass(ctx, in, out, &(Pass) { .k = k, .sink = STORE, .end = e2m->nb_views });

    for (int i = 0; ret >= 0 && i < e2m->nb_views; i++) {
        const Equi2MultiTarget *t = &e2m->views[i].target;
        int before = 0;

        while (before < i && memcmp(&e2m->views[before].target, t, sizeof(*t)))
            before++;
        if (before == i && (t->method[0] == EQUI2MULTI_CONVERTED || t->method[1] == EQUI2MULTI_CONVERTED))
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

static int config_input(AVFilterLink *inlink)
{
    AVFilterContext *ctx = inlink->dst;
    CUDAContext *s = ctx->priv;
    FilterLink *l = ff_filter_link(inlink);
    const AVHWFramesContext *frames;
    const AVPixFmtDescriptor *desc;

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

    return ff_equi2multi_config_input(inlink, frames->sw_format);
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
    .build         = build,
    .discard       = discard,
    .render        = render,
};

static av_cold int init(AVFilterContext *ctx)
{
    if (((const CUDAContext *)ctx->priv)->e2m.show_owner) {
        av_log(ctx, AV_LOG_ERROR, "show=owner is for equi2multi alone, which takes any frames, such as those of nullsrc\n");
        return AVERROR(EINVAL);
    }
    return ff_equi2multi_init(ctx, &backend);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    CUDAContext *s = ctx->priv;

    ff_equi2multi_uninit(ctx);
    if (s->hwctx) {
        CudaFunctions *cu = s->hwctx->internal->cuda_dl;
        CUcontext dummy;

        if (CHECK_CU(cu->cuCtxPushCurrent(s->hwctx->cuda_ctx)) >= 0) {
            if (s->chroma)
                CHECK_CU(cu->cuMemFree(s->chroma));
            for (int i = 0; i < 2; i++)
                if (s->module[i])
                    CHECK_CU(cu->cuModuleUnload(s->module[i]));
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
