"""Optimizers and learning rate schedulers: trajectories, state, texts, errors."""

import copy
import importlib
import pickle

SCENARIOS = []


def scenario(f):
    SCENARIOS.append(f)
    return f


def tried(f):
    try:
        return f()
    except Exception as e:
        return f"{type(e).__name__}: {e}"


_MADE = {
    "SGD": """
    {} {'lr':-1} {'lr':T.tensor([1.,2.])} {'lr':T.tensor(.1)} {'weight_decay':-1} {'momentum':-1}
    {'nesterov':True} {'nesterov':True,'momentum':.9,'dampening':.1} {'fused':True}
    {'fused':True,'foreach':True} {'differentiable':True,'fused':True} {'lr':'x'} {'betas':1}
    """,
    "Adam": """
    {} {'lr':-1} {'lr':T.tensor([1.,2.])} {'lr':T.tensor(.1)} {'weight_decay':-1} {'eps':-1}
    {'betas':(1.,.9)} {'betas':(.9,1.)} {'betas':(-.1,.9)} {'fused':True} {'maximize':True}
    {'fused':True,'foreach':True} {'differentiable':True,'fused':True} {'capturable':True}
    {'foreach':True,'lr':T.tensor(.1)} {'foreach':True,'lr':T.tensor(.1),'capturable':True}
    {'betas':(T.tensor(.9),.9)} {'betas':(T.tensor(.9),T.tensor(.99))}
    """,
    "AdamW": "{} {'lr':-1} {'weight_decay':.3} {'amsgrad':True}",
    "Adadelta": "{} {'lr':-1} {'rho':2} {'eps':-1} {'weight_decay':-1} {'capturable':True}",
    "RMSprop": "{} {'lr':-1} {'alpha':-1} {'eps':-1} {'momentum':-1} {'centered':1}",
    "Adagrad": "{} {'lr':-1} {'lr_decay':-1} {'eps':-1} {'weight_decay':-1} {'fused':True} "
    "{'initial_accumulator_value':-1} {'initial_accumulator_value':2}",
    "NAdam": "{} {'lr':-1} {'eps':-1} {'betas':(1.,.9)} {'weight_decay':-1} {'momentum_decay':-1}",
    "RAdam": "{} {'lr':-1} {'eps':-1} {'betas':(.9,1.)} {'weight_decay':-1} {'foreach':True}",
    "Adamax": "{} {'lr':-1} {'eps':-1} {'betas':(1.,.9)} {'weight_decay':-1} {'lr':T.tensor(.1)}",
    "ASGD": "{} {'lr':-1} {'weight_decay':-1} {'lambd':-1} {'lr':T.tensor([1.,2.])}",
    "LBFGS": "{} {'lr':-1} {'max_iter':3} {'lr':T.tensor([1.,2.])} {'line_search_fn':'x'}",
    "Rprop": "{} {'lr':-1} {'etas':(1.2,.5)} {'step_sizes':(1,2)} {'capturable':True}",
}
EXPRESSIONS = [
    f"(lambda op: (repr(op), op.defaults, op.state_dict()))(T.optim.{c}([P(o(2))], **{k}))"
    for c, options in _MADE.items()
    for k in options.split()
]
EXPRESSIONS += [
    f"repr(T.optim.SGD({a}))"
    for a in """[] P(o(2)) [3] ['x'] [o(1)] [o(1,requires_grad=True)*2] 3 {}
    [{'params':[]}] [{'params':P(o(1))}] [{'params':{P(o(1))}}] [{'lr':3}]
    [{'params':[P(o(1))],'lr':3,'foo':4}]
    [('a',P(o(1)))] [('a',P(o(1))),P(o(2))]
    [{'params':[('a',P(o(1)))]}] [P(o(1)),{'params':[P(o(1))]}]
    """.split()
]
EXPRESSIONS += [
    "T.optim.Optimizer([P(o(1))],{}).step()",
    "T.optim.Optimizer([P(o(1))],3)",
    "T.optim.Optimizer([P(o(1))],{'lr':module('optim.optimizer').required})",
    "module('optim.optimizer').required",
    "[c.__name__ for c in T.optim.AdamW.__mro__ if c.__name__[0] != '_']",
    "T.optim.lr_scheduler._LRScheduler is not T.optim.lr_scheduler.LRScheduler",
]

_RUNS = {
    "SGD": """
    lr=.1|lr=.1,momentum=.9|lr=.1,momentum=.9,dampening=.3|lr=.1,momentum=.9,nesterov=True
    |lr=.1,weight_decay=.1|lr=.1,momentum=.5,weight_decay=.1,nesterov=True,maximize=True
    |lr=T.tensor(.1),momentum=.5|lr=.1,momentum=.9,foreach=True|lr=.1,momentum=.9,fused=True
    |lr=.1,momentum=.9,weight_decay=.1,differentiable=True|lr=.1,weight_decay=T.tensor(.1)
    """,
    "Adam": """
    |lr=.1|lr=.1,betas=(.5,.9),eps=1e-2|lr=.1,amsgrad=True|lr=.1,weight_decay=.1
    |lr=.1,weight_decay=.1,decoupled_weight_decay=True,maximize=True|lr=T.tensor(.1)
    |lr=.1,foreach=True,amsgrad=True|lr=.1,fused=True|lr=.1,differentiable=True
    |lr=.1,differentiable=True,amsgrad=True,weight_decay=.1|betas=(T.tensor(.9),T.tensor(.99))
    """,
    "AdamW": "|lr=.1|lr=.1,amsgrad=True,maximize=True|lr=.1,weight_decay=.3,fused=True",
    "Adadelta": "|lr=2.,rho=.5,eps=1e-3|weight_decay=.1,maximize=True"
    "|lr=T.tensor(.5)|differentiable=True",
    "RMSprop": "|lr=.1,alpha=.5|momentum=.9,centered=True|weight_decay=.1,maximize=True"
    "|centered=True|lr=T.tensor(.1)|momentum=.5,centered=True,differentiable=True",
    "Adagrad": "|lr=.1,lr_decay=.1|weight_decay=.1,eps=.1|initial_accumulator_value=2."
    "|lr=T.tensor(.1)|differentiable=True|fused=True",
    "NAdam": "|lr=.1,momentum_decay=.1|weight_decay=.1,maximize=True|lr=T.tensor(.1)"
    "|weight_decay=.1,decoupled_weight_decay=True|lr=.1,differentiable=True|lr=.1,foreach=True",
    "RAdam": "|lr=.1|lr=.1,betas=(.5,.6)|weight_decay=.1,maximize=True,betas=(.5,.6)"
    "|weight_decay=.1,decoupled_weight_decay=True|lr=.1,betas=(.5,.6),differentiable=True"
    "|lr=T.tensor(.1)|capturable=True",
    "Adamax": "|lr=.1,betas=(.5,.6)|weight_decay=.1,maximize=True|differentiable=True|foreach=True"
    "|lr=T.tensor(.1)",
    "ASGD": "|lr=.1,lambd=.1,alpha=.5|weight_decay=.1,maximize=True|t0=1|differentiable=True"
    "|lr=.1,foreach=True,t0=2",
    "Rprop": "|lr=.1|lr=.1,etas=(.3,2.)|step_sizes=(.005,.02),maximize=True|differentiable=True"
    "|foreach=True|lr=T.tensor(.1)",
}


def trajectory(T, name, steps=5, dtype=None, **options):
    """Parameters (one gets no gradient at first, one is transposed) and state at the end."""
    g = T.Generator()
    g.manual_seed(1)

    def draw(*shape):
        x = T.randn(*shape, generator=g)
        return x.to(dtype) if dtype else x

    params = [T.nn.Parameter(draw(s)) for s in (3, 20)]
    transposed = draw(2, 3) if options.get("fused") else draw(2, 3).t()
    params += [T.nn.Parameter(transposed), T.nn.Parameter(draw(2))]
    if options.get("differentiable"):
        params = [p.clone() for p in params]
    op = getattr(T.optim, name)(params, **options)
    for i in range(steps):
        for j, p in enumerate(params):
            late = j == 3 or (j == 1 and i < 2 and not options.get("fused"))
            p.grad = None if late else draw(*p.shape)
        op.step()
    return [p.detach() for p in params], op.state_dict()["state"]


EXPRESSIONS += [
    f"C.trajectory(T, {c!r}, **dict({k.strip()}))"
    for c, options in _RUNS.items()
    for k in options.split("|")
]
EXPRESSIONS += [
    f"C.trajectory(T, {c!r}, dtype=T.{d})"
    for c in _RUNS
    for d in ("float64", "bfloat16", "complex64")
]
TOLERANCE = {t: 2e-2 for t in EXPRESSIONS if "bfloat16" in t}


@scenario
def lbfgs(T):
    out = []
    weights = T.tensor([1.0, 5.0], dtype=T.float64)
    for options in (
        {},
        {"lr": 0.1, "max_iter": 4},
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "history_size": 3, "max_eval": 9},
        {"line_search_fn": "strong_wolfe", "lr": 5.0},
        {"lr": T.tensor(0.5), "tolerance_grad": 1.0},
        {"line_search_fn": "x"},
    ):
        p = T.nn.Parameter(T.tensor([0.8, -0.1, -1.1, 0.3], dtype=T.float64))
        q = T.nn.Parameter(T.ones(2, dtype=T.float64))
        op = T.optim.LBFGS([p, q], **options)
        calls = []

        def closure():
            op.zero_grad()
            loss = ((1 - p[:-1]) ** 2).sum() + 100 * ((p[1:] - p[:-1] ** 2) ** 2).sum()
            loss = loss + ((q - 3) ** 2 * weights).sum()
            loss.backward()
            calls.append(loss.item())
            return loss.detach()

        out.append(tried(lambda: [op.step(closure) for _ in range(2)][-1]))
        state = op.state_dict()["state"][0]
        out += [p.detach(), q.detach(), len(calls), list(state)]
        out += [state["func_evals"], state["n_iter"], len(state.get("old_dirs", ()))]
        again = T.optim.LBFGS([p, q], **options)
        again.load_state_dict(copy.deepcopy(op.state_dict()))
        op = again
        out.append(tried(lambda: (op.step(closure), p.detach())))
    out.append(tried(lambda: T.optim.LBFGS([{"params": [p]}, {"params": [q]}])))
    return out


@scenario
def groups_and_names(T):
    P = lambda *s: T.nn.Parameter(T.ones(*s))
    p = P(1)
    out = [tried(lambda: T.optim.SGD([p, p]))]
    out += [tried(lambda: T.optim.SGD([{"params": [p]}, {"params": [p]}]))]
    o = T.optim.SGD([p], lr=0.1)
    for group in (3, {"params": [p]}, {"params": P(2)}, {"params": {P(1)}}, {"params": [3]}, {}):
        out.append(tried(lambda: o.add_param_group(group)))
    out += [tried(lambda: o.add_param_group({"params": [("n", P(3))]})), repr(o)]
    o = T.optim.SGD([("a", P(1))])
    out += [o.state_dict(), tried(lambda: o.add_param_group({"params": P(2)}))]
    out += [tried(lambda: o.add_param_group({"params": [("b", P(2))], "lr": 7})), o.param_groups]
    unnamed = T.optim.SGD([{"params": [P(1)]}, {"params": [P(2)]}])
    state = o.state_dict()
    unnamed.load_state_dict(state)
    o.load_state_dict(T.optim.SGD([{"params": [P(1)]}, {"params": [P(2)]}]).state_dict())
    out += [list(unnamed.param_groups[0]), o.param_groups[1]["param_names"]]
    return out


@scenario
def saving_and_loading(T):
    p = T.nn.Parameter(T.ones(2, dtype=T.float64))
    o = T.optim.Adam([p])
    groups = o.state_dict()["param_groups"]
    out = [o.state_dict(), [type(v).__name__ for v in o.state_dict().values()]]
    sd = {
        "state": {
            0: {
                "step": T.tensor(3.0),
                "exp_avg": T.ones(2),
                "exp_avg_sq": [T.ones(2)],
                "foo": {"a": T.ones(2)},
                "n": 3,
            },
            5: {"x": 1},
        },
        "param_groups": groups,
    }
    o.load_state_dict(sd)
    out += [o.state[p], o.state[5], len(o.state)]
    sd["param_groups"][0]["fused"] = True
    sd["param_groups"][0]["lr"] = 5
    o.load_state_dict(sd)
    sd["param_groups"][0]["lr"] = 6
    out += [o.param_groups[0]["lr"], o.state[p]["step"].dtype, list(sd["param_groups"][0])]
    for bad in (
        {"state": {}, "param_groups": []},
        {"state": {}, "param_groups": [{"params": [0, 1]}]},
        {},
    ):
        out.append(tried(lambda: o.load_state_dict(bad)))

    def run(o, p, n):
        for i in range(n):
            p.grad = T.full_like(p, i + 1.0)
            o.step()

    for name in ("SGD", "Adam", "AdamW", "Adadelta", "RMSprop", "Adagrad"):
        options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        a = T.nn.Parameter(T.ones(2))
        oa = getattr(T.optim, name)([a], **options)
        run(oa, a, 3)
        b = T.nn.Parameter(a.detach().clone())
        ob = getattr(T.optim, name)([b], lr=3.0)
        ob.load_state_dict(copy.deepcopy(oa.state_dict()))
        oc = pickle.loads(pickle.dumps(oa))
        c = oc.param_groups[0]["params"][0]
        run(oa, a, 2)
        run(ob, b, 2)
        run(oc, c, 2)
        out += [a, T.equal(a, b), T.equal(a, c), repr(oc), sorted(vars(oc))]
        d = copy.deepcopy(oa)
        out += [d.param_groups[0]["params"][0] is not a, d.state_dict()]
    old = T.optim.Adam([p])
    old.state[p] = {"step": 3, "exp_avg": T.zeros(2), "exp_avg_sq": T.zeros(2)}
    old.param_groups[0].pop("amsgrad")
    old.__setstate__(old.__getstate__())
    out += [old.state[p]["step"], old.param_groups[0]["amsgrad"]]
    return out


@scenario
def hooks(T):
    mo = importlib.import_module(T.__name__ + ".optim.optimizer")
    p = T.nn.Parameter(T.ones(1))
    p.grad = T.ones(1)
    o = T.optim.SGD([p], lr=1.0)
    log = []
    h = [o.register_step_pre_hook(lambda op, a, k: log.append(["pre", len(a), list(k)]))]
    h += [o.register_step_post_hook(lambda op, a, k: log.append(["post", len(a), list(k)]))]
    h += [mo.register_optimizer_step_pre_hook(lambda op, a, k: log.append(["gpre"]))]
    h += [mo.register_optimizer_step_post_hook(lambda op, a, k: log.append(["gpost"]))]
    out = [o.step(), o.step(lambda: T.is_grad_enabled()), o.step(closure=lambda: 5.0), p]
    for handle in h:
        handle.remove()
    h = o.register_step_pre_hook(lambda op, a, k: (a, {"closure": lambda: 7}))
    out += [o.step()]
    h.remove()
    h = o.register_step_pre_hook(lambda op, a, k: 3)
    out += [tried(lambda: o.step())[:13], T.optim.SGD.step.hooked, T.optim.SGD.step.__name__]
    h.remove()
    out += [o.step()]
    h = [o.register_state_dict_pre_hook(lambda op: log.append("sdpre"))]
    h += [o.register_state_dict_post_hook(lambda op, sd: {**sd, "extra": 1})]
    h += [o.register_state_dict_post_hook(lambda op, sd: log.append(list(sd)), prepend=True)]
    h += [o.register_load_state_dict_pre_hook(lambda op, sd: log.append(["lpre", list(sd)]))]
    h += [
        o.register_load_state_dict_pre_hook(lambda op, sd: {k: sd[k] for k in sd if k != "extra"})
    ]
    h += [o.register_load_state_dict_post_hook(lambda op: log.append("lpost"))]
    sd = o.state_dict()
    out += [sd, o.load_state_dict(sd), log]

    class Mine(T.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 1})

        def step(self):
            return "stepped"

    m = Mine([p])
    m.register_step_post_hook(lambda op, a, k: log.append("mine"))
    out += [m.step(), log[-1], m, tried(lambda: m.step(3))]
    return out


@scenario
def zero_grad_and_closure(T):
    x = T.nn.Parameter(T.ones(2))
    o = T.optim.SGD([x], lr=0.1)
    x.grad = T.ones(2)
    g = x.grad
    o.zero_grad(set_to_none=False)
    out = [x.grad, x.grad is g, o.zero_grad(), x.grad]

    def closure():
        o.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    out += [o.step(closure), x, T.is_grad_enabled(), o.step()]
    with T.no_grad():
        out += [o.step(closure), T.is_grad_enabled()]

    def broken():
        raise ValueError("in closure")

    return out + [tried(lambda: o.step(broken)), T.is_grad_enabled(), x.requires_grad, x.is_leaf]


@scenario
def differentiable_steps(T):
    out = []
    for name, options in (
        ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
        ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
        ("Adam", {"lr": 0.1, "amsgrad": True}),
        ("AdamW", {"lr": 0.1}),
        ("Adadelta", {"weight_decay": 0.1}),
        ("RMSprop", {"momentum": 0.9, "centered": True}),
        ("Adagrad", {"lr": 0.1}),
    ):
        x = T.tensor([1.0, 2.0, -3.0], dtype=T.float64, requires_grad=True)
        grads = T.tensor([[0.5, -1.0, 2.0], [1.5, 0.3, 0.2]], dtype=T.float64, requires_grad=True)
        p = x.clone()
        op = getattr(T.optim, name)([p], differentiable=True, **options)
        p.grad = grads[0] * grads[1]
        op.step()
        out.append([name, p, T.autograd.grad((p * p).sum(), (x, grads), allow_unused=True)])
    return out


@scenario
def devices_and_kinds_refused(T):
    out = []
    for name in ("SGD", "Adam", "AdamW", "Adadelta", "RMSprop", "Adagrad"):
        C = getattr(T.optim, name)
        p = T.nn.Parameter(T.ones(2))
        p.grad = T.ones(2)
        if name not in ("SGD", "Adagrad"):
            out.append(tried(lambda: C([p], capturable=True).step()))
        z = T.nn.Parameter(T.ones(2, dtype=T.complex64))
        z.grad = T.ones(2, dtype=T.complex64)
        if name in ("SGD", "Adam", "AdamW", "Adagrad"):
            out.append(tried(lambda: C([z], fused=True).step()))
    return out


@scenario
def sparse_gradients(T):
    out = []
    for name, options in (
        ("SGD", {}),
        ("SGD", {"momentum": 0.9}),
        ("SGD", {"fused": True}),
        ("Adam", {}),
        ("Adadelta", {}),
        ("RMSprop", {}),
        ("Adagrad", {"weight_decay": 0.1}),
        ("Adagrad", {"lr": 0.1}),
    ):
        p = T.nn.Parameter(T.ones(4))
        p.grad = T.sparse_coo_tensor([[0, 2]], [1.0, 2.0], (4,))
        out.append(tried(lambda: getattr(T.optim, name)([p], **options).step()))
        out.append(p.detach())
    return out


# ---- learning rate schedulers -----------------------------------------------------------------


def _optimizer(T, n=2, **options):
    groups = [{"params": [T.nn.Parameter(T.ones(1))], "lr": 0.1 * (i + 1)} for i in range(n)]
    return getattr(T.optim, options.pop("name", "SGD"))(groups, **options)


def schedule(T, make, steps=10, epochs=None, **options):
    """The rates (and momenta) that a scheduler sets, its state, and a copy that goes on from it."""
    o = _optimizer(T, **options)
    s = make(T.optim.lr_scheduler, o)
    keys = ("lr", "momentum", "betas", "initial_lr", "max_lr", "min_lr", "base_momentum")
    rates = [[{k: g[k] for k in keys if k in g} for g in o.param_groups]]
    for i in range(steps):
        o.step()
        if epochs is not None:
            s.step(epochs[i % len(epochs)])
        else:
            s.step()
        rates.append([g["lr"] for g in o.param_groups])
        if "momentum" in options or "name" in options:
            rates[-1] += [g.get("betas", g.get("momentum")) for g in o.param_groups]
    state = s.state_dict()
    other = _optimizer(T, **options)
    t = make(T.optim.lr_scheduler, other)
    t.load_state_dict(copy.deepcopy(state))
    other.load_state_dict(o.state_dict())
    for a, b in ((o, s), (other, t)):
        if epochs is None:
            a.step()
            b.step()
    same = [g["lr"] for g in o.param_groups] == [g["lr"] for g in other.param_groups]
    return rates, {k: v for k, v in state.items() if k[0] != "_"}, s.get_last_lr(), same


_SCHEDULES = """
StepLR(o, 3)
StepLR(o, 2, .5)
MultiStepLR(o, [2, 5, 5])
MultiStepLR(o, [3], gamma=2.)
LambdaLR(o, lambda e: .5 ** e)
LambdaLR(o, [lambda e: 1 / (e + 1), lambda e: e])
MultiplicativeLR(o, lambda e: .9)
ConstantLR(o)
ConstantLR(o, .5, 3)
LinearLR(o)
LinearLR(o, .1, .5, 8)
ExponentialLR(o, .9)
PolynomialLR(o)
PolynomialLR(o, 8, 2.)
CosineAnnealingLR(o, 4)
CosineAnnealingLR(o, 5, .05)
CosineAnnealingWarmRestarts(o, 3)
CosineAnnealingWarmRestarts(o, 2, 2, .01)
CyclicLR(o, .1, 1., 3, cycle_momentum=False)
CyclicLR(o, .1, [1., 2.], 2, 3, 'triangular2', cycle_momentum=False)
CyclicLR(o, .1, 1., 2, mode='exp_range', gamma=.9, cycle_momentum=False)
CyclicLR(o, .1, 1., 2, scale_fn=lambda x: .5 ** x, scale_mode='iterations', cycle_momentum=False)
OneCycleLR(o, 1., 14, cycle_momentum=False)
OneCycleLR(o, [1., 2.], epochs=7, steps_per_epoch=2, cycle_momentum=False, anneal_strategy='linear')
OneCycleLR(o, 1., 14, three_phase=True, cycle_momentum=False, div_factor=5., pct_start=.4)
SequentialLR(o, [L.LinearLR(o, .1, total_iters=3), L.ExponentialLR(o, .9)], [3])
SequentialLR(o, [L.ConstantLR(o, .1, 2), L.StepLR(o, 2), L.CosineAnnealingLR(o, 5)], [3, 7])
ChainedScheduler([L.StepLR(o, 2), L.ExponentialLR(o, .9)])
ChainedScheduler([L.SequentialLR(o, [L.StepLR(o, 1), L.StepLR(o, 2)], [4]), L.ExponentialLR(o, .9)])
""".strip().split("\n")
_M = "C."
EXPRESSIONS += [f"{_M}schedule(T, lambda L, o: L.{s})" for s in _SCHEDULES]
EXPRESSIONS += [
    f"{_M}schedule(T, lambda L, o: L.{s}, epochs=[0, 1, 4, 3, 9])"
    for s in _SCHEDULES
    if "Sequential" not in s and "Chained" not in s
]
EXPRESSIONS += [
    f"{_M}schedule(T, lambda L, o: L.{s}, {options})"
    for s, options in (
        ("OneCycleLR(o, 1., 14)", "momentum=.5"),
        ("OneCycleLR(o, 1., 14, base_momentum=[.7,.8])", "name='Adam'"),
        ("CyclicLR(o, .1, 1., 3)", "momentum=.5"),
        ("CyclicLR(o, .1, 1., 3, base_momentum=.1)", "name='AdamW'"),
        ("StepLR(o, 2)", "n=1, name='Adadelta'"),
    )
]
EXPRESSIONS += [
    f"(lambda L, O: L.{e})(T.optim.lr_scheduler, lambda n=1, **k: {_M}_optimizer(T, n, **k))"
    for e in """
StepLR(3, 1)
LambdaLR(O(2), [lambda e: 1])
StepLR(O(), 1, last_epoch=3)
LinearLR(O(), 2.)
LinearLR(O(), .5, 2)
LinearLR(O(), 0)
ConstantLR(O(), 2.)
ConstantLR(O(), -1)
ReduceLROnPlateau(O(), factor=1.)
ReduceLROnPlateau(O(), mode='x')
ReduceLROnPlateau(O(), threshold_mode='x')
ReduceLROnPlateau(O(2), min_lr=[1])
ReduceLROnPlateau(3)
OneCycleLR(O(), 1.)
OneCycleLR(O(), 1., 0)
OneCycleLR(O(), 1., 1.5)
OneCycleLR(O(), 1., epochs=1)
OneCycleLR(O(), 1., epochs=0, steps_per_epoch=1)
OneCycleLR(O(), 1., epochs=1, steps_per_epoch=0)
OneCycleLR(O(), 1., 5, pct_start=2)
OneCycleLR(O(), 1., 5, pct_start=2.)
OneCycleLR(O(), 1., 5, anneal_strategy='x')
OneCycleLR(O(name='Adagrad'), 1., 5)
OneCycleLR(O(2), [1.], 5)
OneCycleLR(O(2), 1., 5, base_momentum=[.1])
CyclicLR(O(), 1., 2., mode='x')
CyclicLR(O(name='Adagrad'), 1., 2.)
CosineAnnealingWarmRestarts(O(), 0)
CosineAnnealingWarmRestarts(O(), 1.5)
CosineAnnealingWarmRestarts(O(), 2, 0)
CosineAnnealingWarmRestarts(O(), 2, 1, 'x')
CosineAnnealingWarmRestarts(O(), 2).step(-1)
SequentialLR(O(), [], [])
SequentialLR(O(), [L.StepLR(O(), 1)], [])
SequentialLR(O(), [3], [])
(lambda o: L.SequentialLR(o, [L.StepLR(o, 1), L.StepLR(o, 2)], [1, 2]))(O())
(lambda o: L.SequentialLR(o, [L.ReduceLROnPlateau(o)], []))(O())
ChainedScheduler([])
ChainedScheduler([L.StepLR(O(), 1), L.StepLR(O(), 1)])
ChainedScheduler(3)
""".strip().split("\n")
    if not e.startswith("(lambda")
]


@scenario
def scheduler_order_of_calls(T):
    L = T.optim.lr_scheduler
    o = _optimizer(T, 1)
    s = L.StepLR(o, 1)
    out = [s.step(), s.step()]
    o.step()
    out += [s.step(), s.step(3), s.get_last_lr(), s.get_lr(), o.step.__name__]
    o = _optimizer(T, 1)
    s = L.StepLR(o, 1)
    o.step = lambda: None
    out += [s.step(), s.last_epoch, s._step_count]
    out += [sorted(s.state_dict()), list(o.param_groups[0])]
    o = _optimizer(T, 1)
    a, b = L.StepLR(o, 1), L.ExponentialLR(o, 0.5)
    o.step()
    a.step()
    b.step()
    out += [o.param_groups[0]["lr"], type(pickle.loads(pickle.dumps(o))).__name__]
    return out


@scenario
def scheduler_resumes(T):
    L = T.optim.lr_scheduler
    out = []
    for make in (
        lambda o, e: L.StepLR(o, 2, last_epoch=e),
        lambda o, e: L.CosineAnnealingLR(o, 6, last_epoch=e),
        lambda o, e: L.LinearLR(o, last_epoch=e),
        lambda o, e: L.ExponentialLR(o, 0.9, last_epoch=e),
        lambda o, e: L.PolynomialLR(o, 6, last_epoch=e),
        lambda o, e: L.ConstantLR(o, last_epoch=e),
        lambda o, e: L.MultiStepLR(o, [3, 4], last_epoch=e),
        lambda o, e: L.MultiplicativeLR(o, lambda i: 0.5, last_epoch=e),
        lambda o, e: L.CosineAnnealingWarmRestarts(o, 3, last_epoch=e),
        lambda o, e: L.OneCycleLR(o, 1.0, 9, cycle_momentum=False, last_epoch=e),
        lambda o, e: L.CyclicLR(o, 0.1, 1.0, 3, cycle_momentum=False, last_epoch=e),
    ):
        o = _optimizer(T, 1)
        s = make(o, -1)
        for _ in range(3):
            o.step()
            s.step()
        t = make(o, 3)
        row = [o.param_groups[0]["lr"]]
        for _ in range(3):
            o.step()
            t.step()
            row.append(o.param_groups[0]["lr"])
        out.append(row)
    return out


@scenario
def scheduler_of_callable_objects(T):
    L = T.optim.lr_scheduler

    class Factor:
        def __init__(self):
            self.k = 3

        def __call__(self, epoch):
            return 0.5

    s = L.LambdaLR(_optimizer(T, 1), Factor())
    sd = s.state_dict()
    out = [sd]
    sd["lr_lambdas"] = [{"k": 7}]
    s.load_state_dict(sd)
    m = L.MultiplicativeLR(_optimizer(T, 1), Factor())
    return out + [s.lr_lambdas[0].k, list(sd), m.state_dict()["lr_lambdas"]]


@scenario
def tensor_learning_rates(T):
    L = T.optim.lr_scheduler
    out = []
    for make in (
        lambda o: L.StepLR(o, 1),
        lambda o: L.LambdaLR(o, lambda e: 0.5**e),
        lambda o: L.CosineAnnealingLR(o, 3),
        lambda o: L.LinearLR(o),
        lambda o: L.OneCycleLR(o, 1.0, 9, cycle_momentum=False),
        lambda o: L.CosineAnnealingWarmRestarts(o, 3),
    ):
        lr = T.tensor(0.1)
        o = T.optim.SGD([T.nn.Parameter(T.ones(1))], lr=lr)
        s = make(o)
        for _ in range(2):
            o.step()
            s.step()
        out.append([o.param_groups[0]["lr"] is lr, lr, s.base_lrs, s.get_last_lr()])
    return out


@scenario
def plateaus(T):
    L = T.optim.lr_scheduler
    series = [1.0, 0.9, 0.95, 0.9, 0.89999, 0.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    out = []
    for options in (
        {"patience": 1},
        {"patience": 0, "factor": 0.5, "cooldown": 2},
        {"patience": 1, "mode": "max"},
        {"patience": 1, "threshold_mode": "abs", "threshold": 0.1},
        {"patience": 1, "mode": "max", "threshold_mode": "abs"},
        {"patience": 0, "min_lr": [0.05, 0.001], "eps": 1e-3},
    ):
        o = _optimizer(T)
        s = L.ReduceLROnPlateau(o, **options)
        rates = []
        for value in series:
            s.step(T.tensor(value))
            rates.append([g["lr"] for g in o.param_groups] + [s.num_bad_epochs, s.in_cooldown])
        t = L.ReduceLROnPlateau(_optimizer(T))
        t.load_state_dict(s.state_dict())
        out.append([rates, s.state_dict(), t.best, t.mode, s.get_last_lr()])
    o.add_param_group({"params": [T.nn.Parameter(T.ones(1))], "lr": 1.0})
    out += [
        tried(lambda: [s.step(9.0) for _ in range(3)]),
        tried(lambda: s.step()),
        s.step(1.0, 50),
    ]
    return out


@scenario
def one_cycle_ends(T):
    o = _optimizer(T, 1)
    s = T.optim.lr_scheduler.OneCycleLR(o, 1.0, 3, cycle_momentum=False)
    out = []
    for _ in range(5):
        o.step()
        out.append([tried(s.step), o.param_groups[0]["lr"]])
    return out
