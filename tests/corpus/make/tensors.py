"""Writes the circuits and sidecars of losses, reductions, tensors and layers
(loss-*, reduce-*, slice-*, softmax-*, tensor-*, layer-*, seed-svm,
seed-two-layer). See figures.py for how.

Run: python tensors.py   (needs mpmath)
"""

from mpmath import mp, mpf

import figures as n
from gates import clamp, gelu, gelu_tanh, sigmoid

ORIGIN = "mpmath at 110 digits, gradients by central difference (make/tensors.py)"
CASES = []


def circuit(name, text, function, cases, values=("f",), gradients=(), tolerance=(1e-6, 4e-15), origin=ORIGIN):
    CASES.append((name, text.lstrip("\n"), function, cases, values, gradients, tolerance, origin))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def mean(a):
    return sum(a) / len(a)


def softmax(a):
    top = [mp.exp(x - max(a)) for x in a]
    return [x / sum(top) for x in top]


def rows(a, width):
    return [a[k : k + width] for k in range(0, len(a), width)]


def dense(x, weight, bias):
    """weight is [out, in], flat."""
    return [dot(row, x) + b for row, b in zip(rows(weight, len(x)), bias)]


def hinge(s, y):
    return max(mpf(0), 1 - s * y)


def bce(z, t):
    return max(z, mpf(0)) - z * t + mp.log1p(mp.exp(-abs(z)))


# Losses

circuit("loss-mse", """
# The mean of the squared differences.
input p[3]
label t[3]
f = mse(p, t)
minimize f
""", lambda at: mean([(p - t) ** 2 for p, t in zip(at["p"], at["t"])]),
    [{"p": [0.5, -1, 2], "t": [1, 1, 1]}, {"p": [3, 3, 3], "t": [3, 3, 3]}, {"p": [1000, 0.125, -7], "t": [-1000, 0, 7]}],
    gradients=["p"])

circuit("loss-mse-scalar", """
# One prediction, one target; the target is a wire like another.
input p
input t
f = mse(p, t)
minimize f
""", lambda at: (at["p"] - at["t"]) ** 2,
    [{"p": 0.5, "t": 2}, {"p": -1.5, "t": -1.5}], gradients=["p", "t"])

circuit("loss-hinge", """
# max(0, 1 - s * y) for y = 1 or -1.
input s
label y
f = hinge(s, y)
minimize f
""", lambda at: hinge(at["s"], at["y"]),
    [{"s": 0.25, "y": 1}, {"s": 0.25, "y": -1}, {"s": 2.5, "y": 1}, {"s": 2.5, "y": -1}, {"s": -3, "y": -1}],
    gradients=["s"])

circuit("loss-hinge-vector", """
# The mean over the scores.
input s[4]
label y[4]
f = hinge(s, y)
minimize f
""", lambda at: mean([hinge(s, y) for s, y in zip(at["s"], at["y"])]),
    [{"s": [0.25, 2.5, -0.5, -3], "y": [1, 1, 1, -1]}], gradients=["s"])

circuit("loss-cross_entropy", """
# From logits: log(sum(exp(x))) - x[k], never by the naive formula.
input x[4]
label k : class(4)
f = cross_entropy(x, k)
minimize f
""", lambda at: -mp.log(softmax(at["x"])[int(at["k"])]),
    [{"x": [0.5, -1, 2, 0.25], "k": 2}, {"x": [0.5, -1, 2, 0.25], "k": 1}, {"x": [1, 1, 1, 1], "k": 3},
     {"x": [50, 0, -50, 49], "k": 0}, {"x": [1000, 1001, 1002, -1000], "k": 0}],
    gradients=["x"])

circuit("loss-cross_entropy-inside", """
# A loss is a gate like any other: its gradient may come from further on.
input x[3]
input w
label k : class(3)
c = cross_entropy(w * x, k)
f = c * c + w
minimize f
""", lambda at: at.wire("c", lambda: -mp.log(softmax([at["w"] * x for x in at["x"]])[int(at["k"])])) ** 2 + at["w"],
    [{"x": [0.5, -1, 2], "w": 1.5, "k": 0}], values=("c", "f"), gradients=["x", "w", "c"])

circuit("loss-binary_cross_entropy", """
# From logits, the mean over them: softplus(z) - z * t.
input z[4]
label t[4]
f = binary_cross_entropy(z, t)
minimize f
""", lambda at: mean([bce(z, t) for z, t in zip(at["z"], at["t"])]),
    [{"z": [0.5, -1, 2, 0], "t": [1, 0, 0, 1]}, {"z": [0.5, -1, 2, -3], "t": [0.25, 0.5, 0.75, 1]},
     {"z": [100, -100, 100, -100], "t": [1, 0, 0, 1]}],
    gradients=["z"])

circuit("loss-binary_cross_entropy-scalar", """
# One logit; far out its loss is tiny but not 0.
input z
label t
f = binary_cross_entropy(z, t)
minimize f
""", lambda at: bce(at["z"], at["t"]),
    [{"z": 0.75, "t": 1}, {"z": -0.75, "t": 1}, {"z": -80, "t": 0}, {"z": 80, "t": 0}], gradients=["z"])

# Reductions

circuit("reduce-dot", """
# The inner product.
input x[4]
param w[4] = [0.5, -1, 2, 0.25]
f = dot(x, w)
maximize f
""", lambda at: dot(at["x"], at["w"]),
    [{"x": [1, 2, -3, 8], "w": [0.5, -1, 2, 0.25]}, {"x": [0, 0, 0, 0], "w": [1, 2, 3, 4]}], gradients=["x", "w"])

circuit("reduce-dot-self", """
# One wire on both sides of a dot.
input x[3]
f = dot(x, x)
maximize f
""", lambda at: dot(at["x"], at["x"]), [{"x": [1, -2, 0.5]}], gradients=["x"])

circuit("reduce-sum", """
# The sum over all elements of a matrix.
input x[2, 3]
s = sum(x)
f = s * s
maximize f
""", lambda at: at.wire("s", lambda: sum(at["x"])) ** 2,
    [{"x": [1, 2, -3, 8, 0.5, -0.25]}], values=("s", "f"), gradients=["x", "s"])

circuit("reduce-mean", """
# The mean over all elements of a matrix.
input x[2, 3]
s = mean(x)
f = s * s
maximize f
""", lambda at: at.wire("s", lambda: mean(at["x"])) ** 2,
    [{"x": [1, 2, -3, 8, 0.5, -0.25]}], values=("s", "f"), gradients=["x", "s"])

circuit("slice-vector", """
# Elements and half-open ranges; one element is read twice, one not at all.
input x[5]
a = x[0]
b = x[1..3]
c = x[2]
d = x[4..5]
f = a * sum(b) + c * c + sum(d)
maximize f
""", lambda at: at.wire("a", lambda: at["x"][0]) * sum(at.wire("b", lambda: at["x"][1:3])) + at.wire("c", lambda: at["x"][2]) ** 2 + at["x"][4],
    [{"x": [2, -1, 3, 100, 0.5]}], values=("a", "b", "c", "f"), gradients=["x", "a", "b", "c"])

circuit("slice-matrix", """
# A row, a range of rows, and a part of a row.
input m[3, 2]
a = m[1]
b = m[0..2]
c = m[2, 0..1]
d = m[2, 1]
f = dot(a, a) + sum(b) * d + sum(c)
maximize f
""", lambda at: dot(at["m"][2:4], at["m"][2:4]) + sum(at["m"][0:4]) * at["m"][5] + at["m"][4],
    [{"m": [1, 2, -3, 8, 0.5, -0.25]}], gradients=["m"])

circuit("softmax-vector", """
# The gradient of softmax couples all elements.
input x[4]
param w[4] = [1, -2, 0.5, 3]
p = softmax(x)
f = dot(p, w)
maximize f
""", lambda at: dot(at.wire("p", lambda: softmax(at["x"])), at["w"]),
    [{"x": [0.5, -1, 2, 0.25], "w": [1, -2, 0.5, 3]}, {"x": [100, 99, 98, -100], "w": [1, -2, 0.5, 3]},
     {"x": [7, 7, 7, 7], "w": [1, -2, 0.5, 3]}],
    values=("p", "f"), gradients=["x", "p", "w"], tolerance=(2e-6, 8e-15))

circuit("softmax-rows", """
# Over the innermost dimension: each row by itself.
input x[2, 3]
param w[2, 3] = [[1, -2, 0.5], [3, 0.25, -1]]
p = softmax(x)
f = sum(p * w)
maximize f
""", lambda at: dot(at.wire("p", lambda: sum((softmax(r) for r in rows(at["x"], 3)), [])), at["w"]),
    [{"x": [0.5, -1, 2, 0.25, 7, -3], "w": [1, -2, 0.5, 3, 0.25, -1]}],
    values=("p", "f"), gradients=["x", "w"], tolerance=(2e-6, 8e-15))

circuit("softmax-log", """
# x - log(sum(exp(x))).
input x[4]
param w[4] = [1, -2, 0.5, 3]
p = log_softmax(x)
f = dot(p, w)
maximize f
""", lambda at: dot(at.wire("p", lambda: [mp.log(p) for p in softmax(at["x"])]), at["w"]),
    [{"x": [0.5, -1, 2, 0.25], "w": [1, -2, 0.5, 3]}, {"x": [1000, 1001, 1002, -1000], "w": [1, -2, 0.5, 3]}],
    values=("p", "f"), gradients=["x", "p", "w"], tolerance=(2e-6, 8e-15))

circuit("softmax-log-rows", """
# Over the innermost dimension: each row by itself.
input x[2, 3]
f = sum(log_softmax(x) * x)
maximize f
""", lambda at: dot(sum(([mp.log(p) for p in softmax(r)] for r in rows(at["x"], 3)), []), at["x"]),
    [{"x": [0.5, -1, 2, 0.25, 7, -3]}], gradients=["x"], tolerance=(2e-6, 8e-15))

# Tensors and the broadcast of a scalar

RANKS = [("1", "4", 4), ("2", "2, 3", 6), ("3", "2, 3, 2", 12), ("4", "2, 1, 3, 2", 12)]
for rank, shape, count in RANKS:
    circuit(f"tensor-rank{rank}", f"""
# Elementwise gates on rank {rank}, a scalar beside them on either side.
input x[{shape}]
input y[{shape}]
input s
p = x * y + s
q = s / x - y * s
f = sum(p * q)
maximize f
""", lambda at: dot(
        at.wire("p", lambda: [x * y + at["s"] for x, y in zip(at["x"], at["y"])]),
        at.wire("q", lambda: [at["s"] / x - y * at["s"] for x, y in zip(at["x"], at["y"])])),
        [{"x": n.pattern(count, 7, 13, 8)[:count], "y": n.pattern(count, 5, 17, 4), "s": 1.5}],
        values=("p", "q", "f"), gradients=["x", "y", "s", "p", "q"], tolerance=(4e-6, 2e-14))

circuit("tensor-broadcast", """
# Every gate of two operands with a scalar on either side.
input x[3]
input s
a = (x + s) * (s + x)
b = (x - s) * (s - x)
c = (x / s) * (s / x)
d = max(x, s) + min(s, x)
e = x ^ s + s ^ x
f = sum(a + b * c + d) + sum(e)
maximize f
""", lambda at: sum(
        (x + at["s"]) ** 2 - (x - at["s"]) ** 2 * (x / at["s"]) * (at["s"] / x) + max(x, at["s"]) + min(x, at["s"])
        + mp.power(x, at["s"]) + mp.power(at["s"], x) for x in at["x"]),
    [{"x": [0.5, 2, 3], "s": 1.5}, {"x": [4, 0.25, 1], "s": 2}], gradients=["x", "s"], tolerance=(4e-6, 2e-14))

UNARY = [("abs", abs), ("square", lambda x: x * x), ("exp", mp.exp), ("sin", mp.sin), ("cos", mp.cos), ("tanh", mp.tanh),
         ("sigmoid", sigmoid), ("relu", lambda x: max(x, mpf(0))), ("leaky_relu", lambda x: max(x, x / 100)),
         ("elu", lambda x: x if x > 0 else mp.expm1(x)), ("gelu", gelu), ("gelu_tanh", gelu_tanh),
         ("softplus", lambda x: mp.log1p(mp.exp(x))), ("softsign", lambda x: x / (1 + abs(x))),
         ("hard_swish", lambda x: x * clamp(x + 3, 0, 6) / 6), ("recip", lambda x: 1 / x)]
circuit("tensor-unary", "\n# Gates of one operand over a matrix, each weighed by itself.\ninput x[2, 3]\ninput w[16]\n"
        + "".join(f"t{i} = sum(x * {name}(x))\n" for i, (name, _) in enumerate(UNARY))
        + "f = " + "\n  + ".join(f"w[{i}] * t{i}" for i in range(len(UNARY))).replace("\n  + ", " + ") + "\nmaximize f\n",
    lambda at: sum(w * sum(x * g(x) for x in at["x"]) for w, (_, g) in zip(at["w"], UNARY)),
    [{"x": [0.5, -1, 2, 0.25, -3.5, 1.75], "w": n.pattern(16, 5, 17, 8)}], gradients=["x", "w"], tolerance=(1e-5, 5e-14))

# Layers

circuit("layer-dense", """
# A layer's weights are [out, in]; its bias is [out].
input x[3]
layer fc = dense(2, init = zero)
h = fc(x)
f = h[0] * h[1]
maximize f
""", lambda at: mp.fprod(at.wire("h", lambda: dense(at["x"], at["fc.weight"], at["fc.bias"]))),
    [{"x": [1, -2, 0.5], "fc.weight": [0.5, 1, -1, 2, 0.25, 4], "fc.bias": [0.125, -3]},
     {"x": [0, -2, 0], "fc.weight": [0.5, 1, -1, 2, 0.25, 4], "fc.bias": [1, 0]}],
    values=("h", "f"), gradients=["x", "h", "fc.weight", "fc.bias"])


def twice(at):
    h = at.wire("h", lambda: [mp.tanh(v) for v in dense(at["x"], at["fc.weight"], at["fc.bias"])])
    g = at.wire("g", lambda: [mp.tanh(v) for v in dense(h, at["fc.weight"], at["fc.bias"])])
    return dot(g, at["x"])


circuit("layer-twice", """
# One layer applied twice: its weights get the sum of both gradients.
input x[2]
layer fc = dense(2, init = zero)
h = tanh(fc(x))
g = tanh(fc(h))
f = dot(g, x)
maximize f
""", twice, [{"x": [0.75, -1.5], "fc.weight": [0.5, 1, -0.75, 0.25], "fc.bias": [0.125, -0.5]}],
    values=("h", "g", "f"), gradients=["x", "h", "g", "fc.weight", "fc.bias"], tolerance=(2e-6, 8e-15))

# SEED 8

POINTS = [((1.2, 0.7), 1), ((-0.3, 0.5), -1), ((3, 2.5), 1)]


def svm(at):
    text = [("1.2", "0.7", 1), ("-0.3", "0.5", -1), ("3", "2.5", 1)]
    w = at["w"]
    cost = at.wire("c", lambda: sum(
        max(mpf(0), 1 - y * (w[0] * mpf(a) + w[1] * mpf(b) + at["b"])) for a, b, y in text))
    return cost + mpf("0.1") * dot(w, w)


circuit("seed-svm", """
# SEED's linear support vector machine: three points are pegs, w and b move.
input x1[2] = [1.2, 0.7]
input x2[2] = [-0.3, 0.5]
input x3[2] = [3, 2.5]
param w[2] = [0.1, 0.2]
param b = 0.3
c1 = hinge(dot(w, x1) + b, 1)
c2 = hinge(dot(w, x2) + b, -1)
c3 = hinge(dot(w, x3) + b, 1)
c  = c1 + c2 + c3
f  = c + 0.1 * dot(w, w)
minimize f
""", svm, [{"w": ["0.1", "0.2"], "b": "0.3"}], values=("c", "f"), gradients=["w", "b", "c"],
    origin="S. Choudhary 2017, after A. Karpathy: training; the note's cost is 0.44 + 1.37 + 0 + 0.005 = 1.815; gradients by central difference (make/tensors.py)")


def two_layer(at):
    n1, n2, n3 = (at.wire(f"n{k}", lambda k=k: max(mpf(0), at[f"a{k}"] * at["x"] + at[f"b{k}"] * at["y"] + at[f"c{k}"])) for k in (1, 2, 3))
    return at["a4"] * n1 + at["b4"] * n2 + at["c4"] * n3 + at["d4"]


NET = dict(x=1.25, y=-0.5, a1=0.5, b1=-0.25, c1=0.125, a2=-1, b2=0.5, c2=0.25, a3=0.75, b3=1.5, c3=0, a4=2, b4=-3, c4=0.5, d4=-0.75)
circuit("seed-two-layer", """
# SEED's two-layer network: three neurons with ReLU, and a score of them.
input x = 1.25
input y = -0.5
""" + "".join(f"param {k} = {v}\n" for k, v in NET.items() if k not in "xy") + """n1 = relu(a1 * x + b1 * y + c1)
n2 = relu(a2 * x + b2 * y + c2)
n3 = relu(a3 * x + b3 * y + c3)
f = a4 * n1 + b4 * n2 + c4 * n3 + d4
maximize f
""", two_layer, [NET], values=("n1", "n2", "n3", "f"), gradients=["n1", "n2", "n3", *NET],
    origin="the network of S. Choudhary 2017, after A. Karpathy, with weights exact in binary; gradients by central difference (make/tensors.py)")


def main():
    for name, text, function, cases, values, gradients, tolerance, origin in CASES:
        side = f'origin = "{origin}"\n' + n.tolerance(*tolerance)
        for inputs in cases:
            side += n.judged(function, inputs, values, gradients)
        n.write(name, text, side)


if __name__ == "__main__":
    main()
