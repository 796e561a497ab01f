/*
 * JPEG segments made from the properties of a frame
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

#include <string.h>

#include "libavutil/buffer.h"
#include "libavutil/dict.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"

#include "bytestream.h"
#include "exif.h"
#include "jpeg_markers.h"
#include "mjpeg.h"

#define ORIENTATION_TAG  0x112
#define SEGMENT_OVERHEAD 4          // marker and length
#define SEGMENT_MAX      (UINT16_MAX - 2)

// each with its terminating zero
static const char exif_id[] = "Exif\0";
static const char xmp_id[]  = "http://ns.adobe.com/xap/1.0/";
static const char icc_id[]  = "ICC_PROFILE";

#define EXIF_MAX       (SEGMENT_MAX - sizeof(exif_id))
#define XMP_MAX        (SEGMENT_MAX - sizeof(xmp_id))
#define ICC_CHUNK_MAX  (SEGMENT_MAX - sizeof(icc_id) - 2)
#define ICC_MAX_CHUNKS UINT8_MAX

static void put_segment(PutByteContext *pb, enum JpegMarker marker,
                        const char *id, size_t id_size,
                        const uint8_t *data, size_t size)
{
    bytestream2_put_be16(pb, 0xff00 | marker);
    bytestream2_put_be16(pb, 2 + id_size + size);
    bytestream2_put_buffer(pb, id, id_size);
    bytestream2_put_buffer(pb, data, size);
}

/** The size, or 0 if that is more than a segment takes. */
static size_t check(void *logctx, const char *what, size_t size, size_t max)
{
    if (size <= max)
        return size;
    av_log(logctx, AV_LOG_WARNING,
           "%s of %zu bytes is left out, JPEG takes at most %zu\n", what, size, max);
    return 0;
}

/** Make EXIF data of those that a frame has, if any, and an orientation. */
static int add_orientation(void *logctx, const AVFrameSideData *sd,
                           uint64_t orientation, AVBufferRef **exif)
{
    AVExifMetadata ifd = { 0 };
    int ret = 0;

    if (sd)
        ret = av_exif_parse_buffer(logctx, sd->data, sd->size, &ifd, AV_EXIF_TIFF_HEADER);
    if (ret >= 0)
        ret = av_exif_set_entry(logctx, &ifd, ORIENTATION_TAG, AV_TIFF_SHORT, 1,
                                NULL, 0, &orientation);
    if (ret >= 0) {
        // a new entry is the last one, but TIFF wants them in order
        for (int i = ifd.count - 1; i > 0 && ifd.entries[i - 1].id > ifd.entries[i].id; i--)
            FFSWAP(AVExifEntry, ifd.entries[i - 1], ifd.entries[i]);
        ret = av_exif_write(logctx, &ifd, exif, AV_EXIF_TIFF_HEADER);
    }
    av_exif_free(&ifd);

    return ret;
}

/**
 * Find the EXIF data of a frame. They are as they were unless the orientation,
 * which decoders turn into a matrix, has to go back in: rewritten owns them then.
 */
static int get_exif(void *logctx, const AVFrame *frame, AVBufferRef **rewritten,
                    const uint8_t **data, size_t *size)
{
    const AVFrameSideData *sd     = av_frame_get_side_data(frame, AV_FRAME_DATA_EXIF);
    const AVFrameSideData *matrix = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    const int orientation = matrix ? av_exif_matrix_to_orientation((const int32_t *)matrix->data) : 0;
    int ret;

    if (orientation > 1) {
        ret = add_orientation(logctx, sd, orientation, rewritten);
        if (ret == AVERROR(ENOMEM))
            return ret;
        if (ret < 0) {
            av_log(logctx, AV_LOG_WARNING, "EXIF is invalid and left out\n");
        } else {
            *data = (*rewritten)->data;
            *size = (*rewritten)->size;
        }
    } else if (sd) {
        *data = sd->data;
        *size = sd->size;
    }
    *size = check(logctx, "EXIF", *size, EXIF_MAX);

    return 0;
}

int ff_jpeg_markers(void *logctx, const AVFrame *frame,
                    uint8_t **buf, unsigned *buf_size)
{
    const AVFrameSideData   *icc     = av_frame_get_side_data(frame, AV_FRAME_DATA_ICC_PROFILE);
    const AVDictionaryEntry *xmp     = av_dict_get(frame->metadata, "xmp", NULL, 0);
    const AVDictionaryEntry *comment = av_dict_get(frame->metadata, "comment", NULL, 0);
    const size_t xmp_size     = xmp     ? check(logctx, "XMP", strlen(xmp->value), XMP_MAX) : 0;
    const size_t comment_size = comment ? check(logctx, "A comment", strlen(comment->value), SEGMENT_MAX) : 0;
    const size_t icc_size     = icc     ? icc->size : 0;
    const size_t icc_chunks   = (icc_size + ICC_CHUNK_MAX - 1) / ICC_CHUNK_MAX;
    const uint8_t *exif = NULL;
    AVBufferRef *rewritten = NULL;
    size_t exif_size = 0, size = 0;
    PutByteContext pb;
    int ret;

    if (icc_chunks > ICC_MAX_CHUNKS) {
        av_log(logctx, AV_LOG_ERROR, "An ICC profile of %zu bytes is too large, "
               "JPEG takes at most %zu\n", icc_size, ICC_MAX_CHUNKS * ICC_CHUNK_MAX);
        return AVERROR_INVALIDDATA;
    }

    ret = get_exif(logctx, frame, &rewritten, &exif, &exif_size);
    if (ret < 0)
        goto end;

    if (exif_size)
        size += SEGMENT_OVERHEAD + sizeof(exif_id) + exif_size;
    if (xmp_size)
        size += SEGMENT_OVERHEAD + sizeof(xmp_id) + xmp_size;
    size += icc_chunks * (SEGMENT_OVERHEAD + sizeof(icc_id) + 2) + icc_size;
    if (comment_size)
        size += SEGMENT_OVERHEAD + comment_size;
    ret = size;
    if (!size)
        goto end;

    av_fast_malloc(buf, buf_size, size);
    if (!*buf) {
        ret = AVERROR(ENOMEM);
        goto end;
    }
    bytestream2_init_writer(&pb, *buf, size);

    if (exif_size)
        put_segment(&pb, APP1, exif_id, sizeof(exif_id), exif, exif_size);
    if (xmp_size)
        put_segment(&pb, APP1, xmp_id, sizeof(xmp_id), xmp->value, xmp_size);
    for (size_t i = 0; i < icc_chunks; i++) {
        char id[sizeof(icc_id) + 2];

        memcpy(id, icc_id, sizeof(icc_id));
        id[sizeof(icc_id)]     = i + 1;
        id[sizeof(icc_id) + 1] = icc_chunks;
        put_segment(&pb, APP2, id, sizeof(id), icc->data + i * ICC_CHUNK_MAX,
                    FFMIN(icc_size - i * ICC_CHUNK_MAX, ICC_CHUNK_MAX));
    }
    if (comment_size)
        put_segment(&pb, COM, "", 0, comment->value, comment_size);

end:
    av_buffer_unref(&rewritten);
    return ret;
}
