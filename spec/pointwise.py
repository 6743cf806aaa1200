"""Pointwise ops. Every one broadcasts, promotes and takes any strides."""


# --- arithmetic


@op("pointwise", method=True, inplace="method", out=True, numbers=["alpha"], numbers_ok=True, node="AddBackward0", grads={"input": [], "other": []}, check="add", signature=[
    "(Tensor input, Tensor other, *, Number alpha = 1, Tensor out = None)",
    "hidden (Tensor input, Number alpha, Tensor other, *, Tensor out = None)",
], method_signature=[
    "(Tensor other, *, Number alpha = 1)",
    "hidden (Number alpha, Tensor other)",
])
def add(input: Value, other: Value, *, alpha: Scalar = 1) -> Tensor:
    """add(input, other, *, alpha=1, out=None) -> Tensor

    input + alpha * other. Shapes broadcast, dtypes promote.
    """

@op("composite", python="add", overload="alpha", method=True, inplace="method", out=True)
def add_alpha(input: Tensor, alpha: Scalar, other: Tensor) -> Tensor:
    """add(input, alpha, other, *, out=None) -> Tensor

    Deprecated: add(input, other, alpha=alpha).
    """


@op("pointwise", method=True, inplace="method", out=True, numbers=["alpha"], numbers_ok=True, node="SubBackward0", node_number="RsubBackward1", grads={"input": [], "other": []}, check="sub", signature=[
    "(Tensor input, Tensor other, *, Number alpha = 1, Tensor out = None)",
    "hidden (Tensor input, Number alpha, Tensor other, *, Tensor out = None)",
], method_signature=[
    "(Tensor other, *, Number alpha = 1)",
    "hidden (Number alpha, Tensor other)",
])
def sub(input: Value, other: Value, *, alpha: Scalar = 1) -> Tensor:
    """sub(input, other, *, alpha=1, out=None) -> Tensor

    input - alpha * other. Shapes broadcast, dtypes promote.
    """

@op("composite", python="sub", overload="alpha", method=True, inplace="method", out=True)
def sub_alpha(input: Tensor, alpha: Scalar, other: Tensor) -> Tensor:
    """sub(input, alpha, other, *, out=None) -> Tensor

    Deprecated: sub(input, other, alpha=alpha).
    """


@op("pointwise", method=True, inplace="method", out=True, kernel="sub", numbers=["alpha"], numbers_ok=True, node="SubBackward0", vjp="sub", grads={"input": [], "other": []}, check="sub",
    signature=[
        "(Tensor input, Tensor other, *, Number alpha = 1, Tensor out = None)",
        "(Tensor input, Number other, Number alpha = 1)",
    ],
    method_signature=[
        "(Tensor other, *, Number alpha = 1)",
        "(Number other, Number alpha = 1)",
    ],
)
def subtract(input: Value, other: Value, *, alpha: Scalar = 1) -> Tensor:
    """subtract(input, other, *, alpha=1, out=None) -> Tensor

    Alias of sub().
    """


@op("composite", method=False,
    signature=[
        "(Tensor input, Tensor other, *, Number alpha = 1)",
        "(Tensor input, Number other, Number alpha = 1)",
    ],
)
def rsub(input: Tensor, other: Value, *, alpha: Scalar = 1) -> Tensor:
    """rsub(input, other, *, alpha=1) -> Tensor

    other - alpha * input.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote", numbers_ok=True, grads={"input": ["other"], "other": ["input"]})
def mul(input: Value, other: Value) -> Tensor:
    """mul(input, other, *, out=None) -> Tensor

    The product, element by element. Shapes broadcast, dtypes promote.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote", numbers_ok=True, grads={"input": ["other"], "other": ["input"]}, kernel="mul", vjp="mul", node="MulBackward0",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def multiply(input: Value, other: Value) -> Tensor:
    """multiply(input, other, *, out=None) -> Tensor

    Alias of mul().
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="float", numbers_ok=True, kernel="div_true", grads={"input": ["other"], "other": ["input", "other"]},
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Tensor other, *, str rounding_mode, Tensor out = None)",
        "(Tensor input, Number other, *, str rounding_mode)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Tensor other, *, str rounding_mode)",
        "(Number other, *, str rounding_mode)",
    ],
)
def div(input: Value, other: Value) -> Tensor:
    """div(input, other, *, out=None) -> Tensor

    input / other; integers become the default float dtype.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="float", numbers_ok=True, kernel="div_true", grads={"input": ["other"], "other": ["input", "other"]}, vjp="div", node="DivBackward0",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Tensor other, *, str rounding_mode, Tensor out = None)",
        "(Tensor input, Number other)",
        "(Tensor input, Number other, *, str rounding_mode)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Tensor other, *, str rounding_mode)",
        "(Number other)",
        "(Number other, *, str rounding_mode)",
    ],
)
def divide(input: Value, other: Value) -> Tensor:
    """divide(input, other, *, out=None) -> Tensor

    Alias of div().
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="float", numbers_ok=True, kernel="div_true", grads={"input": ["other"], "other": ["input", "other"]}, vjp="div", node="DivBackward0",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def true_divide(input: Value, other: Value) -> Tensor:
    """true_divide(input, other, *, out=None) -> Tensor

    Alias of div().
    """


@op("composite", python="div", overload="Tensor_mode", method=True, inplace="method", out=True)
def div_mode(input: Value, other: Value, *, rounding_mode: str | None) -> Tensor:
    """div(input, other, *, rounding_mode=None, out=None) -> Tensor

    input / other, rounded towards zero ('trunc') or down ('floor').
    """


@op("composite", python="divide", overload="Tensor_mode", method=True, inplace="method", out=True)
def divide_mode(input: Value, other: Value, *, rounding_mode: str | None) -> Tensor:
    """divide(input, other, *, rounding_mode=None, out=None) -> Tensor

    Alias of div().
    """


@op("pointwise", method=False, inplace=False, out=True, dtypes="promote", function=False, vjp="round_like", kernel="div_trunc", grads={"input": [], "other": []}, node="DivBackward2")
def _div_trunc(input: Value, other: Value) -> Tensor:
    """_div_trunc(input, other, *, out=None) -> Tensor

    input / other rounded towards zero.
    """


@op("pointwise", method=False, inplace=False, out=True, dtypes="promote", function=False, vjp="round_like", kernel="div_floor", grads={"input": [], "other": []}, node="DivBackward2")
def _div_floor(input: Value, other: Value) -> Tensor:
    """_div_floor(input, other, *, out=None) -> Tensor

    input / other rounded down.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote", grads={"input": [], "other": []}, node="NotImplemented", kernel="div_floor", numbers_ok=True,
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def floor_divide(input: Value, other: Value) -> Tensor:
    """floor_divide(input, other, *, out=None) -> Tensor

    input / other rounded down; keeps integers.
    """


@op("pointwise", node_tensors="RemainderBackward1", method=True, inplace="method", out=True, dtypes="promote", grads={"input": [], "other": ["input", "other"]}, node="RemainderBackward0",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Number self, Tensor other)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def remainder(input: Value, other: Value) -> Tensor:
    """remainder(input, other, *, out=None) -> Tensor

    The remainder with the sign of other: input - floor(input / other) * other.
    """


@op("pointwise", node_tensors="FmodBackward1", method=True, inplace="method", out=True, dtypes="promote", grads={"input": [], "other": ["input", "other"]}, node="FmodBackward0",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def fmod(input: Tensor, other: Value) -> Tensor:
    """fmod(input, other, *, out=None) -> Tensor

    The remainder with the sign of input: input - trunc(input / other) * other.
    """


@op("pointwise", method=True, inplace="method", out=True, node="PowBackward0", node_number="PowBackward2", node_tensors="PowBackward1", grads={"input": ["input", "exponent"], "exponent": ["input", "exponent", "result"]}, check="pow", label="pow",
    signature=[
        "(Tensor input, Tensor exponent, *, Tensor out = None)",
        "(Number self, Tensor exponent, *, Tensor out = None)",
        "(Tensor input, Number exponent, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor exponent)",
        "(Number exponent)",
    ],
)
def pow(input: Value, exponent: Value) -> Tensor:
    """pow(input, exponent, *, out=None) -> Tensor

    input to the power of exponent.
    """


@op("composite", out_dtype="the %w has dtype %o but the operation's result requires dtype %r", method=True, inplace="method", out=True,
    signature=[
        "(Tensor input, Tensor exponent, *, Tensor out = None)",
        "(Number self, Tensor exponent, *, Tensor out = None)",
        "(Tensor input, Number exponent, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor exponent)",
        "(Number exponent)",
    ],
)
def float_power(input: Value, exponent: Value) -> Tensor:
    """float_power(input, exponent, *, out=None) -> Tensor

    pow() in float64 or complex128.
    """


@op("pointwise", method=True, inplace=False, out=True, dtypes="promote", grads={"input": ["input", "other"], "other": ["input", "other"]}, check="extreme")
def maximum(input: Tensor, other: Tensor) -> Tensor:
    """maximum(input, other, *, out=None) -> Tensor

    The greater of two elements; nan wins.
    """


@op("pointwise", method=True, inplace=False, out=True, dtypes="promote", grads={"input": ["input", "other"], "other": ["input", "other"]}, check="extreme")
def minimum(input: Tensor, other: Tensor) -> Tensor:
    """minimum(input, other, *, out=None) -> Tensor

    The lesser of two elements; nan wins.
    """


@op("pointwise", method=True, inplace=False, out=True, dtypes="promote", grads={"input": ["input", "other"], "other": ["input", "other"]}, check="extreme")
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """fmax(input, other, *, out=None) -> Tensor

    The greater of two elements; nan loses.
    """


@op("pointwise", method=True, inplace=False, out=True, dtypes="promote", grads={"input": ["input", "other"], "other": ["input", "other"]}, check="extreme")
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """fmin(input, other, *, out=None) -> Tensor

    The lesser of two elements; nan loses.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="float", grads={"input": ["input", "other"], "other": ["input", "other"]})
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """atan2(input, other, *, out=None) -> Tensor

    The angle of the point (other, input), in (-pi, pi].
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="float", grads={"input": ["input", "other"], "other": ["input", "other"]}, kernel="atan2", vjp="atan2", node="Atan2Backward0")
def arctan2(input: Tensor, other: Tensor) -> Tensor:
    """arctan2(input, other, *, out=None) -> Tensor

    Alias of atan2().
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote", grads={"input": ["input", "result"], "other": ["other", "result"]})
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """hypot(input, other, *, out=None) -> Tensor

    sqrt(input^2 + other^2) without overflow.
    """


@op("pointwise", method=True, out=True, dtypes="promote", grads={"input": ["input", "other"], "other": ["input", "other"]})
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """logaddexp(input, other, *, out=None) -> Tensor

    log(exp(input) + exp(other)) without overflow.
    """


@op("pointwise", method=True, out=True, dtypes="promote", grads={"input": ["input", "other"], "other": ["input", "other"]})
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """logaddexp2(input, other, *, out=None) -> Tensor

    log2(2^input + 2^other) without overflow.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="float", grads={"input": ["input", "result"], "other": ["other.shape"]},
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def copysign(input: Tensor, other: Value) -> Tensor:
    """copysign(input, other, *, out=None) -> Tensor

    input with the sign of other.
    """


# --- comparison and logic


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def eq(input: Tensor, other: Value) -> Tensor:
    """eq(input, other, *, out=None) -> Tensor

    Whether input is equal to other, as bool.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def ne(input: Tensor, other: Value) -> Tensor:
    """ne(input, other, *, out=None) -> Tensor

    Whether input is not equal to other, as bool.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare", kernel="ne",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def not_equal(input: Tensor, other: Value) -> Tensor:
    """not_equal(input, other, *, out=None) -> Tensor

    Alias of ne().
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def lt(input: Tensor, other: Value) -> Tensor:
    """lt(input, other, *, out=None) -> Tensor

    Whether input is less than other, as bool.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare", kernel="lt",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def less(input: Tensor, other: Value) -> Tensor:
    """less(input, other, *, out=None) -> Tensor

    Alias of lt().
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def le(input: Tensor, other: Value) -> Tensor:
    """le(input, other, *, out=None) -> Tensor

    Whether input is less or equal to other, as bool.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare", kernel="le",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def less_equal(input: Tensor, other: Value) -> Tensor:
    """less_equal(input, other, *, out=None) -> Tensor

    Alias of le().
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def gt(input: Tensor, other: Value) -> Tensor:
    """gt(input, other, *, out=None) -> Tensor

    Whether input is greater than other, as bool.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare", kernel="gt",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def greater(input: Tensor, other: Value) -> Tensor:
    """greater(input, other, *, out=None) -> Tensor

    Alias of gt().
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def ge(input: Tensor, other: Value) -> Tensor:
    """ge(input, other, *, out=None) -> Tensor

    Whether input is greater or equal to other, as bool.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare", kernel="ge",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def greater_equal(input: Tensor, other: Value) -> Tensor:
    """greater_equal(input, other, *, out=None) -> Tensor

    Alias of ge().
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare")
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """logical_and(input, other, *, out=None) -> Tensor

    Logical and of elements taken as true where not zero.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Number self, Tensor other)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def bitwise_and(input: Value, other: Value) -> Tensor:
    """bitwise_and(input, other, *, out=None) -> Tensor

    Bitwise and of integers, logical and of bools.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare")
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """logical_or(input, other, *, out=None) -> Tensor

    Logical or of elements taken as true where not zero.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Number self, Tensor other)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def bitwise_or(input: Value, other: Value) -> Tensor:
    """bitwise_or(input, other, *, out=None) -> Tensor

    Bitwise or of integers, logical or of bools.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="compare")
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """logical_xor(input, other, *, out=None) -> Tensor

    Logical xor of elements taken as true where not zero.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Number self, Tensor other)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def bitwise_xor(input: Value, other: Value) -> Tensor:
    """bitwise_xor(input, other, *, out=None) -> Tensor

    Bitwise xor of integers, logical xor of bools.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="bool")
def logical_not(input: Tensor) -> Tensor:
    """logical_not(input, *, out=None) -> Tensor

    Whether an element is zero.
    """


@op("pointwise", out_dtype=True, method=True, inplace="method", out=True, dtypes="promote")
def bitwise_not(input: Tensor) -> Tensor:
    """bitwise_not(input, *, out=None) -> Tensor

    All bits turned; logical not of bools.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote", kernel="lshift",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Number self, Tensor other)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def bitwise_left_shift(input: Value, other: Value) -> Tensor:
    """bitwise_left_shift(input, other, *, out=None) -> Tensor

    input shifted left by other bits.
    """


@op("pointwise", method=True, inplace="method", out=True, dtypes="promote", kernel="rshift",
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Number self, Tensor other)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def bitwise_right_shift(input: Value, other: Value) -> Tensor:
    """bitwise_right_shift(input, other, *, out=None) -> Tensor

    input shifted right by other bits, sign kept.
    """


@op("pointwise", method=True, inplace=False, out=False, dtypes="bool")
def isnan(input: Tensor) -> Tensor:
    """isnan(input) -> Tensor

    Whether an element is nan.
    """


@op("pointwise", method=True, inplace=False, out=False, dtypes="bool")
def isinf(input: Tensor) -> Tensor:
    """isinf(input) -> Tensor

    Whether an element is infinite.
    """


@op("pointwise", method=True, inplace=False, out=False, dtypes="bool")
def isfinite(input: Tensor) -> Tensor:
    """isfinite(input) -> Tensor

    Whether an element is finite.
    """


@op("pointwise", out_dtype="signbit does not support non-boolean outputs.", method=True, inplace=False, out=True, dtypes="bool", check="signbit")
def signbit(input: Tensor) -> Tensor:
    """signbit(input, *, out=None) -> Tensor

    Whether the sign bit is set.
    """


@op("composite", out_dtype="isposinf does not support non-boolean outputs.", method=True, out=True)
def isposinf(input: Tensor) -> Tensor:
    """isposinf(input, *, out=None) -> Tensor

    Whether an element is +inf.
    """


@op("composite", out_dtype="isneginf does not support non-boolean outputs.", method=True, out=True)
def isneginf(input: Tensor) -> Tensor:
    """isneginf(input, *, out=None) -> Tensor

    Whether an element is -inf.
    """


@op("composite", method=True)
def isreal(input: Tensor) -> Tensor:
    """isreal(input) -> Tensor

    Whether an element has no imaginary part.
    """


@op("composite", method=True)
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> Tensor

    |input - other| <= atol + rtol * |other|.
    """


@op("custom", method=True)
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Scalar:
    """allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> Tensor

    Whether all elements are close, as a bool.
    """


@op("custom", method=True)
def equal(input: Tensor, other: Tensor) -> Scalar:
    """equal(input, other) -> Tensor

    Whether shapes and all elements are the same, as a bool.
    """


@op("custom", method=True)
def is_nonzero(input: Tensor) -> Scalar:
    """is_nonzero(input) -> Tensor

    Whether the one element is not zero, as a bool.
    """


# --- functions of one argument


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="promote", grads={"input": []}, check="neg")
def neg(input: Tensor) -> Tensor:
    """neg(input, *, out=None) -> Tensor

    -input.
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="promote", grads={"input": []}, kernel="neg", vjp="neg", node="NegBackward0", check="neg")
def negative(input: Tensor) -> Tensor:
    """negative(input, *, out=None) -> Tensor

    Alias of neg().
    """


@op("composite", method=True)
def positive(input: Tensor) -> Tensor:
    """positive(input) -> Tensor

    input itself.
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="abs", grads={"input": ["input"]}, check="abs")
def abs(input: Tensor) -> Tensor:
    """abs(input, *, out=None) -> Tensor

    The absolute value.
    """


@op("pointwise", out_dtype=True, method=True, inplace="method", out=True, dtypes="abs", grads={"input": ["input"]}, kernel="abs", vjp="abs", node="AbsBackward0", check="abs")
def absolute(input: Tensor) -> Tensor:
    """absolute(input, *, out=None) -> Tensor

    Alias of abs().
    """


@op("pointwise", out_dtype=True, method=True, inplace="method", out=True, dtypes="promote", grads={"input": []}, check="sign")
def sign(input: Tensor) -> Tensor:
    """sign(input, *, out=None) -> Tensor

    -1, 0 or 1 with the sign of each element.
    """


@op("pointwise", out_dtype=True, method=True, inplace="method", out=True, dtypes="promote", grads={"input": ["input"]})
def sgn(input: Tensor) -> Tensor:
    """sgn(input, *, out=None) -> Tensor

    input / |input|, 0 at 0; sign() of reals.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="number", grads={"input": ["input"]}, node="PowBackward0")
def square(input: Tensor) -> Tensor:
    """square(input, *, out=None) -> Tensor

    input * input.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def reciprocal(input: Tensor) -> Tensor:
    """reciprocal(input, *, out=None) -> Tensor

    1 / input.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def sqrt(input: Tensor) -> Tensor:
    """sqrt(input, *, out=None) -> Tensor

    The square root.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def rsqrt(input: Tensor) -> Tensor:
    """rsqrt(input, *, out=None) -> Tensor

    1 / sqrt(input).
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def exp(input: Tensor) -> Tensor:
    """exp(input, *, out=None) -> Tensor

    e to the power of each element.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def exp2(input: Tensor) -> Tensor:
    """exp2(input, *, out=None) -> Tensor

    2 to the power of each element.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def expm1(input: Tensor) -> Tensor:
    """expm1(input, *, out=None) -> Tensor

    exp(input) - 1, accurate near 0.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def log(input: Tensor) -> Tensor:
    """log(input, *, out=None) -> Tensor

    The natural logarithm.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def log2(input: Tensor) -> Tensor:
    """log2(input, *, out=None) -> Tensor

    The logarithm to base 2.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def log10(input: Tensor) -> Tensor:
    """log10(input, *, out=None) -> Tensor

    The logarithm to base 10.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", node="Log1PBackward0", grads={"input": ["input"]})
def log1p(input: Tensor) -> Tensor:
    """log1p(input, *, out=None) -> Tensor

    log(1 + input), accurate near 0.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def sin(input: Tensor) -> Tensor:
    """sin(input, *, out=None) -> Tensor

    The sine.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def cos(input: Tensor) -> Tensor:
    """cos(input, *, out=None) -> Tensor

    The cosine.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def sinh(input: Tensor) -> Tensor:
    """sinh(input, *, out=None) -> Tensor

    The hyperbolic sine.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def cosh(input: Tensor) -> Tensor:
    """cosh(input, *, out=None) -> Tensor

    The hyperbolic cosine.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def tan(input: Tensor) -> Tensor:
    """tan(input, *, out=None) -> Tensor

    The tangent.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def tanh(input: Tensor) -> Tensor:
    """tanh(input, *, out=None) -> Tensor

    The hyperbolic tangent.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def asin(input: Tensor) -> Tensor:
    """asin(input, *, out=None) -> Tensor

    The inverse sine.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]}, kernel="asin", vjp="asin", node="AsinBackward0")
def arcsin(input: Tensor) -> Tensor:
    """arcsin(input, *, out=None) -> Tensor

    Alias of asin().
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def acos(input: Tensor) -> Tensor:
    """acos(input, *, out=None) -> Tensor

    The inverse cosine.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]}, kernel="acos", vjp="acos", node="AcosBackward0")
def arccos(input: Tensor) -> Tensor:
    """arccos(input, *, out=None) -> Tensor

    Alias of acos().
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def atan(input: Tensor) -> Tensor:
    """atan(input, *, out=None) -> Tensor

    The inverse tangent.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]}, kernel="atan", vjp="atan", node="AtanBackward0")
def arctan(input: Tensor) -> Tensor:
    """arctan(input, *, out=None) -> Tensor

    Alias of atan().
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def asinh(input: Tensor) -> Tensor:
    """asinh(input, *, out=None) -> Tensor

    The inverse hyperbolic sine.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]}, kernel="asinh", vjp="asinh", node="AsinhBackward0")
def arcsinh(input: Tensor) -> Tensor:
    """arcsinh(input, *, out=None) -> Tensor

    Alias of asinh().
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def acosh(input: Tensor) -> Tensor:
    """acosh(input, *, out=None) -> Tensor

    The inverse hyperbolic cosine.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]}, kernel="acosh", vjp="acosh", node="AcoshBackward0")
def arccosh(input: Tensor) -> Tensor:
    """arccosh(input, *, out=None) -> Tensor

    Alias of acosh().
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]})
def atanh(input: Tensor) -> Tensor:
    """atanh(input, *, out=None) -> Tensor

    The inverse hyperbolic tangent.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]}, kernel="atanh", vjp="atanh", node="AtanhBackward0")
def arctanh(input: Tensor) -> Tensor:
    """arctanh(input, *, out=None) -> Tensor

    Alias of atanh().
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["result"]})
def sigmoid(input: Tensor) -> Tensor:
    """sigmoid(input, *, out=None) -> Tensor

    1 / (1 + exp(-input)).
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]}, label="erf_vml_cpu")
def erf(input: Tensor) -> Tensor:
    """erf(input, *, out=None) -> Tensor

    The error function.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input"]}, label="erfc_vml_cpu")
def erfc(input: Tensor) -> Tensor:
    """erfc(input, *, out=None) -> Tensor

    1 - erf(input), accurate in the tail.
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="promote", vjp="round_like", grads={"input": []}, node="FloorBackward0", check="rounding", label="floor_vml_cpu")
def floor(input: Tensor) -> Tensor:
    """floor(input, *, out=None) -> Tensor

    Each element rounded down.
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="promote", vjp="round_like", grads={"input": []}, node="CeilBackward0", check="rounding", label="ceil_vml_cpu")
def ceil(input: Tensor) -> Tensor:
    """ceil(input, *, out=None) -> Tensor

    Each element rounded up.
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="promote", vjp="round_like", grads={"input": []}, node="TruncBackward0", check="rounding", label="trunc_vml_cpu")
def trunc(input: Tensor) -> Tensor:
    """trunc(input, *, out=None) -> Tensor

    Each element rounded towards zero.
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="promote", vjp="round_like", kernel="trunc", grads={"input": []}, node="TruncBackward0", check="rounding", label="trunc_vml_cpu")
def fix(input: Tensor) -> Tensor:
    """fix(input, *, out=None) -> Tensor

    Alias of trunc().
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="promote", grads={"input": []})
def frac(input: Tensor) -> Tensor:
    """frac(input, *, out=None) -> Tensor

    The part behind the point.
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, dtypes="promote", vjp="round_like", grads={"input": []}, node="RoundBackward0", label="round_vml_cpu")
def round(input: Tensor) -> Tensor:
    """round(input, *, out=None) -> Tensor

    Rounded to the nearest integer, half to even.
    """


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, python="round", overload="decimals", numbers=["decimals"], vjp="round_decimals", node="RoundBackward1", grads={"input": []}, label="round_vml_cpu")
def round_decimals(input: Tensor, *, decimals: int) -> Tensor:
    """round(input, *, decimals=0, out=None) -> Tensor

    Rounded to so many decimals, half to even.
    """


@op("pointwise", method=True, inplace=False, out=True, dtypes="float_abs", grads={"input": ["input"]})
def angle(input: Tensor) -> Tensor:
    """angle(input, *, out=None) -> Tensor

    The angle of a complex number; 0 or pi of reals.
    """


@op("pointwise", function=False, kernel="nan_to_num", numbers=["nan", "posinf", "neginf"], grads={"input": ["input"]}, node="NanToNumBackward0")
def _nan_to_num(input: Tensor, nan: float, posinf: float, neginf: float) -> Tensor:
    """_nan_to_num(input) -> Tensor

    See nan_to_num().
    """


@op("composite", out_dtype="nan_to_num: dtype of out: %o should be same as input: %r", method=True, inplace=True, out=True)
def nan_to_num(input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """nan_to_num(input, nan=0.0, posinf=None, neginf=None, *, out=None) -> Tensor

    input with nan and infinities replaced: by 0 and the greatest finite numbers by default.
    """


@op("composite", method=True, inplace=True, out=True)
def deg2rad(input: Tensor) -> Tensor:
    """deg2rad(input, *, out=None) -> Tensor

    Degrees as radians.
    """


@op("composite", method=True, inplace=True, out=True)
def rad2deg(input: Tensor) -> Tensor:
    """rad2deg(input, *, out=None) -> Tensor

    Radians as degrees.
    """


@op("composite", method=True, inplace=True, out=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """logit(input, eps=None, *, out=None) -> Tensor

    log(input / (1 - input)); input is clamped to [eps, 1 - eps] where eps is given.
    """


@op("pointwise", method=True, inplace=True, out=True, dtypes="float", grads={"input": ["input", "other"], "other": ["input", "other"]},
    signature=[
        "(Tensor input, Tensor other, *, Tensor out = None)",
        "(Number self, Tensor other, *, Tensor out = None)",
        "(Tensor input, Number other, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor other)",
        "(Number other)",
    ],
)
def xlogy(input: Value, other: Value) -> Tensor:
    """xlogy(input, other, *, out=None) -> Tensor

    input * log(other), 0 where input is 0.
    """


# --- three operands


@op("pointwise", dtypes="cond", out=True, node="WhereBackward0", grads={"input": ["condition"], "other": ["condition"]}, check="where", signature=[
    "(Tensor condition)",
    "(Tensor condition, Tensor input, Tensor other, *, Tensor out = None)",
    "(Tensor condition, Number self, Tensor other)",
    "(Tensor condition, Tensor input, Number other)",
    "(Tensor condition, Number self, Number other)",
])
def where(condition: Tensor, input: Value, other: Value) -> Tensor:
    """where(condition, input, other, *, out=None) -> Tensor

    input where condition is true, other elsewhere.
    """


@op("composite", python="where", function=False, method=True, method_signature=[
    "(Tensor condition, Tensor other)",
    "(Tensor condition, Number other)",
])
def where_method(input: Tensor, condition: Tensor, other: Value) -> Tensor:
    """where(condition, other) -> Tensor

    self where condition is true, other elsewhere.
    """


@op("pointwise", method=True, inplace="method", out=True, overload="Tensor", node="LerpBackward1", grads={"input": ["weight"], "end": ["weight"], "weight": ["input", "end"]}, check="lerp", label="lerp_kernel_tensor")
def lerp(input: Tensor, end: Tensor, weight: Tensor) -> Tensor:
    """lerp(input, end, weight, *, out=None) -> Tensor

    input + weight * (end - input).
    """


@op("pointwise", method=True, inplace="method", out=True, python="lerp", overload="Scalar", numbers=["weight"], node="LerpBackward0", grads={"input": [], "end": []}, check="lerp", label="lerp_kernel_scalar")
def lerp_scalar(input: Tensor, end: Tensor, weight: Scalar) -> Tensor:
    """lerp(input, end, weight, *, out=None) -> Tensor

    input + weight * (end - input).
    """


@op("pointwise", method=True, inplace="method", out=True, numbers=["value"], grads={"input": [], "tensor1": ["tensor2"], "tensor2": ["tensor1"]}, label="addcmul_cpu_out", signature=[
    "(Tensor input, Tensor tensor1, Tensor tensor2, *, Number value = 1, Tensor out = None)",
    "hidden (Tensor input, Number value, Tensor tensor1, Tensor tensor2, *, Tensor out = None)",
], method_signature=[
    "(Tensor tensor1, Tensor tensor2, *, Number value = 1)",
    "hidden (Number value, Tensor tensor1, Tensor tensor2)",
])
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Scalar = 1) -> Tensor:
    """addcmul(input, tensor1, tensor2, *, value=1, out=None) -> Tensor

    input + value * tensor1 * tensor2.
    """

@op("composite", python="addcmul", overload="value", method=True, inplace="method", out=True)
def addcmul_value(input: Tensor, value: Scalar, tensor1: Tensor, tensor2: Tensor) -> Tensor:
    """addcmul(input, value, tensor1, tensor2, *, out=None) -> Tensor

    Deprecated: addcmul(input, tensor1, tensor2, value=value).
    """


@op("pointwise", method=True, inplace="method", out=True, numbers=["value"], grads={"input": [], "tensor1": ["tensor2"], "tensor2": ["tensor1", "tensor2"]}, check="addcdiv", signature=[
    "(Tensor input, Tensor tensor1, Tensor tensor2, *, Number value = 1, Tensor out = None)",
    "hidden (Tensor input, Number value, Tensor tensor1, Tensor tensor2, *, Tensor out = None)",
], method_signature=[
    "(Tensor tensor1, Tensor tensor2, *, Number value = 1)",
    "hidden (Number value, Tensor tensor1, Tensor tensor2)",
])
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Scalar = 1) -> Tensor:
    """addcdiv(input, tensor1, tensor2, *, value=1, out=None) -> Tensor

    input + value * tensor1 / tensor2.
    """

@op("composite", python="addcdiv", overload="value", method=True, inplace="method", out=True)
def addcdiv_value(input: Tensor, value: Scalar, tensor1: Tensor, tensor2: Tensor) -> Tensor:
    """addcdiv(input, value, tensor1, tensor2, *, out=None) -> Tensor

    Deprecated: addcdiv(input, tensor1, tensor2, value=value).
    """


@op("composite", out_dtype="#Found dtype %o but expected %r", method=True, inplace=True, out=True,
    signature=[
        "(Tensor input, Tensor min = None, Tensor max = None, *, Tensor out = None)",
        "(Tensor input, Number min = None, Number max = None, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor min = None, Tensor max = None)",
        "(Number min = None, Number max = None)",
    ],
)
def clamp(input: Tensor, min: Value | None = None, max: Value | None = None) -> Tensor:
    """clamp(input, min=None, max=None, *, out=None) -> Tensor

    input with elements below min raised to min and above max lowered to max.
    """


@op("composite", out_dtype="#Found dtype %o but expected %r", method=True, inplace=True, out=True,
    signature=[
        "(Tensor input, Tensor min = None, Tensor max = None, *, Tensor out = None)",
        "(Tensor input, Number min = None, Number max = None, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor min = None, Tensor max = None)",
        "(Number min = None, Number max = None)",
    ],
)
def clip(input: Tensor, min: Value | None = None, max: Value | None = None) -> Tensor:
    """clip(input, min=None, max=None, *, out=None) -> Tensor

    Alias of clamp().
    """


@op("composite", out_dtype="#Found dtype %o but expected %r", method=True, inplace=True, out=True,
    signature=[
        "(Tensor input, Tensor min, *, Tensor out = None)",
        "(Tensor input, Number min, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor min)",
        "(Number min)",
    ],
)
def clamp_min(input: Tensor, min: Value) -> Tensor:
    """clamp_min(input, min, *, out=None) -> Tensor

    clamp() from below.
    """


@op("composite", out_dtype="#Found dtype %o but expected %r", method=True, inplace=True, out=True,
    signature=[
        "(Tensor input, Tensor max, *, Tensor out = None)",
        "(Tensor input, Number max, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor max)",
        "(Number max)",
    ],
)
def clamp_max(input: Tensor, max: Value) -> Tensor:
    """clamp_max(input, max, *, out=None) -> Tensor

    clamp() from above.
    """


@op("pointwise", function=False, kernel="clamp", label="clamp_scalar_cpu", numbers=["low", "high"], node="ClampBackward1", grads={"input": ["input"]})
def _clamp(input: Tensor, low: Scalar, high: Scalar) -> Tensor:
    """_clamp(input) -> Tensor

    clamp() to numbers.
    """


@op("pointwise", function=False, kernel="clamp_min", label="clamp_min_scalar_cpu", numbers=["low"], node="ClampMinBackward0", grads={"input": ["input"]})
def _clamp_low(input: Tensor, low: Scalar) -> Tensor:
    """_clamp_low(input) -> Tensor

    clamp() to numbers.
    """


@op("pointwise", function=False, kernel="clamp_max", label="clamp_max_scalar_cpu", numbers=["high"], node="ClampMaxBackward0", grads={"input": ["input"]})
def _clamp_high(input: Tensor, high: Scalar) -> Tensor:
    """_clamp_high(input) -> Tensor

    clamp() to numbers.
    """


@op("pointwise", function=False, kernel="maximum", dtypes="promote", node="ClampMinBackward1", grads={"input": ["input", "min"], "min": ["input", "min"]}, check="extreme")
def _clamp_min_tensor(input: Tensor, min: Tensor) -> Tensor:
    """_clamp_min_tensor(input, min) -> Tensor

    clamp() to a tensor from below.
    """


@op("pointwise", function=False, kernel="minimum", dtypes="promote", node="ClampMaxBackward1", grads={"input": ["input", "max"], "max": ["input", "max"]}, check="extreme")
def _clamp_max_tensor(input: Tensor, max: Tensor) -> Tensor:
    """_clamp_max_tensor(input, max) -> Tensor

    clamp() to a tensor from above.
    """


@op("pointwise", function=False, kernel="clamp_tensor", node="ClampBackward0", grads={"input": ["input", "low", "high"], "low": ["input", "low", "high"], "high": ["input", "low", "high"]})
def _clamp_tensor(input: Value, low: Value, high: Value) -> Tensor:
    """_clamp_tensor(input) -> Tensor

    clamp() to tensors.
    """


# --- complex numbers


@op("pointwise", out_dtype=True, method=True, inplace=True, out=True, kernel="conj", grads={"input": []})
def conj_physical(input: Tensor) -> Tensor:
    """conj_physical(input, *, out=None) -> Tensor

    The complex conjugate, written out; real tensors as they are.
    """


@op("view", python="_conj", node="ConjBackward0", reads_conj=True, grads={"input": []})
def _conj(input: Tensor) -> Tensor:
    """_conj(input) -> Tensor

    The conjugate view of a complex tensor.
    """


@op("composite", method=True)
def conj(input: Tensor) -> Tensor:
    """conj(input) -> Tensor

    The complex conjugate: a view that is resolved when somebody reads it. Real tensors as they are.
    """


@op("view", node="ViewAsRealBackward0", grads={"input": []})
def view_as_real(input: Tensor) -> Tensor:
    """view_as_real(input) -> Tensor

    A complex tensor's memory as reals: one more dimension of size 2.
    """


@op("view", node="ViewAsComplexBackward0", grads={"input": []})
def view_as_complex(input: Tensor) -> Tensor:
    """view_as_complex(input) -> Tensor

    A view of pairs along the last dimension, which has size 2, as complex numbers.
    """


@op("view", python="_neg_view", node="NegViewBackward0", reads_conj=True, grads={"input": []})
def _neg_view(input: Tensor) -> Tensor:
    """_neg_view(input) -> Tensor

    The negated view of a tensor.
    """


@op("composite")
def real(input: Tensor) -> Tensor:
    """real(input) -> Tensor

    A view of the real parts; real tensors as they are.
    """


@op("composite")
def imag(input: Tensor) -> Tensor:
    """imag(input) -> Tensor

    A view of the imaginary parts of a complex tensor.
    """


@op("pointwise", dtypes="complex", out=True, node="ComplexBackward0", grads={"real": [], "imag": []}, check="complex_parts")
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """complex(real, imag, *, out=None) -> Tensor

    Complex numbers from their parts.

    There is no complex32: what PyTorch gives that dtype, float16 beside complex numbers too, is
    complex64.
    """


@op("pointwise", dtypes="complex", out=True, node="PolarBackward0", grads={"abs": ["angle"], "angle": ["abs", "angle"]}, check="complex_parts")
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """polar(abs, angle, *, out=None) -> Tensor

    Complex numbers from absolute value and angle.
    """


# --- activations


@op("pointwise", method=True, inplace=True, out=False, dtypes="promote", grads={"input": ["result"]}, check="relu")
def relu(input: Tensor) -> Tensor:
    """relu(input) -> Tensor

    max(input, 0).
    """


@op("pointwise", module="nn", inplace="function", out=True, numbers=["negative_slope"], grads={"input": ["input"]})
def leaky_relu(input: Tensor, negative_slope: Scalar = 0.01) -> Tensor:
    """leaky_relu(input, negative_slope=0.01) -> Tensor

    input where positive, negative_slope * input elsewhere.
    """


@op("pointwise", module="nn", inplace="function", out=True, numbers=["alpha", "scale", "input_scale"], grads={"input": ["input"]})
def elu(input: Tensor, alpha: Scalar = 1, scale: Scalar = 1, input_scale: Scalar = 1) -> Tensor:
    """elu(input, alpha=1, scale=1, input_scale=1) -> Tensor

    scale * input where positive, scale * alpha * (exp(input_scale * input) - 1) elsewhere.
    """


@op("composite", inplace="function")
def selu(input: Tensor) -> Tensor:
    """selu(input) -> Tensor

    elu() with self-normalising constants.
    """


@op("composite", inplace="function")
def celu(input: Tensor, alpha: Scalar = 1.0) -> Tensor:
    """celu(input, alpha=1.0) -> Tensor

    elu() that is differentiable once for every alpha.
    """


@op("composite", module="nn", out=True, inplace="function")
def gelu(input: Tensor, *, approximate: str = 'none') -> Tensor:
    """gelu(input, *, approximate='none') -> Tensor

    input * Phi(input), Phi the normal distribution; or its tanh approximation.
    """


@op("pointwise", function=False, kernel="gelu_erf", node="GeluBackward0", grads={"input": ["input"]}, label="GeluKernelImpl")
def _gelu_erf(input: Tensor) -> Tensor:
    """_gelu_erf(input) -> Tensor

    gelu() with erf.
    """


@op("pointwise", function=False, kernel="gelu_tanh", node="GeluBackward0", grads={"input": ["input"]}, label="GeluKernelImpl")
def _gelu_tanh(input: Tensor) -> Tensor:
    """_gelu_tanh(input) -> Tensor

    gelu() with tanh.
    """


@op("pointwise", module="nn", inplace="function", out=True, grads={"input": ["input"]})
def silu(input: Tensor) -> Tensor:
    """silu(input) -> Tensor

    input * sigmoid(input).
    """


@op("pointwise", module="nn", out=True, numbers=["beta", "threshold"], grads={"input": ["input"]})
def softplus(input: Tensor, beta: Scalar = 1, threshold: Scalar = 20) -> Tensor:
    """softplus(input, beta=1, threshold=20) -> Tensor

    log(1 + exp(beta * input)) / beta; input itself where beta * input > threshold.
    """


@op("pointwise", module="nn", inplace="function", out=True, numbers=["min_val", "max_val"], grads={"input": ["input"]}, check="hardtanh")
def hardtanh(input: Tensor, min_val: Scalar = -1, max_val: Scalar = 1) -> Tensor:
    """hardtanh(input, min_val=-1, max_val=1) -> Tensor

    input clamped to [min_val, max_val].
    """


@op("composite", module="nn", inplace="function")
def relu6(input: Tensor) -> Tensor:
    """relu6(input) -> Tensor

    input clamped to [0, 6].
    """


@op("pointwise", module="nn", inplace="function", out=True, grads={"input": ["input"]})
def hardswish(input: Tensor) -> Tensor:
    """hardswish(input) -> Tensor

    input * relu6(input + 3) / 6.
    """


@op("pointwise", module="nn", inplace="function", out=True, grads={"input": ["input"]})
def hardsigmoid(input: Tensor) -> Tensor:
    """hardsigmoid(input) -> Tensor

    relu6(input + 3) / 6.
    """


@op("pointwise", module="nn", inplace="function", out=True, grads={"input": ["input"]})
def mish(input: Tensor) -> Tensor:
    """mish(input) -> Tensor

    input * tanh(softplus(input)).
    """


@op("pointwise", module="nn", out=True, kernel="logsigmoid", node="LogSigmoidBackward0", grads={"input": ["input"]}, label="log_sigmoid_cpu")
def log_sigmoid(input: Tensor) -> Tensor:
    """log_sigmoid(input) -> Tensor

    log(sigmoid(input)).
    """


@op("composite", module="nn", node="GluBackward0", grads={"input": ["input"]})
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """glu(input, dim=-1) -> Tensor

    The first half along dim, times the sigmoid of the second.
    """


@op("composite", inplace="function", node="ThresholdBackward0", grads={"input": ["input"]})
def threshold(input: Tensor, threshold: Scalar, value: Scalar) -> Tensor:
    """threshold(input, threshold, value) -> Tensor

    input above the threshold, value elsewhere.
    """


@op("composite", method=True)
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """prelu(input, weight) -> Tensor

    leaky_relu() with a learned slope a channel.
    """


# --- their gradients, as ops of their own


@op("pointwise", function=False, kernel="threshold_backward", numbers=["threshold"], grads={"grad_output": ["input"]})
def threshold_backward(grad_output: Tensor, input: Tensor, threshold: Scalar) -> Tensor:
    """threshold_backward(...) -> Tensor

    The gradient of threshold().
    """


@op("pointwise", function=False, kernel="sigmoid_backward", numbers=[], grads={"grad_output": ["output"], "output": ["grad_output", "output"]})
def sigmoid_backward(grad_output: Tensor, output: Tensor) -> Tensor:
    """sigmoid_backward(...) -> Tensor

    The gradient of sigmoid().
    """


@op("pointwise", function=False, kernel="tanh_backward", numbers=[], grads={"grad_output": ["output"], "output": ["grad_output", "output"]})
def tanh_backward(grad_output: Tensor, output: Tensor) -> Tensor:
    """tanh_backward(...) -> Tensor

    The gradient of tanh().
    """


@op("pointwise", function=False, kernel="gelu_backward_erf", numbers=[], grads={"grad_output": ["input"], "input": ["grad_output", "input"]})
def gelu_erf_backward(grad_output: Tensor, input: Tensor) -> Tensor:
    """gelu_erf_backward(...) -> Tensor

    The gradient of gelu_erf().
    """


@op("pointwise", function=False, kernel="gelu_backward_tanh", numbers=[], grads={"grad_output": ["input"], "input": ["grad_output", "input"]})
def gelu_tanh_backward(grad_output: Tensor, input: Tensor) -> Tensor:
    """gelu_tanh_backward(...) -> Tensor

    The gradient of gelu_tanh().
    """


@op("pointwise", function=False, kernel="silu_backward", numbers=[], grads={"grad_output": ["input"], "input": ["grad_output", "input"]})
def silu_backward(grad_output: Tensor, input: Tensor) -> Tensor:
    """silu_backward(...) -> Tensor

    The gradient of silu().
    """


@op("pointwise", function=False, kernel="softplus_backward", numbers=["beta", "threshold"], grads={"grad_output": ["input"], "input": ["grad_output", "input"]})
def softplus_backward(grad_output: Tensor, input: Tensor, beta: Scalar, threshold: Scalar) -> Tensor:
    """softplus_backward(...) -> Tensor

    The gradient of softplus().
    """


@op("pointwise", function=False, kernel="elu_backward", numbers=["alpha", "scale", "input_scale", "is_result"], grads={"grad_output": ["input"], "input": ["grad_output", "input"]})
def elu_backward(grad_output: Tensor, input: Tensor, alpha: Scalar, scale: Scalar, input_scale: Scalar, is_result: Scalar) -> Tensor:
    """elu_backward(...) -> Tensor

    The gradient of elu().
    """


@op("pointwise", function=False, kernel="leaky_relu_backward", numbers=["negative_slope"], grads={"grad_output": ["input"]})
def leaky_relu_backward(grad_output: Tensor, input: Tensor, negative_slope: Scalar) -> Tensor:
    """leaky_relu_backward(...) -> Tensor

    The gradient of leaky_relu().
    """


@op("pointwise", function=False, kernel="hardtanh_backward", numbers=["min_val", "max_val"], grads={"grad_output": ["input"]})
def hardtanh_backward(grad_output: Tensor, input: Tensor, min_val: Scalar, max_val: Scalar) -> Tensor:
    """hardtanh_backward(...) -> Tensor

    The gradient of hardtanh().
    """


# --- losses, element by element; reduction is 0 none, 1 mean, 2 sum


@op("custom", module="nn", node="MseLossBackward0", grads={"input": ["input", "target"], "target": ["input", "target"]})
def mse_loss(input: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    """mse_loss(input, target, reduction=1) -> Tensor

    (input - target)^2.
    """


@op("composite", module="nn")
def l1_loss(input: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    """l1_loss(input, target, reduction=1) -> Tensor

    |input - target|.
    """


@op("custom", module="nn", node="SmoothL1LossBackward0", grads={"input": ["input", "target"], "target": ["input", "target"]})
def smooth_l1_loss(input: Tensor, target: Tensor, reduction: int = 1, beta: float = 1.0) -> Tensor:
    """smooth_l1_loss(input, target, reduction=1, beta=1.0) -> Tensor

    Squared below beta, linear above.
    """


@op("custom", module="nn", node="HuberLossBackward0", grads={"input": ["input", "target"], "target": ["input", "target"]})
def huber_loss(input: Tensor, target: Tensor, reduction: int = 1, delta: float = 1.0) -> Tensor:
    """huber_loss(input, target, reduction=1, delta=1.0) -> Tensor

    Squared below delta, linear above.
    """


@op("custom", module="nn", node="BinaryCrossEntropyBackward0", grads={"input": ["input", "target", "weight"], "target": ["input", "target.shape", "weight"]})
def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1) -> Tensor:
    """binary_cross_entropy(input, target, weight=None, reduction=1) -> Tensor

    -(target * log(input) + (1 - target) * log(1 - input)), logarithms not below -100.
    """


@op("custom", node="BinaryCrossEntropyWithLogitsBackward0", grads={"input": ["input", "target", "weight", "pos_weight"], "target": ["input", "weight", "pos_weight"]})
def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None, reduction: int = 1) -> Tensor:
    """binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=1) -> Tensor

    binary_cross_entropy(sigmoid(input), target), in one stable step.
    """


@op("pointwise", function=False, kernel="smooth_l1", numbers=["beta"])
def _smooth_l1(input: Tensor, target: Tensor, beta: float) -> Tensor:
    """_smooth_l1(input, target) -> Tensor

    The loss of each element.
    """


@op("pointwise", function=False, kernel="huber", numbers=["delta"])
def _huber(input: Tensor, target: Tensor, delta: float) -> Tensor:
    """_huber(input, target) -> Tensor

    The loss of each element.
    """


@op("pointwise", function=False, kernel="bce", label="binary_cross_entropy")
def _bce(input: Tensor, target: Tensor) -> Tensor:
    """_bce(input, target) -> Tensor

    The loss of each element.
    """


@op("pointwise", function=False, kernel="bce_backward", grads={"grad_output": ["input", "target"], "input": ["grad_output", "input", "target"], "target": ["grad_output", "input"]})
def _bce_backward(grad_output: Tensor, input: Tensor, target: Tensor) -> Tensor:
    """_bce_backward(...) -> Tensor

    The gradient of _bce().
    """


@op("pointwise", function=False, kernel="bce_with_logits")
def _bce_logits(input: Tensor, target: Tensor) -> Tensor:
    """_bce_logits(input, target) -> Tensor

    The loss of each element.
    """
