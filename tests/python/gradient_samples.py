"""Arguments for every differentiable op of the spec: what test_gradients.py differentiates by.

A row is a list of samples, a sample the op's arguments in a tuple, with keywords in a dict at its
end. x(2, 3) stands for a tensor to differentiate by, c(...) for a tensor that is not, and both tell
where its values lie: ANY away from zero on both sides, POSITIVE, UNIT between -1 and 1, ABOVE one.
A row is found by the op's name in the spec; ops that one call form fits share a row.
"""

ANY, POSITIVE, UNIT, ABOVE, DISTINCT = "any", "positive", "unit", "above", "distinct"


class Spec:
    """A tensor to be."""

    def __init__(self, shape, domain=ANY, grad=True, values=None, kind=None):
        self.shape, self.domain, self.grad = shape, domain, grad
        self.values, self.kind = values, kind


def x(*shape, of=ANY):
    return Spec(shape, of)


def c(*shape, of=ANY):
    return Spec(shape, of, grad=False)


def real(*shape, of=ANY):
    """Differentiable, and real where the others are complex."""
    return Spec(shape, of, kind="real")


def const_real(*shape, of=ANY):
    return Spec(shape, of, grad=False, kind="real")


def i(*values):
    """Integers."""
    return Spec((), grad=False, values=list(values), kind="int")


def ii(values):
    """Integers, nested."""
    return Spec((), grad=False, values=values, kind="int")


def m(*values):
    """A mask."""
    return Spec((), grad=False, values=list(values), kind="bool")


def unary(of=ANY):
    return [(x(2, 3, of=of),), (x(of=of),), (x(0, 2, of=of),)]


def binary(of=ANY, numbers=True):
    rows = [
        (x(2, 3, of=of), x(3, of=of)),
        (x(2, 1, of=of), x(1, 3, of=of)),
        (x(of=of), x(2, of=of)),
        (x(2, 0, of=of), x(2, 1, of=of)),
        (x(2, of=of), c(2, of=of)),
    ]
    return rows + ([(x(2, of=of), 1.7)] if numbers else [])


def reduction(*last):
    return [
        (x(2, 3), *last),
        (x(2, 3), 1, *last),
        (x(2, 3), 0, {"keepdim": True}),
        (x(), *last),
    ]


def fused(*others):
    """A gradient as an op of its own."""
    return [(x(2, 3), *others), (x(), *others), (x(0, 2), *others)]


TWO = [(x(2, 3), x(2, 3)), (x(), x()), (x(0, 2), x(0, 2))]
EMPTY_SUM = [(x(0, 3),), (x(2, 0), 1), (x(2, 3), (0, 1)), (x(2, 3, 2), (0, 2))]
MASK = m([True, False, True], [False, True, False])
ROWS = {}

# --- pointwise ------------------------------------------------------------------------------------

for (
    _name
) in """neg negative abs absolute sgn square reciprocal exp exp2 expm1 sin cos sinh cosh tanh
                sigmoid erf erfc sign floor ceil trunc fix frac round conj_physical positive
                deg2rad rad2deg relu elu _gelu_erf _gelu_tanh silu softplus hardtanh hardswish
                hardsigmoid mish log_sigmoid selu celu gelu relu6 leaky_relu clone
                _conj conj _neg_view resolve_conj resolve_neg alias contiguous nan_to_num
                ravel atleast_1d atleast_2d atleast_3d""".split():
    ROWS[_name] = unary()
for _name in "sqrt rsqrt log log2 log10 log1p acosh arccosh".split():
    ROWS[_name] = unary(ABOVE)
for _name in "asin arcsin acos arccos atan arctan asinh arcsinh atanh arctanh tan".split():
    ROWS[_name] = unary(UNIT)
for _name in "add sub subtract mul multiply div divide true_divide rsub".split():
    ROWS[_name] = binary()
for _name in "add sub subtract rsub".split():
    ROWS[_name] = ROWS[_name] + [(x(2), x(2), {"alpha": 3}), (x(2), 2, {"alpha": 0.5})]
for _name in """maximum minimum fmax fmin atan2 arctan2 hypot logaddexp logaddexp2 max_other
                min_other""".split():
    ROWS[_name] = binary(numbers=False)
ROWS["remainder"] = ROWS["fmod"] = binary(ABOVE)
ROWS["_div_trunc"] = ROWS["_div_floor"] = binary(ABOVE)
ROWS["div_mode"] = ROWS["divide_mode"] = [
    (x(2, 3), x(3, of=ABOVE), {"rounding_mode": mode}) for mode in (None, "trunc", "floor")
]
ROWS["copysign"] = binary()
ROWS["pow"] = [
    *binary(POSITIVE),
    *((x(2, 2), power) for power in (0, 1, 2, 3, -1)),
    *((x(2, 2, of=POSITIVE), power) for power in (0.5, -0.5, 2.5)),
    (1.7, x(2, 2)),
    (x(2), i(2, 3)),
]
ROWS["float_power"] = ROWS["pow"][:-1]
ROWS["xlogy"] = [*binary(POSITIVE), (1.7, x(2, of=POSITIVE))]
ROWS["round_decimals"] = [(x(2, 3), {"decimals": 1})]
ROWS["angle"] = [(x(2, 3),), (x(),)]
ROWS["_nan_to_num"] = [(x(2, 3), 0.0, 1.0, -1.0)]
ROWS["logit"] = [
    (Spec((2, 3), "fraction"),),
    (Spec((), "fraction"), 0.1),
    (Spec((0, 2), "fraction"),),
]
ROWS["where"] = [
    (MASK, x(2, 3), x(3)),
    (m(True, False), x(2), 2.0),
    (m(True, False), x(), x(2)),
    (m(True, False), 1.0, x(2)),
    (m([], []), x(2, 0), x(1)),
]
ROWS["where_method"] = [(x(2, 3), MASK, x(3))]
ROWS["lerp"] = [(x(2, 3), x(3), x(2, 1)), (x(), x(2), x())]
ROWS["lerp_scalar"] = [(x(2, 3), x(3), 0.3), (x(2), x(2), 0.7)]
ROWS["addcmul"] = [(x(2, 3), x(3), x(2, 1)), (x(2), x(), x(2), {"value": 2.5})]
ROWS["addcdiv"] = [(x(2, 3), x(3), x(2, 1, of=ABOVE)), (x(2), x(), x(2, of=ABOVE), {"value": 2.5})]
ROWS["add_alpha"] = ROWS["sub_alpha"] = [(x(2, 3), 0.5, x(3))]  # the number first: deprecated
ROWS["addcmul_value"] = [(x(2, 3), 0.5, x(3), x(2, 1))]
ROWS["addcdiv_value"] = [(x(2, 3), 0.5, x(3), x(2, 1, of=ABOVE))]
ROWS["_clamp"] = [(x(2, 3), -0.5, 0.5), (x(), -0.5, 0.5)]
ROWS["_clamp_low"] = ROWS["_clamp_high"] = [(x(2, 3), 0.0)]
ROWS["_clamp_tensor"] = [(x(2, 3), x(3, of="low"), x(2, 1, of=ABOVE))]
ROWS["_clamp_min_tensor"] = ROWS["_clamp_max_tensor"] = [(x(2, 3), x(3)), (x(2, 3), x(2, 1))]
ROWS["clamp"] = ROWS["clip"] = [
    (x(2, 3), -0.5, 0.5),
    (x(2, 3), {"min": 0.0}),
    (x(2, 3), {"max": 0.0}),
    (x(2, 3), x(3, of="low"), x(2, 1, of=ABOVE)),
    (x(2, 3), {"max": x(3)}),
]
ROWS["clamp_min"] = ROWS["clamp_max"] = [(x(2, 3), 0.0), (x(2, 3), x(3))]
ROWS["view_as_real"] = [(x(2, 3),), (x(),)]
ROWS["view_as_complex"] = [(x(2, 3, 2),), (x(2),)]
ROWS["real"] = ROWS["imag"] = [(x(2, 3),), (x(),)]
ROWS["complex"] = [(x(2, 3), x(2, 3)), (x(), x(2))]
ROWS["polar"] = [(x(2, 3), x(2, 3)), (x(2), x(2))]
ROWS["glu"] = [(x(2, 4),), (x(4, 3), 0), (x(2, 0),)]
ROWS["threshold"] = [(x(2, 3), 0.3, 5.0)]
ROWS["prelu"] = [(x(2, 3), x(3)), (x(2, 3), x(1)), (x(2, 3, 2), x(3)), (x(), x(1))]
ROWS["leaky_relu"] = [*unary(), (x(2, 3), 0.3)]
ROWS["elu"] = [*unary(), (x(2, 3), 0.5, 2.0, 0.7)]
ROWS["celu"] = [*unary(), (x(2, 3), 0.5)]
ROWS["softplus"] = [*unary(), (x(2, 3), 3.0, 1.0)]
ROWS["hardtanh"] = [*unary(), (x(2, 3), -0.5, 0.7)]
ROWS["gelu"] = [*unary(), (x(2, 3), {"approximate": "tanh"})]
ROWS["threshold_backward"] = fused(c(2, 3), 0.2)[:1] + [(x(), c(), 0.2)]
for _name in """sigmoid_backward tanh_backward gelu_erf_backward gelu_tanh_backward
                silu_backward""".split():
    ROWS[_name] = TWO
ROWS["softplus_backward"] = [(x(2, 3), x(2, 3), 2.0, 1.0)]
ROWS["elu_backward"] = [(x(2, 3), x(2, 3), 0.5, 2.0, 0.7, 0), (x(2, 3), x(2, 3), 0.5, 2.0, 0.7, 1)]
ROWS["leaky_relu_backward"] = [(x(2, 3), c(2, 3), 0.3)]
ROWS["hardtanh_backward"] = [(x(2, 3), c(2, 3), -0.5, 0.7)]
ROWS["_bce_backward"] = [(x(2, 3), Spec((2, 3), "fraction"), x(2, 3))]
for _name in "mse_loss l1_loss smooth_l1_loss huber_loss".split():
    ROWS[_name] = [(x(2, 3), x(2, 3), k) for k in (0, 1, 2)] + [(x(), x())]
ROWS["smooth_l1_loss"] = ROWS["smooth_l1_loss"] + [(x(2, 3), x(2, 3), 1, 0.4)]
ROWS["huber_loss"] = ROWS["huber_loss"] + [(x(2, 3), x(2, 3), 1, 0.4)]
FRACTION = Spec((2, 3), "fraction")
ROWS["binary_cross_entropy"] = [
    (FRACTION, Spec((2, 3), "fraction"), c(3, of=POSITIVE), k) for k in (0, 1, 2)
] + [(FRACTION, Spec((2, 3), "fraction", grad=False))]
ROWS["binary_cross_entropy_with_logits"] = [
    (x(2, 3), FRACTION, c(3, of=POSITIVE), c(3, of=POSITIVE), k) for k in (0, 1, 2)
] + [(x(2, 3), FRACTION)]

# --- reductions -----------------------------------------------------------------------------------

for _name in "sum mean nansum nanmean".split():
    ROWS[_name] = reduction() + [(x(2, 3), (0, 1)), (x(2, 3, 2), (0, 2), True)]
ROWS["sum"] = ROWS["sum"] + EMPTY_SUM
ROWS["prod"] = [*reduction(), (x(0, 2),), (Spec((2, 3), "zeros"),), (Spec((2, 3), "zeros"), 1)]
for _name in "max min median nanmedian".split():
    ROWS[_name] = [(x(2, 3, of=DISTINCT),), (x(),)]
for _name in "max_dim min_dim median_dim nanmedian_dim".split():
    ROWS[_name] = [(x(2, 3, of=DISTINCT), 1), (x(2, 3, of=DISTINCT), 0, True), (x(), 0)]
for _name in "amax amin".split():
    ROWS[_name] = [(x(2, 3, of=DISTINCT), d) for d in ((), 1, (0, 1), -2)] + [(x(),)]
ROWS["aminmax"] = [(x(2, 3, of=DISTINCT),), (x(2, 3, of=DISTINCT), {"dim": 1, "keepdim": True})]
for _name in "std var std_mean var_mean".split():
    ROWS[_name] = [
        (x(2, 3),),
        (x(2, 3), 1),
        (x(2, 3), (0, 1), {"correction": 0}),
        (x(3, 2), 0, {"correction": 0.5, "keepdim": True}),
    ]
    ROWS[_name + "_dim"] = [(x(2, 3), 1, False), (x(2, 3), (0, 1), True, True)]
    ROWS[_name + "_all"] = [(x(2, 3), False)]
ROWS["linalg_vector_norm"] = [(x(2, 3), order) for order in (2, 1, 0, 3, 0.5, float("inf"), -1)] + [
    (x(2, 3), 2, 1, True),
    (x(2, 3), float("-inf"), 0),
    (x(), 2),
    (x(2, 3), 2, (0, 1)),
]
ROWS["norm"] = [
    (x(2, 3),),
    (x(2, 3), 1, 1),
    (x(2, 3), 3, (0, 1)),
    (x(2, 3), float("inf"), 1, True),
]
ROWS["norm_str"] = [(x(2, 3), "fro"), (x(2, 3), "fro", (0, 1), True)]
ROWS["logsumexp"] = [(x(2, 3), 1), (x(2, 3), (0, 1)), (x(2, 3), 0, True), (x(), 0), (x(0, 2), 1)]
for _name in "softmax log_softmax".split():
    ROWS[_name] = [(x(2, 3), 1), (x(2, 3), 0), (x(), 0), (x(2, 3, 2), 1), (x(0, 2), 1)]
    ROWS["_" + _name] = [(x(2, 3), 1, False), (x(2, 3), 0, False), (x(), 0, False)]
    ROWS[f"_{_name}_backward_data"] = [(x(2, 3), x(2, 3), 1), (x(2, 3), x(2, 3), 0)]
ROWS["cumsum"] = [(x(2, 3), 1), (x(2, 3), 0), (x(), 0), (x(0, 2), 1)]
ROWS["cumprod"] = [*ROWS["cumsum"], (Spec((2, 3), "zeros"), 1), (Spec((3, 2), "zeros"), 0)]
ROWS["cummax"] = ROWS["cummin"] = [(x(2, 3, of=DISTINCT), 1), (x(3, 2, of=DISTINCT), 0), (x(), 0)]

# --- order ----------------------------------------------------------------------------------------

ROWS["sort"] = [(x(2, 3, of=DISTINCT),), (x(3, 2, of=DISTINCT), 0, True), (x(),)]
ROWS["sort_stable"] = [
    (x(2, 3, of=DISTINCT), {"stable": True}),
    (x(3), {"stable": False, "dim": 0}),
]
ROWS["msort"] = [(x(3, 2, of=DISTINCT),)]
ROWS["topk"] = [(x(2, 3, of=DISTINCT), 2), (x(3, 2, of=DISTINCT), 1, 0, False), (x(), 1)]
ROWS["kthvalue"] = [(x(2, 3, of=DISTINCT), 2), (x(3, 2, of=DISTINCT), 1, 0, True), (x(), 1)]
ROWS["mode"] = [(x(2, 3, of=DISTINCT),), (x(3, 2, of=DISTINCT), 0, True)]

# --- indexing -------------------------------------------------------------------------------------

ROWS["index"] = [
    (x(3, 2), [i(0, 2, 0)]),
    (x(3, 2), [None, i(1, 0)]),
    (x(3, 2), [ii([[0, 1], [2, 0]]), ii([[1, 0], [0, 1]])]),
    (x(2, 3), [MASK]),
    (x(2, 3, 2), [i(1, 0), None, i(0, 1)]),
    (x(3, 2), [Spec((), grad=False, values=[], kind="int")]),
]
ROWS["index_put"] = [
    (x(3, 2), [i(0, 2)], x(2, 2)),
    (x(3, 2), [i(0, 2, 0)], x(2), True),
    (x(2, 3), [MASK], x()),
    (x(3, 2), [i(0, 2), i(1, 1)], x(2)),
]
ROWS["index_select"] = [(x(3, 2), 0, i(0, 2, 0)), (x(3, 2), 1, i(1)), (x(), 0, i(0))]
ROWS["index_add"] = [
    (x(3, 2), 0, i(0, 2, 0), x(3, 2)),
    (x(2, 3), 1, i(2, 0), x(2, 2), {"alpha": 2.5}),
]
ROWS["index_copy"] = [(x(3, 2), 0, i(0, 2), x(2, 2)), (x(2, 3), 1, i(2, 0), x(2, 2))]
ROWS["index_fill"] = [(x(3, 2), 0, i(0, 2), 1.5), (x(2, 3), 1, i(2, 0), x())]
_REDUCES = ("prod", "mean", "amax", "amin")
ROWS["index_reduce"] = [
    (x(3, 2), 0, i(0, 2, 0), x(3, 2), how, {"include_self": own})
    for how in _REDUCES
    for own in (True, False)
]
INDEX = ii([[0, 1, 1], [1, 0, 0]])
ROWS["gather"] = [(x(2, 3), 0, INDEX), (x(2, 3), 1, ii([[2], [0]])), (x(), 0, ii(0))]
ROWS["take_along_dim"] = [(x(2, 3), ii([[2], [0]]), 1), (x(2, 3), i(5, 0))]
ROWS["scatter"] = [(x(2, 3), 0, INDEX, x(2, 3)), (x(2, 3), 1, ii([[2], [0]]), x(2, 2))]
ROWS["scatter"][0] = (x(2, 3), 0, ii([[0, 1, 0], [1, 0, 1]]), x(2, 3))
ROWS["scatter_value"] = [(x(2, 3), 0, INDEX, 1.5)]
ROWS["scatter_add"] = [(x(2, 3), 0, INDEX, x(2, 3)), (x(2, 3), 1, ii([[2], [0]]), x(2, 1))]
ROWS["scatter_reduce"] = [
    (x(2, 3), 0, INDEX, x(2, 3), how, {"include_self": own})
    for how in ("sum", *_REDUCES)
    for own in (True, False)
]
ROWS["take"] = [(x(2, 3), ii([[0, 5], [2, 0]])), (x(), i(0))]
ROWS["put"] = [(x(2, 3), i(0, 5), x(2)), (x(2, 3), i(0, 5, 0), x(3), True)]
ROWS["masked_fill"] = [(x(2, 3), MASK, 1.5), (x(2, 3), MASK, x()), (x(3), MASK, 1.5)]
ROWS["masked_select"] = [(x(2, 3), MASK), (x(3), MASK), (x(2, 3), m(True, False, True))]
ROWS["masked_scatter"] = [(x(2, 3), MASK, x(3)), (x(2, 3), MASK, x(2, 3)), (x(3), MASK, x(6))]

# --- products -------------------------------------------------------------------------------------

ROWS["mm"] = [(x(2, 3), x(3, 2)), (x(2, 0), x(0, 2)), (x(0, 2), x(2, 1))]
ROWS["bmm"] = [(x(2, 2, 3), x(2, 3, 2)), (x(0, 2, 1), x(0, 1, 2))]
_SCALED = {"beta": 0.5, "alpha": 2.0}
ROWS["addmm"] = [(x(2, 2), x(2, 3), x(3, 2)), (x(2), x(2, 1), x(1, 2), _SCALED)]
ROWS["baddbmm"] = [(x(2, 2, 1), x(2, 2, 3), x(2, 3, 1)), (x(2), x(1, 2, 1), x(1, 1, 2), _SCALED)]
ROWS["addmv"] = [(x(2), x(2, 3), x(3)), (x(), x(2, 3), x(3), _SCALED)]
ROWS["addr"] = [(x(2, 3), x(2), x(3)), (x(3), x(2), x(3), _SCALED)]
ROWS["mv"] = [(x(2, 3), x(3)), (x(2, 0), x(0))]
ROWS["dot"] = ROWS["vdot"] = [(x(3), x(3)), (x(0), x(0))]
ROWS["linear"] = [
    (x(2, 3), x(2, 3), x(2)),
    (x(3), x(2, 3)),
    (x(2, 1, 3), x(2, 3), x(2)),
    (x(3), x(3)),
]
ROWS["outer"] = ROWS["ger"] = [(x(2), x(3)), (x(0), x(2))]
ROWS["kron"] = [(x(2, 3), x(3, 2)), (x(2), x(2, 1, 3)), (x(), x(2)), (x(0, 2), x(2))]
ROWS["matmul"] = [
    (x(3), x(3)),
    (x(2, 3), x(3)),
    (x(3), x(3, 2)),
    (x(2, 3), x(3, 2)),
    (x(2, 1, 3), x(3, 2)),
    (x(2, 3), x(2, 3, 1)),
    (x(2, 1, 1, 2), x(3, 2, 1)),
]
ROWS["einsum"] = [
    ("ij,jk->ik", [x(2, 3), x(3, 2)]),
    ("ii->i", [x(2, 2)]),
    ("bij,bjk,k->b", [x(2, 1, 2), x(2, 2, 2), x(2)]),
    ("...i,i->...", [x(2, 3), x(3)]),
]
ROWS["inner"] = [(x(2, 3), x(2, 3)), (x(3), x(3)), (x(), x(2))]

# --- shapes ---------------------------------------------------------------------------------------

ROWS["as_strided"] = [(x(2, 3), (2, 2), (3, 1), 1), (x(6), (2, 3), (1, 2)), (x(3), (2, 2), (1, 1))]
ROWS["view"] = ROWS["_unsafe_view"] = [(x(2, 3), (3, 2)), (x(2, 3), (-1,)), (x(), (1,))]
ROWS["reshape"] = [*ROWS["view"], (x(0, 3), (3, 0))]
ROWS["permute"] = [(x(2, 3, 1), (2, 0, 1)), (x(), ())]
ROWS["transpose"] = ROWS["swapaxes"] = ROWS["swapdims"] = [(x(2, 3), 0, 1), (x(2, 3, 1), -1, 0)]
ROWS["t"] = [(x(2, 3),), (x(3),)]
ROWS["expand"] = ROWS["broadcast_to"] = [(x(2, 1), (2, 3)), (x(3), (2, -1)), (x(), (2,))]
ROWS["broadcast_to"] = [(x(2, 1), (2, 3)), (x(), (2, 2))]
ROWS["select"] = [(x(2, 3), 0, 1), (x(2, 3), -1, -1)]
ROWS["slice"] = [(x(3, 2), 0, 1, 3), (x(2, 3), 1, None, None, 2), (x(2, 3), 1, 3)]
ROWS["squeeze"] = [(x(2, 1, 3),), (x(),)]
ROWS["squeeze_dim"] = [(x(2, 1, 3), 1), (x(2, 1), 0)]
ROWS["squeeze_dims"] = [(x(1, 2, 1), (0, 2))]
ROWS["unsqueeze"] = [(x(2, 3), 1), (x(), 0)]
ROWS["split"] = [(x(3, 2), 2), (x(2, 3), 1, 1)]
ROWS["split_sizes"] = ROWS["split_with_sizes"] = [(x(3, 2), (1, 2)), (x(2, 3), (2, 1), 1)]
ROWS["unsafe_split"] = ROWS["split"]
ROWS["unsafe_split_with_sizes"] = ROWS["split_with_sizes"]
ROWS["unbind"] = [(x(2, 3),), (x(2, 3), 1)]
ROWS["diagonal"] = ROWS["diagonal_copy"] = [(x(2, 3),), (x(3, 3), 1), (x(2, 3, 2), -1, 1, 2)]
ROWS["unfold"] = [(x(2, 4), 1, 2, 1), (x(4), 0, 3, 1), (x(5), 0, 2, 2)]
for _name in "cat concat concatenate".split():
    ROWS[_name] = [([x(2, 3), x(1, 3)],), ([x(2, 3), x(2, 1)], 1), ([x(0), x(2, 3)],)]
ROWS["stack"] = [([x(2, 3), x(2, 3)],), ([x(2), x(2)], 1), ([x(), x()],)]
for _name in "hstack vstack row_stack dstack column_stack".split():
    ROWS[_name] = [([x(2, 3), x(2, 3)],), ([x(3), x(3)],)]
ROWS["repeat"] = [(x(2, 3), (2, 1)), (x(2), (2, 2)), (x(), (2,)), (x(2), (0,))]
ROWS["tile"] = [(x(2, 3), (2, 1)), (x(2, 3), (2,)), (x(2), (2, 2))]
ROWS["repeat_interleave_int"] = [(x(2, 3), 2), (x(2, 3), 2, 1)]
ROWS["repeat_interleave_tensor"] = [(x(2, 3), i(2, 1), 0), (x(3), i(0, 2, 1))]
ROWS["flip"] = [(x(2, 3), (0,)), (x(2, 3), (0, 1)), (x(), ())]
ROWS["fliplr"] = ROWS["flipud"] = [(x(2, 3),)]
ROWS["roll"] = [(x(2, 3), 1), (x(2, 3), (1, -1), (0, 1))]
ROWS["rot90"] = [(x(2, 3),), (x(2, 3), 2), (x(2, 3), -1, (1, 0))]
ROWS["diag_embed"] = [(x(2, 3),), (x(2), 1), (x(2, 2), -1, 0, 2)]
ROWS["diag"] = [(x(3),), (x(2, 3), 1), (x(2), -1)]
ROWS["diagflat"] = [(x(2, 2),), (x(2), 1), (x(),)]
ROWS["diagonal_scatter"] = [(x(3, 3), x(3)), (x(3, 3), x(2), 1)]
ROWS["select_scatter"] = [(x(2, 3), x(3), 0, 1), (x(2, 3), x(2), 1, -1)]
ROWS["slice_scatter"] = [(x(3, 2), x(2, 2), 0, 1), (x(2, 3), x(2, 2), 1, 0, 3, 2)]
ROWS["as_strided_scatter"] = [(x(2, 3), x(2, 2), (2, 2), (3, 1), 1)]
ROWS["trace"] = [(x(2, 3),), (x(3, 2),), (x(0, 2),)]
ROWS["tril"] = ROWS["triu"] = [(x(2, 3),), (x(3, 3), 1), (x(2, 2, 2), -1)]
ROWS["select_backward"] = [(x(3), (2, 3), 0, 1)]
ROWS["slice_backward"] = [(x(2, 2), (3, 2), 0, 1, 3, 1)]
ROWS["diagonal_backward"] = [(x(2), (2, 3), 0, 0, 1)]
ROWS["unfold_backward"] = [(x(2, 3, 2), (2, 4), 1, 2, 1)]
ROWS["narrow"] = [(x(3, 2), 0, 1, 2), (x(2, 3), 1, -2, 1)]
ROWS["narrow_tensor"] = [(x(3, 2), 0, ii(1), 2)]
ROWS["chunk"] = ROWS["unsafe_chunk"] = ROWS["tensor_split"] = [(x(3, 2), 2), (x(2, 3), 3, 1)]
ROWS["tensor_split_indices"] = [(x(3, 2), (1, 2)), (x(2, 3), (1,), 1)]
ROWS["tensor_split_tensor"] = [(x(3, 2), ii(2)), (x(3, 2), i(1, 2))]
ROWS["hsplit"] = [(x(2, 4), 2), (x(4), 2)]
ROWS["hsplit_indices"] = [(x(2, 4), (1, 3))]
ROWS["vsplit"], ROWS["vsplit_indices"] = [(x(4, 2), 2)], [(x(4, 2), (1, 3))]
ROWS["dsplit"], ROWS["dsplit_indices"] = [(x(1, 2, 4), 2)], [(x(1, 2, 4), (1, 3))]
ROWS["movedim"] = ROWS["moveaxis"] = [(x(2, 3, 1), (0, 1), (1, 2))]
ROWS["movedim_int"] = ROWS["moveaxis_int"] = [(x(2, 3, 1), 0, 2)]
ROWS["flatten"] = [(x(2, 3, 2),), (x(2, 3, 2), 1), (x(),)]
ROWS["unflatten"] = [(x(2, 4), 1, (2, 2)), (x(4), 0, (-1, 2))]
ROWS["numpy_T"] = [(x(2, 3),)]
ROWS["mT"] = ROWS["mH"] = ROWS["matrix_H"] = ROWS["adjoint"] = [(x(2, 3),)]
ROWS["view_as"] = ROWS["reshape_as"] = [(x(2, 3), c(3, 2))]
ROWS["expand_as"] = [(x(2, 1), c(2, 3))]
ROWS["broadcast_tensors"] = [([x(2, 1), x(3)],)]
ROWS["meshgrid"] = [([x(2), x(3)], {"indexing": "ij"}), ([x(2), x(3)], {"indexing": "xy"})]

# --- copies ---------------------------------------------------------------------------------------

ROWS["_to_copy"] = [(x(2, 3),), (x(),)]
ROWS["copy"] = [(x(2, 3), x(3)), (x(2), x(2))]
ROWS["fill"] = [(x(2, 3), 1.5), (x(2, 3), x())]
ROWS["zero"] = [(x(2, 3),)]
ROWS["to"] = ROWS["contiguous"]
ROWS["to_dtype"] = [(x(2, 3), "float64_or_complex128")]
ROWS["to_other"] = [(x(2, 3), c(2))]

# --- random: the gradient is by what the draws are scaled with -------------------------------------

for _name in "uniform normal_fill random_full bernoulli_fill exponential cauchy log_normal".split():
    ROWS[_name] = [(x(2, 3),)]
ROWS["random_from"] = [(x(2, 3), 1, 9)]
ROWS["random_to"] = [(x(2, 3), 9)]
ROWS["geometric"] = [(x(2, 3), 0.4)]
ROWS["bernoulli_tensor"] = [(x(2, 3), Spec((2, 3), "fraction", grad=False))]
ROWS["bernoulli"] = [(FRACTION,)]
ROWS["bernoulli_p"] = [(x(2, 3), 0.4)]
ROWS["dropout"] = ROWS["alpha_dropout"] = [(x(2, 3), 0.4, True), (x(2, 3), 0.4, False)]
ROWS["feature_dropout"] = ROWS["feature_alpha_dropout"] = [(x(2, 2, 2), 0.4, True)]

# --- networks -------------------------------------------------------------------------------------

ROWS["embedding"] = [
    (x(3, 2), ii([[0, 2], [2, 1]])),
    (x(3, 2), i(0, 2, 0), 1),
    (x(3, 2), i(0, 2), -1, True),
]
ROWS["embedding_dense_backward"] = [
    (x(3, 2), i(0, 2, 0), 3, -1, False),
    (x(3, 2), i(0, 2, 0), 3, 2, True),
]
_WEIGHT = c(3, of=POSITIVE)
TARGET = i(2, 0)
for _name in "nll_loss nll_loss_forward nll_loss_nd".split():
    ROWS[_name] = [(x(2, 3), TARGET, _WEIGHT, k, -100) for k in (0, 1, 2)] + [
        (x(2, 3), TARGET, None, 1, 0),
        (x(3), ii(1), None, 1, -100),
    ]
TARGET2D = ii([[[2, 0], [1, 1]]])
for _name in "nll_loss2d nll_loss2d_forward".split():
    ROWS[_name] = [(x(1, 3, 2, 2), TARGET2D, _WEIGHT, k, 0) for k in (0, 1, 2)]
ROWS["nll_loss_nd"] = ROWS["nll_loss_nd"] + ROWS["nll_loss2d"][:1]
ROWS["nll_loss_backward"] = [(x(), (2, 3), TARGET, _WEIGHT, 1, -100, const_real(of=POSITIVE))]
ROWS["_cross_entropy"] = [(x(2, 3), TARGET, _WEIGHT, k, -100) for k in (0, 1, 2)]
ROWS["cross_entropy_loss"] = [
    *((x(2, 3), TARGET, _WEIGHT, k, -100, smooth) for k in (0, 1, 2) for smooth in (0.0, 0.2)),
    (x(2, 3), TARGET, None, 1, 0),
    (x(2, 3), FRACTION, _WEIGHT),
    (x(1, 3, 2, 2), TARGET2D),
]
_NORM = (x(2, 2, 3), (3,), x(3), x(3), 1e-5)
ROWS["native_layer_norm"] = [_NORM, (x(2, 3), (2, 3), None, None, 1e-5)]
ROWS["layer_norm"] = [*ROWS["native_layer_norm"], (x(2, 3), (3,), x(3), None, 1e-5)]
ROWS["rms_norm"] = [(x(2, 3), (3,), x(3)), (x(2, 3), (2, 3), None, 1e-4), (x(2, 3), (3,))]
_RUNNING = (const_real(2), const_real(2, of=POSITIVE))
ROWS["native_batch_norm"] = [
    (x(3, 2), x(2), x(2), None, None, True, 0.1, 1e-5),
    (x(2, 2, 3), x(2), x(2), *_RUNNING, False, 0.1, 1e-5),
    (x(2, 2, 3), None, None, *_RUNNING, False, 0.1, 1e-5),
]
ROWS["batch_norm"] = [(*row, True) for row in ROWS["native_batch_norm"]]
ROWS["instance_norm"] = [
    (x(2, 2, 3), x(2), x(2), None, None, True, 0.1, 1e-5, True),
    (x(2, 2, 3), x(2), x(2), *_RUNNING, False, 0.1, 1e-5, True),
]
ROWS["native_group_norm"] = [
    (x(2, 4, 2), x(4), x(4), 2, 4, 2, 2, 1e-5),
    (x(1, 2, 3), None, None, 1, 2, 3, 1, 1e-5),
]
ROWS["group_norm"] = [(x(2, 4, 2), 2, x(4), x(4)), (x(1, 2, 3), 1)]
ROWS["convolution"] = [
    (x(1, 2, 4), x(2, 2, 2), x(2), (1,), (1,), (1,), False, (0,), 1),
    (x(1, 2, 3, 3), x(2, 1, 2, 2), None, (2, 1), (1, 0), (1, 2), False, (0, 0), 2),
    (x(1, 2, 2, 2), x(2, 1, 2, 2), x(1), (2, 1), (0, 1), (1, 1), True, (1, 0), 1),
    (x(1, 1, 2, 2, 2), x(1, 1, 1, 2, 1), x(1), (1,) * 3, (0,) * 3, (1,) * 3, False, (0,) * 3, 1),
]
ROWS["_convolution_weight"] = [
    (x(1, 1, 3, 3), x(1, 2, 2, 2), (2, 1, 2, 2), (1, 1), (0, 0), (1, 1), 1)
]
for _d in (1, 2, 3):
    _image = (3, 2, 2)[:_d]
    _kernel = (2, 1, 2)[:_d]
    ROWS[f"conv{_d}d"] = [
        (x(1, 2, *_image), x(2, 2, *_kernel), x(2)),
        (x(2, *_image), x(2, 1, *_kernel), None, 2, 1, 1, 2),
    ]
    ROWS[f"conv{_d}d_padding"] = [
        (x(1, 1, *_image), x(1, 1, *_kernel), x(1), 1, "same"),
        (x(1, 1, *_image), x(1, 1, *_kernel), None, 1, "valid"),
    ]
    ROWS[f"conv_transpose{_d}d"] = [
        (x(1, 2, *_image), x(2, 1, *_kernel), x(1)),
        (x(2, *_image), x(2, 1, *_kernel), None, 2, 0, 1, 2),
    ]
_PLANE = x(1, 1, 4, 4, of=DISTINCT)
ROWS["max_pool2d"] = ROWS["max_pool2d_with_indices"] = [
    (_PLANE, 2),
    (x(1, 3, 4, of=DISTINCT), (2, 3), (1, 2), (1, 1), (1, 1), True),
    (x(1, 4, 4, of=DISTINCT), 2, 1, 0, 2),
]
ROWS["max_pool1d"] = ROWS["max_pool1d_with_indices"] = [
    (x(1, 2, 4, of=DISTINCT), 2),
    (x(2, 5, of=DISTINCT), 3, 2, 1, 1, True),
]
ROWS["avg_pool2d"] = [
    (x(1, 1, 4, 4), 2),
    (x(1, 3, 4), (2, 3), (1, 2), (1, 1), True, False),
    (x(1, 3, 4), 2, 1, 1, False, True, 3),
]
ROWS["avg_pool1d"] = [(x(1, 2, 4), 2), (x(2, 5), 3, 2, 1, True, False)]
ROWS["avg_pool2d_backward"] = [(x(1, 2, 2), (1, 4, 4), (2, 2), (2, 2), (0, 0), False, True, None)]
for _name in "adaptive_avg_pool2d _adaptive_avg_pool2d".split():
    ROWS[_name] = [(x(1, 1, 3, 4), (2, 3)), (x(2, 3, 3), (1, 1))]
ROWS["_adaptive_avg_pool2d_backward"] = [(x(1, 2, 3), (1, 3, 4))]
ROWS["adaptive_max_pool2d"] = [(x(1, 1, 3, 4, of=DISTINCT), (2, 3))]
ROWS["adaptive_avg_pool1d"] = [(x(1, 2, 5), 3), (x(2, 4), 2)]
ROWS["adaptive_max_pool1d"] = [(x(1, 2, 5, of=DISTINCT), 3)]
ROWS["_pool_scatter"] = [(x(1, 2, 2), (1, 3, 3), ii([[[0, 2], [4, 8]]]))]
ROWS["_pool_gather"] = [(x(1, 3, 3), ii([[[0, 2], [4, 8]]]))]
ROWS["im2col"] = [
    (x(1, 1, 3, 3), (2, 2), (1, 1), (0, 0), (1, 1)),
    (x(1, 3, 4), (2, 2), (1, 1), (1, 1), (2, 2)),
]
ROWS["col2im"] = [(x(1, 4, 4), (3, 3), (2, 2), (1, 1), (0, 0), (1, 1))]
_HEADS = (x(1, 1, 3, 2), x(1, 1, 3, 2), x(1, 1, 3, 2))
ROWS["scaled_dot_product_attention"] = [
    _HEADS,
    (x(1, 2, 2), x(1, 3, 2), x(1, 3, 2), x(2, 3)),
    (*_HEADS, None, 0.0, True),
    (x(1, 2, 2, 2), x(1, 1, 3, 2), x(1, 1, 3, 2), {"enable_gqa": True, "scale": 0.7}),
]
ROWS["_scaled_dot_product_flash_attention_for_cpu"] = [
    _HEADS,
    (*_HEADS, 0.0, True),
    (*_HEADS, {"attn_mask": const_real(3, 3), "scale": 0.7}),
]

# --- what has no gradient to check, and why -------------------------------------------------------

EXEMPT = dict.fromkeys(
    """logspace eye tril_indices triu_indices new_empty new_empty_strided new_zeros new_ones new_full
       nonzero_numpy where_condition argwhere argsort argsort_stable searchsorted_scalar bucketize
       bucketize_scalar isposinf isneginf isreal isclose rand rand_like randn randn_like randint
       randint_low randint_like randint_like_low normal_size multinomial indices _indices _values
       """.split(),
    "its result does not depend smoothly on any input",
)
EXEMPT.update(
    dict.fromkeys(
        """_unique2 unique_dim unique_consecutive scatter_src_reduce scatter_value_reduce""".split(),
        "its gradient is an error, as in PyTorch",
    )
)
EXEMPT.update(
    dict.fromkeys(
        "sparse_coo_tensor coalesce values to_dense to_sparse sparse_mask".split(),
        "sparse: test_sparse has them",
    )
)
EXEMPT.update(dict.fromkeys(["detach", "view_dtype"], "it cuts the graph"))
EXEMPT.update(
    dict.fromkeys("normal normal_mean normal_std".split(), "PyTorch's gradients are zero there")
)
EXEMPT["floor_divide"] = "PyTorch has no gradient of it, which backward says"
EXEMPT["copy_scalar"] = "nothing of the tensor is left; copy has a row"
EXEMPT["linspace_tensors"] = "its gradient is none, as in PyTorch"
# Of complex tensors only.
COMPLEX = "_conj view_as_real imag".split()
# Of real tensors only: complex ones are refused.
REAL = """
    _adaptive_avg_pool2d _adaptive_avg_pool2d_backward _bce_backward _clamp _clamp_high
    _clamp_low _clamp_max_tensor _clamp_min_tensor _clamp_tensor _cross_entropy
    _div_floor _div_trunc _gelu_erf _gelu_tanh _log_softmax _log_softmax_backward_data
    _nan_to_num _pool_gather _pool_scatter _scaled_dot_product_flash_attention_for_cpu
    _softmax _softmax_backward_data adaptive_avg_pool1d adaptive_avg_pool2d
    adaptive_max_pool1d adaptive_max_pool2d alpha_dropout amax amin aminmax arctan2
    atan2 avg_pool1d avg_pool2d avg_pool2d_backward batch_norm bernoulli bernoulli_fill
    bernoulli_p bernoulli_tensor binary_cross_entropy binary_cross_entropy_with_logits
    cauchy ceil celu clamp clamp_max clamp_min clip complex copysign cross_entropy_loss
    cummax cummin deg2rad div_mode divide_mode dropout elu elu_backward erf erfc
    exponential feature_alpha_dropout feature_dropout fix floor fmax fmin fmod frac gelu
    gelu_erf_backward gelu_tanh_backward geometric glu group_norm hardsigmoid hardswish
    hardtanh hardtanh_backward huber_loss hypot instance_norm kthvalue layer_norm
    leaky_relu leaky_relu_backward log_normal log_sigmoid log_softmax logaddexp2 logit
    max max_dim max_other max_pool1d max_pool1d_with_indices max_pool2d
    max_pool2d_with_indices maximum median median_dim min min_dim min_other minimum mish
    mode mse_loss msort nan_to_num nanmean nanmedian nanmedian_dim nansum
    native_batch_norm native_group_norm native_layer_norm nll_loss nll_loss2d
    nll_loss2d_forward nll_loss_backward nll_loss_forward nll_loss_nd polar prelu
    rad2deg random_from random_full random_to relu relu6 remainder round round_decimals
    scaled_dot_product_attention selu sign silu silu_backward smooth_l1_loss softmax
    softplus softplus_backward sort sort_stable threshold threshold_backward topk trunc
    view_as_complex xlogy
""".split()
