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
 * Colours of equi2multi: what views carry, by negotiation, and how that is made
 * of what the panorama has.
 */

#include <string.h>

#include "libavutil/attributes.h"
#include "libavutil/csp.h"
#include "libavutil/hwcontext.h"
#include "libavutil/macros.h"
#include "libavutil/pixdesc.h"
#include "avfilter.h"
#include "equi2multi.h"
#include "filters.h"
#include "formats.h"
#include "video.h"

/** The format of samples, which frames of a device name elsewhere. */
enum AVPixelFormat ff_equi2multi_samples_format(int format, const AVBufferRef *hw_frames_ctx)
{
    return hw_frames_ctx ? ((const AVHWFramesContext *)hw_frames_ctx->data)->sw_format : format;
}

/** Convertible matrices; BT.470BG, what JPEG means, before its twin. */
static const enum AVColorSpace matrices[] = {
    AVCOL_SPC_BT470BG, AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT709, AVCOL_SPC_BT2020_NCL,
    AVCOL_SPC_FCC, AVCOL_SPC_SMPTE240M,
};

static int is_convertible(enum AVColorSpace space)
{
    for (int i = 0; i < FF_ARRAY_ELEMS(matrices); i++)
        if (matrices[i] == space)
            return 1;
    return 0;
}

static int is_bt601(enum AVColorSpace space)
{
    return space == AVCOL_SPC_BT470BG || space == AVCOL_SPC_SMPTE170M;
}

av_cold int ff_equi2multi_check_colours(AVFilterContext *ctx)
{
    const Equi2MultiContext *s = ctx->priv;

    if (s->out_color_matrix != AVCOL_SPC_UNSPECIFIED && !is_convertible(s->out_color_matrix)) {
        av_log(ctx, AV_LOG_ERROR, "out_color_matrix=%s is not possible; bt601, bt709, bt2020, fcc and smpte240m are\n",
               av_color_space_name(s->out_color_matrix));
        return AVERROR(EINVAL);
    }
    return 0;
}

int ff_equi2multi_converts(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);

    return desc && !(desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_HWACCEL));
}

/** A list of those of some formats that can be converted, yuvj last, after an own one. */
static AVFilterFormats *convertible_formats(const enum AVPixelFormat *pix_fmts, enum AVPixelFormat own,
                                            enum AVColorRange range)
{
    AVFilterFormats *list = NULL;

    if (own != AV_PIX_FMT_NONE && !(ff_fmt_is_forced_full_range(own) && range == AVCOL_RANGE_MPEG) &&
        ff_add_format(&list, own) < 0)
        return NULL;
    for (int yuvj = 0; yuvj < (range == AVCOL_RANGE_MPEG ? 1 : 2); yuvj++)
        for (int i = 0; pix_fmts[i] != AV_PIX_FMT_NONE; i++)
            if (pix_fmts[i] != own && ff_equi2multi_converts(pix_fmts[i]) &&
                ff_fmt_is_forced_full_range(pix_fmts[i]) == yuvj && ff_add_format(&list, pix_fmts[i]) < 0)
                return NULL;
    return list;
}

/** A list of one value, or if that is the first one, which leaves all open, of some. */
static AVFilterFormats *list_of(int value, const int *values, int nb_values)
{
    AVFilterFormats *list = NULL;

    if (value != values[0])
        return ff_make_formats_list_singleton(value);
    for (int i = 0; i < nb_values; i++)
        if (ff_add_format(&list, values[i]) < 0)
            return NULL;
    return list;
}

/** What the outputs offer once the input is known. */
static int offer_formats(const AVFilterContext *ctx, const AVFilterFormatsConfig *in,
                         AVFilterFormatsConfig *out, const enum AVPixelFormat *pix_fmts)
{
    const Equi2MultiContext *s = ctx->priv;
    const int ranges[] = { AVCOL_RANGE_UNSPECIFIED, AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG };
    int spaces[1 + FF_ARRAY_ELEMS(matrices)] = { AVCOL_SPC_UNSPECIFIED };
    const int format   = in->formats->nb_formats == 1 ? in->formats->formats[0] : AV_PIX_FMT_NONE;
    const int hardware = pix_fmts[0] == AV_PIX_FMT_CUDA;
    int known = 0, rgb = 0, ret;

    if (s->show_owner) {
        if ((ret = ff_formats_ref(ff_make_formats_list_singleton(AV_PIX_FMT_GRAY8),  &out->formats))      < 0 ||
            (ret = ff_formats_ref(ff_make_formats_list_singleton(AVCOL_RANGE_JPEG),  &out->color_ranges)) < 0 ||
            (ret = ff_formats_ref(ff_all_color_spaces(),                             &out->color_spaces)) < 0)
            return ret;
        return ff_formats_ref(ff_all_alpha_modes(), &out->alpha_modes);
    }

    for (int i = 0; i < FF_ARRAY_ELEMS(matrices); i++)
        spaces[1 + i] = matrices[i];
    for (int i = 0; i < in->color_spaces->nb_formats; i++)
        known |= in->color_spaces->formats[i] == AVCOL_SPC_UNSPECIFIED ||
                 is_convertible(in->color_spaces->formats[i]);
    if (format != AV_PIX_FMT_NONE)
        rgb = !!(av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_RGB);

    if (!known && !rgb && (s->out_color_matrix != AVCOL_SPC_UNSPECIFIED || s->out_range != AVCOL_RANGE_UNSPECIFIED ||
                           s->out_format != AV_PIX_FMT_NONE)) {
        av_log((void *)ctx, AV_LOG_ERROR, "The input's matrix is %s, which cannot be converted: format, out_range "
               "and out_color_matrix are not possible\n", av_color_space_name(in->color_spaces->formats[0]));
        return AVERROR(ENOSYS);
    }
    if (!known || rgb) {
        ret = ff_formats_ref(in->color_spaces, &out->color_spaces);
        if (ret >= 0)
            ret = ff_formats_ref(in->color_ranges, &out->color_ranges);
        if (ret >= 0)
            ret = ff_formats_ref(in->formats, &out->formats);
    } else {
        // where what follows takes it, libavfilter picks the input's own; of an input that does
        // not say, the first
        ret = ff_formats_ref(list_of(s->out_color_matrix, spaces, FF_ARRAY_ELEMS(spaces)), &out->color_spaces);
        if (ret >= 0)
            ret = ff_formats_ref(list_of(s->out_range, ranges, FF_ARRAY_ELEMS(ranges)), &out->color_ranges);
        if (ret < 0)
            return ret;
        if (s->out_format != AV_PIX_FMT_NONE && !hardware)
            ret = ff_formats_ref(ff_make_formats_list_singleton(s->out_format), &out->formats);
        else if (ff_equi2multi_converts(format))
            ret = ff_formats_ref(convertible_formats(pix_fmts, format, s->out_range), &out->formats);
        else
            ret = ff_formats_ref(in->formats, &out->formats);
    }
    return ret >= 0 ? ff_formats_ref(in->alpha_modes, &out->alpha_modes) : ret;
}

int ff_equi2multi_query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **cfg_in,
                                AVFilterFormatsConfig **cfg_out,
                                const enum AVPixelFormat *pix_fmts)
{
    const Equi2MultiContext *s = ctx->priv;
    const AVFilterFormatsConfig *before = &ctx->inputs[0]->incfg;
    AVFilterFormatsConfig *in = cfg_in[0];
    int ret;

    // first the input alone, which libavfilter then merges with what comes before
    if (!in->formats) {
        const int hardware = pix_fmts[0] == AV_PIX_FMT_CUDA;
        AVFilterFormats *formats = hardware || s->out_format == AV_PIX_FMT_NONE ? ff_make_pixel_format_list(pix_fmts) :
                                   ff_equi2multi_converts(s->out_format) ?
                                   convertible_formats(pix_fmts, AV_PIX_FMT_NONE, AVCOL_RANGE_UNSPECIFIED) :
                                   ff_make_formats_list_singleton(s->out_format);

        if ((ret = ff_formats_ref(formats,               &in->formats))      < 0 ||
            (ret = ff_formats_ref(ff_all_color_spaces(), &in->color_spaces)) < 0 ||
            (ret = ff_formats_ref(ff_all_color_ranges(), &in->color_ranges)) < 0 ||
            (ret = ff_formats_ref(ff_all_alpha_modes(),  &in->alpha_modes))  < 0)
            return ret;
        return AVERROR(EAGAIN);
    }
    if (before->formats != in->formats || before->color_spaces != in->color_spaces ||
        before->color_ranges != in->color_ranges)
        return AVERROR(EAGAIN);

    for (int i = 0; i < ctx->nb_outputs; i++) {
        ret = offer_formats(ctx, in, cfg_out[i], pix_fmts);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/** How the chroma of a format lies. */
Equi2MultiRaster ff_equi2multi_chroma_raster(enum AVPixelFormat format, enum AVChromaLocation location)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    int x = 0, y = 0;

    av_chroma_location_enum_to_pos(&x, &y, location != AVCHROMA_LOC_UNSPECIFIED ?
                                           location : AVCHROMA_LOC_LEFT);
    return (Equi2MultiRaster) {
        { 1 << desc->log2_chroma_w, 1 << desc->log2_chroma_h },
        { desc->log2_chroma_w ? .5 + x / 256. : .5, desc->log2_chroma_h ? .5 + y / 256. : .5 },
    };
}

Equi2MultiComponent ff_equi2multi_component(const AVPixFmtDescriptor *desc, int i)
{
    const AVComponentDescriptor *comp = &desc->comp[i];
    const int bytes = (comp->depth + comp->shift + 7) / 8;

    return (Equi2MultiComponent) {
        .plane    = comp->plane,
        .offset   = comp->offset,
        .step     = comp->step / bytes,
        .bytes    = bytes,
        .low_bits = comp->shift,
        .depth    = comp->depth,
    };
}

/** The conversion from one matrix, range and depth to another. */
static void set_conversion(Equi2MultiConversion *conversion,
                           enum AVColorSpace from, int from_full, int from_depth,
                           enum AVColorSpace to,   int to_full,   int to_depth)
{
    const AVLumaCoefficients *a = av_csp_luma_coeffs_from_avcsp(from);
    const AVLumaCoefficients *b = av_csp_luma_coeffs_from_avcsp(to);
    // black, and what luma and chroma span, in 14 bits
    const int one = 1 << EQUI2MULTI_WIDE_BITS;
    const double full_from = one - one / (double)(1 << from_depth);
    const double full_to   = one - one / (double)(1 << to_depth);
    const double luma_from   = from_full ? full_from : one / 256 * 219;
    const double luma_to     = to_full   ? full_to   : one / 256 * 219;
    const double chroma_from = from_full ? full_from : one / 256 * 224;
    const double chroma_to   = to_full   ? full_to   : one / 256 * 224;
    const int black_from = from_full ? 0 : one / 256 * 16;
    const int black_to   = to_full   ? 0 : one / 256 * 16;
    const int rounding   = 1 << (EQUI2MULTI_WIDE_BITS + EQUI2MULTI_MIX_BITS - to_depth - 1);
    double c[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };

    if (from != to && a && b) {
        const double kr = av_q2d(a->cr), kb = av_q2d(a->cb), kg = 1 - kr - kb;
        const double lr = av_q2d(b->cr), lb = av_q2d(b->cb), lg = 1 - lr - lb;
        // B - Y = ub U, R - Y = vr V, from which G - Y follows
        const double ub = 2 * (1 - kb), vr = 2 * (1 - kr);

        c[0][1] = lb * ub - lg * kb * ub / kg;
        c[0][2] = lr * vr - lg * kr * vr / kg;
        c[1][1] = (ub - c[0][1]) / (2 * (1 - lb));
        c[1][2] =     - c[0][2]  / (2 * (1 - lb));
        c[2][1] =     - c[0][1]  / (2 * (1 - lr));
        c[2][2] = (vr - c[0][2]) / (2 * (1 - lr));
    }

    conversion->depth = to_depth;
    for (int i = 0; i < 3; i++) {
        Equi2MultiMix *mix = &conversion->mix[i];

        for (int j = 0; j < 3; j++) {
            const double x = c[i][j] * (i ? chroma_to : luma_to) / (j ? chroma_from : luma_from) *
                             (1 << EQUI2MULTI_MIX_BITS);

            mix->c[j] = (int)(x + (x < 0 ? -.5 : .5));
        }
        // so that gray stays gray, and black black, whatever the rounding of coefficients
        mix->k = (i ? one / 2 : black_to) * (1 << EQUI2MULTI_MIX_BITS) + rounding -
                 mix->c[0] * black_from - (mix->c[1] + mix->c[2]) * (one / 2);
    }
}

/** The matrix of a panorama: of one that does not say, what players take. */
static enum AVColorSpace pano_matrix(AVFilterContext *ctx, const Equi2MultiPano *pano)
{
    Equi2MultiContext *s = ctx->priv;
    const int hd = pano->w >= 1280 || pano->h > 576;

    if (pano->colorspace != AVCOL_SPC_UNSPECIFIED)
        return pano->colorspace;
    if (!s->matrix_told) {
        av_log(ctx, AV_LOG_INFO, "The input does not say what its matrix is; %s is assumed for %dx%d, "
               "setparams=colorspace says otherwise\n", hd ? "BT.709" : "BT.601", pano->w, pano->h);
        s->matrix_told = 1;
    }
    return hd ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

/** Work out what the frames of a view carry, and how that is made. */
int ff_equi2multi_set_target(AVFilterContext *ctx, int i, const Equi2MultiPano *pano)
{
    Equi2MultiContext *s = ctx->priv;
    AVFilterLink *outlink = ctx->outputs[i];
    const enum AVPixelFormat format = ff_equi2multi_samples_format(outlink->format, ff_filter_link(outlink)->hw_frames_ctx);
    const AVPixFmtDescriptor *in_desc = av_pix_fmt_desc_get(s->format), *desc = av_pix_fmt_desc_get(format);
    const int chroma = desc->nb_components > 2, in_chroma = in_desc->nb_components > 2;
    Equi2MultiTarget *t = &s->views[i].target;
    enum AVColorSpace from, to;
    int full, to_full, converted;

    memset(t, 0, sizeof(*t));
    t->format          = format;
    if (s->show_owner) {
        t->color_range = AVCOL_RANGE_JPEG;
        t->colorspace  = AVCOL_SPC_UNSPECIFIED;
        return 0;
    }
    t->color_range     = pano->color_range;
    t->colorspace      = pano->colorspace;
    t->chroma_location = pano->chroma_location;
    for (int k = 0; k < s->nb_planes; k++)
        t->method[k] = EQUI2MULTI_SAMPLED;
    if (format == s->format && ((desc->flags & AV_PIX_FMT_FLAG_RGB) || !chroma))
        return 0;

    if (ff_fmt_is_forced_full_range(format) || !chroma)
        t->color_range = chroma || in_chroma ? AVCOL_RANGE_JPEG : pano->color_range;
    else if (outlink->color_range != AVCOL_RANGE_UNSPECIFIED)
        t->color_range = outlink->color_range;
    if (s->out_range != AVCOL_RANGE_UNSPECIFIED && s->out_range != t->color_range) {
        av_log(ctx, AV_LOG_ERROR, "out_range=limited is not possible for views of %s, which are full range\n",
               av_get_pix_fmt_name(format));
        return AVERROR(EINVAL);
    }
    full    = pano->color_range == AVCOL_RANGE_JPEG;
    to_full = t->color_range    == AVCOL_RANGE_JPEG;

    if (chroma && outlink->colorspace != AVCOL_SPC_UNSPECIFIED)
        t->colorspace = outlink->colorspace;
    from = to = t->colorspace;
    if (chroma && in_chroma && t->colorspace != pano->colorspace) {
        from = pano_matrix(ctx, pano);
        if (from != to && !(is_convertible(from) && is_convertible(to))) {
            av_log(ctx, AV_LOG_ERROR, "The input's matrix is %s, which cannot be converted to %s\n",
                   av_color_space_name(from), av_color_space_name(to));
            return AVERROR(ENOSYS);
        }
        if (is_bt601(from) && is_bt601(to))
            from = to;
    }
    converted = full != to_full || from != to;
    // where readers of JPEG expect it
    if (converted && to_full && is_bt601(t->colorspace) && (desc->log2_chroma_w || desc->log2_chroma_h))
        t->chroma_location = AVCHROMA_LOC_CENTER;

    for (int k = 0; k < (chroma ? 3 : 1); k++)
        t->comp[k] = ff_equi2multi_component(desc, k);
    converted |= to_full && s->comp[0].depth != t->comp[0].depth;
    t->chroma_in_luma = from != to;
    if (chroma) {
        const Equi2MultiRaster raster = ff_equi2multi_chroma_raster(format, t->chroma_location);

        for (int k = 0; k < 2; k++)
            t->siting[k] = (Equi2MultiSiting) { raster.step[k], 2 * raster.offset[k] };
    }
    t->method[0] = converted || memcmp(&t->comp[0], &s->comp[0], sizeof(t->comp[0])) ?
                   EQUI2MULTI_CONVERTED : EQUI2MULTI_SAMPLED;
    t->method[1] = !chroma ? EQUI2MULTI_ABSENT :
                   converted || memcmp(&t->comp[1], &s->comp[1], 2 * sizeof(t->comp[1])) ?
                   EQUI2MULTI_CONVERTED : EQUI2MULTI_SAMPLED;
    t->method[2] = t->method[1] == EQUI2MULTI_SAMPLED && s->nb_planes > 2 ?
                   EQUI2MULTI_SAMPLED : EQUI2MULTI_ABSENT;
    set_conversion(&t->conversion, from, full, s->comp[0].depth, to, to_full, t->comp[0].depth);

    if (!s->hdr_warned && (pano->color_trc == AVCOL_TRC_SMPTE2084 || pano->color_trc == AVCOL_TRC_ARIB_STD_B67) &&
        (from != to || (t->comp[0].depth == 8 && s->comp[0].depth > 8))) {
        av_log(ctx, AV_LOG_WARNING, "The input is HDR (%s) and no tone mapping is done: "
               "views will look dull, unless they are tone mapped before or after this filter\n",
               av_color_transfer_name(pano->color_trc));
        s->hdr_warned = 1;
    }
    return 0;
}
