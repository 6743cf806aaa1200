"""What pickles of parameters name: the functions that build a parameter again."""


def _rebuild_parameter(data, requires_grad, backward_hooks):
    from facula.nn.parameter import Parameter

    param = Parameter(data, requires_grad)
    param._backward_hooks = backward_hooks
    return param


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    param = _rebuild_parameter(data, requires_grad, backward_hooks)
    if isinstance(state, tuple):  # an object's state: its dictionary and its slots
        state, slots = state
        for name, value in (slots or {}).items():
            setattr(param, name, value)
    for name, value in (state or {}).items():
        setattr(param, name, value)
    return param
