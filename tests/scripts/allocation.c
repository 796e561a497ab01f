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
 * Let every single allocation made inside equi2multi's callbacks fail, at
 * whatever depth, once or from then on, until a run meets no failure. Linked
 * with --wrap for malloc(), realloc(), posix_memalign() and free().
 */

#include <stdio.h>
#include <stdlib.h>

#include "libavutil/frame.h"
#include "libavutil/log.h"
#include "libavutil/opt.h"
#include "libavutil/spherical.h"
#include "libavfilter/avfilter.h"
#include "libavfilter/buffersink.h"
#include "libavfilter/buffersrc.h"
#include "libavfilter/filters.h"

void *__real_malloc(size_t size);
void *__real_realloc(void *ptr, size_t size);
int   __real_posix_memalign(void **ptr, size_t align, size_t size);
void  __real_free(void *ptr);

static int inside;      ///< one of the filter's callbacks is running
static int countdown;   ///< allocations until the failing one
static int persistent;  ///< fail from there on
static int failures;
static long live;       ///< blocks allocated and not freed

static int fails(void)
{
    if (!inside)
        return 0;
    if (countdown > 0)
        countdown--;
    if (countdown || (failures && !persistent))
        return 0;
    failures++;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    void *ptr = fails() ? NULL : __real_malloc(size);
    live += !!ptr;
    return ptr;
}

void *__wrap_realloc(void *old, size_t size)
{
    void *ptr = fails() ? NULL : __real_realloc(old, size);
    live += ptr && !old;
    return ptr;
}

int __wrap_posix_memalign(void **ptr, size_t align, size_t size)
{
    int ret = fails() ? 12 : __real_posix_memalign(ptr, align, size);
    live += !ret;
    return ret;
}

void __wrap_free(void *ptr)
{
    live -= !!ptr;
    __real_free(ptr);
}

extern const FFFilter ff_vf_equi2multi;

#define INSIDE(callback)                        \
static int callback(AVFilterContext *ctx)       \
{                                               \
    int ret;                                    \
    inside = 1;                                 \
    ret = ff_vf_equi2multi.callback(ctx);       \
    inside = 0;                                 \
    return ret;                                 \
}

INSIDE(init)
INSIDE(activate)

/* A rig of three grids, frames of two sizes, a pose, turns of the rig. */
static int run(const FFFilter *filter)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterContext *src, *e2m, *sink[6] = { NULL };
    AVFrame *frame = av_frame_alloc(), *view = av_frame_alloc();
    int ret = -1;

    if (!graph || !frame || !view)
        goto end;
    graph->nb_threads = 1;
    ret = avfilter_graph_create_filter(&src, avfilter_get_by_name("buffer"), "in",
                                       "video_size=64x32:pix_fmt=yuv420p:time_base=1/25", NULL, graph);
    if (ret < 0)
        goto end;
    e2m = avfilter_graph_alloc_filter(graph, &filter->p, "e2m");
    if (!e2m)
        goto end;
    ret = avfilter_init_str(e2m, "rig='name=front|yaw=90|name=back yaw=180|pitch=90|pitch=-90 w=9|roll=9':w=16");
    if (ret < 0)
        goto end;
    ret = avfilter_link(src, 0, e2m, 0);
    for (int i = 0; ret >= 0 && i < 6; i++) {
        ret = avfilter_graph_create_filter(&sink[i], avfilter_get_by_name("buffersink"), NULL, NULL, NULL, graph);
        if (ret >= 0)
            ret = avfilter_link(e2m, i, sink[i], 0);
    }
    if (ret >= 0)
        ret = avfilter_graph_config(graph, NULL);

    for (int n = 0; ret >= 0 && n < 4; n++) {
        frame->format = AV_PIX_FMT_YUV420P;
        frame->width  = 64 << (n == 3);
        frame->height = 32 << (n == 3);
        frame->pts    = n;
        ret = av_frame_get_buffer(frame, 0);
        if (ret < 0)
            break;
        for (int k = 0; k < 3; k++)
            memset(frame->data[k], 0, frame->linesize[k] * (frame->height >> !!k));
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
    return ret;
}

int main(void)
{
    FFFilter filter = ff_vf_equi2multi;
    int bad = 0;

    filter.init     = init;
    filter.activate = activate;
    av_log_set_level(AV_LOG_QUIET);

    countdown = -1;
    run(&filter);   // whatever is allocated once and for all
    for (persistent = 0; persistent < 2; persistent++)
        for (int n = 1; ; n++) {
            const long before = live;
            int ret;

            countdown = n;
            failures  = 0;
            ret = run(&filter);
            if (live != before) {
                printf("allocation %d fails%s: %ld blocks leak\n", n, persistent ? " and all after it" : "", live - before);
                bad = 1;
            }
            if (!failures) {
                printf("%d allocations failed %s; then a run without failure returned %d\n",
                       n - 1, persistent ? "for good" : "once", ret);
                bad |= ret < 0 || n < 50;
                break;
            }
            if (persistent && ret >= 0) {
                printf("allocation %d and all after it fail, and nobody says so\n", n);
                bad = 1;
            }
        }

    return bad;
}
