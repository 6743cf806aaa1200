"""include/facula/ops.h and ops.hpp, src/gen/api.c: the C API and its C++ face."""

from .text import BANNER


def c_params(op):
    types = {"VALUE": "const fac_value *"}
    p = [types.get(x.type, x.ctype) + x.name for x in op.required]
    if op.options:
        p.append(f"const fac_{op.name}_options *o")
    return p


def c_return(op):
    if op.list:
        return "fac_tensors "
    if op.number:
        return "fac_scalar "
    if op.nout != 1:
        return "int "
    return "fac_tensor *"


def failure(op):
    """What a failed call returns."""
    if op.list:
        return "fac__api_no_list()"
    if op.number:
        return "(fac_scalar){0}"
    if op.nout != 1:
        return f"fac__api_failed({op.nout}, {'results' if op.nout else 'NULL'})"
    return "fac_bad"


def comment(op):
    lines = op.doc.strip().split("\n")
    text = "\n".join(" * " + x.strip() if x.strip() else " *" for x in lines)
    return "/*" + text[2:] + " */\n"


def scalar(v):
    """A Python literal as a fac_scalar expression."""
    if isinstance(v, bool):
        return f"(fac_scalar){{FAC_BOOL, {{.b = {str(v).lower()}}}}}"
    kind, field = ("INT64", "i") if isinstance(v, int) else ("FLOAT64", "f")
    return f"(fac_scalar){{FAC_{kind}, {{.{field} = {v}}}}}"


def option(p):
    """Type of the field in the options struct and how it becomes the argument."""
    n = p.name
    if p.type == "INT":
        if p.default == 0:
            return "int64_t ", f"o->{n}"
        return "fac_opt_int ", f"o->{n}.given ? o->{n}.value : {p.default}"
    if p.type == "FLOAT":
        if p.default == 0:
            return "double ", f"o->{n}"
        return "fac_opt_float ", f"o->{n}.given ? o->{n}.value : {p.default}"
    if p.type == "BOOL":
        if not p.default:
            return "bool ", f"o->{n}"
        return "fac_opt_bool ", f"o->{n} != FAC_FALSE"
    if p.type == "SCALAR" and p.default is not None:
        return p.ctype, f"o->{n}.kind ? o->{n} : {scalar(p.default)}"
    if p.type == "INTS" and p.default not in (None, ()):
        values = p.default if isinstance(p.default, (list, tuple)) else [p.default]
        values = list(values) * (p.list_size if len(values) == 1 and p.list_size else 1)
        text = ", ".join(map(str, values))
        return p.ctype, f"o->{n}.given ? o->{n} : fac_dims({text})"
    if p.type == "STR" and p.default is not None:
        return p.ctype, f'o->{n} != NULL ? o->{n} : "{p.default}"'
    return p.ctype, f"o->{n}"


def wrap(x):
    """How a macro turns what the user wrote into what the function takes."""
    if x.type == "VALUE":
        return f"FAC_VALUE_AT({x.name})"
    if x.type == "SCALAR":
        return f"FAC_NUMBER({x.name})"
    return x.name


def forms(op):
    """(macro suffix, function suffix, extra parameter) of each C form."""
    yield "", "_ex", None
    if op.get("inplace"):
        yield "_", "_inplace_ex", None
    if op.get("out") and op.nout == 1:
        yield "_out", "_out_ex", "out"


def prototypes(op):
    out = []
    for _, suffix, extra in forms(op):
        params = ["fac_tensor *out"] if extra else []
        params += c_params(op)
        if op.nout > 1:
            params.append(f"fac_tensor *results[{op.nout}]")
        out.append(f"FAC_API {c_return(op)}fac_{op.name}{suffix}({', '.join(params) or 'void'});\n")
    return "".join(out)


def macros(op):
    out = []
    for suffix, fn, extra in forms(op):
        name, real = f"fac_{op.name}{suffix}", f"fac_{op.name}{fn}"
        names = (["out"] if extra else []) + [x.name for x in op.required]
        args = (["out"] if extra else []) + [wrap(x) for x in op.required]
        if op.nout > 1:
            names.append("results")
            args.append("results")
        if not op.options:
            out.append(f"#define {name}({', '.join(names)}) {real}({', '.join(args)})\n")
            continue
        opts = f"&(const fac_{op.name}_options){{__VA_ARGS__}}"
        tail = args[:-1] + [opts] + args[-1:] if op.nout > 1 else args + [opts]
        size = f".size_ = sizeof(fac_{op.name}_options)"
        if names:
            out.append(f"#define {name}(...) FAC__WITH_{op.name}{fn}(__VA_ARGS__, {size})\n")
            head = f"FAC__WITH_{op.name}{fn}({', '.join(names)}, ...)"
            out.append(f"#define {head} {real}({', '.join(tail)})\n")
        else:
            out.append(
                f"#define {name}(...) {real}({opts.replace('__VA_ARGS__', '__VA_ARGS__')})\n"
            )
    return "".join(out)


def overloads(op):
    """The same for C++: an inline function over each real one."""
    types = {"VALUE": "fac_any_value ", "SCALAR": "fac_any_number "}
    out = []
    for suffix, fn, extra in forms(op):
        params = ["fac_tensor *out"] if extra else []
        params += [types.get(x.type, x.ctype) + x.name for x in op.required]
        args = ["out"] if extra else []
        args += ["&" + x.name if x.type == "VALUE" else x.name for x in op.required]
        size = ""
        if op.options:
            args.append("&o")
            size = "    o.size_ = sizeof o;\n"
        if op.nout > 1:
            params.append(f"fac_tensor *results[{op.nout}]")
            args.append("results")
        if op.options:
            params.append(f"fac_{op.name}_options o = fac_{op.name}_options()")
        call = f"fac_{op.name}{fn}({', '.join(args)})"
        out.append(
            f"inline {c_return(op)}fac_{op.name}{suffix}({', '.join(params)})\n"
            f"{{\n{size}    return {call};\n}}\n"
        )
    return "".join(out)


CXX_HEAD = """\
/* Operators in C++, included by ops.h: inline functions under the names of C's macros.
 *
 *     fac_tensor *y = fac_add(fac_mul(x, 2), 1.5);
 *     fac_softmax(y, 1);
 *     fac_sum_options o{};
 *     o.keepdim = true;
 *     fac_sum(x, o);                                     // or, from C++20 on:
 *     fac_sum(x, {.dim = fac_dims(1), .keepdim = true});
 *
 * What ops.h says of each holds. Nothing here needs a C++ run-time library. */
"""


def api_hpp(ops):
    out = [BANNER, CXX_HEAD, "#ifndef FACULA_OPS_HPP\n#define FACULA_OPS_HPP\n\n"]
    out.append("#include <facula/ops.h>\n\n")
    out += [overloads(op) for op in ops]
    out.append("\n#endif\n")
    return "".join(out)


C_HEAD = """\
/* Every operator: a macro with options by name, over a real function.
 *
 *     fac_sum(x, .dim = fac_dims(1), .keepdim = true)
 *     fac_sum_ex(x, &(fac_sum_options){.size_ = sizeof(fac_sum_options)})
 *
 * A zero option is the default, and so are all of them where the pointer is NULL. Above each
 * stands its signature in Python, whose names and rules hold: arguments without a default come
 * first, in this order, the others are options. For a tensor where a number may stand, the
 * macros take either, and the functions the address of a fac_value. In C++, ops.hpp has
 * functions in place of the macros; other languages call the functions ending in _ex, setting
 * size_ to the size of the struct as they know it.
 *
 * Results are new tensors, or views where the text says so, borrowed from the innermost open
 * scope; arguments are borrowed for the call. A failed operator returns fac_bad and sets the
 * error (error.h); one given fac_bad returns it. `fac_add_` writes into its first argument and
 * returns it, `fac_add_out` into `out`, which is resized where it does not fit. Operators with
 * several results fill an array and return 0, or -1 with every result fac_bad, as do those
 * without a result. Operators with a list as result return one that is empty where they
 * failed; it lives as long as the scope. */
"""


def api_h(ops):
    out = [BANNER, C_HEAD, "#ifndef FACULA_OPS_H\n#define FACULA_OPS_H\n\n"]
    out.append('#include <facula/values.h>\n\n#ifdef __cplusplus\nextern "C" {\n#endif\n\n')
    for op in ops:
        if op.options:
            out.append("typedef struct {\n    size_t size_;\n")
            out += [f"    {option(p)[0]}{p.name};\n" for p in op.options]
            out.append(f"}} fac_{op.name}_options;\n")
        out.append(comment(op) + prototypes(op) + "\n")
    out.append("#ifdef __cplusplus\n}\n#endif\n\n#ifndef FAC_NO_MACROS\n")
    out.append("#ifdef __cplusplus\n#include <facula/ops.hpp>\n#else\n\n")
    out += [macros(op) for op in ops]
    out.append("\n#endif\n#endif\n\n#endif\n")
    return "".join(out)


def api_c(ops):
    out = [BANNER, '#define FAC_NO_MACROS\n#include "ops.h"\n\n#include <facula/ops.h>\n\n']
    for op in ops:
        for _, suffix, extra in forms(op):
            params = (["fac_tensor *out"] if extra else []) + c_params(op)
            if op.nout > 1:
                params.append(f"fac_tensor *results[{op.nout}]")
            out.append(f"{c_return(op)}fac_{op.name}{suffix}({', '.join(params) or 'void'})\n{{\n")
            if op.options:
                out.append(f"    fac_{op.name}_options room;\n")
                out.append("    if ((o = fac__options(o, &room, sizeof room)) == NULL)\n")
                out.append(f"        return {failure(op)};\n")
            fields, values = [], ""
            for p in op.params:
                if p.type == "VALUE":
                    at = f"&o->{p.name}" if p.optional else p.name
                    values += f"    fac__set_value(&args.{p.name}, {at});\n"
                else:
                    fields.append(f".{p.name} = {option(p)[1] if p.optional else p.name}")
            init = ", ".join(fields) or "0"
            out.append(f"    struct fac__{op.name}_args args = {{{init}}};\n{values}")
            ref = f"&fac__op_{op.name}, &args"
            if suffix == "_inplace_ex":
                call = f"fac__api_inplace({ref})"
            elif extra:
                call = f"fac__api_out({ref}, out)"
            elif op.list:
                call = f"fac__api_list({ref})"
            elif op.number:
                call = f"fac__api_number({ref})"
            elif op.nout != 1:
                results = "results" if op.nout else "NULL"
                call = f"fac__api_multi({ref}, {op.nout}, {results})"
            else:
                call = f"fac__api_call({ref})"
            out.append(f"    return {call};\n}}\n\n")
    return "".join(out)
