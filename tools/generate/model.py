"""The ops of spec/*.py as objects: parsed with `ast`, never imported."""

import ast

# annotation -> (enum, C type, PyTorch's name for it)
TYPES = {
    "Tensor": ("TENSOR", "fac_tensor *", "Tensor"),
    "Value": ("VALUE", "fac_value ", "Tensor"),
    "list[Tensor]": ("TENSORS", "fac_tensors ", "tuple of Tensors"),
    "Scalar": ("SCALAR", "fac_scalar ", "Number"),
    "int": ("INT", "int64_t ", "int"),
    "int | None": ("OPT_INT", "fac_opt_int ", "int"),
    "Ints": ("INTS", "fac_ints ", "tuple of ints"),
    "float": ("FLOAT", "double ", "float"),
    "float | None": ("OPT_FLOAT", "fac_opt_float ", "float"),
    "bool": ("BOOL", "bool ", "bool"),
    "bool | None": ("OPT_BOOL", "fac_opt_bool ", "bool"),
    "str": ("STR", "const char *", "str"),
    "Generator": ("GENERATOR", "fac_generator *", "torch.Generator"),
    "dtype": ("DTYPE", "fac_dtype ", "torch.dtype"),
    "layout": ("LAYOUT", "fac_layout ", "torch.layout"),
    "device": ("DEVICE", "fac_device ", "torch.device"),
    "memory_format": ("FORMAT", "fac_memory_format ", "torch.memory_format"),
}
TENSOR_LIKE = ("TENSOR", "VALUE", "TENSORS")
FIELDS = set(
    "dtypes kernel rule grads vjp node python overload method function inplace out numbers nondiff "
    "reads_conj moves creation update random mutates no_grad numbers_ok returns struct sparse "
    "signature aliases varargs module check label method_signature node_dim "
    "node_number node_tensors node_inplace out_dtype apart".split()
)
KINDS = "pointwise structured view composite custom".split()


class SpecError(Exception):
    pass


class Param:
    """One parameter of an op, in the struct, in C and in Python."""

    def __init__(self, op, arg, default, keyword):
        self.name = arg.arg
        self.keyword = keyword
        self.optional = default is not None
        text = ast.unparse(arg.annotation)
        self.none = text.endswith(" | None")
        self.list_size = 0
        self.list_none = text == "list[Tensor | None]"
        base = "list[Tensor]" if self.list_none else text
        if base.startswith("Ints["):
            end = base.index("]")
            self.list_size = int(base[5:end])
            base = "Ints" + base[end + 1 :]
        if base not in TYPES:
            base = base.removesuffix(" | None")
        if base not in TYPES:
            raise SpecError(f"{op}: argument '{self.name}' has unknown type '{text}'")
        self.type, self.ctype, self.text = TYPES[base]
        self.default = None if default is None else ast.literal_eval(default)

    @property
    def initial(self):
        """The default as PyTorch's signature text shows it."""
        if not self.optional:
            return None
        return str(self.default)

    @property
    def default_number(self):
        """Whether it is a number that is there without being given."""
        return self.type == "SCALAR" and self.default is not None


class Op:
    """One entry of the spec."""

    def __init__(self, path, node, kind, fields):
        self.where = f"{path.name}:{node.lineno}"
        self.name = node.name
        self.kind = kind
        self.fields = fields
        self.doc = ast.get_docstring(node) or ""
        if not self.doc:
            raise SpecError(f"{self.where}: op {self.name} has no docstring")
        a = node.args
        defaults = [None] * (len(a.args) - len(a.defaults)) + a.defaults
        tag = f"{self.where}: op {self.name}"
        self.params = [Param(tag, x, d, False) for x, d in zip(a.args, defaults)]
        self.params += [Param(tag, x, d, True) for x, d in zip(a.kwonlyargs, a.kw_defaults)]
        self.python = fields.get("python", self.name)
        self.overload = fields.get("overload", "")
        returns = ast.unparse(node.returns)
        self.list = returns == "list[Tensor]"
        self.number = returns == "Scalar"
        self.tuple = returns.startswith("tuple[")
        self.out_names = fields.get("returns", [])
        self.nout = 0 if self.list or self.number else returns.count("Tensor")
        self.tensors = [p for p in self.params if p.type in TENSOR_LIKE]

    def get(self, key, default=None):
        return self.fields.get(key, default)

    @property
    def required(self):
        return [p for p in self.params if not p.optional]

    @property
    def options(self):
        return [p for p in self.params if p.optional]


def parse(path):
    """The ops of one spec file, in order."""
    ops = []
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        deco = node.decorator_list[0]
        if not deco.args:
            raise SpecError(f"{path.name}:{node.lineno}: @op needs a kind, one of {KINDS}")
        kind = ast.literal_eval(deco.args[0])
        if kind not in KINDS:
            raise SpecError(f"{path.name}:{node.lineno}: unknown kind '{kind}'")
        fields = {}
        for k in deco.keywords:
            if k.arg not in FIELDS:
                raise SpecError(f"{path.name}:{node.lineno}: unknown field '{k.arg}'")
            fields[k.arg] = ast.literal_eval(k.value)
        ops.append(Op(path, node, kind, fields))
    return ops


def read(folder):
    """All ops, file by file."""
    ops = [op for path in sorted(folder.glob("*.py")) for op in parse(path)]
    names = [op.name for op in ops]
    for n in names:
        if names.count(n) > 1:
            raise SpecError(f"op {n} is defined twice")
    return ops
