/*
 * What JPEG encoders on libraries have in common
 *
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

#include "libavutil/pixdesc.h"
#include "avcodec.h"
#include "codec_internal.h"
#include "encode.h"
#include "jpegenc_common.h"

#define DEFAULT_QUALITY 95
#define MAX_DIMENSION   65500   // of libjpeg, and so of most readers

/* With codec ID MJPEG, only a constant quantizer gets frame threads. */
const FFCodecDefault ff_jpegenc_defaults[] = {
    { "b",              "0" },
    { "flags",          "+qscale" },
    { "global_quality", "-1" },
    { NULL },
};

av_cold int ff_jpegenc_init(AVCodecContext *avctx, enum AVPixelFormat pix_fmt, int quality)
{
    const int gray = pix_fmt == AV_PIX_FMT_GRAY8;

    if (avctx->global_quality != -1) {
        if (quality >= 0) {
            av_log(avctx, AV_LOG_ERROR, "-q:v and -quality mean the same, give one of them\n");
            return AVERROR(EINVAL);
        }
        quality = avctx->global_quality / FF_QP2LAMBDA;
    } else if (quality < 0) {
        quality = DEFAULT_QUALITY;
    }
    if (quality < 1 || quality > 100) {
        av_log(avctx, AV_LOG_ERROR, "Quality %d is not on libjpeg's scale of 1 to 100\n", quality);
        return AVERROR(EINVAL);
    }

    if (avctx->width > MAX_DIMENSION || avctx->height > MAX_DIMENSION) {
        av_log(avctx, AV_LOG_ERROR, "%dx%d is too large, readers of JPEG take at most %dx%d\n",
               avctx->width, avctx->height, MAX_DIMENSION, MAX_DIMENSION);
        return AVERROR(EINVAL);
    }

    // nothing in FFmpeg converts the range of gray, so that is no error
    if (avctx->color_range == AVCOL_RANGE_MPEG ||
        avctx->color_range != AVCOL_RANGE_JPEG && !gray) {
        av_log(avctx, gray ? AV_LOG_WARNING : AV_LOG_ERROR,
               "Color range is %s, but readers of JPEG take it for full (pc)\n",
               av_color_range_name(avctx->color_range));
        if (!gray)
            return AVERROR(EINVAL);
    }
    if (avctx->colorspace != AVCOL_SPC_UNSPECIFIED && !gray &&
        avctx->colorspace != AVCOL_SPC_BT470BG && avctx->colorspace != AVCOL_SPC_SMPTE170M)
        av_log(avctx, AV_LOG_WARNING,
               "Color space is %s, but readers of JPEG take it for BT.601 (bt470bg)\n",
               av_color_space_name(avctx->colorspace));

    return quality;
}

int ff_jpegenc_get_supported_config(const AVCodecContext *avctx, const AVCodec *codec,
                                    enum AVCodecConfig config, unsigned flags,
                                    const void **out, int *out_num)
{
    if (config == AV_CODEC_CONFIG_COLOR_SPACE) {
        static const enum AVColorSpace spaces[] = {
            AVCOL_SPC_BT470BG, AVCOL_SPC_SMPTE170M, AVCOL_SPC_UNSPECIFIED,
        };
        *out     = spaces;
        *out_num = FF_ARRAY_ELEMS(spaces) - 1;
        return 0;
    }

    return ff_default_get_supported_config(avctx, codec, config, flags, out, out_num);
}
