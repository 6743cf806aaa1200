"""Do the gradients of a function agree with finite differences?

The work is in _jacobian_checks.py, which loads at the first call.
"""

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """Gradients that are not those of the function."""


def gradcheck(
    func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, nondet_tol=0.0,
    check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False,
    check_batched_forward_grad=False, check_forward_ad=False, check_backward_ad=True,
    fast_mode=False, masked=None,
):  # fmt: skip
    """True if func's gradients by those inputs that require them equal its finite differences.

    |analytical - numerical| <= atol + rtol * |numerical| must hold for each entry of each Jacobian;
    in fast_mode, for each Jacobian's product with two random vectors. Otherwise GradcheckError is
    raised, or False returned if raise_exception is False. Inputs should be float64 or complex128.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_batched_grad and not check_backward_ad:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_backward_ad to be True"
        )
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
        )
    options = dict(locals())
    for name in ("func", "inputs", "raise_exception"):
        del options[name]
    from ._jacobian_checks import check

    try:
        return check(func, inputs, **options)
    except GradcheckError:
        if raise_exception:
            raise
        return False


def gradgradcheck(
    func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3,
    gen_non_contig_grad_outputs=False, raise_exception=True, nondet_tol=0.0,
    check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False,
    check_fwd_over_rev=False, check_rev_over_rev=True, fast_mode=False, masked=False,
):  # fmt: skip
    """True if the gradients of func's gradients are right: gradcheck of func's vjp.

    The vjp is taken as a function of the inputs and of grad_outputs, drawn at random if not given.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    from ._jacobian_checks import vjp_of

    vjp, inputs = vjp_of(func, inputs, grad_outputs, gen_non_contig_grad_outputs)
    return gradcheck(
        vjp, inputs, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad,
        fast_mode=fast_mode, check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev, masked=masked,
    )  # fmt: skip
