;*****************************************************************************
;* x86-optimized functions for equi2multi filter
;*
;* This file is part of FFmpeg.
;*
;* FFmpeg is free software; you can redistribute it and/or
;* modify it under the terms of the GNU Lesser General Public
;* License as published by the Free Software Foundation; either
;* version 2.1 of the License, or (at your option) any later version.
;*
;* FFmpeg is distributed in the hope that it will be useful,
;* but WITHOUT ANY WARRANTY; without even the implied warranty of
;* MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
;* Lesser General Public License for more details.
;*
;* You should have received a copy of the GNU Lesser General Public
;* License along with FFmpeg; if not, write to the Free Software
;* Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
;*****************************************************************************

%include "libavutil/x86/x86util.asm"

%if ARCH_X86_64 && HAVE_AVX2_EXTERNAL

SECTION_RODATA

; bytes of 0, 1, 2, 3 -> words: a sample and its neighbour; of pairs, the first or the second of both
pb_pair:   db 0, -1, 1, -1, 4, -1, 5, -1,  8, -1,  9, -1, 12, -1, 13, -1
pb_first:  db 0, -1, 2, -1, 4, -1, 6, -1,  8, -1, 10, -1, 12, -1, 14, -1
pb_second: db 1, -1, 3, -1, 5, -1, 7, -1,  9, -1, 11, -1, 13, -1, 15, -1
pw_2:      dw 2
pw_4:      dw 4
pd_128:    dd 128
pd_255:    dd 255
pd_256:    dd 256
pd_32768:  dd 32768

SECTION .text

%define SPAN 64

; top, bottom, the latter of which is lost -> what is between them, times 65536
%macro BLEND 2
    pmaddwd         %1, m3
    pmaddwd         %2, m3
    psubd           %2, %1
    pmulld          %2, m1
    pslld           %1, 8
    paddd           %1, %2
%endmacro

; void ff_equi2multi_linear_8[x2][_wide]_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
;                                             const uint32_t *u, const int32_t *v, int n, uint32_t shift)
;
; Eight pixels at a time. One gather fetches a sample and its right neighbour,
; the other one the two below; of single samples, the two spare bytes of each
; stay unused.
%macro LINEAR_8 3 ; suffix, samples of a pixel, whether it is wide
cglobal equi2multi_linear_8%1, 7, 8, 15, dst, src, linesize, u, v, n, shift, below
    movd           xm7, shiftd
    movd           xm8, linesized
    vpbroadcastd    m7, xm7
    vpbroadcastd    m8, xm8
    vpbroadcastd    m9, [pd_128]
    vpbroadcastd   m10, [pd_255]
    vpbroadcastd   m11, [pd_256]
%if %2 == 2
    vbroadcasti128 m12, [pb_second]
    vbroadcasti128 m13, [pb_first]
%else
    vpbroadcastd   m12, [pd_32768]
    vbroadcasti128 m13, [pb_pair]
%endif
    lea         belowq, [srcq + linesizeq]
    movsxd          nq, nd
    lea             uq, [uq + nq * 4]
    lea             vq, [vq + nq * 4]
    lea           dstq, [dstq + nq * (1 + %3)]
    neg             nq

.loop:
    paddd           m0, m7, [uq + nq * 4]
    paddd           m1, m9, [vq + nq * 4]
    psrld           m2, m0, 16              ; x
    psrad           m3, m1, 16              ; y
    pmulld          m3, m8
%if %2 == 2
    paddd           m2, m2
%endif
    paddd           m2, m3
    pcmpeqd         m6, m6
    pcmpeqd         m3, m3
    vpgatherdd      m4, [srcq + m2], m6
    vpgatherdd      m5, [belowq + m2], m3
    psrld           m0, 8
    psrld           m1, 8
    pand            m0, m10                 ; fx
    pand            m1, m10                 ; fy
    pslld           m3, m0, 16
    psubd           m0, m11, m0
    por             m3, m0                  ; 256 - fx, fx
%if %2 == 2
    pshufb          m2, m4, m12
    pshufb         m14, m5, m12
    BLEND           m2, m14
    psrld           m2, 10
    vextracti128   xm6, m2, 1
    packusdw       xm2, xm6
    movu [dstq + nq * 2 + SPAN * 2], xm2
%endif
    pshufb          m4, m13
    pshufb          m5, m13
    BLEND           m4, m5
%if %3
    psrld           m4, 10
    vextracti128   xm5, m4, 1
    packusdw       xm4, xm5
    movu [dstq + nq * 2], xm4
%else
    paddd           m4, m12
    psrld           m4, 16
    vextracti128   xm5, m4, 1
    packusdw       xm4, xm5
    packuswb       xm4, xm4
    movq   [dstq + nq], xm4
%endif
    add             nq, 8
    jl .loop
    RET
%endmacro

INIT_YMM avx2
LINEAR_8 , 1, 0
LINEAR_8 _wide, 1, 1
LINEAR_8 x2_wide, 2, 1

; m%1 * m5 + m%2 * m6 + 2 >> 2
%macro BETWEEN 2
    pmullw         m%1, m5
    pmullw         m%2, m6
    paddw          m%1, m7
    paddw          m%1, m%2
    psrlw          m%1, 2
%endmacro

; weights of what lies so many quarters past the first of two samples
%macro WEIGHTS 3 ; first, second, quarters
    movd          xm%2, %3
    vpbroadcastw   m%2, xm%2
    psubw          m%1, m4, m%2
%endmacro

; void ff_equi2multi_between_avx2(uint16_t *dst, const uint16_t *a, const uint16_t *b, int quarters)
cglobal equi2multi_between, 4, 5, 8, dst, a, b, quarters, i
    vpbroadcastw    m4, [pw_4]
    vpbroadcastw    m7, [pw_2]
    WEIGHTS          5, 6, quartersd
    xor             id, id
.loop:
    movu            m0, [aq + iq]
    movu            m1, [bq + iq]
    BETWEEN          0, 1
    movu     [dstq + iq], m0
    add             id, mmsize
    cmp             id, SPAN * 2
    jl .loop
    RET

; void ff_equi2multi_upsample_avx2(uint16_t *dst, const uint16_t *src, int past_before, int past)
cglobal equi2multi_upsample, 4, 5, 10, dst, src, before, past, i
    vpbroadcastw    m4, [pw_4]
    vpbroadcastw    m7, [pw_2]
    WEIGHTS          5, 6, befored
    WEIGHTS          8, 9, pastd
    xor             id, id
.loop:
    movu            m0, [srcq + iq - 2]
    movu            m1, [srcq + iq]
    movu            m2, [srcq + iq + 2]
    mova            m3, m1
    BETWEEN          0, 1                   ; even ones
    pmullw          m3, m8
    pmullw          m2, m9
    paddw           m3, m7
    paddw           m3, m2
    psrlw           m3, 2                   ; odd ones
    punpcklwd       m1, m0, m3
    punpckhwd       m0, m3
    vinserti128     m2, m1, xm0, 1
    vperm2i128      m1, m1, m0, 0x31
    movu  [dstq + iq * 2], m2
    movu  [dstq + iq * 2 + mmsize], m1
    add             id, mmsize
    cmp             id, SPAN
    jl .loop
    RET

; void ff_equi2multi_mix_8_avx2(uint8_t *dst, const uint16_t *y, const uint16_t *u, const uint16_t *v,
;                               const Equi2MultiMix *mix, int n)
cglobal equi2multi_mix_8, 6, 6, 9, dst, y, u, v, mix, n
    movd           xm6, [mixq]
    pinsrw         xm6, [mixq + 4], 1
    vpbroadcastd    m6, xm6                 ; coefficients of y, u
    vpbroadcastd    m7, [mixq + 8]          ; of v, and of the zero beside it
    vpbroadcastd    m8, [mixq + 12]
    pxor            m5, m5
    movsxd          nq, nd
    add           dstq, nq
    lea             yq, [yq + nq * 2]
    lea             uq, [uq + nq * 2]
    lea             vq, [vq + nq * 2]
    neg             nq

.loop:
    movu            m0, [yq + nq * 2]
    movu            m1, [uq + nq * 2]
    movu            m2, [vq + nq * 2]
    punpckhwd       m3, m0, m1
    punpcklwd       m0, m1
    punpckhwd       m4, m2, m5
    punpcklwd       m2, m5
    pmaddwd         m3, m6
    pmaddwd         m0, m6
    pmaddwd         m4, m7
    pmaddwd         m2, m7
    paddd           m3, m8
    paddd           m0, m8
    paddd           m3, m4
    paddd           m0, m2
    psrad           m3, 20
    psrad           m0, 20
    packssdw        m0, m3
    vextracti128   xm1, m0, 1
    packuswb       xm0, xm1
    movu   [dstq + nq], xm0
    add             nq, 16
    jl .loop
    RET

%endif
