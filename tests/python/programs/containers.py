"""Containers of modules and parameters: changing, printing, their errors."""

import torch
import torch.nn as nn

torch.manual_seed(0)


def tried(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


layers = nn.ModuleList([nn.Linear(1, 1)])
layers.append(nn.ReLU())
layers.extend([nn.Tanh()])
layers.insert(0, nn.Identity())
print(layers, len(layers), layers[-1], layers[1:3])
del layers[0]
layers[0] = nn.Dropout()
print(layers)
print(layers.pop(1))
layers += [nn.ELU()]
print(layers, nn.ReLU() in layers, [type(m).__name__ for m in layers])
tried(lambda: layers[9])
tried(lambda: layers(1))
tried(lambda: layers.extend(3))
tried(lambda: nn.ModuleList(3))
tried(lambda: layers + [nn.ReLU()])
d = nn.ModuleDict([["a", nn.Linear(1, 1)]])
d["b"] = nn.ReLU()
d.update({"c": nn.Tanh()})
print(d, list(d.keys()), "a" in d, len(d), d.pop("b"), list(d.items())[0][0])
tried(lambda: d["zz"])
tried(lambda: d.update(3))
tried(lambda: d.__setitem__("x", 3))
tried(lambda: d.__setitem__(3, nn.ReLU()))
d.clear()
print(d)
p = nn.ParameterList([torch.ones(2), nn.Parameter(torch.zeros(1))])
p.append(torch.ones(1))
p.extend([torch.ones(1)])
print(p, len(p), [type(q).__name__ for q in p], p[0])
p[0] = torch.zeros(2)
print(p[1:])
tried(lambda: p[7])
pd = nn.ParameterDict({"x": torch.ones(1)})
pd["y"] = torch.zeros(2)
print(pd, pd.keys(), "x" in pd, pd.get("q", 5), pd | nn.ParameterDict({"z": torch.ones(1)}))
pd.update({"w": torch.ones(1)})
print(sorted(pd), pd.pop("w"), pd.setdefault("n", torch.ones(1)), pd.copy(), list(pd.values())[0])
s = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
s.add_module("out", nn.Linear(3, 1))
print(s, s.out, s[-2])
s = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
s.insert(1, nn.Dropout(0.0))
s.extend([nn.Sigmoid()])
print(s + nn.Sequential(nn.ReLU()), s * 2)
s.pop(0)
print(s)
del s[-1]
print(len(s))
tried(lambda: s["out"])
s[0] = nn.Identity()
print([*s])


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                nn.ModuleDict(
                    {
                        "att": nn.Linear(2, 2),
                        "ff": nn.Sequential(nn.Linear(2, 4), nn.GELU(), nn.Linear(4, 2)),
                    }
                )
                for _ in range(2)
            ]
        )
        self.tied = self.blocks[0]["att"]
        self.none = None
        self.register_parameter("opt", None)
        self.lst = [nn.Linear(1, 1)]

    def forward(self, x):
        for b in self.blocks:
            x = x + b["att"](x)
            x = x + b["ff"](x)
        return x


m = Deep()
print(
    m,
    m(torch.ones(1, 2)).shape,
    len(list(m.parameters())),
    [n for n, _ in m.named_parameters()],
    [n for n, _ in m.named_modules()],
    [n for n, _ in m.named_parameters(remove_duplicate=False)][-2:],
    list(m.state_dict())[-2:],
)
m.opt = nn.Parameter(torch.ones(1))
print("opt" in dict(m.named_parameters()))
del m.opt
tried(lambda: m.opt)
m.blocks[1]["att"] = nn.Identity()
print(m.blocks[1])
m.__class__.__name__ = "Renamed"
print(str(m).split("(")[0])
m.train(False)
print(m.blocks[0]["ff"][0].training)
tried(lambda: m.train("x"))
m.apply(lambda q: setattr(q, "seen", True))
print(m.blocks[0].seen)
m.double()
print(
    m.tied.weight.dtype,
    m.type(torch.float).tied.weight.dtype,
    m.to(dtype=torch.float16).tied.weight.dtype,
    m.float().tied.weight.dtype,
)
print(nn.Module().state_dict(), nn.Module(), repr(nn.Module()))
u = nn.utils.skip_init(nn.Linear, 2, 3)
print(u.weight.shape)
print(m.to("meta").tied.weight, m.to_empty(device="cpu").tied.weight.shape)


class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.v = 3

    def get_extra_state(self):
        return {"v": self.v}

    def set_extra_state(self, st):
        self.v = st["v"]


e = Extra()
e.v = 7
sd = e.state_dict()
print(sd)
f = Extra()
print(f.load_state_dict(sd), f.v)
tried(lambda: f.load_state_dict({}))
tried(
    lambda: nn.Linear(2, 2).load_state_dict(
        {"weight": torch.ones(2, 2), "bias": torch.ones(2)}, assign=True
    )
)
