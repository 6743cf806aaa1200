"""The benchmark's rows: name -> a function that makes, of a torch-like module, the call to time.

A row stands for a claim. Names are GROUP/WHAT; the groups are what README.md explains.
"""

ROWS = {}


def row(name):
    def register(setup):
        ROWS[name] = setup
        return setup

    return register


def expression(name, source, **make):
    """A row that times one expression over tensors; `make` gives their sources."""

    def setup(torch):
        names = {"torch": torch, "F": torch.nn.functional}
        torch.manual_seed(0)
        for key, text in make.items():
            names[key] = eval(text, names)
        return eval("lambda: " + source, names)

    ROWS[name] = setup


# --- small: what a call costs ---------------------------------------------------------------------

for what, source in {
    "add": "a + b",
    "add a number": "a + 1.0",
    "mul, as a function": "torch.mul(a, b)",
    "add_": "a.add_(b)",
    "exp": "a.exp()",
    "compare": "a < b",
    "sum": "a.sum()",
    "matmul": "m @ m",
    "view": "m.view(4)",
    "transpose": "m.t()",
    "index": "a[0]",
    "slice": "a[1:3]",
    "item": "z.item()",
    "tensor of a list": "torch.tensor([1.0, 2.0])",
    "zeros": "torch.zeros(4)",
    "cat": "torch.cat([a, b])",
    "softmax": "torch.softmax(a, 0)",
    "detach": "a.detach()",
}.items():
    expression(
        "small/" + what,
        source,
        a="torch.ones(4)",
        b="torch.ones(4)",
        m="torch.ones(2, 2)",
        z="torch.tensor(1.0)",
    )


@row("small/three ops and backward")
def _(torch):
    w = torch.tensor([1.0], requires_grad=True)
    x = torch.tensor([2.0], requires_grad=True)

    def step():
        torch.mul(torch.add(w, x), torch.add(w, 1)).backward()

    return step


@row("small/AdamW, 100 parameters of 16")
def _(torch):
    parameters = [torch.nn.Parameter(torch.ones(16)) for _ in range(100)]
    for p in parameters:
        p.grad = torch.ones(16)
    return torch.optim.AdamW(parameters).step


# --- pointwise: memory and arithmetic -------------------------------------------------------------

for size in (10_000, 1_000_000):
    for what in (
        "a + b|a * b|a / b|a.mul_(b)|a.exp()|a.tanh()|a.sigmoid()|b.log()|a.erf()|"
        "F.gelu(a)|a.sin()|b.sqrt()|F.relu(a)|a ** 2|a < b|a.clamp(-1, 1)|torch.where(m, a, b)|"
        "a.double()|a.bfloat16()"
    ).split("|"):
        expression(
            f"pointwise/{what}, {size:,}",
            what,
            a=f"torch.randn({size}).clamp(-0.9, 0.9)",
            b=f"torch.rand({size}).add(0.5)",
            m=f"torch.rand({size}) < 0.5",
        )
for what, other in {
    "rows plus a row": "torch.randn(4)",
    "rows plus a column": "torch.randn(250000, 1)",
    "a transposed": "torch.randn(4, 250000).t()",
}.items():
    expression("pointwise/" + what, "a + b", a="torch.randn(250000, 4)", b=other)
for name in ("bfloat16", "float16", "int32", "complex64"):
    expression(
        f"pointwise/a * b, {name}",
        "a * b",
        a=f"torch.randn(1000000).mul(9).to(torch.{name})",
        b=f"torch.randn(1000000).mul(9).to(torch.{name})",
    )

for name in ("int64", "int32"):
    for what in ("a // b", "a % b", "a // 7"):
        expression(
            f"pointwise/{what}, 1000000 {name}",
            what,
            a=f"torch.randint(-1000, 1000, (1000000,)).to(torch.{name})",
            b=f"torch.randint(1, 100, (1000000,)).to(torch.{name})",
        )

# --- reduce, index, random ------------------------------------------------------------------------

for what in (
    "a.sum()|a.sum(0)|a.sum(1)|a.mean(1)|a.amax()|a.max()|a.max(1)|a.argmax(0)|a.var(1)|a.norm()|"
    "a.prod(1)|a.cumsum(1)|a.softmax(1)|a.softmax(0)|a.log_softmax(1)|a.logsumexp(1)|a.sort(1)|"
    "a.topk(10, 1)|a.any()|a.median()"
).split("|"):
    expression(f"reduce/{what}, 1000 x 1000", what, a="torch.randn(1000, 1000)")
for what in (
    "a[i]|a[:, i]|a[m]|a.index_select(1, i)|a.index_add(0, i, a)|a.gather(1, j)|"
    "a.scatter_add(1, j, a)|torch.cat((a, a))|torch.cat((a, a), 1)|"
    "a.t().contiguous()|a.flip(0)|a.repeat(2, 2)|a.clone()|m.nonzero()|a.tril()"
).split("|"):
    expression(
        f"index/{what}, 1000 x 1000",
        what,
        a="torch.randn(1000, 1000)",
        i="torch.randint(0, 1000, (1000,))",
        j="torch.randint(0, 1000, (1000, 1000))",
        m="torch.rand(1000, 1000) < 0.5",
    )
for what in (
    "torch.rand(1000000)|torch.randn(1000000)|torch.randint(0, 9, (1000000,))|"
    "torch.randperm(100000)|F.dropout(a)|torch.empty(1000000).exponential_()|"
    "torch.bernoulli(a)|torch.empty(1000000).uniform_(-1, 1)"
).split("|"):
    expression("random/" + what, what, a="torch.ones(1000000)")

# --- products and layers --------------------------------------------------------------------------

for m, n, k in (
    (64, 64, 64),
    (512, 512, 512),
    (1024, 1024, 1024),
    (1, 4096, 1024),
    (32, 1024, 784),
):
    expression(
        f"gemm/{m} x {k} by {k} x {n}",
        "a @ b",
        a=f"torch.randn({m}, {k})",
        b=f"torch.randn({k}, {n})",
    )
expression("gemm/32 times 64 x 64", "a @ a", a="torch.randn(32, 64, 64)")
expression("gemm/linear, transposed weight", "F.linear(x, w, b)", x="torch.randn(64, 784)",
           w="torch.randn(128, 784)", b="torch.randn(128)")  # fmt: skip
expression("layer/conv2d 3 x 3", "F.conv2d(x, w, padding=1)", x="torch.randn(8, 32, 28, 28)",
           w="torch.randn(32, 32, 3, 3)")  # fmt: skip
expression("layer/conv2d 5 x 5 of one channel", "F.conv2d(x, w)", x="torch.randn(64, 1, 28, 28)",
           w="torch.randn(32, 1, 5, 5)")  # fmt: skip
expression("layer/max_pool2d", "F.max_pool2d(x, 2)", x="torch.randn(8, 32, 28, 28)")
expression("layer/layer_norm", "F.layer_norm(x, (768,))", x="torch.randn(512, 768)")
expression(
    "layer/batch_norm", "F.batch_norm(x, None, None, training=True)", x="torch.randn(8, 32, 28, 28)"
)
expression("layer/group_norm", "F.group_norm(x, 8)", x="torch.randn(8, 64, 28, 28)")
expression("layer/softmax over channels", "F.softmax(x, 1)", x="torch.randn(8, 64, 28, 28)")
expression("layer/log_softmax and its gradient", "F.log_softmax(x, 1).backward(g)",
           x="torch.randn(512, 1000, requires_grad=True)", g="torch.randn(512, 1000)")  # fmt: skip
expression("layer/cross_entropy", "F.cross_entropy(x, t)", x="torch.randn(512, 1000)",
           t="torch.randint(0, 1000, (512,))")  # fmt: skip
expression("layer/attention", "F.scaled_dot_product_attention(q, q, q, is_causal=True)",
           q="torch.randn(4, 8, 128, 64)")  # fmt: skip


# --- train: whole steps ---------------------------------------------------------------------------


def training(torch, model, shape, classes):
    x, t = torch.randn(shape), torch.randint(0, classes, (shape[0],))
    optimizer = torch.optim.AdamW(model.parameters())

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), t).backward()
        optimizer.step()

    return step


@row("train/MLP 784-128-10, batch 64")
def _(torch):
    nn = torch.nn
    return training(
        torch, nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), (64, 784), 10
    )


@row("train/MLP 4-8-2, batch 8")
def _(torch):
    nn = torch.nn
    return training(torch, nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), (8, 4), 2)


@row("train/two convolutions, batch 64 of 1 x 8 x 8")
def _(torch):
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    return training(torch, model, (64, 1, 8, 8), 10)
