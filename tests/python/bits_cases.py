"""Samples for the same-bits test: what runs every kernel that is not pointwise.

A row is (kernels, dtypes, inputs, call). `kernels` names the spec's entries that the call reaches,
its gradient included; `inputs` are shapes, or (shape, kind) where kind is `index:N` (integers below
N), `mask`, `positive` or `unit` (between 0 and 1), which keep a dtype of their own.
"""

import facula as torch

F = torch.nn.functional

REAL = "float32 float64 bfloat16 float16"
EXACT = "int64 int32 uint8 bool"
ANY = REAL + " " + EXACT + " complex64"
NUMBERS = REAL + " int64 complex64"
FLOATS = "float32 float64 bfloat16"
ONE = "float32"
M = (41, 37)

CASES = [
    # making and moving
    ("clone", ANY, [M], lambda x: x.clone()),
    ("copy", ANY, [M], lambda x: torch.empty_like(x).copy_(x)),
    ("_to_copy", ANY, [M], lambda x: (x.to(torch.float64), x.to(torch.float32))),
    ("fill", ANY, [M], lambda x: torch.empty_like(x).fill_(3)),
    ("zero", ANY, [M], lambda x: torch.empty_like(x).zero_()),
    ("cat", ANY, [M, (3, 37)], lambda x, y: torch.cat((x, y, x))),
    ("stack", ANY, [M, M], lambda x, y: torch.stack((x, y), 1)),
    ("repeat", ANY, [M], lambda x: x.repeat(2, 3)),
    ("repeat_interleave", ANY, [M], lambda x: torch.repeat_interleave(x, 3, 1)),
    ("flip", ANY, [M], lambda x: torch.flip(x, (0, 1))),
    ("roll", ANY, [M], lambda x: torch.roll(x, (5, -3), (0, 1))),
    ("rot90", ANY, [M], lambda x: torch.rot90(x, 1, (0, 1))),
    ("tril", NUMBERS, [M], lambda x: torch.tril(x, 2)),
    ("triu", NUMBERS, [M], lambda x: torch.triu(x, -2)),
    ("diag_embed diagonal_copy", ONE, [M], lambda x: torch.diag_embed(x)),
    ("eye", ONE, [M], lambda x: torch.eye(*x.shape)),
    ("linspace", ONE, [M], lambda x: torch.linspace(0, 1, x.numel())),
    # reductions
    ("sum", NUMBERS, [M], lambda x: (x.sum(), x.sum(0), x.sum(1))),
    ("sum", ONE, [(3, 70, 5000)], lambda x: (x.sum(), x.sum(0), x.sum(1), x.sum((0, 2)))),
    ("mean", REAL + " complex64", [M], lambda x: (x.mean(), x.mean(0), x.mean(1))),
    ("nansum", REAL, [M], lambda x: (x.nansum(), x.nansum(0), x.nansum(1))),
    ("prod", NUMBERS, [(41, 5)], lambda x: (x.prod(), x.prod(0), x.prod(1))),
    ("all any", ANY, [M], lambda x: (x.all(), x.all(0), x.all(1), x.any(), x.any(0), x.any(1))),
    ("count_nonzero", ANY, [M], lambda x: (x.count_nonzero(), x.count_nonzero(1))),
    ("max min", REAL + " " + EXACT, [M], lambda x: (x.max(), x.min())),
    ("max_dim min_dim", REAL + " int64", [M], lambda x: (*x.max(0), *x.max(1), *x.min(0), *x.min(1))),
    ("amax amin", REAL + " int64", [M], lambda x: (x.amax(), x.amax(0), x.amin(1), x.amin((0, 1)))),
    ("aminmax", REAL + " int64", [M], lambda x: (*torch.aminmax(x), *torch.aminmax(x, dim=1))),
    ("argmax argmin", REAL + " int64", [M], lambda x: (x.argmax(), x.argmax(0), x.argmin(1))),
    ("std var std_dim var_dim", REAL, [M], lambda x: (x.std(), x.var(0), x.std(1), x.var(1))),
    ("std_mean", REAL, [M], lambda x: torch.std_mean(x, 1)),
    ("var_mean", REAL, [M], lambda x: torch.var_mean(x, 0)),
    ("linalg_vector_norm", REAL + " complex64", [M], lambda x: (x.norm(), x.norm(dim=0), x.norm(3, 1))),
    ("logsumexp", REAL, [M], lambda x: (x.logsumexp(0), x.logsumexp((0, 1)))),
    ("_softmax _softmax_backward_data", REAL, [M], lambda x: (x.softmax(0), x.softmax(1))),
    ("_log_softmax _log_softmax_backward_data", REAL, [M], lambda x: (x.log_softmax(0), x.log_softmax(1))),
    ("trace", NUMBERS, [M], lambda x: x.trace()),
    ("cumsum", NUMBERS, [M], lambda x: (x.cumsum(0), x.cumsum(1))),
    ("cumprod", NUMBERS, [M], lambda x: (x.cumprod(0), x.cumprod(1))),
    ("sort sort_stable", REAL + " int64", [M], lambda x: (*x.sort(0), *x.sort(1, descending=True))),
    ("argsort", REAL + " int64", [M], lambda x: x.argsort(stable=True, dim=1)),
    ("topk", REAL + " int64", [M], lambda x: (*x.topk(5, 0), *x.topk(7, 1, largest=False))),
    ("unique", REAL + " int64", [M], lambda x: torch.unique(x, return_inverse=True)),
    ("median", REAL + " int64", [M], lambda x: (x.median(), *x.median(1))),
    ("bincount", ONE, [((500,), "index:9")], lambda i: torch.bincount(i)),
    ("cummax cummin", REAL + " int64", [M], lambda x: (*x.cummax(0), *x.cummin(1))),
    ("kthvalue", REAL + " int64", [M], lambda x: (*x.kthvalue(3, 0), *x.kthvalue(5, 1))),
    ("median_dim", REAL + " int64", [M], lambda x: (*x.median(0), *x.median(1))),
    ("nanmedian nanmedian_dim", REAL, [M], lambda x: (x.nanmedian(), *x.nanmedian(1))),
    ("mode", REAL + " int64", [M], lambda x: (*x.mode(0), *x.mode(1))),
    ("_unique2", REAL + " int64", [M], lambda x: torch.unique(x, return_counts=True)),
    ("unique_dim", REAL + " int64", [M], lambda x: torch.unique(x, dim=0, return_inverse=True)),
    ("unique_consecutive", REAL + " int64", [M],
     lambda x: torch.unique_consecutive(x, return_inverse=True, return_counts=True)),
    ("searchsorted", REAL + " int64", [M, M],
     lambda x, y: (torch.searchsorted(x.sort(1)[0], y), torch.bucketize(y, x[0].sort()[0]))),
    ("histc", REAL, [M], lambda x: torch.histc(x, 50, -2, 2)),
    # indexing
    ("index", NUMBERS, [M, ((9,), "index:37")], lambda x, i: (x[:, i], x[i, i])),
    ("index", NUMBERS, [M, (M, "mask")], lambda x, m: x[m]),
    ("index_put", NUMBERS, [M, ((9,), "index:37")], lambda x, i: put(x, i)),
    ("nonzero", ANY, [(M, "mask")], lambda m: m.nonzero()),
    ("index_select index_add", NUMBERS, [M, ((9,), "index:37")], lambda x, i: x.index_select(1, i)),
    ("index_add", NUMBERS, [M, ((9,), "index:37"), (41, 9)],
     lambda x, i, y: x.index_add(1, i, y)),
    ("index_copy", NUMBERS, [M, (41, 9)], lambda x, y: x.index_copy(1, torch.arange(9) * 3, y)),
    ("index_fill", NUMBERS, [M, ((9,), "index:37")], lambda x, i: x.index_fill(1, i, 2)),
    ("index_reduce", REAL, [M, ((9,), "index:37"), (41, 9)],
     lambda x, i, y: x.index_reduce(1, i, y, "prod")),
    ("gather", NUMBERS, [M, (M, "index:37")], lambda x, i: (x.gather(0, i), x.gather(1, i))),
    ("scatter scatter_value scatter_src_reduce scatter_value_reduce", NUMBERS,
     [M, ((41, 5), "index:37"), (41, 5)],
     lambda x, i, y: (x.scatter(1, i, y), x.scatter(1, i, 2), x.detach().scatter(1, i, y.detach(), reduce="add"),
                      x.detach().scatter(1, i, 2, reduce="multiply"))),
    ("scatter_add", NUMBERS, [M, (M, "index:37"), M], lambda x, i, y: x.scatter_add(1, i, y)),
    ("scatter_reduce", REAL, [M, (M, "index:37"), M],
     lambda x, i, y: (x.scatter_reduce(1, i, y, "mean"), x.scatter_reduce(1, i, y, "amax"))),
    ("take", NUMBERS, [M, ((60,), "index:1500")], lambda x, i: x.take(i)),
    ("put", NUMBERS, [M, ((60,), "index:1500"), (60,)],
     lambda x, i, y: x.put(i, y, accumulate=True)),
    ("masked_fill", NUMBERS, [M, (M, "mask")], lambda x, m: x.masked_fill(m, 2)),
    ("masked_select", NUMBERS, [M, (M, "mask")], lambda x, m: x.masked_select(m)),
    ("masked_scatter", NUMBERS, [M, (M, "mask"), M], lambda x, m, y: x.masked_scatter(m, y)),
    ("one_hot", ONE, [((60,), "index:7")], lambda i: F.one_hot(i, 7)),
    # products
    ("mm", NUMBERS, [M, (37, 29)], lambda x, y: x.mm(y)),
    ("mm", ONE, [(130, 300), (300, 140)], lambda x, y: x.mm(y)),
    ("bmm", NUMBERS, [(3, 41, 37), (3, 37, 29)], lambda x, y: x.bmm(y)),
    ("addmm", NUMBERS, [(41, 29), M, (37, 29)], lambda b, x, y: torch.addmm(b, x, y)),
    ("baddbmm", FLOATS, [(3, 41, 29), (3, 41, 37), (3, 37, 29)],
     lambda b, x, y: torch.baddbmm(b, x, y)),
    ("mv", NUMBERS, [M, (37,)], lambda x, y: x.mv(y)),
    ("dot", NUMBERS, [(3001,), (3001,)], lambda x, y: x.dot(y)),
    ("linear", FLOATS, [M, (29, 37), (29,)], lambda x, w, b: F.linear(x, w, b)),
    # layers
    ("convolution _convolution_weight", FLOATS, [(2, 6, 17, 15), (8, 3, 3, 3), (8,)],
     lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1, groups=2)),
    ("convolution", ONE, [(2, 16, 33, 31), (32, 16, 3, 3)], lambda x, w: F.conv2d(x, w, padding=1)),
    ("convolution", FLOATS, [(2, 6, 65), (8, 6, 3)], lambda x, w: F.conv1d(x, w, dilation=2)),
    ("max_pool2d_with_indices _pool_scatter _pool_gather", FLOATS, [(2, 6, 17, 15)],
     lambda x: F.max_pool2d(x, 3, 2, 1)),
    ("adaptive_max_pool2d", FLOATS, [(2, 6, 17, 15)], lambda x: F.adaptive_max_pool2d(x, (5, 4))),
    ("im2col col2im", FLOATS, [(2, 6, 17, 15)], lambda x: F.unfold(x, 3, 2, 1, 1)),
    ("avg_pool2d avg_pool2d_backward", FLOATS, [(2, 6, 17, 15)], lambda x: F.avg_pool2d(x, 3, 2, 1)),
    ("_adaptive_avg_pool2d _adaptive_avg_pool2d_backward", FLOATS, [(2, 6, 17, 15)],
     lambda x: F.adaptive_avg_pool2d(x, (5, 4))),
    ("native_batch_norm _batch_norm_backward", FLOATS, [(9, 6, 17, 15), (6,), (6,)],
     lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)),
    ("native_layer_norm _layer_norm_backward", FLOATS, [M, (37,), (37,)],
     lambda x, w, b: F.layer_norm(x, (37,), w, b)),
    ("native_group_norm _group_norm_backward", FLOATS, [(3, 6, 17, 15), (6,), (6,)],
     lambda x, w, b: F.group_norm(x, 3, w, b)),
    ("embedding embedding_dense_backward", FLOATS, [((60,), "index:41"), M],
     lambda i, w: F.embedding(i, w)),
    ("nll_loss_forward nll_loss_backward", FLOATS, [M, ((41,), "index:37")],
     lambda x, i: (F.nll_loss(x, i), F.nll_loss(x, i, reduction="none"))),
    ("nll_loss2d_forward", FLOATS, [(3, 5, 7, 9), ((3, 7, 9), "index:5")],
     lambda x, i: F.nll_loss(x, i, reduction="sum")),
    ("_cross_entropy _cross_entropy_backward", FLOATS, [M, ((41,), "index:37")],
     lambda x, i: F.cross_entropy(x, i)),
    ("_scaled_dot_product_flash_attention_for_cpu _attention_backward", FLOATS, [(2, 3, 33, 16), (2, 3, 33, 16), (2, 3, 33, 16)],
     lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)),
    ("mse_loss", FLOATS, [M, M], lambda x, y: F.mse_loss(x, y)),
    ("smooth_l1_loss huber_loss", FLOATS, [M, M],
     lambda x, y: (F.smooth_l1_loss(x, y), F.huber_loss(x, y))),
    ("binary_cross_entropy", FLOATS, [(M, "unit"), (M, "unit")],
     lambda x, y: F.binary_cross_entropy(x, y)),
    ("binary_cross_entropy_with_logits", FLOATS, [M, (M, "unit")],
     lambda x, y: F.binary_cross_entropy_with_logits(x, y)),
    # random numbers
    ("uniform", FLOATS, [M], lambda x: drawn(x).uniform_()),
    ("normal_fill", FLOATS, [M], lambda x: drawn(x).normal_()),
    ("random_full random_from", REAL + " int64", [M], lambda x: drawn(x).random_()),
    ("bernoulli_tensor", FLOATS, [(M, "unit")], lambda p: (torch.manual_seed(1), p.bernoulli())[1]),
    ("bernoulli_fill", FLOATS, [M], lambda x: drawn(x).bernoulli_(0.3)),
    ("exponential", FLOATS, [M], lambda x: drawn(x).exponential_()),
    ("cauchy", FLOATS, [M], lambda x: drawn(x).cauchy_()),
    ("geometric", FLOATS, [M], lambda x: drawn(x).geometric_(0.3)),
    ("log_normal", FLOATS, [M], lambda x: drawn(x).log_normal_()),
    ("randperm", ONE, [M], lambda x: (torch.manual_seed(1), torch.randperm(1000))[1]),
    ("_multinomial_replace", FLOATS, [(M, "unit")],
     lambda p: (torch.manual_seed(1), torch.multinomial(p, 9, True))[1]),
]  # fmt: skip


def put(x, i):
    """x with columns replaced and, elsewhere, added to: repeated indices add in a fixed order."""
    y = x.clone()
    y[:, i] = x[:, :9]
    return y.index_put((i, i), x[0, :9], accumulate=True)


def drawn(x):
    """Room of x's shape; contiguous always, as normal_ draws otherwise for strided tensors."""
    torch.manual_seed(1)
    return torch.empty(x.shape, dtype=x.dtype)
