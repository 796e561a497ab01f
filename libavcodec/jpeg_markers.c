/*
 * JPEG segments made from the properties of a frame, and the other way round
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
#include "decode.h"
#include "exif.h"
#include "exif_internal.h"
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
    const size_t icc_size     = icc     ? check(logctx, "An ICC profile", icc->size, ICC_MAX_CHUNKS * ICC_CHUNK_MAX) : 0;
    const size_t icc_chunks   = (icc_size + ICC_CHUNK_MAX - 1) / ICC_CHUNK_MAX;
    const uint8_t *exif = NULL;
    AVBufferRef *rewritten = NULL;
    size_t exif_size = 0, size = 0;
    PutByteContext pb;
    int ret;

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

typedef struct ICCChunk {
    const uint8_t *data;
    int size;
} ICCChunk;

/** Does a segment begin with an ID? If so, go behind it. */
static int skip_id(GetByteContext *gb, const char *id, int id_size)
{
    if (bytestream2_get_bytes_left(gb) < id_size || memcmp(gb->buffer, id, id_size))
        return 0;
    bytestream2_skipu(gb, id_size);
    return 1;
}

static int attach_exif(AVCodecContext *avctx, AVFrame *frame, const GetByteContext *gb)
{
    AVBufferRef *buf = av_buffer_alloc(bytestream2_get_bytes_left(gb));
    int ret;

    if (!buf)
        return AVERROR(ENOMEM);
    memcpy(buf->data, gb->buffer, buf->size);
    ret = ff_decode_exif_attach_buffer(avctx, frame, &buf, AV_EXIF_TIFF_HEADER);
    if (ret < 0 && ret != AVERROR(ENOMEM)) {
        av_log(avctx, AV_LOG_WARNING, "EXIF is invalid and left out\n");
        ret = 0;
    }
    return ret;
}

static int attach_icc(AVCodecContext *avctx, AVFrame *frame, const ICCChunk *chunks, int nb_chunks)
{
    AVFrameSideData *sd;
    size_t size = 0;
    int ret;

    for (int i = 0; i < nb_chunks; i++) {
        if (!chunks[i].data) {
            av_log(avctx, AV_LOG_WARNING, "The ICC profile is incomplete and left out\n");
            return 0;
        }
        size += chunks[i].size;
    }
    if (!size)
        return 0;

    ret = ff_frame_new_side_data(avctx, frame, AV_FRAME_DATA_ICC_PROFILE, size, &sd);
    if (ret < 0 || !sd)
        return ret;
    for (int i = 0, offset = 0; i < nb_chunks; offset += chunks[i++].size)
        memcpy(sd->data + offset, chunks[i].data, chunks[i].size);

    return 0;
}

int ff_jpeg_read_markers(AVCodecContext *avctx, AVFrame *frame,
                         const uint8_t *buf, int size, int *rgb)
{
    ICCChunk chunks[ICC_MAX_CHUNKS] = { 0 };
    int nb_chunks = 0, has_exif = 0, components = 0, ids = 0, no_transform = 0, ret;
    GetByteContext gb;

    bytestream2_init(&gb, buf, size);
    if (bytestream2_get_be16(&gb) != (0xff00 | SOI))
        return AVERROR_INVALIDDATA;

    for (;;) {
        const int start = bytestream2_tell(&gb);
        GetByteContext seg;
        int marker, len;

        if (bytestream2_get_bytes_left(&gb) < SEGMENT_OVERHEAD ||
            bytestream2_get_byteu(&gb) != 0xff)
            return AVERROR_INVALIDDATA;
        marker = bytestream2_peek_byteu(&gb);
        if (marker == 0xff)                     // fill
            continue;
        bytestream2_skipu(&gb, 1);
        if (marker == SOS) {
            *rgb = components >= 3 && (no_transform || ids == MKBETAG(0, 'R', 'G', 'B'));
            ret = attach_icc(avctx, frame, chunks, nb_chunks);
            return ret < 0 ? ret : start;
        }
        len = bytestream2_get_be16u(&gb) - 2;
        if (len < 0 || len > bytestream2_get_bytes_left(&gb))
            return AVERROR_INVALIDDATA;
        bytestream2_init(&seg, gb.buffer, len);
        bytestream2_skipu(&gb, len);

        if (marker == APP0 && skip_id(&seg, "JFIF", 5)) {
            bytestream2_skip(&seg, 3);          // version, unit
            frame->sample_aspect_ratio.num = bytestream2_get_be16(&seg);
            frame->sample_aspect_ratio.den = bytestream2_get_be16(&seg);
            if (!frame->sample_aspect_ratio.num || !frame->sample_aspect_ratio.den)
                frame->sample_aspect_ratio = (AVRational) { 0, 1 };
        } else if (marker == APP1 && !has_exif && skip_id(&seg, exif_id, sizeof(exif_id))) {
            has_exif = 1;
            ret = attach_exif(avctx, frame, &seg);
            if (ret < 0)
                return ret;
        } else if (marker == APP2 && skip_id(&seg, icc_id, sizeof(icc_id))) {
            const int i = bytestream2_get_byte(&seg) - 1;

            nb_chunks = bytestream2_get_byte(&seg);
            if (i >= 0 && i < nb_chunks)
                chunks[i] = (ICCChunk) { seg.buffer, bytestream2_get_bytes_left(&seg) };
        } else if (marker == APP14 && skip_id(&seg, "Adobe", 5)) {
            bytestream2_skip(&seg, 6);          // version, flags
            no_transform = bytestream2_get_bytes_left(&seg) && !bytestream2_get_byteu(&seg);
        } else if (marker >= SOF0 && marker <= SOF15 &&
                   marker != DHT && marker != JPG && marker != DAC) {
            bytestream2_skip(&seg, 5);          // precision, size
            components = bytestream2_get_byte(&seg);
            for (int i = 0; i < FFMIN(components, 3); i++) {
                ids = ids << 8 | bytestream2_get_byte(&seg);
                bytestream2_skip(&seg, 2);
            }
        }
    }
}
