# libjpegturbo: what the native decoder makes of its pictures is near to what
# went in; the bytes are the library's business. Names are made of what is
# tested, pixel format and size.

LIBJPEGTURBO_OF  = $(wordlist 4,5,$(subst -, ,$(1)))
# (format size)
LIBJPEGTURBO_SRC = testsrc2=size=128x96:rate=20:duration=0.4,format=yuv444p,crop=$(subst x,:,$(word 2,$(1))):exact=1,scale=flags=bicubic+accurate_rnd+bitexact,format=$(word 1,$(1)),setparams=range=pc:colorspace=bt470bg
LIBJPEGTURBO_RAW = tests/data/libjpegturbo-$(word 1,$(1))-$(word 2,$(1)).raw

tests/data/libjpegturbo-%.raw: TAG = GEN
tests/data/libjpegturbo-%.raw: ffmpeg$(PROGSSUF)$(EXESUF) | tests/data
	$(M)$(TARGET_EXEC) $(TARGET_PATH)/$< -nostdin -v error -noauto_conversion_filters \
	    -lavfi "$(call LIBJPEGTURBO_SRC,$(subst -, ,$*))" -f rawvideo -y $(TARGET_PATH)/$@

LIBJPEGTURBO_FORMATS = yuv420p yuvj420p yuv422p yuvj422p yuv440p yuvj440p yuv444p yuvj444p gray
FATE_LIBJPEGTURBO_CODEC = $(LIBJPEGTURBO_FORMATS:%=fate-libjpegturbo-format-%-97x63)

# whole MCUs, whole blocks, neither
LIBJPEGTURBO_SIZES = 96x64 72x88 9x31 8x1 1x17 1x1
FATE_LIBJPEGTURBO_CODEC += $(LIBJPEGTURBO_SIZES:%=fate-libjpegturbo-size-yuv420p-%) fate-libjpegturbo-size-yuv444p-1x1

LIBJPEGTURBO_OPTIONS = best worst qscale optimize progressive restart threads
FATE_LIBJPEGTURBO_CODEC += $(foreach format,yuv420p yuv444p gray,$(LIBJPEGTURBO_OPTIONS:%=fate-libjpegturbo-%-$(format)-97x63))
fate-libjpegturbo-best-%:        OPTIONS = -quality 100
fate-libjpegturbo-worst-%:       OPTIONS = -quality 1
fate-libjpegturbo-qscale-%:      OPTIONS = -q:v 90
fate-libjpegturbo-optimize-%:    OPTIONS = -optimize 1
fate-libjpegturbo-progressive-%: OPTIONS = -progressive 1
fate-libjpegturbo-restart-%:     OPTIONS = -restart_rows 1
fate-libjpegturbo-threads-%:     OPTIONS = -threads 4 -progressive 1 -restart_rows 2

$(FATE_LIBJPEGTURBO_CODEC): CMD = ffmpeg -lavfi $(call LIBJPEGTURBO_SRC,$(call LIBJPEGTURBO_OF,$@)) -c:v libjpegturbo $(OPTIONS) -f null - \
    -dec 0:0 -filter_complex [dec:0]null[decoded] -map [decoded] -fps_mode passthrough -f rawvideo -
$(FATE_LIBJPEGTURBO_CODEC): CMP = stddev
$(FATE_LIBJPEGTURBO_CODEC): CMP_UNIT = 1
$(FATE_LIBJPEGTURBO_CODEC): FUZZ = 3
$(filter fate-libjpegturbo-best-%,$(FATE_LIBJPEGTURBO_CODEC)):  FUZZ = 1
$(filter fate-libjpegturbo-worst-%,$(FATE_LIBJPEGTURBO_CODEC)): FUZZ = 30
$(FATE_LIBJPEGTURBO_CODEC): REF = $(call LIBJPEGTURBO_RAW,$(call LIBJPEGTURBO_OF,$@))
$(foreach test,$(FATE_LIBJPEGTURBO_CODEC),$(eval $(test): $(call LIBJPEGTURBO_RAW,$(call LIBJPEGTURBO_OF,$(test)))))

# what the files say of themselves
LIBJPEGTURBO_PROBE = run_with_temp "$(FFMPEG) -nostdin -v error -noauto_conversion_filters -lavfi $(call LIBJPEGTURBO_SRC,$(call LIBJPEGTURBO_OF,$@)),$(1) -c:v libjpegturbo $(2) -frames:v 1 -update 1 -y" \
    "ffprobe$(PROGSSUF)$(EXESUF) -bitexact -of compact=p=0 -show_entries stream=codec_name,profile,width,height,sample_aspect_ratio,pix_fmt,color_range,color_space,chroma_location" jpg
FATE_LIBJPEGTURBO_PROBE = $(LIBJPEGTURBO_FORMATS:%=fate-libjpegturbo-probe-%-97x63) \
                          $(addprefix fate-libjpegturbo-probe_,sar-yuv420p-97x63 large_sar-yuv420p-97x63 progressive-yuv420p-97x63)
fate-libjpegturbo-probe-%:             CMD = $(call LIBJPEGTURBO_PROBE,null)
fate-libjpegturbo-probe_sar-%:         CMD = $(call LIBJPEGTURBO_PROBE,setsar=16/11)
fate-libjpegturbo-probe_large_sar-%:   CMD = $(call LIBJPEGTURBO_PROBE,setsar=100003/70001:max=200000)
fate-libjpegturbo-probe_progressive-%: CMD = $(call LIBJPEGTURBO_PROBE,null,-progressive 1)

LIBJPEGTURBO_FILTERS = CROP FORMAT NULL SCALE SETPARAMS SETSAR TESTSRC2
FATE_LIBJPEGTURBO-$(call ALLYES, $(LIBJPEGTURBO_FILTERS:%=%_FILTER) LAVFI_INDEV LIBJPEGTURBO_ENCODER MJPEG_DECODER RAWVIDEO_ENCODER NULL_MUXER RAWVIDEO_MUXER FILE_PROTOCOL PIPE_PROTOCOL) += $(FATE_LIBJPEGTURBO_CODEC)
FATE_LIBJPEGTURBO_FFPROBE-$(call ALLYES, $(LIBJPEGTURBO_FILTERS:%=%_FILTER) LAVFI_INDEV LIBJPEGTURBO_ENCODER MJPEG_DECODER IMAGE2_MUXER IMAGE_JPEG_PIPE_DEMUXER FILE_PROTOCOL) += $(FATE_LIBJPEGTURBO_PROBE)

FATE_FFMPEG += $(FATE_LIBJPEGTURBO-yes)
FATE_FFMPEG_FFPROBE += $(FATE_LIBJPEGTURBO_FFPROBE-yes)
fate-libjpegturbo: $(FATE_LIBJPEGTURBO-yes) $(FATE_LIBJPEGTURBO_FFPROBE-yes)
