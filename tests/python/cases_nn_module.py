"""Module itself: attributes, walks, state, hooks, containers, parameters, pickles."""

import copy
import pickle
from collections import OrderedDict

SCENARIOS = []


def scenario(f):
    SCENARIOS.append(f)
    return f


def tried(f):
    """What f() gives, or the error as text."""
    try:
        return f()
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def _model(T):
    nn = T.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 2)
            self.b = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
            self.shared = self.a
            self.w = nn.Parameter(T.ones(2))
            self.w2 = self.w
            self.register_buffer("buf", T.zeros(2))
            self.register_buffer("temp", T.zeros(1), persistent=False)
            self.register_buffer("none", None)
            self.register_parameter("nop", None)
            self.nomod = None
            self.add_module("absent", None)

        def forward(self, x):
            return self.b(self.a(x)) * self.w.sum() + self.buf.sum()

    T.manual_seed(0)
    return Model()


class _Plain:
    pass


EXPRESSIONS = """
nn.Module()(1)
nn.Module(1)
nn.Module(x=1)
nn.Module().foo
nn.ModuleList([L(1,1),L(1,1),nn.ReLU(),L(1,1),nn.ReLU(),nn.ReLU(), nn.Sequential(L(1,1))])
nn.ModuleList()
nn.Sequential()
nn.ModuleDict()
nn.ModuleDict({'a':L(1,1),'b':nn.ModuleList([nn.ReLU()]*2)})
nn.ModuleList([nn.Sequential(L(1,1),nn.ReLU()) for _ in range(3)])
nn.Sequential(3)
nn.Sequential([nn.ReLU()])
nn.Sequential({'a':nn.ReLU()})
nn.Sequential(nn.ReLU())+nn.Sequential(nn.Tanh())
nn.Sequential(nn.ReLU())+[nn.Tanh()]
nn.Sequential(nn.ReLU())*2
2*nn.Sequential(nn.ReLU())
nn.Sequential(nn.ReLU())*0
nn.Sequential(nn.ReLU())*1.5
nn.ModuleList(3)
nn.ModuleList([3])
nn.ModuleList([nn.ReLU()])+nn.ModuleList([nn.Tanh()])
nn.ModuleList([nn.ReLU()])+3
nn.ModuleDict(3)
nn.ModuleDict([('a',nn.ReLU())])
nn.ModuleDict({'type':nn.ReLU()})
nn.ParameterList(L(1,1).parameters())
nn.ParameterList(3)
nn.ParameterList()
nn.ParameterList([nn.ReLU(), [P(o(1))]])
nn.ParameterList([nn.ParameterList([P(o(1))])])
nn.ParameterList([T.ones(2).bool()])
nn.ParameterDict(3)
nn.ParameterDict([('b',P(o(1))),('a',P(o(1)))])
list(nn.ParameterDict({'b':P(o(1)),'a':P(o(1))}))
nn.ParameterDict({'x':nn.ParameterDict({'y':P(o(1))})})
P()
P(o(2))
repr(P(o(2)))
P(o(2), requires_grad=False)
P([1,2])
P(T.tensor([1,2]))
P(T.tensor([1,2]), requires_grad=False)
isinstance(P(o(1)), T.Tensor), isinstance(o(1), nn.Parameter), isinstance(P(o(1)), nn.Parameter)
(lambda x: (P(x).is_leaf, P(x).data_ptr() == x.data_ptr()))(o(2, requires_grad=True) * 2)
(lambda p: (type(p + 1), type(p.data), type(p.detach()), type(p[0]), p.grad_fn))(P(o(2)))
nn.Buffer(o(2)), isinstance(nn.Buffer(o(2)), nn.Buffer), isinstance(o(1), nn.Buffer)
type(nn.Buffer(o(1)))
nn.Buffer(o(2)).persistent, nn.Buffer(o(2), persistent=False).persistent
module('nn.modules.utils')._pair(3), module('nn.modules.utils')._single([1,2])
L(2,2).to(T.int32)
L(2,2).to(T.float64).weight.dtype
L(2,2).to(dtype=T.float16, device='cpu').bias.dtype
L(2,2).to(T.ones(1, dtype=T.float64)).bias.dtype
L(2,2).to('cpu', T.float64, True).bias.dtype
L(2,2).to(T.complex64).bias.dtype
L(2,2).to('meta').bias
L(2,2,device='meta').to('cpu')
L(2,2,device='meta').to_empty(device='cpu').bias.shape
L(2,2).half().weight.dtype, L(2,2).bfloat16().weight.dtype, L(2,2).double().float().weight.dtype
nn.BatchNorm1d(2).half().num_batches_tracked.dtype
nn.Conv2d(2,2,2).to(memory_format=T.channels_last).weight.stride()
L(2,2).cpu().type(T.float64).weight.dtype
L(2,2).train('x')
L(2,2).train(1)
L(2,2).load_state_dict(3)
L(2,2).load_state_dict({})
L(2,2).load_state_dict({'weight':o(3,3),'bias':3,'z':1})
L(2,2).load_state_dict({'weight':o(2,2,1),'bias':o(2),'z':o(1)}, strict=False)
L(2,2).load_state_dict({'weight':o(2,2),'z':o(1)}, strict=False)
L(2,2).load_state_dict({'weight':o(2,2),'bias':o(2)})
L(2,2).load_state_dict({'weight':o(2,2),'bias':o(2,device='meta')})
L(2,2,device='meta').load_state_dict({'weight':o(2,2),'bias':o(2)})
nn.Sequential(L(1,1),nn.BatchNorm1d(1)).load_state_dict({'0.weight':o(2,2),'2.x':o(1),'x.y.z':3})
L(2,2).state_dict(OrderedDict(), 'p.', True) if 0 else None
""".strip().split("\n")


@scenario
def attribute_errors(T):
    nn = T.nn

    class A(nn.Module):
        pass

    a = A()
    a.p = nn.Parameter(T.ones(2))
    a.m = nn.Linear(2, 2)
    a.register_buffer("b", T.ones(2))
    out = [tried(lambda: setattr(a, "p", v)) for v in (3, T.ones(2), "x", nn.ReLU)]
    out += [tried(lambda: setattr(a, "m", v)) for v in (3, T.ones(2))]
    out += [tried(lambda: setattr(a, "b", v)) for v in (3, "x")]
    bad = T.ones(2)
    leafless = nn.Parameter(T.ones(2)) * 2
    for args in [
        ("a.b", None),
        ("", None),
        (3, None),
        ("q", bad),
        ("q", leafless),
        ("training", None),
        ("m", None),
    ]:
        out.append(tried(lambda: a.register_parameter(*args)))
    for args in [
        ("a.b", None),
        ("", None),
        ("b", T.zeros(1)),
        (3, None),
        ("q", 3),
        ("training", None),
        ("m", None),
        ("p", None),
    ]:
        out.append(tried(lambda: a.register_buffer(*args)))
    for args in [
        ("a.b", None),
        ("", None),
        ("b", None),
        (3, None),
        ("q", 3),
        ("training", None),
        ("m", None),
        ("p", None),
        ("r", 3),
    ]:
        out.append(tried(lambda: a.add_module(*args)))
    out += [
        tried(lambda: a.zz),
        tried(lambda: delattr(a, "zz")),
        list(a._modules),
        list(a._buffers),
        list(a._parameters),
    ]
    out += [
        tried(lambda: a.register_module("p", nn.ReLU())),
        tried(lambda: a.register_module("n", nn.ReLU())),
    ]
    return out


@scenario
def attributes_move_between_kinds(T):
    nn = T.nn
    a = nn.Module()
    kinds = lambda: (
        [sorted(d) for d in (a._parameters, a._buffers, a._modules)]
        + [
            sorted(a._non_persistent_buffers_set),
            [k for k in vars(a) if k in "xyz"],
        ]
    )
    out = []
    a.x = 3
    out.append(kinds())
    a.x = nn.Parameter(T.ones(1))
    out.append(kinds())
    a.x = None
    out.append(kinds())
    a.y = nn.ReLU()
    a.y = nn.Parameter(T.ones(1))
    out.append(kinds())
    a.y = nn.Parameter(T.zeros(1))
    del a.y
    out.append(kinds())
    a.register_buffer("z", T.ones(1), persistent=False)
    a.z = T.zeros(3)
    out.append(kinds() + [a.z])
    a.z = nn.ReLU()
    out.append(kinds())
    a.z = None
    out.append(kinds() + [a.z])
    a.w = nn.Buffer(T.ones(1))
    a.v = nn.Buffer(T.ones(1), persistent=False)
    out.append(kinds() + [list(a.state_dict())])
    a.v = nn.Buffer(T.ones(2))
    out.append(kinds() + [list(a.state_dict())])
    a.v = None
    out.append(kinds() + [list(a.state_dict())])
    a.t = T.ones(1)
    out.append(kinds() + ["t" in vars(a)])
    out.append(tried(lambda: setattr(a, "t", nn.Buffer(T.ones(1)))))
    a.register_buffer("np", T.ones(1), persistent=False)
    del a.np
    a.register_buffer("np", T.ones(1))
    out.append([list(a.state_dict()), hasattr(a, "np"), hasattr(a, "nope")])
    return out


@scenario
def before_init(T):
    nn = T.nn

    class B(nn.Module):
        def __init__(self, k):
            [
                lambda: setattr(self, "p", nn.Parameter(T.ones(1))),
                lambda: setattr(self, "m", nn.ReLU()),
                lambda: self.register_buffer("b", T.ones(1)),
                lambda: self.register_parameter("b", None),
                lambda: setattr(self, "b", nn.Buffer(T.ones(1))),
                lambda: self(1),
                lambda: self.b,
                lambda: delattr(self, "b"),
                lambda: repr(self),
                lambda: self.register_forward_hook(print),
                lambda: self.add_module("x", None),
                lambda: list(self.parameters()),
                lambda: self.train(),
                lambda: self.state_dict(),
            ][k]()

    return [tried(lambda: B(k) and 0) for k in range(14)]


@scenario
def dotted_members(T):
    nn = T.nn
    a = nn.Module()
    a.p = nn.Parameter(T.ones(1))
    a.m = nn.Sequential(nn.Linear(1, 1))
    a.register_buffer("b", T.ones(1))
    out = [tried(lambda: a.get_submodule(t)) for t in ("x.y", "m.0.weight", "m.0", "", "p", "m.1")]
    out += [tried(lambda: a.get_parameter(t)) for t in ("m.0.w", "p", "b", "x.b", "m.0", "m.q")]
    out += [tried(lambda: a.get_buffer(t)) for t in ("m.0.w", "b", "p", "x.b", "m")]
    for t in ("m.0", "m.7", "", "zz.y", "p", "training", "new", "p.q", "m"):
        out.append(tried(lambda: a.set_submodule(t, nn.ReLU())))
    out += [
        tried(lambda: a.set_submodule("zz", 3)),
        tried(lambda: a.set_submodule("zq", nn.ReLU(), strict=True)),
    ]
    out += [tried(lambda: a.set_submodule("new", nn.Tanh(), True)), a]
    return out


@scenario
def walks(T):
    m = _model(T)
    out = [
        [n for n, _ in m.named_parameters()],
        [n for n, _ in m.named_parameters(remove_duplicate=False)],
    ]
    out += [
        [n for n, _ in m.named_parameters("pre", recurse=False)],
        len(list(m.parameters())),
        len(list(m.parameters(False))),
    ]
    out += [
        [n for n, _ in m.named_buffers()],
        [n for n, _ in m.named_buffers(prefix="q")],
        len(list(m.buffers())),
    ]
    out += [
        [n for n, _ in m.named_modules()],
        [n for n, _ in m.named_modules(remove_duplicate=False)],
    ]
    out += [
        [n for n, _ in m.named_modules(prefix="z")],
        [n for n, _ in m.named_children()],
        len(list(m.children())),
    ]
    out += [len(list(m.modules())), len(list(m.modules(remove_duplicate=False)))]
    out += [list(m.state_dict()), dict(m.state_dict()._metadata), m]
    out += [
        [
            n
            for n in dir(m)
            if n in ("a", "b", "w", "buf", "temp", "training", "forward", "absent", "nop")
        ]
    ]
    order = []
    m.apply(lambda q: order.append(type(q).__name__))
    out += [
        order,
        m.eval() is m,
        m.b.training,
        m.train().a.training,
        m.requires_grad_(False) is m,
        m.w.requires_grad,
    ]
    return out


@scenario
def state_dict_details(T):
    m = _model(T)
    sd = m.state_dict()
    out = [
        type(sd).__name__,
        sd["w"].requires_grad,
        m.state_dict(keep_vars=True)["w"].requires_grad,
    ]
    out += [
        sd["w"].data_ptr() == m.w.data_ptr(),
        list(m.state_dict(prefix="p.")),
        list(m.b.state_dict()),
    ]
    d = OrderedDict()
    out += [m.state_dict(destination=d) is d, hasattr(d, "_metadata"), len(d)]
    out += [list(m.state_dict(OrderedDict(), "q."))]
    n = _model(T)
    with T.no_grad():
        for p in n.parameters():
            p.zero_()
    out += [str(n.load_state_dict(sd)), n.a.weight, n.w is n.w2]
    r = n.load_state_dict({"a.weight": T.ones(2, 2)}, strict=False)
    out += [r.missing_keys, r.unexpected_keys, r, tuple(r)]
    out += [
        tried(
            lambda: n.load_state_dict({"a.weight": T.ones(1), "zz": T.ones(1), "b.0.q": T.ones(1)})
        )
    ]
    assigned = {k: T.full_like(v, 7) for k, v in sd.items()}
    n.w.requires_grad_(False)
    n.load_state_dict(assigned, assign=True)
    out += [
        type(n.w).__name__,
        n.w.requires_grad,
        n.a.weight.requires_grad,
        n.a.weight.data_ptr() == assigned["a.weight"].data_ptr(),
        n.buf,
    ]
    s = T.nn.Module()
    s.p = T.nn.Parameter(T.tensor(1.0))
    s.load_state_dict({"p": T.tensor([5.0])})
    out += [s.p]
    return out


@scenario
def extra_state(T):
    nn = T.nn

    class E(nn.Module):
        def __init__(self):
            super().__init__()
            self.p = nn.Parameter(T.ones(1))
            self.n = 0

        def get_extra_state(self):
            return {"n": self.n}

        def set_extra_state(self, state):
            self.n = state["n"]

    m = nn.Sequential(E(), nn.Linear(1, 1))
    m[0].n = 5
    sd = m.state_dict()
    fresh = nn.Sequential(E(), nn.Linear(1, 1))
    fresh.load_state_dict(sd)
    out = [list(sd), sd["0._extra_state"], fresh[0].n]
    del sd["0._extra_state"]
    out += [tried(lambda: fresh.load_state_dict(sd)), str(fresh.load_state_dict(sd, strict=False))]
    sd["1._extra_state"] = 3
    out += [
        tried(lambda: fresh.load_state_dict(sd)),
        tried(lambda: nn.ReLU().get_extra_state()),
        tried(lambda: nn.ReLU().set_extra_state(3)),
    ]
    return out


@scenario
def state_hooks(T):
    nn = T.nn
    log = []
    m = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    m[0].register_state_dict_pre_hook(
        lambda mod, prefix, keep: log.append(["pre", type(mod).__name__, prefix, keep])
    )
    h = m[1].register_state_dict_post_hook(
        lambda mod, sd, prefix, meta: log.append(["post", list(sd), prefix, meta])
    )
    m._register_state_dict_hook(
        lambda mod, sd, prefix, meta: OrderedDict((k, v) for k, v in sd.items() if "bias" not in k)
    )
    sd = m.state_dict()
    out = [list(sd), list(log)]
    h.remove()
    bad = m[1].register_state_dict_post_hook(lambda *a: 3)
    out.append(tried(lambda: m.state_dict()))
    bad.remove()
    del log[:]
    m[0].register_load_state_dict_pre_hook(
        lambda mod, sd, prefix, *rest: log.append(
            ["load", type(mod).__name__, sorted(sd), prefix, len(rest)]
        )
    )
    m[0]._register_load_state_dict_pre_hook(
        lambda sd, prefix, *rest: sd.setdefault(prefix + "bias", T.zeros(1)) and None
    )
    m.register_load_state_dict_post_hook(
        lambda mod, keys: log.append(
            [type(mod).__name__, list(keys.missing_keys), list(keys.unexpected_keys)]
        )
    )
    out.append(tried(lambda: m.load_state_dict(sd)))
    m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
    out.append(str(tried(lambda: m.load_state_dict(sd))))
    h = m.register_load_state_dict_post_hook(lambda mod, keys: 3)
    out.append(tried(lambda: m.load_state_dict(sd)))
    out.append(list(log))

    def public(mod, sd, prefix, meta):
        return None

    m.register_state_dict_post_hook(public)
    out.append(tried(lambda: m._register_state_dict_hook(public)))
    return out


@scenario
def forward_hooks(T):
    nn = T.nn
    log = []

    class M(nn.Module):
        def forward(self, x, scale=1):
            log.append(["forward", float(x), scale])
            return x * scale

    m = M()
    h = [m.register_forward_pre_hook(lambda mod, args: log.append(["pre1", len(args)]))]
    h += [m.register_forward_pre_hook(lambda mod, args: args[0] + 1)]
    h += [m.register_forward_pre_hook(lambda mod, args: (args[0] + 1,), prepend=True)]
    h += [
        m.register_forward_pre_hook(
            lambda mod, args, kw: (args, {**kw, "scale": 3}), with_kwargs=True
        )
    ]
    h += [
        m.register_forward_hook(
            lambda mod, args, out: log.append(["post1", float(args[0]), float(out)])
        )
    ]
    h += [
        m.register_forward_hook(
            lambda mod, args, kw, out: log.append(["post2", kw]) or out + 100, with_kwargs=True
        )
    ]
    h += [
        m.register_forward_hook(
            lambda mod, args, out: log.append(["post0", float(out)]), prepend=True
        )
    ]
    out = [
        m(T.tensor(1.0)),
        m(T.tensor(1.0), scale=2),
        m(x=T.tensor(2.0)) if 0 else None,
        list(log),
    ]
    for handle in h:
        handle.remove()
        handle.remove()
    del log[:]
    out += [
        m(T.tensor(1.0)),
        list(log),
        len(m._forward_hooks),
        len(m._forward_hooks_with_kwargs),
        len(m._forward_pre_hooks_with_kwargs),
    ]
    h = m.register_forward_pre_hook(lambda mod, args, kw: 3, with_kwargs=True)
    out.append(tried(lambda: m(T.tensor(1.0))))
    h.remove()
    with m.register_forward_hook(lambda *a: 5):
        out.append(m(T.tensor(1.0)))
    out.append(m(T.tensor(1.0)))
    # the hook reads what it was given at registration even when the dictionary is poked
    m._forward_hooks[999] = lambda *a: 7
    out.append(m(T.tensor(1.0)))
    return out


@scenario
def always_called_hooks(T):
    nn = T.nn
    log = []

    class M(nn.Module):
        def forward(self, x):
            if x > 0:
                raise ValueError("positive")
            return x

    m = M()
    m.register_forward_hook(lambda mod, a, o: log.append(["plain", o is None]))
    m.register_forward_hook(lambda mod, a, o: log.append(["always", o is None]), always_call=True)
    m.register_forward_hook(
        lambda mod, a, k, o: log.append(["kw", k, o is None]), always_call=True, with_kwargs=True
    )
    out = [tried(lambda: m(T.tensor(1.0))), tried(lambda: m(T.tensor(-1.0))), list(log)]

    def broken(mod, a, o):
        raise RuntimeError("in hook")

    m.register_forward_hook(broken, always_call=True)
    out += [tried(lambda: m(T.tensor(1.0))), tried(lambda: m(T.tensor(-1.0))), list(log)]
    return out


@scenario
def backward_hooks(T):
    nn = T.nn
    log = []

    def show(*tuples):
        return [[None if g is None else g.tolist() for g in t] for t in tuples]

    class M(nn.Module):
        def forward(self, x, n, y):
            return x * 2, n, x * y

    def run(m, x, y):
        a, _, c = m(x, 3, y)
        (a.sum() + 2 * c.sum()).backward()
        got = [None if t.grad is None else t.grad.tolist() for t in (x, y)]
        x.grad = y.grad = None
        return got

    x = T.tensor([1.0, 2.0], requires_grad=True)
    y = T.tensor([3.0, 4.0], requires_grad=True)
    z = T.tensor([3.0, 4.0])
    m = M()
    out = []
    h = [m.register_full_backward_hook(lambda mod, gi, go: log.append(["full", show(gi, go)]))]
    h += [m.register_full_backward_pre_hook(lambda mod, go: log.append(["pre", show(go)]))]
    out.append(run(m, x, y))
    out.append(run(m, x, z))
    h += [
        m.register_full_backward_pre_hook(
            lambda mod, go: tuple(None if g is None else g * 10 for g in go)
        )
    ]
    h += [
        m.register_full_backward_hook(
            lambda mod, gi, go: tuple(None if g is None else g + 1 for g in gi)
        )
    ]
    h += [
        m.register_full_backward_hook(
            lambda mod, gi, go: log.append(["first", show(gi)]), prepend=True
        )
    ]
    out.append(run(m, x, y))
    for handle in h:
        handle.remove()
    out.append(run(m, x, y))
    h = m.register_full_backward_hook(lambda mod, gi, go: (gi[0],))
    out.append(tried(lambda: run(m, x, y)))
    x.grad = y.grad = None
    h.remove()
    h = m.register_full_backward_pre_hook(lambda mod, go: (go[0],))
    out.append(tried(lambda: run(m, x, y)))
    x.grad = y.grad = None
    h.remove()
    out.append(log)
    return out


@scenario
def backward_hooks_corner_cases(T):
    nn = T.nn
    log = []
    lin = nn.Linear(2, 2)
    with T.no_grad():
        lin.weight.copy_(T.tensor([[1.0, 2.0], [3.0, 4.0]]))
    h = lin.register_full_backward_hook(
        lambda m, gi, go: log.append(
            [[g if g is None else g.tolist() for g in t] for t in (gi, go)]
        )
    )
    lin(T.ones(1, 2)).sum().backward()
    out = [list(log), lin.weight.grad]
    h.remove()
    h = lin.register_full_backward_hook(lambda m, gi, go: (T.ones(1, 2),))
    out.append(tried(lambda: lin(T.ones(1, 2)).sum().backward()))
    h.remove()
    out.append(tried(lambda: lin.register_backward_hook(print)))
    other = nn.ReLU()
    other.register_backward_hook(lambda m, gi, go: log.append("old"))
    out.append(tried(lambda: other.register_full_backward_hook(print)))
    x = T.ones(2, requires_grad=True)
    other(x).sum().backward()
    out += [x.grad, log[-1]]

    class D(nn.Module):
        def forward(self, x):
            return {"a": x * 2}

    d = D()
    d.register_full_backward_hook(lambda *a: log.append("dict"))
    out.append(d(x)["a"])

    class I(nn.Module):  # noqa: E742
        def forward(self, x):
            x += 1
            return x

    i = I()
    i.register_full_backward_hook(lambda *a: log.append("in place"))
    out.append(tried(lambda: i(x * 1)))
    with T.no_grad():
        out.append(i(T.ones(2)))
    out += [type(lin(x.view(1, 2)).grad_fn).__name__, log[-1] == "dict"]
    lin.register_full_backward_hook(lambda *a: None)
    out += [type(lin(x.view(1, 2)).grad_fn).__name__]
    return out


@scenario
def old_backward_hooks_warn(T):
    nn = T.nn

    class M(nn.Module):
        def __init__(self, f):
            super().__init__()
            self.f = f

        def forward(self, *a):
            return self.f(*a)

    x = T.ones(2, requires_grad=True)
    out = []
    for f, a in [
        (lambda v: v * 2, (x,)),
        (lambda v: (v * 2) + 1, (x,)),
        (lambda v: (v * 2, v * 3), (x,)),
        (lambda v: {"a": v * 2}, (x,)),
        (lambda v: [v * 2], (x,)),
        (lambda v, w: v * 2, (x, 3)),
        (lambda v: v.unbind(), (x,)),
    ]:
        m = M(f)
        log = []
        m.register_backward_hook(lambda mod, gi, go: log.append([len(gi), len(go)]))
        r = m(*a)
        while not isinstance(r, T.Tensor):
            r = r["a"] if isinstance(r, dict) else r[0]
        r.sum().backward()
        out.append(log)
    return out


@scenario
def global_hooks(T):
    nn = T.nn
    import importlib

    mm = importlib.import_module(T.__name__ + ".nn.modules.module")
    log = []
    h = [mm.register_module_forward_pre_hook(lambda m, a: log.append(["gpre", type(m).__name__]))]
    h += [mm.register_module_forward_hook(lambda m, a, o: log.append(["gpost", type(m).__name__]))]
    h += [
        mm.register_module_forward_hook(lambda m, a, k, o: log.append(["gkw", k]), with_kwargs=True)
    ]
    h += [
        mm.register_module_full_backward_hook(
            lambda m, gi, go: log.append(["gback", len(gi), len(go)])
        )
    ]
    h += [mm.register_module_full_backward_pre_hook(lambda m, go: log.append(["gbpre", len(go)]))]
    h += [mm.register_module_parameter_registration_hook(lambda m, n, p: log.append(["param", n]))]
    h += [mm.register_module_buffer_registration_hook(lambda m, n, p: log.append(["buffer", n]))]
    h += [mm.register_module_module_registration_hook(lambda m, n, p: log.append(["module", n]))]
    try:
        m = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
        m[0].register_forward_pre_hook(lambda *a: log.append(["own"]))
        m.extra = nn.ReLU()
        x = T.ones(2, 1, requires_grad=True)
        m(x).sum().backward()
        out = [list(log), tried(lambda: mm.register_module_backward_hook(print))]
        out += [bool(mm._has_any_global_hook())]
    finally:
        for handle in h:
            handle.remove()
    mm.register_module_forward_hook(lambda *a: None, always_call=True).remove()
    n = len(log)
    m(x)
    return out + [len(log) - n]


@scenario
def registration_hooks_replace(T):
    nn = T.nn
    import importlib

    mm = importlib.import_module(T.__name__ + ".nn.modules.module")
    swap = nn.Parameter(T.full((2,), 9.0))
    with mm.register_module_parameter_registration_hook(lambda m, n, p: swap if n == "w" else None):
        m = nn.Module()
        m.w = nn.Parameter(T.ones(2))
        m.v = nn.Parameter(T.ones(2))
    with mm.register_module_module_registration_hook(lambda m, n, p: nn.Tanh()):
        m.c = nn.ReLU()
        m.add_module("d", nn.ReLU())
    with mm.register_module_buffer_registration_hook(lambda m, n, p: T.zeros(3)):
        m.register_buffer("e", T.ones(1))
        m.e = T.ones(2)
    return [m.w, m.v, m, m.e]


@scenario
def sequential(T):
    nn = T.nn

    def g(f):
        q = nn.Sequential(nn.ReLU(), nn.Tanh())
        r = tried(lambda: f(q))
        return [q, r is q, list(q._modules), r if isinstance(r, str) else None]

    e = nn.GELU
    calls = """
    q.__iadd__(nn.Sequential(e())) ; q.__iadd__(3) ; q.__imul__(2) ; q.__imul__(0) ;
    q.__imul__("a") ; q.append(e()) ; q.append(3) ; q.extend(nn.Sequential(e())) ;
    q.extend([e()]) ; q.extend(3) ; q.insert(0, e()) ; q.insert(5, e()) ; q.insert(-1, e()) ;
    q.insert(-3, e()) ; q.insert(0, 3) ; q.insert(2, e()) ; q.pop(0) ; q.pop(7) ;
    q.pop(slice(0, 1)) ; q.__setitem__(0, e()) ; q.__setitem__(9, e()) ;
    q.__setitem__("0", e()) ; q.__delitem__(-1) ; q.__delitem__(slice(0, 1)) ;
    q.__delitem__(5) ; str(q[-1]) ; str(q[0:1]) ; str(q[5]) ; str(q["0"]) ; str(len(q))
    """
    env = dict(nn=nn, T=T, e=e)
    fs = [eval("lambda q: " + c.strip(), env) for c in calls.split(";")]
    named = nn.Sequential(OrderedDict([("a", nn.ReLU()), ("b", nn.Tanh())]))
    return [g(f) for f in fs] + [
        named,
        named[1:],
        named.a,
        [type(m).__name__ for m in named],
        list(named._modules),
    ]


@scenario
def module_list(T):
    nn = T.nn

    def g(f):
        q = nn.ModuleList([nn.ReLU(), nn.Tanh(), nn.GELU()])
        r = tried(lambda: f(q))
        return [q, r is q, list(q._modules), r if isinstance(r, str) else None]

    e = nn.ELU
    calls = """
    str(q[0]) ; str(q[0:2]) ; str(q[7]) ; str(q[-9]) ; str(q["0"]) ; q.__setitem__(0, e()) ;
    q.__setitem__(-1, e()) ; q.__setitem__(0, 3) ; q.__setitem__(8, e()) ; q.__delitem__(0) ;
    q.__delitem__(slice(1, 3)) ; q.__delitem__(6) ; str(q + [e()]) ; q.__iadd__([e()]) ;
    q.insert(1, e()) ; q.append(3) ; q.append(e()) ; q.extend(3) ; q.extend([e()]) ;
    str(q.pop(0)) ; str(q.pop(-1)) ; str(q.pop(slice(0, 2))) ; q(1) ;
    str([type(x).__name__ for x in q]) ; str(q[0] in q) ;
    q.insert(0, 3) or str(q._modules["0"])
    """
    env = dict(nn=nn, T=T, e=e)
    fs = [eval("lambda q: " + c.strip(), env) for c in calls.split(";")]
    return [g(f) for f in fs[:-1]]


@scenario
def module_dict(T):
    nn = T.nn

    def g(f):
        q = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()})
        r = tried(lambda: f(q))
        return [q, str(r)]

    e = nn.ELU
    calls = """
    q["a"] ; q["z"] ; q.__setitem__("c", e()) ; q.__setitem__(3, e()) ; q.__setitem__("c", 3) ;
    q.__delitem__("a") ; q.__delitem__("z") ;
    (len(q), list(q), "a" in q, q.keys(), q.items(), q.values()) ; q.pop("a") ; q.pop("z") ;
    q.clear() ; q.update({"b": e()}) ; q.update([("b", e())]) ; q.update([("b",)]) ;
    q.update(3) ; q.update(["ab"]) ; q.update([3]) ; q.update({3: e()}) ;
    q.update(nn.ModuleDict({"x": e()})) ; q(1) ; q.a
    """
    env = dict(nn=nn, T=T, e=e)
    fs = [eval("lambda q: " + c.strip(), env) for c in calls.split(";")]
    return [g(f) for f in fs]


@scenario
def parameter_list(T):
    nn = T.nn
    P = lambda *s: nn.Parameter(T.ones(*s))

    def g(f):
        q = nn.ParameterList([P(2), P(2, 3), T.ones(1), "x", 3])
        r = tried(lambda: f(q))
        return [q, r is q, r if r is not q else None, list(q._parameters)]

    calls = """
    q[0] ; q[0:2] ; q[9] ; q[-1] ; list(q) ; len(q) ; q.append(P(1)) ; q.append(T.zeros(1)) ;
    q.extend([P(1)]) ; q.extend(3) ; q.extend(P(3)) ; q.__iadd__([P(1)]) ; q + [P(1)] ;
    q.__setitem__(0, P(9)) ; q.__setitem__(9, P(9)) ; q.__delitem__(0) ; q.pop() ;
    q.insert(0, P(1)) ; q.state_dict() ; [n for n, _ in q.named_parameters()] ; q() ;
    "x" in q ; q.half()[0].dtype == T.float16
    """
    env = dict(nn=nn, T=T, P=P)
    fs = [eval("lambda q: " + c.strip(), env) for c in calls.split(";")]
    return [g(f) for f in fs]


@scenario
def parameter_dict(T):
    nn = T.nn
    P = lambda *s: nn.Parameter(T.ones(*s))

    def g(f):
        q = nn.ParameterDict({"a": P(2), "b": T.ones(2, 3), "c": 3, "d": "x"})
        r = tried(lambda: f(q))
        return [q, r is q, r if r is not q else None]

    calls = """
    q["a"] ; q["z"] ; q.__setitem__("z", P(1)) ; q.__delitem__("a") ; q.__delitem__("zz") ;
    len(q) ; list(q) ; list(reversed(q)) ; q.copy() ; "a" in q ; q.setdefault("a", P(7)) ;
    q.setdefault("n", P(7)) ; q.setdefault("n") ; q.clear() ; q.pop("a") ; q.pop("zz") ;
    q.popitem() ; q.get("a") ; q.get("zz") ; q.get("zz", 5) ; q.fromkeys(["u", "v"], 5) ;
    list(q.keys()) ; list(q.items()) ; list(q.values()) ; q.update({"a": P(5)}) ;
    q.update([("y", P(1))]) ; q.update([("y",)]) ; q.update(3) ; q.update([3]) ;
    q | {"w": P(1)} ; q | nn.ParameterDict({"w": P(1)}) ;
    q.__ior__(nn.ParameterDict({"w": P(1)})) ; {"w": P(1)} | q ; q.state_dict() ; q(1) ;
    3 in q ; q.fromkeys(["u"]) ; q.a
    """
    env = dict(nn=nn, T=T, P=P)
    fs = [eval("lambda q: " + c.strip(), env) for c in calls.split(";")]
    q = nn.ParameterDict()
    return [g(f) for f in fs] + [tried(lambda: q.__setitem__(k, P(1))) for k in (3, (1, 2))]


@scenario
def zero_grad(T):
    m = _model(T)
    m(T.ones(1, 2)).sum().backward()
    g = m.w.grad
    m.zero_grad(set_to_none=False)
    out = [m.w.grad is g, m.w.grad, m.a.bias.grad]
    m.zero_grad()
    out += [m.w.grad, m.a.weight.grad]
    p = T.nn.Parameter(T.ones(2))
    q = T.nn.Module()
    q.p = p
    ((p * p).sum()).backward(create_graph=True)
    out += [p.grad.requires_grad]
    q.zero_grad(set_to_none=False)
    out += [p.grad.requires_grad, p.grad]
    return out


@scenario
def conversions_keep_identity(T):
    m = T.nn.Linear(2, 2)
    w = m.weight
    m(T.ones(1, 2)).sum().backward()
    m.double()
    out = [m.weight is w, w.dtype == T.float64, w.grad.dtype == T.float64, type(m.weight).__name__]
    m.to("meta")
    out += [
        m.weight is w,
        m.weight.is_meta,
        m.weight.requires_grad,
        m.weight.grad is None or m.weight.grad.is_meta,
    ]
    s = T.nn.Sequential(T.nn.Linear(2, 2), T.nn.BatchNorm1d(2))
    s._apply(lambda t: t * 2 if t.is_floating_point() else t)
    out += [s[1].running_var, s[1].weight, s._apply(lambda t: t, recurse=False) is s]
    return out


class _Pickled:
    pass


@scenario
def copies_and_pickles(T):
    m = _model(T)
    c = copy.deepcopy(m)
    out = [
        c.w is not m.w,
        c.w is c.w2,
        c.a is c.shared,
        c.a.weight,
        type(c.w).__name__,
        c.w.requires_grad,
    ]
    s = copy.copy(m)
    out += [s.w is m.w, s._parameters is m._parameters]
    lin = T.nn.Sequential(T.nn.Linear(2, 2), T.nn.BatchNorm1d(2))
    p = pickle.loads(pickle.dumps(lin))
    out += [
        p,
        p[0].weight,
        p.training,
        [type(x).__name__ for x in p.parameters()],
        list(p.state_dict()),
    ]
    sd = pickle.loads(pickle.dumps(lin.state_dict()))
    out += [type(sd).__name__, dict(sd._metadata)]
    q = T.nn.Parameter(T.ones(2))
    q.note = "kept"
    r = pickle.loads(pickle.dumps(q))
    out += [r, r.note, type(r).__name__, copy.deepcopy(q), hasattr(copy.deepcopy(q), "note")]
    old = T.nn.ReLU.__new__(T.nn.ReLU)
    old.__setstate__(
        {
            "training": True,
            "inplace": False,
            "_parameters": {},
            "_buffers": {},
            "_modules": {},
            "_backward_hooks": OrderedDict(),
            "_forward_hooks": OrderedDict(),
        }
    )
    out += [old(T.tensor([-1.0, 1.0])), old]
    return out


@scenario
def call_super_init(T):
    nn = T.nn
    log = []

    class Mixin:
        def __init__(self, x=0):
            log.append(x)

    class A(nn.Module, Mixin):
        call_super_init = True

        def __init__(self):
            super().__init__(x=5)

    class B(nn.Module, Mixin):
        pass

    A()
    B()
    return [log, tried(lambda: nn.ReLU(3, 4, 5)), tried(lambda: nn.Sigmoid(3))]


@scenario
def custom_repr_and_getattr(T):
    nn = T.nn

    class M(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(1, 1)

        def extra_repr(self):
            return "one\ntwo"

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.inner, name)

        @property
        def broken(self):
            return self.does_not_exist

    m = M()
    m.other = nn.Sequential()

    class X(nn.Module):
        def extra_repr(self):
            return "single"

        def _get_name(self):
            return "Renamed"

    class Prop(nn.Linear):
        @property
        def doubled(self):
            return self.weight * 2

        @property
        def broken(self):
            return self.does_not_exist

    return [
        m,
        m.in_features,
        tried(lambda: m.broken),
        X(),
        nn.Sequential(X()),
        tried(lambda: Prop(1, 1).broken),
    ]


@scenario
def parametrized_by_hand(T):
    """A parameter replaced by a plain attribute or a property: what weight_norm and pruning do."""
    nn = T.nn
    m = nn.Linear(2, 2)
    w = m.weight
    del m._parameters["weight"]
    m.weight_v = nn.Parameter(w.data)
    m.weight = T.ones(2, 2)
    out = [m(T.ones(1, 2)) - m.bias, [n for n, _ in m.named_parameters()]]
    del m.weight

    class P(type(m)):
        @property
        def weight(self):
            return self.weight_v * 0 + 2

    m.__class__ = P
    out += [m(T.ones(1, 2)) - m.bias, m]
    return out


@scenario
def removable_handles(T):
    import importlib

    hooks = importlib.import_module(T.__name__ + ".utils.hooks")
    d = OrderedDict()
    h = hooks.RemovableHandle(d)
    d[h.id] = 1
    e = OrderedDict({h.id: 2})
    h2 = hooks.RemovableHandle(d, extra_dict=[e])
    d[h2.id] = 3
    e[h2.id] = 4
    out = [h2.id - h.id, len(d), len(e)]
    state = h.__getstate__()
    out += [len(state), len(h2.__getstate__())]
    with h:
        pass
    h2.remove()
    return out + [len(d), len(e), hooks.RemovableHandle.next_id > h2.id]


@scenario
def data_parallel_replica(T):
    m = T.nn.Linear(2, 2)
    r = m._replicate_for_data_parallel()
    return [
        type(r).__name__,
        list(r._parameters),
        list(r._buffers),
        r._is_replica,
        tried(lambda: r.zero_grad()),
    ]


@scenario
def training_loop(T):
    nn = T.nn
    T.manual_seed(0)
    m = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 3)
    )
    x, y = T.randn(16, 4), T.randint(0, 3, (16,))
    losses = []
    for _ in range(20):
        m.zero_grad()
        loss = nn.functional.cross_entropy(m(x), y)
        loss.backward()
        with T.no_grad():
            for p in m.parameters():
                p -= 0.5 * p.grad
        losses.append(loss.item())
    m.eval()
    return [losses, m(x[:2]), m[1].num_batches_tracked]


@scenario
def functional_call(T):
    import importlib

    nn = T.nn
    fc = importlib.import_module(T.__name__ + ".func").functional_call
    m = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with T.no_grad():
        for p in m[0].parameters():
            p.fill_(0.5)
    x = T.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]])
    w, b = T.tensor([[1.0, 2.0], [3.0, 4.0]]), T.zeros(2)
    out = [
        tried(lambda: fc(m, *args))
        for args in [
            ({"0.weight": w}, x),
            ({"0.w": w}, x),
            (({"0.weight": w}, {"0.bias": b}), (x,)),
            (({"0.weight": w}, {"0.weight": b}), (x,)),
            (3, x),
            (({"a": 1}, 3), 1),
            ({"0.weight": 3}, x),
            ({"3.weight": w}, x),
            ({"1.running_mean": T.zeros(2)}, x),
        ]
    ]
    out += [tried(lambda: fc(m, {k: w}, x, strict=True)) for k in ("0.w", "0.weight")]
    out += [m[0].weight, list(m.state_dict()), m[1].running_mean, m[1].num_batches_tracked]
    out += [tried(lambda: nn.utils.stateless.functional_call(m.eval(), {"0.weight": w}, x))]

    class W(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(T.ones(1))
            self.b = self.a

        def forward(self, x, k=1):
            return self.a + self.b * x * k

    q, five = W(), T.tensor([5.0])
    out += [fc(q, {"a": five}, 1.0), fc(q, {"a": five}, 1.0, tie_weights=False)]
    out += [tried(lambda: fc(q, {"a": five, "b": T.tensor([6.0])}, 1.0))]
    out += [fc(q, {"a": five}, 1.0, {"k": 2}), fc(q, {"a": five}, kwargs={"x": 2.0})]
    out += [tried(lambda: fc(q, {"a": five})), q.a is q.b, q.a]
    return out
