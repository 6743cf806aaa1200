/* Ends what gemm_micro.h began for a type. */
#undef GEMM_X
#undef GEMM_T
#undef GEMM_FLOATING
#undef GEMM_GELU
#undef GEMM_CROWDED
#undef GEMM_CAT
#undef GEMM_CAT2
#undef GEMM_CATV
#undef GEMM_CATV2
#undef N_
#undef VEC
#undef PVEC
#undef VFMA
#undef PFMA
#undef LANES
#undef PLANES
