"""Nested containers as flat lists: what a transform does to tensors, it does to trees of them."""

from collections import OrderedDict, defaultdict, deque, namedtuple

__all__ = [
    "LeafSpec",
    "TreeSpec",
    "register_pytree_node",
    "tree_all",
    "tree_any",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]

NodeDef = namedtuple("NodeDef", "flatten unflatten")


def _sequence(kind):
    return NodeDef(lambda x: (list(x), None), lambda children, _: kind(children))


def _mapping(kind):
    return NodeDef(
        lambda d: (list(d.values()), list(d.keys())),
        lambda children, keys: kind(zip(keys, children)),
    )


_nodes = {
    tuple: _sequence(tuple),
    list: _sequence(list),
    dict: _mapping(dict),
    OrderedDict: _mapping(OrderedDict),
    deque: NodeDef(lambda d: (list(d), d.maxlen), lambda children, n: deque(children, n)),
    defaultdict: NodeDef(
        lambda d: (list(d.values()), (d.default_factory, list(d.keys()))),
        lambda children, c: defaultdict(c[0], zip(c[1], children)),
    ),
}
_named = NodeDef(lambda x: (list(x), type(x)), lambda children, kind: kind(*children))
# torch.return_types: built from one sequence
_struct = NodeDef(lambda x: (list(x), type(x)), lambda children, kind: kind(children))


def register_pytree_node(cls, flatten_fn, unflatten_fn, **_):
    """Makes cls a container: flatten_fn(x) -> (children, context), and back."""
    _nodes[cls] = NodeDef(flatten_fn, unflatten_fn)


def _node_of(tree):
    kind = type(tree)
    node = _nodes.get(kind)
    if node is None and isinstance(tree, tuple):
        if hasattr(kind, "_fields"):
            return _named
        if hasattr(kind, "n_sequence_fields"):
            return _struct
    return node


class TreeSpec:
    """The shape of a tree."""

    def __init__(self, type, context, children):
        self.type, self.context, self.children = type, context, children

    @property
    def num_leaves(self):
        """How many leaves it has."""
        return sum(c.num_leaves for c in self.children)

    def is_leaf(self):
        """Whether it is a leaf alone."""
        return False

    def __eq__(self, other):
        return (
            isinstance(other, TreeSpec)
            and self.type is other.type
            and self.context == other.context
            and self.children == other.children
        )

    def __hash__(self):
        return hash((self.type, self.num_leaves))

    def __repr__(self, indent=0):
        inner = ""
        if self.children:
            pad = " " * (indent + 2)
            inner = f",\n{pad}".join(c.__repr__(indent + 2) for c in self.children)
        name = self.type.__name__ if self.type else None
        return f"TreeSpec({name}, {self.context}, [{inner}])"


class LeafSpec(TreeSpec):
    """The shape of a leaf."""

    num_leaves = 1

    def __init__(self):
        super().__init__(None, None, [])

    def is_leaf(self):
        return True

    def __repr__(self, indent=0):
        return "*"


def tree_flatten(tree, is_leaf=None):
    """The leaves of a tree, and its shape."""
    leaves = []

    def walk(t):
        node = None if is_leaf is not None and is_leaf(t) else _node_of(t)
        if node is None:
            leaves.append(t)
            return LeafSpec()
        children, context = node.flatten(t)
        return TreeSpec(type(t), context, [walk(c) for c in children])

    spec = walk(tree)
    return leaves, spec


def tree_unflatten(leaves, treespec):
    """The tree of that shape with these leaves."""
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items ({treespec})."
        )
    it = iter(leaves)

    def build(spec):
        if spec.is_leaf():
            return next(it)
        children = [build(c) for c in spec.children]
        node = _nodes.get(spec.type)
        if node is None:
            node = _named if hasattr(spec.type, "_fields") else _struct
        return node.unflatten(children, spec.context)

    return build(treespec)


def tree_leaves(tree, is_leaf=None):
    """The leaves of a tree."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree, is_leaf=None):
    """The shape of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func, tree, *rests, is_leaf=None):
    """func of each leaf, and of the leaves of other trees at its place."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_flatten(r, is_leaf)[0] for r in rests]
    return tree_unflatten([func(*args) for args in zip(leaves, *others)], spec)


def tree_map_(func, tree, *rests, is_leaf=None):
    """tree, after func was called on each leaf."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(type_or_types, func, tree, is_leaf=None):
    """func of the leaves of these types; the others stay."""
    return tree_map(lambda x: func(x) if isinstance(x, type_or_types) else x, tree, is_leaf=is_leaf)


def tree_all(pred, tree):
    """Whether pred holds for all leaves."""
    return all(map(pred, tree_leaves(tree)))


def tree_any(pred, tree):
    """Whether pred holds for some leaf."""
    return any(map(pred, tree_leaves(tree)))


def _broadcast_to_and_flatten(tree, treespec, is_leaf=None):
    """One leaf of tree for each leaf of treespec, where tree is a prefix of it; else None."""
    if is_leaf is not None and is_leaf(tree):
        return [tree] * treespec.num_leaves
    node = _node_of(tree)
    if node is None:
        return [tree] * treespec.num_leaves
    if treespec.is_leaf() or type(tree) is not treespec.type:
        return None
    children, context = node.flatten(tree)
    if len(children) != len(treespec.children) or context != treespec.context:
        return None
    out = []
    for child, spec in zip(children, treespec.children):
        part = _broadcast_to_and_flatten(child, spec, is_leaf)
        if part is None:
            return None
        out += part
    return out
