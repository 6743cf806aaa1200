"""nn.functional, nn.init and nn.utils: values, warnings, errors."""

EXPRESSIONS = [
    "F.softmax(o(2,2))",
    "F.softmax(o(2,2,2))",
    "F.log_softmax(o(2,2,2,2))",
    "F.softmin(o(2))",
    "F.softmax(o(2),0,dtype=T.float64)",
    "F.log_softmax(o(2),0,dtype=T.float64)",
    "F.softmin(o(2),0,dtype=T.float64)",
    "F.softmax(o(2), 5)",
]
for _d in (
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_alpha_dropout",
):
    EXPRESSIONS.append(f"F.{_d}(o(3,3),p=1.5)")
    EXPRESSIONS.append(f"F.{_d}(o(3,3),p=-.5)")
    for _s in ((3,), (3, 3), (3, 3, 3), (2, 2, 2, 2), (2, 2, 2, 2, 2), (1,) * 6):
        EXPRESSIONS.append(f"seeded(lambda: F.{_d}(o({_s}), .4, True))")
    EXPRESSIONS.append(f"F.{_d}(o(2,3),training=False)")
    EXPRESSIONS.append(
        f"seeded(lambda: (lambda x: (F.{_d}(x, .4, True, inplace=True), x))(o(2,3)))"
    )
for _r in (
    "relu",
    "relu6",
    "silu",
    "mish",
    "hardswish",
    "hardsigmoid",
    "leaky_relu",
    "elu",
    "hardtanh",
    "selu",
    "celu",
):
    EXPRESSIONS.append(f"(lambda x: (F.{_r}(x, inplace=True), x))(rand(5))")
    EXPRESSIONS.append(f"F.{_r}(rand(5).double())")
    EXPRESSIONS.append(f"F.{_r}(T.tensor([1, -2]))")
EXPRESSIONS += """
F.mse_loss(o(2),o(2,1))
F.l1_loss(o(2),o(2,1))
F.smooth_l1_loss(o(2),o(2,1))
F.huber_loss(o(2),o(2,1))
F.mse_loss(o(2),o(2),reduction='foo')
F.mse_loss(o(2),o(2),size_average=False)
F.mse_loss(o(2),o(2),size_average=True)
F.mse_loss(o(2),o(2),reduce=False)
F.mse_loss(o(2),o(2),size_average=False,reduce=True)
F.mse_loss(o(2),o(2)*3,weight=o(2))
F.mse_loss(o(2),o(2)*3,weight=T.tensor([1.,2.]),reduction='none')
F.mse_loss(o(2),o(2)*3,weight=T.tensor([1.,2.]),reduction='sum')
F.l1_loss(o(2),o(2)*3,weight=T.tensor([1.,2.]))
F.huber_loss(o(2),o(2)*3,weight=T.tensor([1.,2.]))
F.mse_loss(o(2),o(2),weight=o(3))
F.mse_loss(o(2),o(2),weight=o(2),reduction='x')
F.mse_loss(o(2),o(3))
F.mse_loss(o(2),o(2),reduction='batchmean')
F.mse_loss(o(2),o(2),reduction='elementwise_mean')
F.l1_loss(o(2),o(2),weight=o(3))
F.huber_loss(o(2),o(2),delta=-1)
F.smooth_l1_loss(o(2),o(2),beta=-1)
F.smooth_l1_loss(o(2),o(2)*3,beta=0)
F.binary_cross_entropy(o(2),o(2,1))
F.binary_cross_entropy(o(2)*2,o(2))
F.binary_cross_entropy(o(2),o(2),weight=o(3))
F.binary_cross_entropy(rand(2,2).sigmoid(),o(2,2)*.3,weight=rand(2))
F.binary_cross_entropy_with_logits(o(2),o(2,1))
F.binary_cross_entropy_with_logits(o(2),o(2),pos_weight=o(2),weight=o(2))
F.cross_entropy(o(2,3),o(2))
F.cross_entropy(o(2,3),o(2).long(),reduction='x')
F.cross_entropy(o(2,3),o(3).long())
F.cross_entropy(o(2,3),o(2,3))
F.cross_entropy(rand(2,3,4),ints(3,2,4))
F.cross_entropy(rand(3),T.tensor(1))
F.nll_loss(o(2,3),o(3).long())
F.nll_loss(rand(2,3,4),ints(3,2,4),reduction='none')
F.kl_div(o(2),o(2))
F.kl_div(o(2),o(2),reduction='batchmean')
F.kl_div(o(2),o(2),size_average=False)
F.kl_div(o(()),o(()),reduction='batchmean')
both(lambda x: F.kl_div(x, T.tensor([0., 1., 2.])), rand(3))
F.gaussian_nll_loss(o(2),o(2),o(3))
F.gaussian_nll_loss(o(2,2),o(2,2),o(2))
F.gaussian_nll_loss(o(2),o(2),-1.0)
F.gaussian_nll_loss(o(2),o(2),2.0)
F.gaussian_nll_loss(o(2),o(2),-o(2))
F.gaussian_nll_loss(o(2),o(2),o(2),reduction='foo')
F.poisson_nll_loss(o(2),o(2),reduction='foo')
F.cosine_embedding_loss(o(2),o(2),o(1))
F.cosine_embedding_loss(o(2,2),o(2,2),o(2,2))
F.cosine_embedding_loss(o(2),o(2),o(()))
F.cosine_embedding_loss(o(2,2),o(2),o(2))
F.margin_ranking_loss(o(2),o(2,2),o(2))
F.hinge_embedding_loss(o(2),o(2))
F.triplet_margin_with_distance_loss(o(2),o(2,2),o(2))
F.triplet_margin_loss(o(2),o(2,2),o(2))
F.triplet_margin_with_distance_loss(o(2),o(2),o(2),margin=-1)
F.triplet_margin_with_distance_loss(o(2),o(2),o(2),reduction='x')
F.triplet_margin_loss(o(2),o(2),o(2),margin=-1)
F.multilabel_soft_margin_loss(o(2,2),o(2,2),reduction='x')
F.multi_margin_loss(o(2,2),o(2).long(),p=3)
F.multi_margin_loss(o(2,2),o(2).long(),weight=o(3,3))
F.multi_margin_loss(o(2,3),o(3).long())
F.multi_margin_loss(o(3),T.tensor(1))
F.multi_margin_loss(o(2,3),T.tensor([1,2]),reduction='none')
F.soft_margin_loss(rand(3),o(3),reduction='x')
F.batch_norm(o(3),None,None,training=True)
F.batch_norm(o(1,3),None,None,training=True)
F.batch_norm(o(1,3,1),None,None,training=True)
F.batch_norm(o(2,3),None,None,training=True)
F.batch_norm(o(2,3),None,None,training=False)
F.batch_norm(rand(2,3),o(3),o(3)*2)
F.instance_norm(o(2,3,1))
F.instance_norm(o(2,3,1),use_input_stats=False)
F.instance_norm(rand(2,3,4),o(3),o(3)*2,use_input_stats=False)
F.instance_norm(rand(2,3,4))
F.group_norm(o(3),1)
F.group_norm(o(1,3),3)
F.group_norm(o(2,3),2)
F.group_norm(rand(2,4),2)
F.layer_norm(o(2,3),(2,))
F.layer_norm(rand(2,3),(3,),T.tensor([1.,2.,3.]))
F.layer_norm(rand(2,3),[2,3],eps=.1)
F.local_response_norm(o(2),2)
F.local_response_norm(o(0,2,2),2)
F.rms_norm(o(2,3),(4,))
F.rms_norm(rand(2,3).bfloat16(),(3,))
F.rms_norm(rand(2,3).double(),(3,),T.tensor([1.,2.,3.]).double())
F.embedding(o(2).long(),o(3,2),padding_idx=5)
F.embedding(o(2).long(),o(3,2),padding_idx=-4)
F.embedding(o(2).long(),rand(3,2),padding_idx=-1)
F.embedding(o(2),o(3,2))
F.embedding(ints(3,4),rand(3,2)*5,max_norm=1.)
(lambda w: (F.embedding(T.tensor([[0,2],[2,2]]),w,max_norm=1.,norm_type=1.), w))(rand(4,3)*3)
F.embedding(o(2).long()*9,o(3,2))
F.embedding(o(2).long(),o(3))
F.glu(o(()))
F.glu(o(3))
F.glu(rand(4,3), 0)
F.threshold(o(2),1,1)
(lambda x: (F.threshold(x,0,7,True),x))(rand(4))
F.threshold(T.tensor([1,2,3]),2,0)
F.sigmoid(o(1))
F.tanh(o(1))
F.hardtanh(o(1),2,1)
seeded(lambda: F.gumbel_softmax(o(2,3),eps=1.))
seeded(lambda: both(lambda x: F.gumbel_softmax(x,2.,True), rand(4,3)))
seeded(lambda: F.gumbel_softmax(rand(4,3),dim=0))
F.prelu(o(2,3),o(2))
F.prelu(o(2,3),o(3,1,1))
F.prelu(o(()),o(3))
F.prelu(-o(()),o(()))
F.prelu(-o(2,3,4),T.tensor([1.,2.,3.]))
F.prelu(-o(3),o(1)*.5)
F.softshrink(o(1),-1)
F.softshrink(T.tensor([float('nan'), 3., -3., .1]))
F.hardshrink(T.tensor([float('nan'), 3., -3., .1]))
F.celu(o(1),0)
F.max_pool1d(o(1,1,4),2,padding=2)
F.max_pool1d(o(1,1,4),0)
F.max_pool1d(o(1,1,4),2,stride=0)
F.max_pool1d(o(1,1,4),2,dilation=0)
F.max_pool1d(o(1,1,4),(2,3))
F.max_pool1d(o(1,1,1),2)
F.max_pool1d(o(1,1,4),2,padding=-1)
F.max_pool2d(o(1,1,4,4),2,padding=2)
F.max_pool2d(rand(1,4,4),2,return_indices=True)
F.max_pool2d(rand(1,4,4),2,None,0,1,False,True)
F.max_pool1d(rand(1,5),2,return_indices=True)
F.max_pool1d_with_indices(rand(1,5),2)
F.max_pool2d_with_indices(rand(1,4,5),2)
F.adaptive_avg_pool2d(rand(1,4,4),(None,2))
F.adaptive_avg_pool2d(o(1,4,4),(1,2,3))
F.adaptive_avg_pool2d(o(4,4),(None,2))
F.normalize(rand(2,3))
F.normalize(rand(2,3),p=1.,dim=0)
F.normalize(o(2,2)*0)
F.normalize(rand(2,2),out=o(2,2))
F.pad(o(2),(1,))
F.pad(o(2),(1,1,1,1))
F.pad(rand(2,3),(1,2,1,0),value=5)
F.pad(T.tensor([1,2]),(1,2),value=5)
F.pad(T.tensor([True,False]),(1,2))
F.pad(o(2),(1,1),mode='foo')
F.pad(o(2,2),(1,1),mode='foo')
F.pad(o(2),(1,1),mode='reflect')
F.pad(o(2,2),(1,1),mode='reflect',value=1)
F.pad(o(2,2),(3,1),mode='reflect')
F.pad(o(2,2),(-3,0))
F.pad(o(2,5,2),(-1,1))
F.pad(o(2,5,2),(-3,0))
F.pad(o(2,5,2),(-1,-1))
F.pad(o(2,0,2),(1,1))
F.pad(o(2,2,0),(1,1))
F.pad(o(2,2),(3,3),mode='circular')
F.pad(o(2,5,2),(-3,0),mode='circular')
F.pad(o(2,5,2),(-1,-1),mode='circular')
F.pad(rand(2,5,2),(-1,1),mode='circular')
F.pad(rand(2,5,2),(-1,1),mode='replicate')
F.pad(o(2,5,2),(-3,0),mode='replicate')
F.pad(rand(2,5,2),(-1,1),mode='reflect')
F.pad(o(2,5,2),(-3,0),mode='reflect')
F.pad(o(1,2,2,2),(0,1,0,3),mode='reflect')
F.pad(o(2,2,2),(0,1,0,3),mode='reflect')
F.pad(rand(1,2,2),(1,1),mode='replicate')
F.pad(rand(1,2,2),(1,1,1,1),mode='replicate')
F.pad(o(1,2,2,2),(1,1),mode='replicate')
F.unfold(o(2,2),2)
F.unfold(o(1,1,2,2),3)
F.unfold(rand(1,4,4),2)
F.unfold(o(1,1,4,4),(2,2,2))
F.pixel_shuffle(o(2,2),2)
F.pixel_shuffle(o(3,2,2),2)
F.pixel_shuffle(rand(4,2,2),2)
F.pixel_shuffle(o(1,4,2,2),0)
F.pixel_unshuffle(o(1,4,3,2),2)
F.pixel_unshuffle(o(1,4,2,3),2)
F.pixel_unshuffle(o(1,4,2,3),0)
F.channel_shuffle(o(2,2),2)
F.channel_shuffle(o(2,3,2),2)
F.channel_shuffle(o(2,3,2),0)
F.one_hot(o(2))
F.one_hot(T.tensor([0,2]))
F.one_hot(T.tensor([0,2]),4)
F.avg_pool1d(o(1,1,4),(2,2))
F.adaptive_avg_pool1d(o(1,1,4),(2,2))
F.avg_pool1d(o(1,1,4),2,(1,2))
F.cosine_similarity(rand(2,3),rand(3))
F.cosine_similarity(rand(2,3),rand(2,3)*0)
F.pairwise_distance(rand(2,3),rand(3))
F.bilinear(rand(2,3),rand(2,4),rand(5,3,4),rand(5))
F.linear(rand(2,3),rand(4,3),rand(4))
F.gelu(rand(3),approximate='tanh')
F.gelu(rand(3),approximate='x')
F.softplus(rand(3),2,1)
F.logsigmoid(rand(3))
F.nonexistent
init.kaiming_uniform_(o(0,3))
init.kaiming_normal_(o(3))
init.kaiming_normal_(o(3,3),mode='x')
init.calculate_gain('x')
init.calculate_gain('leaky_relu',True)
init.calculate_gain('leaky_relu','x')
init.calculate_gain('leaky_relu',.2)
[init.calculate_gain(n) for n in ('linear','conv2d','sigmoid','tanh','relu','leaky_relu','selu')]
init.eye_(o(2))
init.eye_(o(2,3))
init.dirac_(o(2,2))
init.dirac_(o(3,2,2),2)
init.dirac_(o(4,2,3),2)
init.dirac_(o(2,3,3,2))
init.sparse_(o(3),0.1)
init.orthogonal_(o(3))
init.xavier_normal_(o(3))
init._calculate_correct_fan(o(2,3,4),'fan_out')
init.constant_(o(2),3)
init.ones_(o(2)*3)
init.zeros_(o(2))
seeded(lambda: init.normal(o(3)))
seeded(lambda: init.uniform_(o(3),2,3))
seeded(lambda: init.normal_(o(20),2,3))
seeded(lambda: init.xavier_uniform_(o(3,4),2.))
seeded(lambda: init.xavier_normal_(o(3,4,2)))
seeded(lambda: init.kaiming_uniform_(o(3,4),.3,'fan_out','leaky_relu'))
seeded(lambda: init.kaiming_normal_(o(3,4,3,3),nonlinearity='relu'))
seeded(lambda: init.sparse_(o(4,4),0.5))
seeded(lambda: init.normal_(o(3),generator=T.Generator().manual_seed(3)))
""".strip().split("\n")
for _c in (
    "4,0,1,-2,2",
    "1000,0,1,-2,2",
    "1000,0,.02,-2,2",
    "1000,0,1,-.1,.1",
    "100,0,1,.5,.6",
    "100,2,1,-2,2",
    "20,3,1,-2,2",
    "20,0,1,1,2",
    "20,0,1,2,4",
    "20,5,2.,-1,1",
    "4,0,1,3,3",
):
    _n, _rest = _c.split(",", 1)
    EXPRESSIONS.append(f"seeded(lambda: init.trunc_normal_(o({_n}),{_rest}))")
EXPRESSIONS += [
    "seeded(lambda: init.trunc_normal_(o(30).bfloat16(), std=2))",
    "seeded(lambda: init.trunc_normal_(o(30).double(), std=2))",
    "seeded(lambda: init.trunc_normal_(o(4,5).t(), std=2))",
]
for _s in ((3,), (2, 3), (2, 2, 3), (2, 2, 2, 2), (0, 2, 3), (2, 0, 3)):
    for _f in (
        "max_pool1d max_pool2d avg_pool1d avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d"
    ).split():
        EXPRESSIONS.append(f"F.{_f}(o({_s}), 2)")
    EXPRESSIONS.append(f"F.lp_pool1d(o({_s}), 2, 2)")


def _grads(f):
    return (
        "(lambda U, ps: [setattr(p, 'grad', T.full((2,), i + 1.)) for i, p in enumerate(ps[:2])] "
        f"and (({f}), [p.grad for p in ps], ps))"
        "(module('nn.utils'), [P(o(2) * i) for i in range(3)])"
    )


EXPRESSIONS += [
    _grads(f)
    for f in """
U.clip_grad_norm_(ps,1.)
U.clip_grad_norm_(ps,100.)
U.clip_grad_norm_(ps,1.,float('inf'))
U.clip_grad_norm_(ps,1.,1)
U.clip_grad_norm_(ps,1.,0)
U.clip_grad_norm_(ps[0],1.)
U.clip_grad_norm_([],1.)
U.clip_grad_norm_((p for p in ps),1.)
U.clip_grad_norm_((p for p in []),1.)
U.clip_grad_norm_(ps[2:],1.)
U.clip_grad_norm_(ps,'x')
U.clip_grad_norm_(ps,1.,foreach=True)
U.clip_grad_norm(ps,1.)
U.clip_grad_value_(ps,1.5)
U.clip_grad_value_(ps[1],1.5)
U.clip_grads_with_norm_(ps,1.,T.tensor(10.))
U.parameters_to_vector(ps)
U.parameters_to_vector([])
U.vector_to_parameters(T.arange(6.),ps)
U.vector_to_parameters([1,2],ps)
U.vector_to_parameters(T.arange(9.),ps)
U.get_total_norm([o(2),o(3)])
U.get_total_norm([o(2),o(3)],1.)
U.get_total_norm(o(2))
U.get_total_norm([])
U.get_total_norm([o(2)/0],error_if_nonfinite=True)
U.rnn.pad_sequence([o(2),o(3)])
U.rnn.pad_sequence([o(2,2),o(3,2)],True,-1.)
U.rnn.pad_sequence([o(2),o(3)],True,-1.,'left')
U.rnn.pad_sequence([o(2),o(3)],padding_side='x')
U.rnn.pad_sequence([])
U.rnn.pad_sequence(o(2,3))
U.rnn.pad_sequence(3)
U.rnn.pad_sequence([T.tensor([1,2]),T.tensor([3])],padding_value=0.5)
U.rnn.unpad_sequence(o(3,2),T.tensor([2,3]))
U.skip_init(nn.Linear,2,3).weight.shape
U.skip_init(nn.ReLU)
U.skip_init(int)
""".strip().split("\n")
]
