"""src/gen/ops.h and ops.c: argument structs and descriptors."""

from .model import SpecError
from .text import BANNER, quote

# What a C compiler lets through in wrong forms; src/core/api.c looks at these before the gate.
CHECKED = "TENSORS INTS SCALAR DTYPE LAYOUT DEVICE FORMAT STR".split()
DTYPES = "promote number float compare bool abs float_abs complex cond self".split()
# What an out= of another dtype than the result's raises where the spec says out_dtype=True: the
# kind's text. %r and %R stand for the result's dtype, %o and %O for that of out ("Float", "float").
OUT_DTYPE = {"pointwise": "Found dtype %o but expected %r"}
OUT_DTYPE_ELSE = "Expected out tensor to have dtype %R, but got %O instead"


def initializer(p):
    """A parameter's default as an initializer of its field, None where zero bytes are it."""
    v = p.default
    if v is None or v is False or (v in (0, "") and p.type in ("INT", "FLOAT")):
        return None
    if p.type in ("OPT_INT", "OPT_FLOAT"):
        return f"{{true, {v}}}"
    if p.type == "OPT_BOOL":
        return f"FAC_{str(v).upper()}"
    if p.type == "INTS":
        n = p.list_size if isinstance(v, int) else len(v)
        values = [v] * n if isinstance(v, int) else v
        at = f"(const int64_t[]){{{', '.join(map(str, values))}}}" if n else "NULL"
        return f"{{{at}, {n}, true}}"
    if p.type in ("SCALAR", "VALUE"):
        kind, field = ("FLOAT64", "f") if isinstance(v, float) else ("INT64", "i")
        number = f"{{FAC_{kind}, {{.{field} = {v}}}}}"
        return number if p.type == "SCALAR" else f"{{NULL, {number}}}"
    return quote(v) if p.type == "STR" else str(v).lower()


def flags(op):
    table = {
        "COMPOSITE": op.kind == "composite" and op.get("grads") is None,
        "VIEW": op.kind == "view",
        "LIST": op.list,
        "NUMBER": op.number,
        "READS_CONJ": op.get("reads_conj"),
        "MOVES": op.get("moves"),
        "INPLACE": op.get("inplace"),
        "OUT": op.get("out"),
        "CREATION": op.get("creation"),
        "UPDATE": op.get("update"),
        "FUNCTION": op.get("function", True),
        "METHOD": op.get("method", False),
        "RANDOM": op.get("random"),
        "MUTATES": op.get("mutates"),
        "NO_GRAD": op.get("no_grad") or (op.kind != "composite" and op.get("grads") is None),
        "NUMBERS_OK": op.get("numbers_ok"),
        "TUPLE": op.tuple,
        "SPARSE": op.get("sparse"),
        "APART": op.get("apart"),
        "CHECKED": any(p.type in CHECKED and not p.default_number for p in op.params),
    }
    return " | ".join(f"FAC__OP_{k}" for k, v in table.items() if v) or "0"


def saves(op):
    """Rows of (tensor index, values, shapes, results) from `grads`."""
    index = {p.name: i for i, p in enumerate(op.tensors)}
    outs = {n: i for i, n in enumerate(op.out_names)} | {"result": 0}
    outs |= {f"result{i}": i for i in range(8)}
    rows = []
    grads = op.get("grads") or {}
    for name in sorted(grads, key=lambda n: index.get(n, 99)):
        if name not in index:
            raise SpecError(
                f"{op.where}: op {op.name}: grads names '{name}', not a tensor argument"
            )
        values = shapes = results = 0
        for what in grads[name]:
            base, _, part = what.partition(".")
            if base in index and part == "shape":
                shapes |= 1 << index[base]
            elif base in index and not part:
                values |= 1 << index[base]
            elif base in outs and not part:
                results |= 1 << outs[base]
            else:
                raise SpecError(f"{op.where}: op {op.name}: grads cannot save '{what}'")
        rows.append(f"{{{index[name]}, 0x{values:x}, 0x{shapes:x}, 0x{results:x}}}")
    return rows


def symbols(op):
    """(exec, rule, vjp) C names, NULL where there is none."""
    n = op.name
    exec_ = {
        "pointwise": "fac__exec_pointwise",
        "structured": "fac__exec_structured",
        "view": f"fac__view_{n}",
        "composite": f"fac__exec_{n}",
        "custom": f"fac__exec_{n}",
    }[op.kind]
    rule = f"fac__rule_{op.get('rule', n)}" if op.kind == "structured" else "NULL"
    vjp = f"fac__vjp_{op.get('vjp', n)}" if op.get("grads") is not None else "NULL"
    return exec_, rule, vjp


def ops_h(ops):
    out = [BANNER, "#ifndef FAC_GEN_OPS_H\n#define FAC_GEN_OPS_H\n\n"]
    out.append('#include "../core/core.h"\n\nstruct fac__vjp;\n\n')
    seen = set()
    for op in ops:
        out.append(f"struct fac__{op.name}_args {{\n")
        out += [f"    {p.ctype}{p.name};\n" for p in op.params] or ["    int nothing;\n"]
        out.append("};\n")
        for sym, kind in zip(symbols(op), ("exec", "exec", "vjp")):
            if sym not in seen and sym not in (
                "NULL",
                "fac__exec_pointwise",
                "fac__exec_structured",
            ):
                seen.add(sym)
                out.append(f"fac__{kind}_fn {sym};\n")
        if op.get("check") and op.get("check") not in seen:
            seen.add(op.get("check"))
            out.append(f"fac__check_fn fac__check_{op.get('check')};\n")
        if op.kind == "composite":
            ret, rest = ("fac_tensors", "") if op.list else ("void", ", fac_tensor **out")
            args = f"const struct fac__{op.name}_args *a{rest}"
            out.append(f"{ret} fac__composite_{op.name}({args});\n")
        out.append("\n")
    out.append("enum {\n")
    out += [f"    FAC__OP_ID_{op.name},\n" for op in ops]
    out.append("    FAC__NUM_OPS\n};\n\nextern const fac__op *const fac__ops[FAC__NUM_OPS];\n")
    out += [f"extern const fac__op fac__op_{op.name};\n" for op in ops]
    out.append("\n#endif\n")
    return "".join(out)


def param_row(op, p, i):
    f = []
    for flag, on in (
        ("OPTIONAL", p.optional),
        ("NONE", p.none),
        ("KEYWORD", p.keyword),
        ("VARARGS", p.name == op.get("varargs")),
        ("LIST_NONE", p.list_none),
    ):
        if on:
            f.append(f"FAC__P_{flag}")
    index = op.tensors.index(p) if p in op.tensors else 255
    alias = (op.get("aliases") or {}).get(p.name)
    return (
        f"    {{{quote(p.name)}, {quote(alias)}, {quote(p.text)}, {quote(p.initial)}, "
        f"FAC__T_{p.type}, {' | '.join(f) or '0'}, "
        f"offsetof(struct fac__{op.name}_args, {p.name}), {p.list_size}, {index}}},\n"
    )


def out_dtype_text(op):
    text = op.get("out_dtype")
    return OUT_DTYPE.get(op.kind, OUT_DTYPE_ELSE) if text is True else text


def descriptor(op, i):
    out = []
    if op.params:
        out.append(f"static const fac__param params_{op.name}[] = {{\n")
        out += [param_row(op, p, k) for k, p in enumerate(op.params)]
        out.append("};\n")
    defaults = [(p.name, initializer(p)) for p in op.params if p.optional]
    defaults = [f".{name} = {v}" for name, v in defaults if v is not None]
    if defaults:
        kind = f"static const struct fac__{op.name}_args"
        out.append(f"{kind} defaults_{op.name} = {{{', '.join(defaults)}}};\n")
    rows = saves(op)
    if rows:
        out.append(f"static const fac__saves saves_{op.name}[] = {{{', '.join(rows)}}};\n")
    if op.out_names:
        names = ", ".join(quote(n) for n in op.out_names)
        out.append(f"static const char *const outs_{op.name}[] = {{{names}}};\n")
    exec_, rule, vjp = symbols(op)
    node = op.get("node")
    if node is None and op.get("grads") is not None:
        node = "".join(w.capitalize() for w in op.python.split("_")) + "Backward0"
    kernel = op.get("kernel", op.name) if op.kind in ("pointwise", "structured", "custom") else None
    direct = [p for p in op.tensors if p.type != "TENSORS"]
    lists = [p for p in op.tensors if p.type == "TENSORS"]
    numbers = [[p.name for p in op.params].index(n) for n in op.get("numbers", [])]
    nondiff = 0
    for n in op.get("nondiff", []):
        nondiff |= 1 << op.out_names.index(n)
    offset = f"offsetof(struct fac__{op.name}_args, %s)"
    dtypes = op.get("dtypes", "promote")
    if dtypes not in DTYPES:
        raise SpecError(f"{op.where}: op {op.name}: unknown dtypes '{dtypes}'")
    if len(direct) > 8 or len(lists) > 6:
        raise SpecError(f"{op.where}: op {op.name}: at most 8 tensors and 6 lists")
    out.append(f"const fac__op fac__op_{op.name} = {{\n")
    fields = [
        ("name", quote(op.name)),
        ("overload", quote(op.overload)),
        ("python", quote(op.python)),
        ("node", quote(node)),
        ("node_dim", quote(op.get("node_dim"))),
        ("node_number", quote(op.get("node_number"))),
        ("node_tensors", quote(op.get("node_tensors"))),
        ("node_inplace", quote(op.get("node_inplace"))),
        ("kernel", quote(kernel)),
        ("label", quote(op.get("label") or (kernel and kernel + "_cpu"))),
        ("struct_name", quote(op.get("struct"))),
        ("out_dtype", quote(out_dtype_text(op))),
        ("out_names", f"outs_{op.name}" if op.out_names else "NULL"),
        ("params", f"params_{op.name}" if op.params else "NULL"),
        ("defaults", f"&defaults_{op.name}" if defaults else "NULL"),
        ("exec", exec_),
        ("rule", rule),
        ("check", f"fac__check_{op.get('check')}" if op.get("check") else "NULL"),
        ("vjp", vjp),
        ("saves", f"saves_{op.name}" if rows else "NULL"),
        ("id", i),
        ("args_size", f"sizeof(struct fac__{op.name}_args)"),
        ("dim_given", offset % "dim.given" if op.get("node_dim") else 0),
        ("flags", flags(op)),
        ("required", hex(sum(1 << k for k, p in enumerate(op.params) if not p.optional))),
        ("nparams", len(op.params)),
        ("nout", op.nout),
        ("nsaves", len(rows)),
        ("dtypes", f"FAC__D_{dtypes.upper()}"),
        ("ntensors", len(direct)),
        ("nlists", len(lists)),
        ("tensor_offsets", "{" + ", ".join(offset % p.name for p in direct) + "}"),
        ("list_offsets", "{" + ", ".join(offset % p.name for p in lists) + "}"),
        ("nondiff_outputs", nondiff),
        ("nnumbers", len(numbers)),
        ("numbers", "{" + ", ".join(map(str, numbers)) + "}"),
    ]
    out += [f"    .{k} = {v if v != '{}' else '{0}'},\n" for k, v in fields]
    out.append("};\n\n")
    return "".join(out)


def ops_c(ops):
    out = [BANNER, '#include "ops.h"\n\n#include "../core/composite.h"\n\n#include <stddef.h>\n\n']
    for op in ops:
        if op.kind == "composite":
            kind = "_list" if op.list else ""
            out.append(
                f"int fac__exec_{op.name}(const fac__op *op, void *args, fac__outs *outs)\n{{\n"
                f"    fac__composite{kind}_fn *f = "
                f"(fac__composite{kind}_fn *)fac__composite_{op.name};\n"
                f"    return fac__run_composite{kind}(op, f, args, outs);\n}}\n\n"
            )
    out += [descriptor(op, i) for i, op in enumerate(ops)]
    out.append("const fac__op *const fac__ops[FAC__NUM_OPS] = {\n")
    out += [f"    &fac__op_{op.name},\n" for op in ops]
    out.append("};\n")
    return "".join(out)
