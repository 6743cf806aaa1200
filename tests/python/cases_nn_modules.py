"""Every module: how it is made, printed, initialized, and what it computes."""

_MADE = """
nn.ReLU() nn.ReLU(True) nn.Hardtanh() nn.Hardtanh(0,1,True) nn.Hardtanh(min_value=-2)
nn.Hardtanh(max_value=3) nn.Hardtanh(2,1) nn.ReLU6() nn.ReLU6(True) nn.Sigmoid() nn.Tanh()
nn.Hardsigmoid() nn.Hardsigmoid(True) nn.SiLU() nn.SiLU(True) nn.Mish() nn.Mish(True)
nn.Hardswish() nn.Hardswish(True) nn.ELU() nn.ELU(2,True) nn.CELU() nn.CELU(2.,True) nn.SELU()
nn.SELU(True) nn.GLU() nn.GLU(1) nn.GELU() nn.GELU('tanh') nn.Hardshrink() nn.Hardshrink(1)
nn.LeakyReLU() nn.LeakyReLU(.2,True) nn.LogSigmoid() nn.Softplus() nn.Softplus(2,3)
nn.Softshrink() nn.Softshrink(1) nn.PReLU() nn.PReLU(3,.1) nn.Softsign() nn.Tanhshrink()
nn.Softmin() nn.Softmin(1) nn.Softmax() nn.Softmax(dim=0) nn.Softmax2d() nn.LogSoftmax()
nn.LogSoftmax(1) nn.Threshold(1,2) nn.Threshold(1,2,True) nn.Dropout() nn.Dropout(.1,True)
nn.Dropout(2) nn.Dropout(-1) nn.Dropout1d() nn.Dropout2d() nn.Dropout3d() nn.AlphaDropout()
nn.FeatureAlphaDropout(.2) nn.Flatten() nn.Flatten(0,1) nn.Unflatten(1,(2,3))
nn.Unflatten(1,[2,3]) nn.Unflatten(1,3) nn.Unflatten(1,(2.,3)) nn.Unflatten('a',(2,3))
nn.Unflatten(1,(('a',2),)) nn.Identity() nn.Identity(3,a=4) nn.MaxPool1d(2)
nn.MaxPool1d(2,1,1,2,True,True) nn.MaxPool2d(2) nn.MaxPool2d((2,3),1,1,2,True,True)
nn.AvgPool1d(2) nn.AvgPool1d(2,1,1,True,False) nn.AvgPool2d(2) nn.AvgPool2d(2,1,1,True,False,3)
nn.AdaptiveAvgPool1d(3) nn.AdaptiveAvgPool2d(3) nn.AdaptiveAvgPool2d((None,3)) nn.LPPool1d(2,3)
nn.LPPool2d(2,(3,2),1,True) nn.L1Loss() nn.MSELoss(reduction='sum') nn.CrossEntropyLoss()
nn.MSELoss(size_average=False) nn.MSELoss(reduce=False) nn.NLLLoss() nn.KLDivLoss()
nn.BCELoss() nn.BCELoss(o(2)) nn.BCEWithLogitsLoss() nn.HingeEmbeddingLoss(2) nn.SmoothL1Loss()
nn.SmoothL1Loss(beta=2) nn.HuberLoss() nn.SoftMarginLoss() nn.MultiLabelSoftMarginLoss(o(2))
nn.CosineEmbeddingLoss(.1) nn.MarginRankingLoss(.1) nn.MultiMarginLoss() nn.MultiMarginLoss(3)
nn.MultiMarginLoss(weight=o(2,2)) nn.TripletMarginLoss() nn.TripletMarginLoss(-1)
nn.TripletMarginLoss(2,1,swap=True) nn.TripletMarginWithDistanceLoss()
nn.TripletMarginWithDistanceLoss(margin=-1) nn.PoissonNLLLoss() nn.GaussianNLLLoss(full=True)
nn.NLLLoss2d() nn.CosineSimilarity() nn.PairwiseDistance(1,keepdim=True) nn.PixelShuffle(2)
nn.PixelUnshuffle(2) nn.ChannelShuffle(2) nn.Unfold(2) nn.Unfold((2,3),1,1,2) nn.ZeroPad1d(1)
nn.ZeroPad2d(1) nn.ZeroPad2d((1,2,3,4)) nn.ZeroPad3d(1) nn.ConstantPad1d(1,2.)
nn.ConstantPad2d(1,2) nn.ConstantPad3d(1,2) nn.ReflectionPad1d(1) nn.ReflectionPad2d(1)
nn.ReflectionPad3d(2) nn.ReplicationPad1d(1) nn.ReplicationPad2d((1,2,3,4))
nn.ReplicationPad3d(1) nn.CircularPad1d(1) nn.CircularPad2d(1) nn.CircularPad3d(1)
nn.MSELoss(reduction='foo') nn.L1Loss(True,False) nn.Linear(0,2) nn.Linear(2,0)
nn.Linear(-1,2) nn.Bilinear(0,1,1) nn.Linear(3,4,bias=False) nn.Linear(3,4,dtype=T.float64)
nn.Linear(3,4,device='meta') nn.Conv1d(3,4,3) nn.Conv1d(3,4,3,stride=2,padding=1,dilation=2)
nn.Conv1d(3,4,3,bias=False) nn.Conv1d(4,4,(3,),groups=2,padding='same')
nn.Conv1d(3,4,3,padding='same',stride=2) nn.Conv1d(3,4,3,padding_mode='circular',padding=1)
nn.Conv1d(3,4,3,groups=2) nn.Conv1d(4,3,3,groups=2) nn.Conv1d(3,4,3,groups=0)
nn.Conv1d(3,4,3,padding='valid') nn.Conv1d(3,0,3) nn.Conv1d(0,4,3,bias=False)
nn.Conv1d(3,4,(3,3,3)) nn.Conv1d(3,4,3,groups=-1) nn.Conv1d(3,3,3,stride=0) nn.Conv2d(3,4,3)
nn.Conv2d(3,4,3,stride=2,padding=1,dilation=2) nn.Conv2d(4,4,(3,2),groups=2,padding='same')
nn.Conv2d(3,4,3,padding='same',stride=2) nn.Conv2d(3,4,3,bias=False,padding_mode='reflect')
nn.Conv2d(3,4,3,padding='valid') nn.Conv2d(3,3,-1) nn.Conv2d(-3,4,3)
nn.Conv2d(3,4,(3,2),padding=(1,2)) nn.BatchNorm1d(3) nn.BatchNorm1d(3,1e-3,None,affine=False)
nn.BatchNorm1d(3,track_running_stats=False) nn.BatchNorm2d(3,bias=False) nn.BatchNorm3d(3)
nn.InstanceNorm1d(3) nn.InstanceNorm2d(3,affine=True) nn.InstanceNorm3d(3,affine=True,bias=False)
nn.InstanceNorm1d(3,track_running_stats=True) nn.GroupNorm(3,6) nn.GroupNorm(2,6,1e-3,False)
nn.GroupNorm(2,6,bias=False) nn.GroupNorm(4,6) nn.LayerNorm(3) nn.LayerNorm((3,6))
nn.LayerNorm([2,6],1e-3,False) nn.LayerNorm((2,6),bias=False) nn.RMSNorm(3)
nn.RMSNorm((3,4),1e-3,False) nn.LocalResponseNorm(3) nn.Embedding(3,2)
nn.Embedding(3,2,padding_idx=4) nn.Embedding(3,2,_weight=o(2,2)) nn.Embedding.from_pretrained(o(2))
nn.Embedding(3,2,padding_idx=-1,max_norm=1,norm_type=1,scale_grad_by_freq=True,sparse=True)
nn.Embedding.from_pretrained(o(2,3)) nn.Container(a=nn.ReLU())
nn.CrossEntropyLoss(weight=o(2),ignore_index=1,reduction='none',label_smoothing=.1)
nn.KLDivLoss(reduction='batchmean',log_target=True) nn.BCEWithLogitsLoss(o(2),pos_weight=o(2))
""".split()

EXPRESSIONS = []

# The module, its public attributes, and its tensors with what they hold, seeded.
EXPRESSIONS += [
    f"(lambda m: (m, sorted(k for k in vars(m) if k[0] != '_'), m.state_dict(), "
    f"[(k, p.requires_grad) for k, p in m.named_parameters()]))(seeded(lambda: {e})[0])"
    for e in _MADE
]

# The stream of random numbers goes on from the same place.
EXPRESSIONS += [
    f"seeded(lambda: {e} and None)[1]"
    for e in """
    nn.Linear(3,4) nn.Linear(3,4,bias=False) nn.Conv1d(3,4,3) nn.Conv2d(4,6,(3,2),groups=2)
    nn.Embedding(5,4) nn.Embedding(3,2,padding_idx=1) nn.Bilinear(3,4,5) nn.BatchNorm1d(4)
    nn.LayerNorm(4) nn.PReLU(3) nn.Linear(20,30,dtype=T.float64) nn.Linear(20,30,dtype=T.bfloat16)
    """.split()
]

# What they compute, with gradients, in both modes.
_RUN = {
    "rand(3,4)": """
    nn.ReLU() nn.ReLU6() nn.Hardtanh() nn.Sigmoid() nn.Tanh() nn.Hardsigmoid() nn.SiLU() nn.Mish()
    nn.Hardswish() nn.ELU() nn.ELU(2.) nn.CELU(2.) nn.SELU() nn.GLU() nn.GELU() nn.GELU('tanh')
    nn.Hardshrink() nn.LeakyReLU() nn.LogSigmoid() nn.Softplus() nn.Softplus(2,1) nn.Softshrink()
    nn.PReLU() nn.PReLU(4) nn.Softsign() nn.Tanhshrink() nn.Softmin(1) nn.Softmax(0)
    nn.LogSoftmax(1) nn.Threshold(.1,20.) nn.Softmax() nn.LogSoftmax()
    nn.Linear(4,2) nn.Linear(4,2,bias=False) nn.BatchNorm1d(4) nn.BatchNorm1d(4,momentum=None)
    nn.BatchNorm1d(4,affine=False) nn.BatchNorm1d(4,track_running_stats=False) nn.LayerNorm(4)
    nn.LayerNorm(4,bias=False) nn.LayerNorm((3,4),elementwise_affine=False) nn.RMSNorm(4)
    nn.RMSNorm((3,4),1e-2) nn.GroupNorm(2,4) nn.GroupNorm(2,4,affine=False) nn.Dropout(.3)
    nn.Dropout(0) nn.Dropout(1) nn.Dropout1d(.4) nn.AlphaDropout(.3) nn.FeatureAlphaDropout(.3)
    nn.Identity() nn.Flatten(0) nn.Unflatten(1,(2,2)) nn.InstanceNorm1d(3) nn.MaxPool1d(2)
    nn.AvgPool1d(3,1,1) nn.AdaptiveAvgPool1d(3) nn.LPPool1d(3.,2) nn.ConstantPad1d((1,-1),3.)
    nn.ReflectionPad1d(2) nn.ReplicationPad1d((1,2)) nn.CircularPad1d((3,1)) nn.ZeroPad1d(2)
    nn.Linear(3,2) nn.BatchNorm1d(3) nn.BatchNorm2d(4) nn.GroupNorm(3,3) nn.LayerNorm(3)
    """.split(),
    "rand(2,4,5)": """
    nn.Conv1d(4,6,3) nn.Conv1d(4,6,3,2,1,2,2) nn.Conv1d(4,6,3,padding='same')
    nn.Conv1d(4,6,2,padding='same') nn.Conv1d(4,6,3,padding=1,padding_mode='reflect')
    nn.Conv1d(4,6,3,padding='same',padding_mode='circular') nn.Conv1d(4,4,3,groups=4,bias=False)
    nn.Conv1d(4,6,3,padding=2,padding_mode='replicate') nn.BatchNorm1d(4) nn.InstanceNorm1d(4)
    nn.InstanceNorm1d(4,affine=True,track_running_stats=True) nn.InstanceNorm1d(3)
    nn.InstanceNorm1d(3,affine=True) nn.MaxPool1d(3,1,1) nn.MaxPool1d(2,1,1,return_indices=True)
    nn.MaxPool1d(2,2,ceil_mode=True) nn.AvgPool1d(2) nn.AvgPool1d(3,2,1,count_include_pad=False)
    nn.AvgPool1d(2,2,ceil_mode=True) nn.AdaptiveAvgPool1d(2) nn.Dropout1d(.4) nn.Dropout2d(.4)
    nn.PReLU(4) nn.GroupNorm(2,4) nn.LocalResponseNorm(3) nn.LocalResponseNorm(2,.1,.5,2.)
    nn.RMSNorm(5) nn.Softmax2d() nn.Softmax() nn.ChannelShuffle(2) nn.PixelShuffle(2)
    nn.Linear(5,3) nn.Flatten() nn.LPPool1d(2,3,1) nn.AlphaDropout(.2) nn.FeatureAlphaDropout(.5)
    nn.ReplicationPad2d((1,2,0,1)) nn.ReflectionPad2d(1) nn.CircularPad2d((1,2,2,0))
    nn.ConstantPad2d((1,0,-1,2),-1) nn.Conv2d(4,6,3) nn.Conv1d(3,6,3)
    """.split(),
    "rand(2,4,6,5)": """
    nn.Conv2d(4,6,3) nn.Conv2d(4,6,(3,2),(2,1),(1,0),(1,2),2) nn.Conv2d(4,6,1,bias=False)
    nn.Conv2d(4,6,3,padding='same') nn.Conv2d(4,6,(2,4),padding='same',dilation=(2,1))
    nn.Conv2d(4,6,3,padding=(1,2),padding_mode='circular') nn.Conv2d(4,8,3,groups=4)
    nn.Conv2d(4,6,3,padding='same',padding_mode='reflect') nn.BatchNorm2d(4)
    nn.BatchNorm2d(4,affine=False,track_running_stats=False) nn.InstanceNorm2d(4)
    nn.InstanceNorm2d(4,affine=True,track_running_stats=True) nn.GroupNorm(2,4) nn.GroupNorm(4,4)
    nn.LayerNorm([4,6,5]) nn.MaxPool2d(2) nn.MaxPool2d(3,2,1) nn.MaxPool2d((2,3),(1,2))
    nn.MaxPool2d(2,1,1,1,return_indices=True) nn.MaxPool2d(2,2,0,2,ceil_mode=True)
    nn.AvgPool2d(2) nn.AvgPool2d(3,2,1) nn.AvgPool2d((3,2),1,(1,0),False,False)
    nn.AvgPool2d(2,divisor_override=3) nn.AdaptiveAvgPool2d(3) nn.AdaptiveAvgPool2d((None,2))
    nn.AdaptiveAvgPool2d(1) nn.LPPool2d(2,2) nn.LPPool2d(1.5,(2,3),1) nn.Dropout2d(.4)
    nn.Dropout3d(.4) nn.Unfold(2) nn.Unfold((2,3),(1,2),(1,0),(2,1)) nn.PixelShuffle(2)
    nn.PixelUnshuffle(5) nn.ChannelShuffle(2) nn.Softmax2d() nn.LocalResponseNorm(2)
    nn.ZeroPad2d((1,2,-1,0)) nn.ReflectionPad2d((1,2,3,0)) nn.ReplicationPad2d(2)
    nn.CircularPad2d((1,2,0,3)) nn.ReplicationPad3d(1) nn.ConstantPad3d(1,.5) nn.Softmax()
    nn.FeatureAlphaDropout(.5) nn.Flatten() nn.Flatten(1,2) nn.BatchNorm1d(4) nn.InstanceNorm1d(4)
    nn.RMSNorm((6,5)) nn.PReLU(4) nn.PixelUnshuffle(2) nn.Hardswish()
    """.split(),
    "rand(2,3,2,3,2)": "nn.BatchNorm3d(3) nn.InstanceNorm3d(3,affine=True) nn.Dropout3d() "
    "nn.BatchNorm2d(3) nn.ReflectionPad3d(1) nn.CircularPad3d(1) nn.GroupNorm(3,3) "
    "nn.LocalResponseNorm(2)".split(),
    "ints(5,3,2)": "nn.Embedding(5,3) nn.Embedding(5,3,padding_idx=2) nn.Embedding(4,3) "
    "nn.Embedding(5,3,max_norm=1.) nn.Embedding(5,3,max_norm=.5,norm_type=1.) nn.Linear(2,3) "
    "nn.Embedding(5,3,scale_grad_by_freq=True) nn.ReLU() nn.BatchNorm1d(2)".split(),
}
for _x, _modules in _RUN.items():
    EXPRESSIONS += [
        f"(lambda m: seeded(lambda: (both(m, {_x}), [p.grad for p in m.parameters()], "
        f"m.state_dict(), m.eval()({_x}))))(seeded(lambda: {e})[0])"
        for e in _modules
    ]

_x, _y = "rand(4,3)", "rand(4,3,seed=1)"
_LOSSES = {
    f"{_x}, {_y}": "L1Loss MSELoss SmoothL1Loss HuberLoss KLDivLoss BCEWithLogitsLoss "
    "HingeEmbeddingLoss MultiLabelSoftMarginLoss PoissonNLLLoss "
    "CrossEntropyLoss CosineSimilarity PairwiseDistance".split(),
    f"{_x}.sigmoid(), {_y}.sigmoid()": ["BCELoss"],
    f"{_x}, ints(3,4)": "NLLLoss CrossEntropyLoss MultiMarginLoss".split(),
    f"{_x}, {_y}, o(4)": ["CosineEmbeddingLoss"],
    f"{_x}, {_y}, rand(4,3,seed=2)": "TripletMarginLoss MarginRankingLoss "
    "TripletMarginWithDistanceLoss".split(),
    f"{_x}, {_y}, {_y}.abs()": ["GaussianNLLLoss"],
}
for _args, _names in _LOSSES.items():
    for _name in _names:
        if _name in ("CosineSimilarity", "PairwiseDistance"):
            EXPRESSIONS.append(f"both(nn.{_name}(), {_args})")
            continue
        for _reduction in ("mean", "sum", "none"):
            EXPRESSIONS.append(f"both(nn.{_name}(reduction={_reduction!r}), {_args})")
EXPRESSIONS += [
    f"both(lambda x: nn.SoftMarginLoss(reduction={_r!r})(x, {_y}.sign()), {_x})"
    for _r in ("mean", "sum", "none")
]
EXPRESSIONS += [
    f"both(nn.{_e}, {_x}, {_a})"
    for _e, _a in (
        ("CrossEntropyLoss(o(3)*2, ignore_index=1)", "ints(3,4)"),
        ("CrossEntropyLoss(T.tensor([1.,2.,3.]), label_smoothing=.2)", "ints(3,4)"),
        ("CrossEntropyLoss(label_smoothing=.2)", _y + ".softmax(1)"),
        ("NLLLoss(T.tensor([1.,2.,3.]), ignore_index=0)", "ints(3,4)"),
        ("NLLLoss(size_average=False)", "ints(3,4)"),
        ("NLLLoss2d()", "ints(3,4)"),
        ("SmoothL1Loss(beta=.3)", _y),
        ("SmoothL1Loss(beta=0.)", _y),
        ("HuberLoss(delta=.3)", _y),
        ("KLDivLoss(reduction='batchmean')", _y + ".softmax(1)"),
        ("KLDivLoss(reduction='batchmean', log_target=True)", _y),
        ("BCEWithLogitsLoss(o(3)*.5, pos_weight=T.tensor([1.,2.,3.]))", _y + ".sigmoid()"),
        ("PoissonNLLLoss(full=True)", _y + ".exp()"),
        ("PoissonNLLLoss(log_input=False, full=True)", _y + ".exp()"),
        ("HingeEmbeddingLoss(.3)", "T.tensor([1.,-1.,1.])"),
        ("MultiMarginLoss(2, .5, T.tensor([1.,2.,3.]))", "ints(3,4)"),
        ("MultiLabelSoftMarginLoss(T.tensor([1.,2.,3.]))", _y + ".sigmoid().round()"),
        ("MSELoss()", "o(3)"),
        ("CosineSimilarity(0, .1)", _y),
        ("PairwiseDistance(1., keepdim=True)", _y),
        ("PairwiseDistance(3.)", _y),
    )
]
EXPRESSIONS += [
    "both(nn.CosineEmbeddingLoss(.2), rand(4,3), rand(4,3,seed=1), T.tensor([1,-1,1,-1]))",
    "both(nn.TripletMarginLoss(2., 1., swap=True), rand(4,3), rand(4,3,seed=1), rand(4,3,seed=2))",
    "both(nn.GaussianNLLLoss(full=True), rand(4,3), rand(4,3,seed=1), o(4)*.5)",
    "both(nn.MarginRankingLoss(.2), rand(4), rand(4,seed=1), T.tensor([1.,-1.,1.,-1.]))",
    "both(nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: (a - b).abs().sum(-1), "
    "swap=True), rand(4,3), rand(4,3,seed=1), rand(4,3,seed=2))",
    "both(seeded(lambda: nn.Bilinear(3,4,2))[0], rand(5,3), rand(5,4))",
    "nn.Linear(4,4)(rand(2,3))",
    "nn.BatchNorm1d(3)(o(1,3))",
    "nn.BatchNorm1d(3).eval()(o(1,3))",
    "nn.BatchNorm1d(3,track_running_stats=False).eval()(o(1,3))",
    "nn.InstanceNorm1d(3)(o(2,3,1))",
]
