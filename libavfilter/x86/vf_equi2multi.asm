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

pb_pair:  db 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1
pd_128:   dd 128
pd_255:   dd 255
pd_256:   dd 256
pd_32768: dd 32768

SECTION .text

; void ff_equi2multi_linear_8_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
;                                  const uint32_t *u, const int32_t *v, int n, uint32_t shift)
;
; Eight pixels at a time. One gather fetches a sample and its right neighbour,
; the other one the two below; the two spare bytes of each stay unused.
INIT_YMM avx2
cglobal equi2multi_linear_8, 7, 8, 14, dst, src, linesize, u, v, n, shift, below
    movd           xm7, shiftd
    movd           xm8, linesized
    vpbroadcastd    m7, xm7
    vpbroadcastd    m8, xm8
    vpbroadcastd    m9, [pd_128]
    vpbroadcastd   m10, [pd_255]
    vpbroadcastd   m11, [pd_256]
    vpbroadcastd   m12, [pd_32768]
    vbroadcasti128 m13, [pb_pair]
    lea         belowq, [srcq + linesizeq]
    movsxd          nq, nd
    lea             uq, [uq + nq * 4]
    lea             vq, [vq + nq * 4]
    add           dstq, nq
    neg             nq

.loop:
    paddd           m0, m7, [uq + nq * 4]
    paddd           m1, m9, [vq + nq * 4]
    psrld           m2, m0, 16              ; x
    psrad           m3, m1, 16              ; y
    pmulld          m3, m8
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
    pshufb          m4, m13
    pshufb          m5, m13
    pmaddwd         m4, m3                  ; top
    pmaddwd         m5, m3                  ; bottom
    psubd           m5, m4
    pmulld          m5, m1
    pslld           m4, 8
    paddd           m5, m12
    paddd           m4, m5
    psrld           m4, 16
    vextracti128   xm5, m4, 1
    packusdw       xm4, xm5
    packuswb       xm4, xm4
    movq   [dstq + nq], xm4
    add             nq, 8
    jl .loop
    RET

%endif
