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
 * Let every single allocation made inside the callbacks of equi2multi and
 * equi2multi_cuda fail, at whatever depth; see failing_malloc.h. The argument,
 * if there is one, is the step from one failing allocation to the next.
 */

#include "config_components.h"

#include <stdio.h>
#include <stdlib.h>

#include "libavutil/frame.h"
#include "libavutil/hwcontext.h"
#include "libavutil/log.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"
#include "libavutil/spherical.h"
#include "libavfilter/avfilter.h"
#include "libavfilter/buffersink.h"
#include "libavfilter/buffersrc.h"
#include "libavfilter/filters.h"

#include "failing_malloc.h"

extern const FFFilter ff_vf_equi2multi;
extern const FFFilter ff_vf_equi2multi_cuda;

static const FFFilter *original;
static int (*original_config_output)(AVFilterLink *outlink);

#define INSIDE(callback, type, function)        \
static int callback(type *arg)                  \
{                                               \
    int ret;                                    \
    inside = 1;                                 \
    ret = function(arg);                        \
    inside = 0;                                 \
    return ret;                                 \
}

INSIDE(init,          AVFilterContext, original->init)
INSIDE(activate,      AVFilterContext, original->activate)
INSIDE(config_input,  AVFilterLink,    original->p.inputs[0].config_props)
INSIDE(config_output, AVFilterLink,    original_config_output)

static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **cfg_in,
                         AVFilterFormatsConfig **cfg_out)
{
    int ret;

    inside = 1;
    ret = original->formats.query_func2(ctx, cfg_in, cfg_out);
    inside = 0;
    return ret;
}

static AVBufferRef *hw_frames(AVBufferRef *device, int w, int h)
{
    AVBufferRef *ref = av_hwframe_ctx_alloc(device);
    AVHWFramesContext *frames;

    if (!ref)
        return NULL;
    frames            = (AVHWFramesContext *)ref->data;
    frames->format    = AV_PIX_FMT_CUDA;
    frames->sw_format = AV_PIX_FMT_YUV420P;
    frames->width     = w;
    frames->height    = h;
    if (av_hwframe_ctx_init(ref) < 0)
        av_buffer_unref(&ref);
    return ref;
}

/* A rig of three grids, frames of two sizes, a pose, turns of the rig; colours are converted. */
static int run(const FFFilter *filter, AVBufferRef *device, const char *options)
{
    AVBufferRef *hw[2] = { device ? hw_frames(device, 64, 32) : NULL, device ? hw_frames(device, 128, 64) : NULL };
    AVBufferSrcParameters *par = av_buffersrc_parameters_alloc();
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterContext *src, *e2m, *sink[6] = { NULL };
    AVFrame *frame = av_frame_alloc(), *view = av_frame_alloc();
    int ret = -1;

    if (!graph || !frame || !view || !par)
        goto end;
    graph->nb_threads = 1;
    src = avfilter_graph_alloc_filter(graph, avfilter_get_by_name("buffer"), "in");
    if (!src)
        goto end;
    par->format        = device ? AV_PIX_FMT_CUDA : AV_PIX_FMT_YUV420P;
    par->width         = 64;
    par->height        = 32;
    par->time_base     = (AVRational){ 1, 25 };
    par->hw_frames_ctx = hw[0];
    ret = av_buffersrc_parameters_set(src, par);
    if (ret >= 0)
        ret = avfilter_init_str(src, NULL);
    if (ret < 0)
        goto end;
    e2m = avfilter_graph_alloc_filter(graph, &filter->p, "e2m");
    if (!e2m)
        goto end;
    ret = avfilter_init_str(e2m, options);
    if (ret < 0)
        goto end;
    original_config_output = e2m->output_pads[0].config_props;
    for (int i = 0; i < 6; i++)
        e2m->output_pads[i].config_props = config_output;
    ret = avfilter_link(src, 0, e2m, 0);
    for (int i = 0; ret >= 0 && i < 6; i++) {
        ret = avfilter_graph_create_filter(&sink[i], avfilter_get_by_name("buffersink"), NULL, NULL, NULL, graph);
        if (ret >= 0)
            ret = avfilter_link(e2m, i, sink[i], 0);
    }
    if (ret >= 0)
        ret = avfilter_graph_config(graph, NULL);

    for (int n = 0; ret >= 0 && n < 4; n++) {
        if (device) {
            ret = av_hwframe_get_buffer(hw[n == 3], frame, 0);
        } else {
            frame->format = AV_PIX_FMT_YUV420P;
            frame->width  = 64 << (n == 3);
            frame->height = 32 << (n == 3);
            ret = av_frame_get_buffer(frame, 0);
            for (int k = 0; ret >= 0 && k < 3; k++)
                memset(frame->data[k], 0, frame->linesize[k] * (frame->height >> !!k));
        }
        if (ret < 0)
            break;
        frame->pts = n;
        av_dict_set(&frame->metadata, "key", "value", 0);
        if (n == 1) {
            AVFrameSideData *sd = av_frame_new_side_data(frame, AV_FRAME_DATA_SPHERICAL,
                                                         sizeof(AVSphericalMapping));
            if (sd)
                *(AVSphericalMapping *)sd->data = (AVSphericalMapping) {
                    .projection = AV_SPHERICAL_EQUIRECTANGULAR, .yaw = 10 << 16, .pitch = 20 << 16,
                };
        }
        if (n == 2)
            avfilter_graph_send_command(graph, "e2m", "pitch", "10", NULL, 0, 0);
        ret = av_buffersrc_add_frame(src, frame);
        for (int i = 0; ret >= 0 && i < 6; i++) {
            ret = av_buffersink_get_frame(sink[i], view);
            av_frame_unref(view);
        }
    }

end:
    av_frame_free(&view);
    av_frame_free(&frame);
    avfilter_graph_free(&graph);
    av_freep(&par);
    for (int i = 0; i < 2; i++)
        av_buffer_unref(&hw[i]);
    return ret;
}

typedef struct Filter {
    const FFFilter *filter;
    AVBufferRef *device;
    const char *options;
} Filter;

static int run_filter(void *arg)
{
    const Filter *f = arg;

    return run(f->filter, f->device, f->options);
}

#define RIG "rig='name=front|yaw=90|name=back yaw=180|pitch=90|pitch=-90 w=9|roll=9':w=16:"

static int test(const FFFilter *of, AVBufferRef *device, const char *options, int step)
{
    FFFilter filter = *of;
    AVFilterPad input = of->p.inputs[0];

    original           = of;
    filter.init        = init;
    filter.activate    = activate;
    filter.formats.query_func2 = query_formats;
    filter.p.inputs    = &input;
    input.config_props = config_input;

    return fail_each(of->p.name, 50, step, run_filter, &(Filter){ &filter, device, options });
}

int main(int argc, char **argv)
{
    static const char converted[] = RIG "out_range=full:out_color_matrix=bt709:format=yuv422p";
    static const char turning[]   = RIG "sphere=256x100+20+10:rotations='0 1 0 0 0\n1 1 1 1 1'";
    static const char owner[]     = RIG "show=owner";
    const int step = argc > 1 ? atoi(argv[1]) : 1;
    int bad;
#if CONFIG_EQUI2MULTI_CUDA_FILTER
    AVBufferRef *device = NULL;
#endif

    av_log_set_level(AV_LOG_QUIET);
    bad  = test(&ff_vf_equi2multi, NULL, converted, step);
    bad |= test(&ff_vf_equi2multi, NULL, turning, 7 * step);
    bad |= test(&ff_vf_equi2multi, NULL, owner,   7 * step);
#if CONFIG_EQUI2MULTI_CUDA_FILTER
    if (av_hwdevice_ctx_create(&device, AV_HWDEVICE_TYPE_CUDA, NULL, NULL, 0) >= 0)
        bad |= test(&ff_vf_equi2multi_cuda, device, converted, step) | test(&ff_vf_equi2multi_cuda, device, turning, 7 * step);
    else
        printf("SKIP: equi2multi_cuda: neither a GPU nor the stand-in\n");
    av_buffer_unref(&device);
#endif

    return bad;
}
