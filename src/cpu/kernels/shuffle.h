/* A shuffle of two vectors with constant lanes; numbers from the vector's length on pick from the
 * second one. M is the vector of integers of their shape. */
#ifndef FAC__SHUFFLE_H
#define FAC__SHUFFLE_H

#if defined(__clang__) || __GNUC__ >= 12
#define FAC__SHUFFLE(M, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define FAC__SHUFFLE(M, a, b, ...) __builtin_shuffle(a, b, (M){__VA_ARGS__})
#endif

#endif
